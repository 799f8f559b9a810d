//! The port to what is kept: every version of every company, and who claims which domain and assistant address.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::claims::Claim;

pub(crate) mod sql;
#[cfg(test)]
pub(crate) mod suite;

/// A version without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The company.
    pub(crate) company: String,
    /// From 1, without gaps.
    pub(crate) version: u64,
    /// Place in the log of all versions of all companies, from 1.
    pub(crate) position: u64,
    /// SHA-256 of the canonical form, hex.
    pub(crate) digest: String,
    /// When it was applied, to the microsecond.
    pub(crate) applied_at: DateTime<Utc>,
}

/// A version with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Which one it is.
    pub(crate) stamp: Stamp,
    /// The canonical form.
    pub(crate) document: String,
}

/// A version to be.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The company.
    pub(crate) company: String,
    /// The canonical form.
    pub(crate) document: String,
    /// Its SHA-256, hex.
    pub(crate) digest: String,
    /// What the company says is its own.
    pub(crate) claims: Vec<Claim>,
    /// When it is applied.
    pub(crate) applied_at: DateTime<Utc>,
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is the newest version now.
    New(u64),
    /// It is what the newest version says already.
    Unchanged(u64),
    /// It claims what is another company's.
    Taken(Claim),
    /// Another version came in between; this is the newest one.
    Stale(u64),
}

/// Versions and claims. Every list is as long as asked for or shorter.
#[async_trait::async_trait]
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Number of the newest version.
    async fn newest(&self, company: &str) -> Result<Option<u64>, storage::Error>;

    /// A version; the newest for 0.
    async fn version(&self, company: &str, version: u64)
    -> Result<Option<Version>, storage::Error>;

    /// Versions below one, newest first.
    async fn versions(
        &self,
        company: &str,
        below: u64,
        limit: u64,
    ) -> Result<Vec<Stamp>, storage::Error>;

    /// Versions after a position, oldest first; of all companies for `None`.
    async fn log(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Stamp>, storage::Error>;

    /// Who claims these names, as name and company.
    async fn owners(&self, names: &[String]) -> Result<Vec<(String, String)>, storage::Error>;

    /// What [`Store::apply`] would answer, without doing it; a version that would be new has the number it would get.
    async fn try_out(&self, draft: &Draft) -> Result<Applied, storage::Error>;

    /// Makes a draft the newest version, if it changes anything and, with `base`, if that is the newest one still.
    ///
    /// # Errors
    /// [`storage::Error::Conflict`] where another process applied at the same time.
    async fn apply(&self, draft: &Draft, base: Option<u64>) -> Result<Applied, storage::Error>;
}
