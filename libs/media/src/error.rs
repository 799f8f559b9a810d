//! Why a recording could not be fetched, kept or looked at.

use crate::rules::Refusal;
use std::fmt;
use std::time::Duration;
use url::Url;

/// Where something happened, fit to be shown: scheme, host and port of a URL. Paths and queries carry passcodes, tokens
/// and names of people, so they are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site(String);

impl Site {
    /// The site a URL belongs to.
    pub fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or("no host");
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Self(format!("{}://{host}{port}", url.scheme()))
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// What went wrong, where, and what to do. No message holds a secret, or more of a URL than its [`Site`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule forbids it, and will again: nothing was sent to where it forbids.
    #[error("{site} is refused: {why}")]
    Refused {
        /// Where to.
        site: Site,
        /// The rule, and what to change.
        why: Refusal,
    },
    /// 404 or 410: it is not there, not yet or no more. Whether we deleted it ourselves is for the caller to know.
    #[error(
        "{site} has no such recording (status {status}); see whether it was deleted, or is not ready yet"
    )]
    Gone {
        /// Who said so.
        site: Site,
        /// The status.
        status: u16,
    },
    /// 401 or 403.
    #[error("{site} does not permit it (status {status}); check the account's scopes, or the link")]
    NotPermitted {
        /// Who said so.
        site: Site,
        /// The status.
        status: u16,
    },
    /// 401 or 403, and the answer says that the link or the token has had its time.
    #[error(
        "the link or token for {site} has expired; get a new one and fetch again, what is stored is kept"
    )]
    Expired {
        /// Who said so.
        site: Site,
    },
    /// 408, 425, 429 or 5xx, for longer than is waited here.
    #[error("{site} is busy (status {status}); try again later, what is stored is kept")]
    Busy {
        /// Who said so.
        site: Site,
        /// The status.
        status: u16,
        /// How long it wants to be left alone, if it said.
        retry_after: Option<Duration>,
    },
    /// A status or a header that means nothing here.
    #[error("{site} answered what cannot be used: {what}")]
    Unusable {
        /// Who said so.
        site: Site,
        /// What it is.
        what: String,
    },
    /// The connection could not be made, broke, fell silent, or took too long. What arrived is kept: fetching again
    /// goes on from there.
    #[error("{site} broke off after {bytes} bytes: {why}; fetch again to go on from there")]
    BrokenOff {
        /// From whom.
        site: Site,
        /// How much is stored.
        bytes: u64,
        /// What happened.
        why: BreakOff,
    },
    /// What arrived is not what the provider announced. Nothing of it is kept.
    #[error("what {site} sent is not what was announced: {what}; fetch again, or ask the provider")]
    Mismatch {
        /// From whom.
        site: Site,
        /// What differs, and how.
        what: String,
    },
    /// Somebody deleted this recording on purpose, and that is final.
    #[error("this recording was deleted; a deleted recording is not fetched again")]
    Deleted,
    /// Another process fetches the same recording, or has just taken it over.
    #[error("another process is fetching this recording; ask again later")]
    Elsewhere,
    /// The store does not do what it should.
    #[error("the store could not {what}; see that it is reachable, has room, and lets us write")]
    Store {
        /// What was tried.
        what: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A setting that cannot be.
    #[error("invalid setting: {0}")]
    Setting(String),
    /// Bytes that are no recording we know: no container, or one that cannot be read.
    #[error("this is no media we know: {0}")]
    UnknownMedia(String),
}

/// How a download broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreakOff {
    /// No connection came about: name, network or TLS.
    #[error("no connection ({0})")]
    Connect(String),
    /// It ended before the end.
    #[error("the connection ended early")]
    Early,
    /// Nothing came for longer than is waited.
    #[error("nothing came for {} s", .0.as_secs())]
    Idle(Duration),
    /// It took longer altogether than it may.
    #[error("it took longer than {} s", .0.as_secs())]
    Deadline(Duration),
}

impl Error {
    /// Whether fetching the same again may go better by itself.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::BrokenOff { .. } | Self::Elsewhere | Self::Store { .. }
        )
    }

    /// The same, with how much is stored.
    pub(crate) fn after(mut self, have: u64) -> Self {
        if let Self::BrokenOff { bytes, .. } = &mut self {
            *bytes = have;
        }
        self
    }

    /// Of the store, with what was tried.
    pub(crate) fn store<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Self::Store { what, source: Box::new(source) }
    }
}
