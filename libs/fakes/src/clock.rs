//! What time it is for a provider that is played.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// A clock; clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System,
    Held(Mutex<DateTime<Utc>>),
}

impl Clock {
    /// The clock of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Kind::System))
    }

    /// A clock that stands until it is [moved](Self::advance).
    #[must_use]
    pub fn held(at: DateTime<Utc>) -> Self {
        Self(Arc::new(Kind::Held(Mutex::new(at))))
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Kind::System => SystemTime::now().into(),
            Kind::Held(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Shows another time on a held clock, not an earlier one. That of this machine goes by itself.
    pub fn set(&self, now: DateTime<Utc>) {
        if let Kind::Held(at) = &*self.0 {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = now.max(*at);
        }
    }

    /// Moves a held clock on. That of this machine goes by itself.
    pub fn advance(&self, time: Duration) {
        match &*self.0 {
            Kind::System => {}
            Kind::Held(at) => *at.lock().unwrap_or_else(PoisonError::into_inner) += time,
        }
    }
}
