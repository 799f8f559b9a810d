//! Chaos: real processes are driven hard while things go wrong, and afterwards everything must be as the pure core says.
//!
//! A private PostgreSQL, a private Redis, the leaves and several replicas of the orchestrator run as processes of their own,
//! with a proxy on every way between them. A driver carries out operations ([`op`]) while faults ([`fault`]) happen; both are
//! made from one seed. Then the faults stop, the system must settle within a bound, and is looked at ([`check`], [`oracle`]).
//!
//! The same seed gives the same operations in the same order within each lane, the same faults in the same order and at the
//! same places between operations. Not the same from run to run: how operations of different lanes interleave, what a fault
//! meets under way, and absolute times, which are relative to the hour in which the run begins.

pub mod carried;
pub mod check;
pub mod driver;
pub mod fault;
pub mod fleet;
pub mod op;
pub mod oracle;
pub mod proxy;
pub mod random;
pub mod reading;
pub mod release;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use servers::Programs;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::check::{Log, Picture, Turns};
use self::driver::{Clients, Driver, Ledger, Patience};
use self::fault::{Fault, Faults};
use self::fleet::{Fleet, Size};
use self::op::{Generator, LANES, Planned};
use self::random::Random;
use self::reading::{Answers, Readers};
use crate::binaries::Binaries;

/// Operations that wait in a lane; whoever makes them waits for more to be done. Few, so that what begins soon is told in time.
const WAITING: usize = 3;

/// What is as it must be counts once it has been so for this long: more than a sweep of the orchestrator.
const QUIET: Duration = Duration::from_millis(2_500);

/// So long after the last fault the calls begin that must not be missed: more than what is felt of it.
const AFTERWARDS: TimeDelta = TimeDelta::seconds(18);

/// A guarantee that is broken on purpose, to see that the checks notice. Only in builds of the orchestrator that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Decisions are written whatever has happened since they were judged.
    Fencing,
    /// Decisions are announced outside the transaction that stores them.
    Outbox,
    /// A permission is remembered and not asked for again.
    CachedAllow,
}

impl Sabotage {
    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fencing => "fencing",
            Self::Outbox => "outbox",
            Self::CachedAllow => "cached-allow",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Fencing, Self::Outbox, Self::CachedAllow]
            .into_iter()
            .find(|one| one.as_str() == name)
    }
}

/// What happens while operations are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// A fault after every so many operations; none at 0.
    Faults(u64),
    /// Every process is ended in order and started again, one after the other, so many times. Nobody may notice: a call may
    /// fail once with UNAVAILABLE, and every service is asked by more than the driver.
    Rolling(usize),
}

/// What a run is.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything is made from.
    pub seed: u64,
    /// How long operations are carried out, at least.
    pub time: Duration,
    /// Operations a second, at most.
    pub rate: u32,
    /// Meetings, at most.
    pub meetings: usize,
    /// What happens meanwhile.
    pub weather: Weather,
    /// What runs.
    pub size: Size,
    /// How long settling may take.
    pub settling: Duration,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
    /// Where the logs of all processes go if something is wrong.
    pub logs: Option<PathBuf>,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Operations carried out.
    pub operations: u64,
    /// Attempts made again.
    pub retries: u64,
    /// Why, by status.
    pub statuses: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often services were started.
    pub starts: u64,
    /// What was asked beside the operations, if anything was.
    pub answers: Answers,
    /// Decisions in the log that lack what a service would have said.
    pub degraded: usize,
    /// Calls, and how many of them were planned in the end.
    pub calls: (usize, usize),
    /// Calls that have begun.
    pub turns: Turns,
    /// How often a plan was handed over.
    pub handed_over: usize,
    /// How often each code was the primary one in the end.
    pub codes: BTreeMap<String, usize>,
    /// Decisions in the log.
    pub decisions: usize,
    /// How long everything lasted until the faults stopped.
    pub stormy: Duration,
    /// How long settling took.
    pub settled: Duration,
    /// What it waited for last.
    pub waited_for: String,
    /// What is wrong.
    pub wrong: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: u64 = self.faults.values().sum();
        writeln!(
            f,
            "chaos: seed {}, {} operations and {count} faults in {:.1} s, settled in {:.1} s",
            self.seed,
            self.operations,
            self.stormy.as_secs_f64(),
            self.settled.as_secs_f64()
        )?;
        writeln!(
            f,
            "  {} calls, {} planned; {} decisions; {} processes started; {} attempts repeated",
            self.calls.0, self.calls.1, self.decisions, self.starts, self.retries
        )?;
        let Turns { begun, missed, changed } = self.turns;
        let handed_over = self.handed_over;
        writeln!(
            f,
            "  {begun} calls began, {handed_over} plans were handed over, {missed} missed; {changed} meetings changed later"
        )?;
        writeln!(f, "  faults: {:?}", self.faults)?;
        writeln!(f, "  repeated for: {:?}", self.statuses)?;
        if !self.waited_for.is_empty() {
            let line = self.waited_for.lines().next().unwrap_or_default();
            writeln!(f, "  settling waited last for: {line}")?;
        }
        if !self.answers.is_empty() {
            for (question, told) in &self.answers {
                let mean = told.took.as_secs_f64() * 1e3 / (told.answered.max(1) as f64);
                let (answered, repeated, slowest) = (told.answered, told.repeated, told.slowest);
                writeln!(
                    f,
                    "  {question:?}: {answered} answers, {repeated} at the second attempt, {mean:.0} ms, at most {slowest:.0?}"
                )?;
            }
        }
        writeln!(f, "  decisions that lack what a service would have said: {}", self.degraded)?;
        write!(f, "  outcomes: {:?}", self.codes)?;
        for wrong in &self.wrong {
            write!(f, "\nwrong: {wrong}")?;
        }
        Ok(())
    }
}

/// Runs, looks, and tells.
///
/// # Errors
/// Something could not be started or asked at all; what is wrong with the system stands in the report.
pub async fn run(plan: &Plan, programs: &Programs, binaries: Binaries) -> anyhow::Result<Report> {
    let (fleet, keeping) = Fleet::start(programs, binaries, plan.size, plan.sabotage).await?;
    let done = run_with(plan, &fleet).await;
    let is_wrong = done.as_ref().map_or(true, |report| !report.wrong.is_empty());
    fleet.end();
    keeping.await?;
    if let Some(logs) = plan.logs.as_ref().filter(|_| is_wrong) {
        fleet.keep_logs(logs)?;
    }
    done
}

async fn run_with(plan: &Plan, fleet: &Arc<Fleet>) -> anyhow::Result<Report> {
    let random = Random::new(plan.seed);
    let beginning = Utc::now().duration_trunc(TimeDelta::seconds(1))?;
    let clients = Clients::new(fleet, plan.size.replicas)?;
    let (patience, asked) = match plan.weather {
        Weather::Faults(_) => (Patience::Insist, clients.clone()),
        Weather::Rolling(_) => (Patience::Once, Clients::of_anybody(fleet, plan.size.replicas)?),
    };
    let ledger = Arc::new(Ledger { patience, ..Ledger::default() });
    let mut generator = Generator::new(random.branch(1), plan.meetings)?.at_pace(plan.rate);
    release::watch(fleet).await?;
    let mut first = Driver::new(asked.clone(), Arc::clone(&ledger), random.branch(2), beginning);
    first.apply(&generator.company()?).await?;

    let is_over = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(clients.clone(), random.branch(3), Arc::clone(&is_over)));
    let begin = Instant::now();
    let (lanes, mut working) = lanes(&asked, &ledger, &random, beginning);
    let mut rolling = match plan.weather {
        Weather::Faults(_) => None,
        Weather::Rolling(rounds) => {
            Some((Readers::start(fleet, &ledger)?, tokio::spawn(roll(Arc::clone(fleet), rounds))))
        }
    };
    let mut faults = Faults::default();
    let mut weather = random.branch(4);
    let every = Duration::from_secs(1) / plan.rate.max(1);
    let mut made = 0_u32;
    while begin.elapsed() < plan.time
        || rolling.as_ref().is_some_and(|(_, rolling)| !rolling.is_finished())
    {
        tokio::time::sleep_until((begin + every * made).into()).await;
        made += 1;
        generator.tell_time((Utc::now() - beginning).num_seconds());
        let planned = generator.draw()?;
        if let Weather::Faults(every) = plan.weather
            && every > 0
            && planned.number.is_multiple_of(every)
        {
            faults.start(Fault::random(&mut weather, plan.size.replicas, fleet::LEASE), fleet);
        }
        let lane = lanes.get(planned.lane).context("no such lane")?;
        if lane.send(planned).await.is_err() {
            break;
        }
    }
    let (faults, mut wrong) = faults.end().await;
    let mut answers = Answers::new();
    if let Some((readers, rolling)) = rolling.take() {
        answers = readers.end().await?;
        rolling.await??;
    }
    fleet.proxy.heal();
    let (calm, calm_since) = (Instant::now(), Utc::now());
    for planned in generator.afterwards((calm_since - beginning + AFTERWARDS).num_seconds()) {
        // A driver that has given up tells so below.
        let _ = lanes.get(planned.lane).context("no such lane")?.send(planned).await;
    }
    drop(lanes);
    while let Some(ended) = working.join_next().await {
        ended?.context("the driver gave up")?;
    }

    let mut log = Log::default();
    let (picture, settled, waited_for) =
        settle(plan, &clients, fleet, &mut log, (calm, calm_since)).await?;
    wrong.extend(check::shortened(picture.differences(&log)?));
    wrong.extend(check::shortened(picture.lost(&generator, &ledger, beginning)?));
    wrong.extend(check::shortened(picture.history(&log)));
    let (handed_over, misled) = release::check(fleet, &log, &picture.carried())?;
    wrong.extend(check::shortened(misled));
    wrong.extend(check::shortened(check::replicas_agree(&clients, &log).await?));
    wrong.extend(check::chain(&clients).await?);
    is_over.store(true, Ordering::Relaxed);
    let watched = watching.await??;
    if wrong.is_empty() && watched.entries != log.entries {
        let (count, of) = (watched.entries.len(), log.entries.len());
        wrong.push(format!("who watched all the time was told {count} decisions, not {of}"));
    }
    wrong.extend(check::shortened(fleet.surprises()));
    wrong.extend(check::shortened(std::mem::take(&mut *guard(&ledger.wrong))));
    Ok(Report {
        seed: plan.seed,
        operations: ledger.done.load(Ordering::Relaxed),
        retries: ledger.retries.load(Ordering::Relaxed),
        statuses: guard(&ledger.statuses).clone(),
        faults,
        starts: fleet.starts(),
        answers,
        degraded: log.degraded(),
        calls: picture.counts(),
        turns: picture.turns(),
        handed_over,
        codes: picture.codes(),
        decisions: log.entries.len(),
        stormy: calm.duration_since(begin),
        settled,
        waited_for,
        wrong,
    })
}

/// Ends everything in order and starts it again, one after the other, so many times.
async fn roll(fleet: Arc<Fleet>, rounds: usize) -> anyhow::Result<()> {
    for _ in 0..rounds {
        for name in fleet.names() {
            fleet.roll(&name).await?;
        }
    }
    Ok(())
}

fn guard<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

type Lanes = (Vec<mpsc::Sender<Planned>>, JoinSet<anyhow::Result<()>>);

/// Starts a driver for each lane.
fn lanes(
    clients: &Clients,
    ledger: &Arc<Ledger>,
    random: &Random,
    beginning: DateTime<Utc>,
) -> Lanes {
    let mut working = JoinSet::new();
    let lanes = (0..=LANES).map(|lane| {
        let (sender, mut waiting) = mpsc::channel::<Planned>(WAITING);
        let random = random.branch(100 + u64::try_from(lane).unwrap_or_default());
        let mut driver = Driver::new(clients.clone(), Arc::clone(ledger), random, beginning);
        working.spawn(async move {
            while let Some(planned) = waiting.recv().await {
                driver.carry_out(planned).await?;
            }
            Ok(())
        });
        sender
    });
    (lanes.collect(), working)
}

/// Looks again and again until everything is as it must be and stays so, or the time is up. Tells how long that took, and
/// what was waited for last.
async fn settle(
    plan: &Plan,
    clients: &Clients,
    fleet: &Fleet,
    log: &mut Log,
    (calm, calm_since): (Instant, DateTime<Utc>),
) -> anyhow::Result<(Picture, Duration, String)> {
    let mut replica = 0;
    let mut waited_for = String::new();
    // Since when, and with how many decisions.
    let mut stable: Option<(Duration, usize)> = None;
    loop {
        replica += 1;
        let is_late = calm.elapsed() > plan.settling;
        let now = calm.elapsed();
        match Picture::take(clients, fleet, log, replica, calm_since).await {
            Ok(picture) => match picture.differences(log)?.into_iter().next() {
                Some(_) if is_late => return Ok((picture, now, waited_for)),
                Some(difference) => (waited_for, stable) = (difference, None),
                None => match stable {
                    Some((since, count)) if count == log.entries.len() => {
                        if now - since > QUIET {
                            return Ok((picture, since, waited_for));
                        }
                    }
                    Some(_) | None => stable = Some((now, log.entries.len())),
                },
            },
            Err(error) if is_late => return Err(error.context("it never answered again")),
            Err(error) => (waited_for, stable) = (format!("{error:#}"), None),
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Watches decisions all the time, from replica to replica, each time from where it was.
async fn watch(
    clients: Clients,
    mut random: Random,
    is_over: Arc<AtomicBool>,
) -> anyhow::Result<Log> {
    let mut log = Log::default();
    loop {
        let is_last = is_over.load(Ordering::Relaxed);
        let replica = random.below(clients.orchestrators.len());
        let read = log.read_on(&clients, replica).await;
        match read {
            Ok(()) if is_last => return Ok(log),
            Err(error) if is_last => bail!("watching failed in the end: {error:#}"),
            Ok(()) | Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
