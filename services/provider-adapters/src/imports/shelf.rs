//! Where recordings are kept, opened when it is first needed, and whether it does what it should.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use media::{Error, Fetcher, Key, Reach, Store};
use proto::provider::v1::{Problem, Severity};

use crate::config::Imports as Settings;

/// How long a store may take to say whether it can be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store of recordings.
pub(super) struct Shelf {
    place: Option<media::store::Settings>,
    settings: Settings,
    opened: Mutex<Option<(Store, Fetcher)>>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf")
            .field("place", &self.place.as_ref().map(|place| &place.url))
            .finish()
    }
}

impl Shelf {
    /// A store by settings; opened here once to see that they make sense.
    ///
    /// # Errors
    /// Settings that cannot be. A folder that cannot be made yet is none.
    pub(super) fn new(settings: &Settings, database: &str) -> anyhow::Result<Self> {
        let place = settings.store.read(database)?;
        let shelf = Self { place, settings: settings.clone(), opened: Mutex::default() };
        if shelf.place.is_some() {
            match shelf.fetcher() {
                Ok(_) => {}
                // It may come, and is told of until it does.
                Err(Error::Store { .. }) => {}
                Err(error) => return Err(error).context("`imports.store`"),
            }
        }
        Ok(shelf)
    }

    fn opened(&self) -> Result<(Store, Fetcher), Error> {
        let mut kept = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*kept {
            return Ok(opened.clone());
        }
        let unset = || Error::Setting("it is not said where recordings are kept".to_owned());
        let store = self.place.as_ref().ok_or_else(unset)?.open()?;
        let (plain_http, loopback) = (self.settings.plain_http, self.settings.loopback);
        let reach = Reach { plain_http, loopback };
        let fetcher = Fetcher::new(store.clone(), reach, self.settings.pace())?;
        Ok(kept.insert((store, fetcher)).clone())
    }

    /// The store itself.
    pub(super) fn store(&self) -> Result<Store, Error> {
        self.opened().map(|(store, _)| store)
    }

    /// What fetches into it.
    pub(super) fn fetcher(&self) -> Result<Fetcher, Error> {
        self.opened().map(|(_, fetcher)| fetcher)
    }

    /// What is wrong with it now.
    pub(super) async fn problem(&self) -> Option<Problem> {
        let error = |code: &str, text: &str, remedy: &str| Problem {
            severity: Severity::Error.into(),
            code: code.to_owned(),
            text: text.to_owned(),
            remedy: remedy.to_owned(),
        };
        if self.place.is_none() {
            return Some(error(
                "no_recording_store",
                "it is not said where recordings are kept, so none is imported",
                "set `imports.store.url` to an `s3://` bucket, or to a folder that all replicas share",
            ));
        }
        let wrote = tokio::time::timeout(PATIENCE, self.write()).await;
        let works = matches!(wrote, Ok(Ok(())));
        (!works).then(|| {
            error(
                "recording_store_failing",
                "recordings cannot be written to where they are kept, so imports wait",
                "see that `imports.store` is reachable, has room, and lets us write and delete",
            )
        })
    }

    /// Writes something small, as a deletion does: the mark of a recording that never was.
    async fn write(&self) -> Result<(), Error> {
        self.store()?.delete(&Key::new("callsheet", "written")?).await
    }
}
