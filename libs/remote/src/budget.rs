//! Our share of what a provider allows per second, so that it need not refuse.
//!
//! One bucket per account and weight. A call that has to wait a moment waits; one that would have to wait longer is told
//! [`Busy`](Error::Busy) and how long. After a provider refused all the same, nobody asks until its time is over. Buckets
//! are those of one process: with several replicas each is given its part through [`Quota`].

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::HeaderMap;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use tokio::time::Instant;

use crate::Error;
use crate::error::Limit;

/// How much a call costs the provider. Zoom has four classes; others use as many as they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// One thing.
    Light,
    /// Lists.
    Medium,
    /// Reports.
    Heavy,
    /// The few that are counted per minute.
    Intensive,
}

/// How many calls are made in how much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// So many calls at once.
    pub burst: NonZeroU32,
    /// And from then on one in so much time.
    pub every: Duration,
}

impl Quota {
    /// Never more than `calls` in any stretch of `per`: half of them at once, the others spread. Of one call in a stretch
    /// there may be two where stretches meet.
    #[must_use]
    pub fn within(calls: NonZeroU32, per: Duration) -> Self {
        let burst = NonZeroU32::new(calls.get() / 2).unwrap_or(NonZeroU32::MIN);
        let spread = calls.get().saturating_sub(burst.get()).max(1);
        Self { burst, every: (per / spread).max(Duration::from_nanos(1)) }
    }
}

/// What a provider said is left of an account's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How many are allowed in the provider's stretch of time.
    pub of: Option<u64>,
    /// How many of them are left.
    pub calls: u64,
}

/// The buckets of one provider. Clones share them.
#[derive(Debug, Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

type Buckets =
    governor::RateLimiter<String, HashMapStateStore<String>, Monotonic, NoOpMiddleware<Since>>;

#[derive(Debug)]
struct Inner {
    buckets: HashMap<Weight, Buckets>,
    /// The longest a call is held up.
    patience: Duration,
    /// Until when the provider wants to hear nothing.
    closed: Mutex<HashMap<(String, Weight), Instant>>,
    /// What the provider said last.
    left: Mutex<HashMap<(String, Weight), Left>>,
    clock: Monotonic,
}

impl Budget {
    /// Buckets for some weights; calls of other weights are not counted. `patience` is the longest a call is held up.
    #[must_use]
    pub fn new(quotas: &[(Weight, Quota)], patience: Duration) -> Self {
        let clock = Monotonic::default();
        let bucket = |quota: Quota| {
            let quota = governor::Quota::with_period(quota.every)?.allow_burst(quota.burst);
            Some(Buckets::hashmap_with_clock(quota, clock))
        };
        let buckets =
            quotas.iter().filter_map(|&(weight, quota)| Some((weight, bucket(quota)?))).collect();
        let (closed, left) = Default::default();
        Self { inner: Arc::new(Inner { buckets, patience, closed, left, clock }) }
    }

    /// Counts nothing, but keeps quiet after a refusal.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(&[], Duration::ZERO)
    }

    /// Takes one call out of an account's bucket.
    ///
    /// # Errors
    /// [`Error::Busy`]: it would have to wait longer than is tolerable.
    pub async fn take(&self, account: &str, weight: Weight) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let Some(wait) = self.wait(account, weight) else { return Ok(()) };
            if began.elapsed() + wait > self.inner.patience {
                return Err(Error::Busy { limit: Limit::OurRate, retry_after: Some(wait) });
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// The provider refused: nobody asks for some time.
    pub fn close(&self, account: &str, weight: Weight, time: Duration) {
        let until = Instant::now() + time;
        let mut closed = self.inner.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = closed.entry((account.to_owned(), weight)).or_insert(until);
        *entry = (*entry).max(until);
    }

    /// What the provider said last of what is left to an account; for people to see, nothing is decided by it.
    #[must_use]
    pub fn left(&self, account: &str, weight: Weight) -> Option<Left> {
        let left = self.inner.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get(&(account.to_owned(), weight)).copied()
    }

    /// Notes what an answer says of it: `X-RateLimit-Limit` and `X-RateLimit-Remaining`, which most providers have.
    pub(crate) fn note(&self, account: &str, weight: Weight, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        let Some(calls) = number("x-ratelimit-remaining") else { return };
        let left = Left { of: number("x-ratelimit-limit"), calls };
        let mut all = self.inner.left.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((account.to_owned(), weight), left);
    }

    /// How long to wait for a call; none when it was taken.
    fn wait(&self, account: &str, weight: Weight) -> Option<Duration> {
        let key = (account.to_owned(), weight);
        {
            let mut closed = self.inner.closed.lock().unwrap_or_else(PoisonError::into_inner);
            let left = closed.get(&key).map(|until| until.duration_since(Instant::now()));
            match left {
                Some(left) if !left.is_zero() => return Some(left),
                Some(_) => drop(closed.remove(&key)),
                None => {}
            }
        }
        let refused = self.inner.buckets.get(&weight)?.check_key(&key.0).err()?;
        // Never nothing, or waiting would be spinning.
        Some(refused.wait_time_from(self.inner.clock.now()).max(Duration::from_millis(1)))
    }
}

/// The clock of the runtime, which tests can hold.
#[derive(Debug, Clone, Copy)]
struct Monotonic(Instant);

/// Time since the clock was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Since(Nanos);

impl Default for Monotonic {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    type Instant = Since;

    fn now(&self) -> Since {
        Since(self.0.elapsed().into())
    }
}

impl Reference for Since {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0)
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

impl std::ops::Add<Nanos> for Since {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0 + other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thirty_per_second(patience: Duration) -> Budget {
        let quota = Quota::within(NonZeroU32::new(30).unwrap(), Duration::from_secs(1));
        Budget::new(&[(Weight::Light, quota)], patience)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_ever_has_more_calls_than_are_allowed() {
        let budget = thirty_per_second(Duration::from_secs(60));
        let mut at = Vec::new();
        for _ in 0..200 {
            budget.take("acme", Weight::Light).await.unwrap();
            at.push(Instant::now());
        }
        for (index, start) in at.iter().enumerate() {
            let within =
                at[index..].iter().filter(|one| **one - *start < Duration::from_millis(999));
            assert!(within.count() <= 30);
        }
        // And the allowance is used: 185 calls, spread over 15 per second.
        assert!(at[199] - at[0] < Duration::from_secs(14));
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_wait_long_is_told_how_long() {
        let budget = thirty_per_second(Duration::from_millis(10));
        for _ in 0..15 {
            budget.take("acme", Weight::Light).await.unwrap();
        }
        let Err(Error::Busy { limit: Limit::OurRate, retry_after: Some(wait) }) =
            budget.take("acme", Weight::Light).await
        else {
            panic!("not busy");
        };
        assert!(wait > Duration::from_millis(10) && wait < Duration::from_millis(100));
        // Another account and another weight have buckets of their own.
        budget.take("other", Weight::Light).await.unwrap();
        budget.take("acme", Weight::Heavy).await.unwrap();
        tokio::time::advance(wait).await;
        budget.take("acme", Weight::Light).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_nobody_asks_until_its_time_is_over() {
        let budget = Budget::unbounded();
        budget.close("acme", Weight::Light, Duration::from_secs(5));
        budget.close("acme", Weight::Light, Duration::from_secs(1));
        let error = budget.take("acme", Weight::Light).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
        budget.take("other", Weight::Light).await.unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
        budget.take("acme", Weight::Light).await.unwrap();
    }
}
