//! What goes wrong: faults as data, made from a seed alone, and how each is brought about and ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use servers::Stop;
use tokio::task::JoinSet;

use super::fleet::{Fleet, LEAVES, replica};
use super::proxy::Mode;
use super::random::Random;

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A service is killed, and started again after this long.
    Kill(String, Duration),
    /// Redis forgets everything.
    Flush,
    /// Redis is killed, and started again, empty, after this long.
    RedisAway(Duration),
    /// PostgreSQL is stopped and started again.
    PostgresRestart(Stop),
    /// A replica stands still for this long.
    Freeze(String, Duration),
    /// A way between two processes behaves otherwise for this long.
    Way(String, Mode, Duration),
}

impl Fault {
    /// The kind, for counting.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Kill(..) => "kill",
            Self::Flush => "flush Redis",
            Self::RedisAway(_) => "Redis away",
            Self::PostgresRestart(_) => "restart PostgreSQL",
            Self::Freeze(..) => "freeze",
            Self::Way(_, Mode::Cut, _) => "cut",
            Self::Way(_, Mode::BlackHole, _) => "black hole",
            Self::Way(_, Mode::Delay(_) | Mode::Pass, _) => "delay",
        }
    }

    /// The next fault. `lease` is how long a replica holds what it has without renewing it.
    pub fn random(random: &mut Random, replicas: usize, lease: Duration) -> Self {
        let one = |random: &mut Random| replica(1 + random.below(replicas));
        let millis =
            |random: &mut Random, from, to| Duration::from_millis(random.between(from, to));
        match random.below(20) {
            0..=4 => Self::Kill(one(random), millis(random, 0, 2_000)),
            5..=6 => {
                let leaf = LEAVES[random.below(LEAVES.len())].to_owned();
                Self::Kill(leaf, millis(random, 0, 1_500))
            }
            7..=8 => Self::Flush,
            9 => Self::RedisAway(millis(random, 100, 5_000)),
            10 => {
                Self::PostgresRestart(if random.chance(75) { Stop::Immediate } else { Stop::Fast })
            }
            11..=12 => {
                let past = lease + millis(random, 500, 3_000);
                Self::Freeze(one(random), past)
            }
            _ => {
                let from = if random.chance(75) { one(random) } else { "driver".to_owned() };
                let to = if from == "driver" {
                    let all =
                        LEAVES.map(str::to_owned).into_iter().chain((1..=replicas).map(replica));
                    let all: Vec<String> = all.collect();
                    all[random.below(all.len())].clone()
                } else {
                    let all = ["postgres", "redis"].into_iter().chain(LEAVES);
                    let all: Vec<&str> = all.collect();
                    all[random.below(all.len())].to_owned()
                };
                let mode = match random.below(4) {
                    0 => Mode::Cut,
                    1 => Mode::BlackHole,
                    _ => Mode::Delay(millis(random, 20, 300)),
                };
                Self::Way(format!("{from}>{to}"), mode, millis(random, 50, 4_000))
            }
        }
    }

    /// Brings it about, and ends it.
    async fn happen(self, fleet: Arc<Fleet>) -> anyhow::Result<()> {
        match self {
            Self::Kill(service, away) => blocking(move || fleet.kill(&service, away)).await,
            Self::Flush => blocking(move || fleet.flush_redis()).await,
            Self::RedisAway(time) => {
                let other = Arc::clone(&fleet);
                blocking(move || other.set_redis(false)).await?;
                tokio::time::sleep(time).await;
                blocking(move || fleet.set_redis(true)).await
            }
            Self::PostgresRestart(how) => blocking(move || fleet.restart_postgres(how)).await,
            Self::Freeze(service, time) => {
                fleet.freeze(&service, true)?;
                tokio::time::sleep(time).await;
                fleet.freeze(&service, false)
            }
            Self::Way(way, mode, time) => {
                fleet.proxy.set(&way, mode);
                tokio::time::sleep(time).await;
                fleet.proxy.set(&way, Mode::Pass);
                Ok(())
            }
        }
    }
}

async fn blocking(
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(work).await?
}

/// Faults under way.
#[derive(Debug, Default)]
pub struct Faults {
    running: JoinSet<()>,
    counts: BTreeMap<&'static str, u64>,
    failed: Arc<Mutex<Vec<String>>>,
    redis: Arc<tokio::sync::Mutex<()>>,
}

impl Faults {
    /// Lets a fault happen; it ends by itself.
    pub fn start(&mut self, fault: Fault, fleet: &Arc<Fleet>) {
        *self.counts.entry(fault.kind()).or_default() += 1;
        let (fleet, failed, redis) =
            (Arc::clone(fleet), Arc::clone(&self.failed), Arc::clone(&self.redis));
        self.running.spawn(async move {
            // A Redis that is away cannot go away, nor be told to forget.
            let _turn = match fault {
                Fault::Flush | Fault::RedisAway(_) => Some(redis.lock().await),
                Fault::Kill(..)
                | Fault::PostgresRestart(_)
                | Fault::Freeze(..)
                | Fault::Way(..) => None,
            };
            let told = format!("{fault:?}");
            if let Err(error) = fault.happen(fleet).await {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(format!("{told} could not be brought about: {error:#}"));
            }
        });
    }

    /// Waits until all have ended; how many of each kind there were, and what could not be brought about.
    pub async fn end(mut self) -> (BTreeMap<&'static str, u64>, Vec<String>) {
        while self.running.join_next().await.is_some() {}
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.counts, failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_comes_and_the_same_seed_makes_the_same() {
        let made = |seed| {
            let mut random = Random::new(seed);
            let lease = Duration::from_secs(3);
            (0..400).map(|_| Fault::random(&mut random, 3, lease)).collect::<Vec<_>>()
        };
        assert_eq!(made(5), made(5));
        let kinds: std::collections::BTreeSet<_> = made(5).iter().map(Fault::kind).collect();
        assert_eq!(kinds.len(), 8, "{kinds:?}");
    }
}
