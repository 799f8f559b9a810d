//! A company's line to a provider: what its errors come to, and whether somebody has to mend the connection.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chassis::chain;
use chrono::{DateTime, Utc};
use decision::session::Signal;
use remote::Error;
use tracing::warn;

use crate::attempts::Evidence;
use crate::carry::Trouble;
use crate::journal::Journal;

/// The credentials of a connection are not accepted, also not after a new token was fetched.
pub(crate) const CREDENTIALS_REFUSED: &str = "credentials_refused";
/// The application of a connection lacks a scope, or its account a plan.
pub(crate) const SCOPE_MISSING: &str = "scope_missing";

/// How many seconds pass before it is noted again that a provider answers.
const MINUTE: i64 = 60;

/// A line.
#[derive(Debug)]
pub(crate) struct Line {
    /// The connection.
    pub(crate) name: String,
    /// The company.
    pub(crate) company: String,
    /// The provider, as evidence names it.
    pub(crate) provider: &'static str,
    journal: Journal,
    /// Whether something may be noted as wrong: at first nobody knows.
    wrong: AtomicBool,
    /// When it was last noted that the provider answers, in seconds since 1970.
    answered: AtomicI64,
}

impl Line {
    pub(crate) fn new(name: &str, company: &str, provider: &'static str, journal: Journal) -> Self {
        let (name, company) = (name.to_owned(), company.to_owned());
        let (wrong, answered) = (AtomicBool::new(true), AtomicI64::new(i64::MIN));
        Self { name, company, provider, journal, wrong, answered }
    }

    /// Takes an answer, and notes what it says of the connection.
    pub(crate) async fn hear<T>(
        &self,
        answer: Result<T, Error>,
        now: DateTime<Utc>,
    ) -> Result<T, Error> {
        let wrong = match &answer {
            Err(Error::Unauthorised { .. }) => Some((CREDENTIALS_REFUSED, true)),
            Err(Error::Forbidden { missing_scope: true, .. }) => Some((SCOPE_MISSING, true)),
            Ok(_) if self.wrong.swap(false, Ordering::Relaxed) => {
                Some((CREDENTIALS_REFUSED, false))
            }
            Ok(_) | Err(_) => None,
        };
        if let Some((code, is_wrong)) = wrong {
            if is_wrong {
                self.wrong.store(true, Ordering::Relaxed);
            }
            if let Err(error) = self.journal.complain(&self.name, code, is_wrong, now).await {
                self.wrong.store(true, Ordering::Relaxed);
                warn!(
                    connection = self.name,
                    error = chain(&error),
                    "what is wrong could not be noted"
                );
            }
        }
        if answer.is_ok() {
            self.note_answer(now).await;
        }
        answer
    }

    /// Notes that the provider answers, once a minute.
    async fn note_answer(&self, now: DateTime<Utc>) {
        let (seconds, before) = (now.timestamp(), self.answered.load(Ordering::Relaxed));
        let is_due = seconds.saturating_sub(before) >= MINUTE;
        // Of several who hear an answer at once, one notes it.
        let (to, order) = (seconds, Ordering::Relaxed);
        if !is_due || self.answered.compare_exchange(before, to, order, order).is_err() {
            return;
        }
        if let Err(error) = self.journal.answered(&self.name, now).await {
            self.answered.store(before, Ordering::Relaxed);
            let error = chain(&error);
            warn!(connection = self.name, error, "it could not be noted that a provider answers");
        }
    }

    /// An error of the provider as trouble that may pass.
    pub(crate) fn trouble(&self, error: &Error, then: Signal) -> Trouble {
        Trouble { raw: self.evidence(error), after: error.retry_after(), then }
    }

    /// An error of the provider as evidence.
    pub(crate) fn evidence(&self, error: &Error) -> Evidence {
        let (code, text) = match error {
            Error::Unauthorised { code, text }
            | Error::Forbidden { code, text, .. }
            | Error::NotFound { code, text }
            | Error::Refused { code, text, .. } => (code.as_str(), text.clone()),
            Error::Busy { .. } => ("busy", error.to_string()),
            Error::Unavailable { .. } => ("unavailable", error.to_string()),
            Error::Unreadable(_) => ("unreadable", error.to_string()),
            Error::Argument(_) => ("argument", error.to_string()),
        };
        self.says(code, text)
    }

    /// A word of the provider's, or ours on it.
    pub(crate) fn says(&self, code: &str, text: impl Into<String>) -> Evidence {
        let cut = |text: String| text.chars().filter(|one| *one != '\0').take(240).collect();
        let (code, text) = (cut(code.to_owned()), cut(text.into()));
        Evidence { provider: self.provider.to_owned(), code, text }
    }
}

/// Our own database does not answer: it is tried again, like all else that may pass.
pub(super) fn unwritten(error: impl fmt::Display, then: Signal) -> Trouble {
    warn!(%error, "a carrier could not use the database");
    Trouble { raw: Evidence::own("storage", "the database did not answer"), after: None, then }
}
