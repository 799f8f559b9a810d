//! The settings of a feed.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

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
    /// How many notices may be open (waiting, held or put off) before publishing waits; at least 1.
    pub capacity: usize,
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            redis: None,
            prefix: "callsheet".to_owned(),
            consumer: String::new(),
            capacity: 50_000,
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
    /// How long publishing waits for room.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }

    /// How long a consumer waits before it looks around again.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.clamp(10, 1_000))
    }

    /// Notices in one step: never more than may be open.
    pub(crate) fn step(&self) -> usize {
        self.batch.clamp(1, 1_000).min(self.capacity())
    }

    /// How many notices may be open.
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
