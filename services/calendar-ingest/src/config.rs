//! The settings of calendar-ingest as types.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use storage::StoreConfig;

/// What can be set; `config.default.toml` has the defaults.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// How long before now occurrences are laid out.
    #[serde(with = "chassis::period")]
    pub window_past: Duration,
    /// How long after now they are.
    #[serde(with = "chassis::period")]
    pub window_future: Duration,
    /// How often it is looked whether the window must be opened further.
    #[serde(with = "chassis::period")]
    pub roll_every: Duration,
    /// By how much the window must have moved before a series is laid out further.
    #[serde(with = "chassis::period")]
    pub roll_step: Duration,
    /// Series and events laid out further at a time.
    pub roll_batch: u32,
    /// The largest payload, in bytes.
    pub max_payload: usize,
    /// The most occurrences that one payload may touch.
    pub max_occurrences: usize,
    /// Where everything is kept.
    pub store: StoreConfig,
}

impl Config {
    /// What is wrong beyond types.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.window_past <= YEARS && self.window_future <= YEARS,
            "`window_past` and `window_future` may be 3650 days at the most"
        );
        anyhow::ensure!(!self.window_future.is_zero(), "`window_future` must not be zero");
        anyhow::ensure!(
            self.roll_step < self.window_future,
            "`roll_step` must be less than `window_future`"
        );
        anyhow::ensure!(!self.roll_every.is_zero(), "`roll_every` must not be zero");
        anyhow::ensure!(self.roll_batch > 0, "`roll_batch` must be at least 1");
        anyhow::ensure!(self.max_payload > 0, "`max_payload` must be at least 1");
        anyhow::ensure!(self.max_occurrences > 0, "`max_occurrences` must be at least 1");
        Ok(())
    }

    pub(crate) fn past(&self) -> TimeDelta {
        delta(self.window_past)
    }

    pub(crate) fn future(&self) -> TimeDelta {
        delta(self.window_future)
    }

    pub(crate) fn step(&self) -> TimeDelta {
        delta(self.roll_step)
    }
}

/// Beyond this a window is a mistake.
const YEARS: Duration = Duration::from_secs(3650 * 86_400);

fn delta(period: Duration) -> TimeDelta {
    TimeDelta::from_std(period.min(YEARS)).unwrap_or_default()
}
