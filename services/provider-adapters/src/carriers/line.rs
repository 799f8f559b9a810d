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

/// For how many seconds nothing may be refused for want of a scope, while the provider answers, until that is taken for mended:
/// no answer says it, and one that is still missing is noted again when it is needed.
const GRANTED: i64 = 6 * 3600;

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
    /// Since when nothing was refused for want of a scope, in seconds since 1970: at first since the first answer, and at last
    /// as late as can be, where that was noted.
    scoped: AtomicI64,
}

impl Line {
    pub(crate) fn new(name: &str, company: &str, provider: &'static str, journal: Journal) -> Self {
        let (name, company) = (name.to_owned(), company.to_owned());
        let (wrong, answered) = (AtomicBool::new(true), AtomicI64::new(i64::MIN));
        let scoped = AtomicI64::new(i64::MIN);
        Self { name, company, provider, journal, wrong, answered, scoped }
    }

    /// Takes an answer, and notes what it says of the connection.
    pub(crate) async fn hear<T>(
        &self,
        answer: Result<T, Error>,
        now: DateTime<Utc>,
    ) -> Result<T, Error> {
        let order = Ordering::Relaxed;
        match &answer {
            Err(Error::Unauthorised { .. }) => {
                self.wrong.store(true, order);
                self.note(CREDENTIALS_REFUSED, true, now).await;
            }
            Err(Error::Forbidden { missing_scope: true, .. }) => {
                self.scoped.store(now.timestamp(), order);
                self.note(SCOPE_MISSING, true, now).await;
            }
            Ok(_) => {
                if self.wrong.swap(false, order)
                    && !self.note(CREDENTIALS_REFUSED, false, now).await
                {
                    self.wrong.store(true, order);
                }
                if self.is_granted(now) && !self.note(SCOPE_MISSING, false, now).await {
                    self.scoped.store(now.timestamp(), order);
                }
            }
            Err(_) => {}
        }
        if answer.is_ok() {
            self.note_answer(now).await;
        }
        answer
    }

    /// Whether it is time to note that no scope is missing any more; true once.
    fn is_granted(&self, now: DateTime<Utc>) -> bool {
        let (seconds, order) = (now.timestamp(), Ordering::Relaxed);
        let since = self.scoped.load(order);
        if since == i64::MIN {
            // Whether one is, nobody has found out since the start.
            self.scoped.store(seconds, order);
            return false;
        }
        let is_due = seconds.saturating_sub(since) >= GRANTED;
        is_due && self.scoped.compare_exchange(since, i64::MAX, order, order).is_ok()
    }

    /// Notes whether something is wrong with the connection, and answers whether that could be noted.
    async fn note(&self, code: &'static str, is_wrong: bool, now: DateTime<Utc>) -> bool {
        let noted = self.journal.complain(&self.name, code, is_wrong, now).await;
        if let Err(error) = &noted {
            let error = chain(error);
            warn!(connection = self.name, error, "what is wrong could not be noted");
        }
        noted.is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use storage::testing::Engine;

    fn refused() -> Result<(), Error> {
        let (code, text) = ("4711".to_owned(), String::new());
        Err(Error::Forbidden { code, text, missing_scope: true })
    }

    #[tokio::test]
    async fn a_scope_that_was_granted_is_not_missing_for_ever() {
        let engine = Engine::file();
        let journal = Journal::new(crate::store::open(&engine.config()).await.unwrap());
        let line = Line::new("zoom", "acme", "zoom", journal.clone());
        let now: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
        let at = |hours| now + TimeDelta::hours(hours);
        let codes = async || {
            let found = journal.health("zoom").await.unwrap().problems;
            found.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        let _ = line.hear(Ok(()), at(0)).await;
        let _ = line.hear(refused(), at(1)).await;
        assert_eq!(codes().await, [SCOPE_MISSING]);
        // Others answer meanwhile, and it is refused again.
        let _ = line.hear(Ok(()), at(4)).await;
        let _ = line.hear(refused(), at(5)).await;
        let _ = line.hear(Ok(()), at(8)).await;
        assert_eq!(codes().await, [SCOPE_MISSING]);
        let _ = line.hear(Ok(()), at(12)).await;
        assert_eq!(codes().await, Vec::<String>::new());
        // It is noted anew when it is missing anew, also by a process that knows of nothing.
        let _ = line.hear(refused(), at(13)).await;
        let other = Line::new("zoom", "acme", "zoom", journal.clone());
        let _ = other.hear(Ok(()), at(14)).await;
        assert_eq!(codes().await, [SCOPE_MISSING]);
        let _ = other.hear(Ok(()), at(21)).await;
        assert_eq!(codes().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn credentials_that_are_accepted_in_the_same_instant_are_not_refused_any_more() {
        let engine = Engine::file();
        let journal = Journal::new(crate::store::open(&engine.config()).await.unwrap());
        let now: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
        let line = || Line::new("zoom", "acme", "zoom", journal.clone());
        let wrong = async || journal.health("zoom").await.unwrap().problems.len();
        let (code, text) = (String::new(), String::new());
        let _ = line().hear::<()>(Err(Error::Unauthorised { code, text }), now).await;
        assert_eq!(wrong().await, 1);
        let _ = line().hear(Ok(()), now).await;
        assert_eq!(wrong().await, 0);
    }
}
