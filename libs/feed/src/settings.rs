//! The settings of a feed.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// The section `[feed]` of a service's settings.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Redis 7 or newer: `redis://host:port/db`, or `rediss://` for TLS; absent or empty: a table of the service's database.
    /// It should not evict keys (`maxmemory-policy noeviction`).
    pub redis: Option<String>,
    /// What all keys in Redis begin with; replicas that share work share it.
    pub prefix: String,
    /// Name of this consumer among the replicas; a random one where it is empty. Two must never share one.
    pub consumer: String,
    /// How many notices may be on their way (waiting or held) before publishing waits; at least 1. What was put off does not
    /// count, or one company whose work fails would hold up all others.
    pub capacity: usize,
    /// How many notices of one company may be put off at once, about; at least 1. What it cannot put off any more is
    /// buried, where it is seen and from where it can be replayed.
    pub put_off: usize,
    /// How long publishing waits for room, in milliseconds.
    pub patience_ms: u64,
    /// Notices carried in one step, 1 to 1,000; longer lists are cut.
    pub batch: usize,
    /// When a delivery of which nothing was heard counts as abandoned, in milliseconds. Longer than any work takes.
    pub abandoned_after_ms: u64,
    /// How often a notice is delivered before it is buried; at least 1.
    pub max_attempts: u32,
    /// How many buried notices are kept, about.
    pub buried: usize,
    /// How often a waiting consumer looks for what was put off or abandoned and, without Redis, for what other processes
    /// published, in milliseconds: 10 to 1,000.
    pub poll_ms: u64,
    /// How long Redis may take to answer, and to be connected to, in milliseconds.
    pub timeout_ms: u64,
}

/// As many milliseconds as still can be added to the time of day: 140,000 years.
pub(crate) const MILLIS: u64 = 1 << 52;

/// The end of somebody's patience, of which nobody has more than a year.
pub(crate) fn until(patience: Duration) -> Instant {
    Instant::now() + patience.min(Duration::from_secs(365 * 24 * 3600))
}

/// Why what a company cannot put off any more is buried.
pub(crate) const TOO_MANY: &str = "too much of its company was put off already";

/// A duration in whole milliseconds, rounded up.
pub(crate) fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(MILLIS)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redis: None,
            prefix: "callsheet".to_owned(),
            consumer: String::new(),
            capacity: 50_000,
            put_off: 20_000,
            patience_ms: 1_000,
            batch: 500,
            abandoned_after_ms: 60_000,
            max_attempts: 16,
            buried: 10_000,
            poll_ms: 250,
            timeout_ms: 2_000,
        }
    }
}

impl Settings {
    /// When publishing stops waiting for room.
    pub(crate) fn publish_until(&self) -> Instant {
        until(Duration::from_millis(self.patience_ms))
    }

    /// Milliseconds after which a delivery counts as abandoned, within what every store can count.
    pub(crate) fn abandoned_after(&self) -> u64 {
        self.abandoned_after_ms.min(MILLIS)
    }

    /// How long a consumer waits before it looks around again.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.clamp(10, 1_000))
    }

    /// How many notices of a company may be put off.
    pub(crate) fn put_off(&self) -> usize {
        self.put_off.max(1)
    }

    /// Notices in one step: never more than may be on their way.
    pub(crate) fn step(&self) -> usize {
        self.batch.clamp(1, 1_000).min(self.capacity())
    }

    /// How many notices may be on their way.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity.max(1)
    }

    /// How often a notice may be delivered.
    pub(crate) fn attempts(&self) -> u32 {
        self.max_attempts.max(1)
    }
}

impl fmt::Debug for Settings {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("redis", &self.redis.as_ref().map(|_| "…"))
            .field("prefix", &self.prefix)
            .field("consumer", &self.consumer)
            .field("capacity", &self.capacity)
            .field("put_off", &self.put_off)
            .field("patience_ms", &self.patience_ms)
            .field("batch", &self.batch)
            .field("abandoned_after_ms", &self.abandoned_after_ms)
            .field("max_attempts", &self.max_attempts)
            .field("buried", &self.buried)
            .field("poll_ms", &self.poll_ms)
            .field("timeout_ms", &self.timeout_ms)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_default_and_unknown_ones_are_refused() {
        let read = |text: &str| serde_json::from_str::<Settings>(text);
        assert_eq!(read("{}").unwrap(), Settings::default());
        assert_eq!(read(r#"{ "redis": "redis://host" }"#).unwrap().redis.unwrap(), "redis://host");
        assert!(read(r#"{ "radish": "redis://host" }"#).is_err());
    }

    #[test]
    fn settings_are_shown_without_passwords() {
        let redis = Some("redis://user:secret@host".to_owned());
        let shown = format!("{:?}", Settings { redis, ..Settings::default() });
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn settings_without_sense_do_no_harm() {
        let none = Settings { capacity: 0, put_off: 0, batch: 0, ..Settings::default() };
        let none = Settings { max_attempts: 0, poll_ms: 0, ..none };
        assert_eq!((none.capacity(), none.put_off()), (1, 1));
        assert_eq!((none.step(), none.attempts()), (1, 1));
        assert!(!none.poll().is_zero());
        let most = Settings { patience_ms: u64::MAX, abandoned_after_ms: u64::MAX, ..none };
        assert!(most.publish_until() > Instant::now());
        assert_eq!(most.abandoned_after(), MILLIS);
        assert_eq!(millis_up(Duration::MAX), MILLIS);
        assert_eq!(millis_up(Duration::from_micros(1_001)), 2);
    }
}
