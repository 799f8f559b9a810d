//! Fetching a recording from a URL into the store: once, whole, and on from where it broke off.

mod ask;
mod carry;
mod guard;
mod spool;

pub(crate) use spool::abandon;

pub use guard::{Guard, Lookup, system};

use crate::error::Error;
use crate::key::Key;
use crate::recording::Recording;
use crate::rules::{Authorization, Hosts, Reach};
use crate::store::Store;
use ask::Asker;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use url::Url;

/// What is to be fetched, and under which rules.
#[derive(Clone)]
pub struct Download {
    /// Under which name it is stored. The same key is fetched once; fetching it again gives what is there.
    pub key: Key,
    /// Where it is.
    pub url: Url,
    /// Which hosts may be asked, also by redirects.
    pub hosts: Hosts,
    /// What opens it.
    pub authorization: Option<Authorization>,
    /// What the provider said of it.
    pub expected: Expected,
    /// How large it may be, in bytes.
    pub largest: u64,
}

impl Download {
    /// From a customer's URL: any public host, https, up to 4 GiB.
    pub fn new(key: Key, url: Url) -> Self {
        Self {
            key,
            url,
            hosts: Hosts::AnyPublic,
            authorization: None,
            expected: Expected::default(),
            largest: 4 << 30,
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let site = crate::error::Site::of(&self.url);
        f.debug_struct("Download")
            .field("key", &self.key)
            .field("site", &site)
            .finish_non_exhaustive()
    }
}

/// What a provider said of a recording, which is then held against what comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// How long it is.
    pub bytes: Option<u64>,
    /// Its SHA-256, hexadecimal.
    pub sha256: Option<String>,
}

/// How long is waited for what, and how often something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes, or the beginning of an answer.
    pub idle: Duration,
    /// For all of it.
    pub deadline: Duration,
    /// How many tries in a row may bring nothing. One that brings something begins the count anew; with none, there is
    /// no second one in any case.
    pub tries: u32,
    /// Before the second try; each further one waits twice as long, up to 16 times this.
    pub pause: Duration,
    /// The longest `Retry-After` that is waited for here. A longer one is for the caller's timers.
    pub patience: Duration,
    /// How many redirects are followed.
    pub redirects: u8,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            deadline: Duration::from_secs(3600),
            tries: 4,
            pause: Duration::from_millis(500),
            patience: Duration::from_secs(10),
            redirects: 5,
        }
    }
}

/// Fetches recordings into a store. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Fetcher {
    store: Store,
    asker: Asker,
    /// Who asks for the same recording in this process waits for the first.
    at_work: Arc<Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("store", &self.store)
            .field("asker", &self.asker)
            .finish_non_exhaustive()
    }
}

impl Fetcher {
    /// A fetcher that resolves names as this system does.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no TLS to be had.
    pub fn new(store: Store, reach: Reach, pace: Pace) -> Result<Self, Error> {
        Self::resolving(store, reach, pace, system())
    }

    /// A fetcher that resolves names otherwise. What is found is judged all the same.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no TLS to be had.
    pub fn resolving(
        store: Store,
        reach: Reach,
        pace: Pace,
        lookup: Lookup,
    ) -> Result<Self, Error> {
        let asker = Asker::new(reach, lookup, pace)?;
        Ok(Self { store, asker, at_work: Arc::default() })
    }

    /// Fetches a recording, unless it is there. May be dropped at any time: what was noted by then is gone on with.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::UnknownMedia`]; after those that are [passing](Error::is_passing), and after a new link
    /// or token, fetching again goes on with what is stored.
    pub async fn fetch(&self, download: &Download) -> Result<Recording, Error> {
        let turn = self.turn(&download.key);
        let _ours = turn.lock().await;
        carry::carry(&self.store, &self.asker, download).await
    }

    fn turn(&self, key: &Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = at_work.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        at_work.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }
}
