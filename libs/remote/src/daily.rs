//! What a provider allows per user and day, counted across restarts by whoever implements the port.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::Error;
use crate::error::{Effect, Fault, Limit};

/// Counts calls per user and UTC day. Its limit is its own setting; Zoom's is 100 calls that create or update meetings.
#[async_trait]
pub trait DailyBudget: Send + Sync + std::fmt::Debug {
    /// Takes one call; false if none is left. What was taken is not given back, even if the call fails: the provider may
    /// have counted it.
    ///
    /// # Errors
    /// Nobody can count at the moment; then nothing is sent.
    async fn take(&self, account: &str, user: &str, day: NaiveDate) -> Result<bool, Uncounted>;
}

/// What keeps count is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("calls cannot be counted")]
pub struct Uncounted;

/// Takes a call, or tells that the day's are used up and how long the day still lasts.
///
/// # Errors
/// [`Error::Busy`] until midnight UTC; or nobody can count.
pub async fn spend(
    budget: &dyn DailyBudget,
    account: &str,
    user: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    match budget.take(account, user, now.date_naive()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Busy { limit: Limit::OurDay, retry_after: Some(rest(now)) }),
        Err(Uncounted) => Err(Error::Unavailable {
            fault: Fault::Uncounted,
            effect: Effect::None,
            retry_after: None,
        }),
    }
}

/// What is left of a day.
fn rest(now: DateTime<Utc>) -> Duration {
    let gone =
        now.signed_duration_since(now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc());
    Duration::from_secs(86_400).saturating_sub(gone.to_std().unwrap_or_default())
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unbounded;

#[async_trait]
impl DailyBudget for Unbounded {
    async fn take(&self, _: &str, _: &str, _: NaiveDate) -> Result<bool, Uncounted> {
        Ok(true)
    }
}

/// Counts in memory: for tests, and for who runs one process and can bear that a restart forgets.
#[derive(Debug)]
pub struct WithinProcess {
    limit: u32,
    counted: Mutex<Day>,
}

#[derive(Debug, Default)]
struct Day {
    day: NaiveDate,
    /// By account and user.
    taken: HashMap<(String, String), u32>,
}

impl WithinProcess {
    /// So many calls per user and day.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { limit, counted: Mutex::default() }
    }
}

#[async_trait]
impl DailyBudget for WithinProcess {
    async fn take(&self, account: &str, user: &str, day: NaiveDate) -> Result<bool, Uncounted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.day != day {
            *counted = Day { day, taken: HashMap::new() };
        }
        let taken = counted.taken.entry((account.to_owned(), user.to_owned())).or_default();
        let left = *taken < self.limit;
        *taken += u32::from(left);
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_day_has_its_calls_and_midnight_brings_new_ones() {
        let budget = WithinProcess::new(2);
        let evening = DateTime::parse_from_rfc3339("2026-03-01T23:59:30Z").unwrap().to_utc();
        for _ in 0..2 {
            spend(&budget, "acme", "ada", evening).await.unwrap();
        }
        let error = spend(&budget, "acme", "ada", evening).await.unwrap_err();
        let wait = Some(Duration::from_secs(30));
        assert_eq!(error, Error::Busy { limit: Limit::OurDay, retry_after: wait });
        spend(&budget, "acme", "bob", evening).await.unwrap();
        spend(&budget, "acme", "ada", evening + chrono::TimeDelta::seconds(30)).await.unwrap();
    }

    #[derive(Debug)]
    struct Away;

    #[async_trait]
    impl DailyBudget for Away {
        async fn take(&self, _: &str, _: &str, _: NaiveDate) -> Result<bool, Uncounted> {
            Err(Uncounted)
        }
    }

    #[tokio::test]
    async fn what_cannot_be_counted_is_not_done() {
        let error = spend(&Away, "acme", "ada", DateTime::UNIX_EPOCH).await.unwrap_err();
        assert!(error.is_transient() && !error.may_have_been_done());
    }
}
