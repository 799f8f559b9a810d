//! What goes wrong, when a test says so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;

use crate::Reply;

/// Something that goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This is answered, and nothing is carried out.
    Answer(Reply),
    /// It is carried out, and then this is answered.
    AnswerAfter(Reply),
    /// It is answered properly, but only after this time; nothing is carried out before.
    Slow(Duration),
    /// It is carried out at once and answered only after this time.
    SlowAfter(Duration),
    /// The connection breaks; nothing is carried out.
    DropBefore,
    /// It is carried out, and the connection breaks instead of an answer.
    DropAfter,
    /// It is carried out, and the connection breaks in the middle of the body.
    Cut,
    /// It is carried out, and the answer is a success of the wrong kind: a page instead of JSON.
    Page,
}

impl Fault {
    /// 429 with `Retry-After`.
    #[must_use]
    pub fn busy(seconds: u32) -> Self {
        Self::Answer(Reply::status(429).header("retry-after", &seconds.to_string()))
    }

    /// A failure before anything was carried out.
    #[must_use]
    pub fn failure(status: u16) -> Self {
        Self::Answer(Reply::status(status))
    }
}

/// Which requests a fault is for.
#[derive(Debug, Clone)]
pub struct Match {
    method: Option<Method>,
    path: String,
    skip: u32,
    times: u32,
}

impl Match {
    /// All requests whose path, escapes included, contains this.
    #[must_use]
    pub fn path(part: &str) -> Self {
        Self { method: None, path: part.to_owned(), skip: 0, times: u32::MAX }
    }

    /// Every request.
    #[must_use]
    pub fn all() -> Self {
        Self::path("")
    }

    /// Only of this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only so often, and from then on no more.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Only once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Not the first so many.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

/// The faults of a server. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<(Match, Fault)>>>);

impl Faults {
    /// Switches a fault on. Of several that match, the oldest strikes.
    pub fn add(&self, which: Match, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((which, fault));
    }

    /// Switches all of them off.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault that strikes a request, if any.
    pub(crate) fn strike(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (which, fault) in all.iter_mut() {
            let meant = which.method.as_ref().is_none_or(|wanted| wanted == method)
                && path.contains(&which.path)
                && which.times > 0;
            if !meant {
                continue;
            }
            if which.skip > 0 {
                which.skip -= 1;
                continue;
            }
            which.times -= 1;
            return Some(fault.clone());
        }
        None
    }
}
