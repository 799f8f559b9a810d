//! Doing it again when the database was busy: in this one place, with pauses, and within a budget.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tracing::warn;

use crate::error::Error;

/// How often one piece of work is begun.
const ATTEMPTS: u32 = 6;
/// The longest pause before the second attempt; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What may be spent on doing things again, so that a database in trouble is not asked twice as much.
///
/// Each success earns a tenth of a retry, up to ten of them.
#[derive(Debug)]
pub struct Budget {
    tenths: AtomicU32,
    turns: AtomicU32,
}

const FULL: u32 = 100;
const RETRY: u32 = 10;

impl Default for Budget {
    fn default() -> Self {
        Self { tenths: AtomicU32::new(FULL), turns: AtomicU32::new(0) }
    }
}

impl Budget {
    fn earn(&self) {
        let _ = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |have| {
            (have < FULL).then(|| have + 1)
        });
    }

    fn spend(&self) -> bool {
        self.tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |have| have.checked_sub(RETRY))
            .is_ok()
    }

    /// A pause somewhere in the upper half of what is allowed. Spread by counting, which needs no randomness: what matters
    /// is that two that failed together do not come back together.
    fn pause(&self, attempt: u32) -> Duration {
        let most = FIRST_PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1));
        let turn = self.turns.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9);
        most / 2 + most / 2 / 256 * (turn >> 24)
    }
}

/// Does `work` again while the database is busy, a few times and while the budget lasts. Other errors come back at once.
///
/// # Errors
/// The last error of `work`.
pub async fn retry<T, E, F>(budget: &Budget, mut work: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: StdError + 'static,
{
    let mut attempt = 1;
    loop {
        let error = match work().await {
            Ok(done) => {
                budget.earn();
                return Ok(done);
            }
            Err(error) => error,
        };
        if !Error::transient_in(&error) || attempt >= ATTEMPTS || !budget.spend() {
            return Err(error);
        }
        let pause = budget.pause(attempt);
        warn!(attempt, pause_ms = pause.as_millis() as u64, "database is busy");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::DbErr;

    fn busy() -> Error {
        Error::Busy(DbErr::Custom(String::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_busy_twice_succeeds_the_third_time() {
        let mut tries = 0;
        let done = retry(&Budget::default(), || {
            tries += 1;
            let answer = if tries < 3 { Err(busy()) } else { Ok(tries) };
            async move { answer }
        })
        .await;
        assert_eq!(done.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_busy_is_not_done_again() {
        let mut tries = 0;
        let done: Result<(), Error> = retry(&Budget::default(), || {
            tries += 1;
            async { Err(Error::Conflict(DbErr::Custom(String::new()))) }
        })
        .await;
        assert!(matches!(done, Err(Error::Conflict(_))));
        assert_eq!(tries, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_in_trouble_is_not_asked_much_more_often() {
        let budget = Budget::default();
        let mut tries = 0;
        for _ in 0..1000 {
            let done: Result<(), Error> = retry(&budget, || {
                tries += 1;
                async { Err(busy()) }
            })
            .await;
            assert!(done.is_err());
        }
        assert_eq!(tries, 1010);
    }

    #[test]
    fn pauses_grow_and_differ() {
        let budget = Budget::default();
        let (first, again) = (budget.pause(1), budget.pause(1));
        assert_ne!(first, again);
        assert!(first >= FIRST_PAUSE / 2 && first <= FIRST_PAUSE);
        assert!(budget.pause(5) >= FIRST_PAUSE * 8);
    }
}
