//! A company's line to a provider: what its errors come to, and whether somebody has to mend the connection.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// A line.
#[derive(Debug)]
pub(super) struct Line {
    /// The connection.
    pub(super) name: String,
    /// The company.
    pub(super) company: String,
    /// The provider, as evidence names it.
    pub(super) provider: &'static str,
    journal: Journal,
    /// Whether something may be noted as wrong: at first nobody knows.
    wrong: AtomicBool,
}

impl Line {
    pub(super) fn new(name: &str, company: &str, provider: &'static str, journal: Journal) -> Self {
        let (name, company) = (name.to_owned(), company.to_owned());
        Self { name, company, provider, journal, wrong: AtomicBool::new(true) }
    }

    /// Takes an answer, and notes what it says of the connection.
    pub(super) async fn hear<T>(
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
        answer
    }

    /// An error of the provider as trouble that may pass.
    pub(super) fn trouble(&self, error: &Error, then: Signal) -> Trouble {
        Trouble { raw: self.evidence(error), after: error.retry_after(), then }
    }

    /// An error of the provider as evidence.
    pub(super) fn evidence(&self, error: &Error) -> Evidence {
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
    pub(super) fn says(&self, code: &str, text: impl Into<String>) -> Evidence {
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
