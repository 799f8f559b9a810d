//! Imports: recordings fetched from providers and from customers' links, looked at, and told of as signals.
//!
//! A [`Source`] stands beside a [`Carrier`] and knows where the recordings of its attempts are; [`Imports::around`] puts the
//! two together, so that an instruction to fetch becomes an import and one to discard reaches what was imported. An import
//! is a row from then on (`journal/imports.rs`): [`Runner`] claims it, holds on to the claim while it fetches, and goes on
//! with what is stored after a crash. `media` does the fetching and the looking.
//!
//! Links and tokens are asked for just in time and kept nowhere, except a customer's link, which is all there is of it: that
//! is kept until the import is over. No link is ever logged, told, or part of a piece of evidence.

mod around;
mod fetch;
mod run;
mod settings;
mod shelf;
#[cfg(test)]
mod tests;
mod upload;
mod verdict;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use decision::session::Signal;
use media::{Authorization, Expected, HostRule, Hosts};
use proto::provider::v1::{Method, Problem};
use url::Url;

use crate::attempts::{Attempt, Evidence};
use crate::carry::{Carrier, Job, Trouble};
use crate::config::Imports as Settings;
use crate::error::Error;
use crate::journal::{Journal, key};
use around::Importing;
use shelf::Shelf;
use upload::Upload;

pub(crate) use run::Runner;

/// How long an import is tried. Sessions wait for less; by then nobody wants to know.
const PATIENCE: TimeDelta = TimeDelta::hours(48);

/// Bytes of a company's id that are a part of a key as they are. A longer one is shown by its digest.
const PLAIN: usize = 60;

/// Somebody who knows where the recordings of attempts are: what a [`Carrier`] is for recording, this is for fetching.
#[async_trait]
pub(crate) trait Source: fmt::Debug + Send + Sync {
    /// The name of the carrier whose attempts these are.
    fn name(&self) -> &'static str;

    /// Where the recording of an attempt is now. Asked before each try, for links and tokens expire.
    ///
    /// # Errors
    /// Trouble that may pass: it is asked again, a little later each time.
    async fn locate(&self, job: &Job) -> Result<Located, Trouble>;
}

/// Where the recording of an attempt is.
#[derive(Debug)]
pub(crate) enum Located {
    /// In these files. The longest in which something is heard counts as the recording; all of them are kept.
    Files(Vec<File>),
    /// It is not to be had, and never will be: what is told, and why.
    Lost(Signal, Evidence),
}

/// A file of a recording.
#[derive(Clone)]
pub(crate) struct File {
    /// What sets it apart from the others of the attempt, the same however often it is asked for: the provider's id.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) url: Url,
    /// Which hosts may be asked, also by redirects; see [`Imports::hosts`].
    pub(crate) hosts: Hosts,
    /// What opens it, and for whom that is.
    pub(crate) authorization: Option<Authorization>,
    /// What the provider said of it.
    pub(crate) expected: Expected,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Carriers, the preferred ones first.
type CarrierList = Vec<Arc<dyn Carrier>>;
/// Sources, in any order.
type SourceList = Vec<Arc<dyn Source>>;

/// Imports of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Imports {
    journal: Journal,
    clock: Arc<dyn Clock>,
    settings: Arc<Settings>,
    shelf: Arc<Shelf>,
}

impl Imports {
    /// Imports into the store that the settings name, or one beside the database.
    ///
    /// # Errors
    /// Settings that cannot be. A store that is not there yet is none: see [`Imports::problems`].
    pub(crate) fn open(
        settings: &Settings,
        database: &str,
        journal: Journal,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let shelf = Shelf::new(settings, database)?;
        Ok(Self { journal, clock, settings: Arc::new(settings.clone()), shelf: Arc::new(shelf) })
    }

    /// Who carries plans out, with imports for those among them that are a source; and whoever imports what customers upload.
    pub(crate) fn around(
        &self,
        carriers: CarrierList,
        mut sources: SourceList,
    ) -> (CarrierList, SourceList) {
        let upload = Arc::new(Upload::new(self.journal.clone()));
        sources.push(Arc::<Upload>::clone(&upload));
        let with_upload = carriers.into_iter().chain([upload as Arc<dyn Carrier>]);
        let around = |carrier: Arc<dyn Carrier>| -> Arc<dyn Carrier> {
            let has_source = sources.iter().any(|source| source.name() == carrier.name());
            Arc::new(Importing::new(carrier, self.clone(), has_source))
        };
        (with_upload.map(around).collect(), sources)
    }

    /// The hosts that recordings of a provider may come from.
    pub(crate) fn hosts(&self, provider: &str) -> Vec<HostRule> {
        self.settings.hosts(provider)
    }

    /// What is wrong with where recordings are kept, and what to do about it. Asks the store.
    pub(crate) async fn problems(&self) -> Vec<Problem> {
        self.shelf.problem().await.into_iter().collect()
    }

    /// Keeps that the recording of a job's attempt is to be fetched.
    async fn want(&self, job: &Job, carrier: &'static str) -> Result<(), Error> {
        let until = job.now + PATIENCE;
        self.journal.want_import(&job.order, carrier, job.number, (job.now, until)).await
    }

    /// Keeps that what was imported for a job's attempt is to be thrown away for good.
    async fn discard(&self, job: &Job, carrier: &'static str) -> Result<(), Error> {
        self.journal.discard_import(&job.order, carrier, job.now).await
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// The name under which a file of an attempt is kept in its row: of one length, and with nothing of the provider's in it.
fn filed(attempt: &Attempt, name: &str) -> String {
    key::name(&attempt.company, "file", name)
}

/// Where a file of an attempt lies in the store.
fn stored(attempt: &Attempt, filed: &str) -> Result<media::Key, media::Error> {
    let company = match attempt.company.len() {
        ..=PLAIN => attempt.company.clone(),
        _ => format!("{}~", key::name(&attempt.company, "company", "")),
    };
    media::Key::new(&company, &format!("{}-{filed}", key::attempt(attempt)))
}

/// What is told when nothing came of an import, by where it would have come from.
fn failed(method: Method) -> Signal {
    match method {
        Method::Upload => Signal::UrlImportFailed,
        Method::DialerImport => Signal::DialerImportFailed,
        Method::Unspecified | Method::Native | Method::Local | Method::Bot => Signal::FilesLost,
    }
}

/// Trouble because something could not be kept.
fn unkept(method: Method) -> Trouble {
    let raw = Evidence::own("not_kept", "the import could not be kept");
    Trouble { raw, after: None, then: failed(method) }
}
