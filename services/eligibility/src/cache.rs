//! Policies made ready for judging, each once, as many as the settings say.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use decision::{CompanyFile, Policy};
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::store::Store;

type Key = (String, u64);

/// Policies by company and version. A version never changes, so nothing in here grows old.
#[derive(Debug)]
pub(crate) struct Policies {
    store: Arc<dyn Store>,
    ready: Mutex<Ready>,
}

impl Policies {
    /// Keeps at most `capacity` policies, at least one.
    pub(crate) fn new(store: Arc<dyn Store>, capacity: usize) -> Self {
        let ready =
            Ready { capacity: capacity.max(1), turn: 0, places: HashMap::with_capacity(capacity) };
        Self { store, ready: Mutex::new(ready) }
    }

    /// What is asked of the store besides versions.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The policy of a company at a version, the newest for 0. Those who ask at the same time wait for one of them.
    ///
    /// # Errors
    /// [`Error::UnknownCompany`], [`Error::UnknownVersion`], or those of the store. None of them is remembered.
    pub(crate) async fn get(&self, company: &str, version: u64) -> Result<Arc<Policy>, Error> {
        let version = match version {
            0 => self.newest(company).await?,
            version => version,
        };
        let key = (company.to_owned(), version);
        let place = self.ready.lock().unwrap_or_else(PoisonError::into_inner).place(&key);
        let policy = place.get_or_try_init(|| self.compile(company, version)).await;
        if policy.is_err() {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).forget(&key, &place);
        }
        policy.cloned()
    }

    async fn newest(&self, company: &str) -> Result<u64, Error> {
        let unknown = || Error::UnknownCompany(company.to_owned());
        self.store.newest(company).await?.ok_or_else(unknown)
    }

    async fn compile(&self, company: &str, version: u64) -> Result<Arc<Policy>, Error> {
        let Some(found) = self.store.version(company, version).await? else {
            let newest = self.newest(company).await?;
            return Err(Error::UnknownVersion { company: company.to_owned(), version, newest });
        };
        // Automata of thousands of keywords take their time.
        tokio::task::spawn_blocking(move || {
            let file = CompanyFile::from_canonical(&found.document).map_err(Error::Unreadable)?;
            Ok(Arc::new(Policy::compile(&file, version)))
        })
        .await?
    }
}

/// Places of policies, ready or being made.
struct Ready {
    capacity: usize,
    turn: u64,
    places: HashMap<Key, Place>,
}

struct Place {
    used: u64,
    policy: Arc<OnceCell<Arc<Policy>>>,
}

impl Ready {
    fn place(&mut self, key: &Key) -> Arc<OnceCell<Arc<Policy>>> {
        self.turn += 1;
        if let Some(place) = self.places.get_mut(key) {
            place.used = self.turn;
            return Arc::clone(&place.policy);
        }
        if self.places.len() >= self.capacity {
            // A few hundred places are looked through faster than an ordered list of them is kept.
            let oldest = self.places.iter().min_by_key(|(_, place)| place.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.places.remove(&oldest);
            }
        }
        let policy = Arc::default();
        self.places.insert(key.clone(), Place { used: self.turn, policy: Arc::clone(&policy) });
        policy
    }

    fn forget(&mut self, key: &Key, failed: &Arc<OnceCell<Arc<Policy>>>) {
        let same = self.places.get(key).is_some_and(|place| Arc::ptr_eq(&place.policy, failed));
        if same && !failed.initialized() {
            self.places.remove(key);
        }
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("places", &self.places.len()).finish_non_exhaustive()
    }
}
