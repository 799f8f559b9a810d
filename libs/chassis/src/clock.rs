//! Where the time comes from: the system, or a test.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Nothing in a service asks the system for it directly, so that `--now` and tests can decide it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine; the only place that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that shows what stands in a file, so that a test can move the time of several processes. It is to be replaced as a
/// whole (by renaming another one); what cannot be read changes nothing.
#[derive(Debug)]
pub struct FileClock {
    file: PathBuf,
    last: Mutex<DateTime<Utc>>,
}

impl FileClock {
    /// A clock that shows what stands in `file`.
    ///
    /// # Errors
    /// The file cannot be read, or holds no instant; a clause that says so.
    pub fn read(file: &Path) -> Result<Self, String> {
        let last = Self::instant(file)?;
        Ok(Self { file: file.to_owned(), last: Mutex::new(last) })
    }

    fn instant(file: &Path) -> Result<DateTime<Utc>, String> {
        let text =
            std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
        let instant = DateTime::parse_from_rfc3339(text.trim());
        instant
            .map(|at| at.with_timezone(&Utc))
            .map_err(|_| "holds no instant such as `2026-03-02T08:00:00Z`".to_owned())
    }
}

impl Clock for FileClock {
    fn now(&self) -> DateTime<Utc> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(now) = Self::instant(&self.file) {
            *last = now;
        }
        *last
    }
}

/// A clock that began to show one time at an instant of the system's, and goes on from there at its own speed. Processes that
/// are told the same three figures show the same time.
#[derive(Debug, Clone, Copy)]
pub struct PacedClock {
    starts: DateTime<Utc>,
    at: DateTime<Utc>,
    speed: f64,
}

impl PacedClock {
    /// A clock that showed `starts` at the instant `at` of the system's clock, and since then is `speed` times as fast.
    #[must_use]
    pub const fn new(starts: DateTime<Utc>, at: DateTime<Utc>, speed: f64) -> Self {
        Self { starts, at, speed }
    }

    /// What it shows at an instant of the system's clock. It never goes back: before `at` it stands still.
    #[must_use]
    pub fn at(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        let real = instant.signed_duration_since(self.at).num_microseconds().unwrap_or(i64::MAX);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "microseconds of days are far within what a double holds, and casts saturate"
        )]
        let shown = (real.max(0) as f64 * self.speed) as i64;
        self.starts.checked_add_signed(TimeDelta::microseconds(shown)).unwrap_or(self.starts)
    }
}

impl Clock for PacedClock {
    fn now(&self) -> DateTime<Utc> {
        self.at(SystemClock.now())
    }
}

/// A clock that stands still until it is moved. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SimulatedClock(Arc<Mutex<DateTime<Utc>>>);

impl SimulatedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Shows `now` from here on, which may lie before the time shown until now.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves on by `step`; a negative one goes back.
    pub fn advance(&self, step: TimeDelta) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += step;
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_a_file_shows_what_stands_there_and_what_stood_there_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("now");
        assert!(FileClock::read(&file).unwrap_err().contains("cannot be read"));
        std::fs::write(&file, "noon").unwrap();
        assert!(FileClock::read(&file).unwrap_err().contains("no instant"));
        std::fs::write(&file, "1970-01-01T01:00:00+01:00\n").unwrap();
        let clock = FileClock::read(&file).unwrap();
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        std::fs::write(&file, "1970-01-02T00:00:00Z").unwrap();
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH + TimeDelta::days(1));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH + TimeDelta::days(1));
    }

    #[test]
    fn a_paced_clock_goes_on_from_its_start_as_fast_as_it_is_told() {
        let starts = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let clock = PacedClock::new(starts, at, 600.0);
        assert_eq!(clock.at(at), starts);
        assert_eq!(clock.at(at + TimeDelta::milliseconds(1_500)), starts + TimeDelta::minutes(15));
        assert_eq!(clock.at(at - TimeDelta::hours(1)), starts, "it never goes back");
    }

    #[test]
    fn clones_of_a_simulated_clock_show_the_same_time() {
        let clock = SimulatedClock::at(DateTime::UNIX_EPOCH);
        let seen: Arc<dyn Clock> = Arc::new(clock.clone());
        clock.advance(TimeDelta::hours(1));
        assert_eq!(seen.now(), DateTime::UNIX_EPOCH + TimeDelta::hours(1));
        clock.set(DateTime::UNIX_EPOCH);
        assert_eq!(seen.now(), DateTime::UNIX_EPOCH);
    }
}
