//! What provider-adapters keep: facts by policy version, and facts of single conferences.

pub(crate) mod sql;

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use decision::Conference;
use storage::StoreConfig;

use crate::error::Error;
use crate::facts::Facts;
use crate::migration::Migrator;

/// Opens the database of the service and brings its schema up to date.
///
/// # Errors
/// It cannot be opened, or is of a newer version.
pub(crate) async fn open(config: &StoreConfig) -> Result<storage::Store, storage::Error> {
    let database = storage::connect(config).await?;
    storage::migrate::<Migrator>(&database).await?;
    Ok(database)
}

/// The port to what is kept.
#[async_trait]
pub(crate) trait Store: std::fmt::Debug + Send + Sync {
    /// Keeps the facts of a policy version. The same ones again change nothing.
    ///
    /// # Errors
    /// [`Error::VersionTaken`] where the version is kept with other content, or the store fails.
    async fn keep_facts(&self, company: &str, version: u64, facts: &Facts) -> Result<(), Error>;

    /// The facts of a policy version; none where it was never applied, or is no longer kept.
    async fn facts(&self, company: &str, version: u64) -> Result<Option<Facts>, Error>;

    /// The newest policy version of a company.
    async fn newest_version(&self, company: &str) -> Result<Option<u64>, Error>;

    /// Notes whether a conference has audio a recorder can hear, or that this is not known any more.
    async fn keep_audio(
        &self,
        company: &str,
        conference: &Conference,
        computer_audio: Option<bool>,
    ) -> Result<(), Error>;

    /// What is known of the audio of conferences. One query.
    async fn audio(
        &self,
        company: &str,
        conferences: &HashSet<&Conference>,
    ) -> Result<Audio, Error>;
}

/// What is known of the audio of conferences.
#[derive(Debug, Default)]
pub(crate) struct Audio {
    /// Whether it can be heard, for those of which that is known.
    pub(crate) known: HashMap<Conference, bool>,
    /// Something may be known of other conferences of the company.
    pub(crate) more: bool,
}
