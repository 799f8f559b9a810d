//! Values made once for all who ask, as many kept as the settings say.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::error::Error;

/// Values by key; the one unused longest gives way.
pub(crate) struct Recent<K, V> {
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    capacity: usize,
    turn: u64,
    places: HashMap<K, Place<V>>,
}

struct Place<V> {
    used: u64,
    value: Arc<OnceCell<V>>,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    /// Keeps at most `capacity` values, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner { capacity: capacity.max(1), turn: 0, places: HashMap::new() };
        Self { inner: Mutex::new(inner) }
    }

    /// The value of a key, made if it is not there. Those who ask at the same time wait for one of them.
    ///
    /// # Errors
    /// Those of `make`; none of them is remembered.
    pub(crate) async fn get<F>(&self, key: &K, make: impl FnOnce() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        let place = self.lock().place(key);
        let value = place.get_or_try_init(make).await;
        if value.is_err() {
            self.lock().forget(key, &place);
        }
        value.cloned()
    }

    /// How many are kept or being made.
    pub(crate) fn len(&self) -> usize {
        self.lock().places.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V> Inner<K, V> {
    fn place(&mut self, key: &K) -> Arc<OnceCell<V>> {
        self.turn += 1;
        if let Some(place) = self.places.get_mut(key) {
            place.used = self.turn;
            return Arc::clone(&place.value);
        }
        if self.places.len() >= self.capacity {
            // A few hundred places are looked through faster than an ordered list of them is kept.
            let oldest = self.places.iter().min_by_key(|(_, place)| place.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.places.remove(&oldest);
            }
        }
        let value = Arc::default();
        self.places.insert(key.clone(), Place { used: self.turn, value: Arc::clone(&value) });
        value
    }

    fn forget(&mut self, key: &K, failed: &Arc<OnceCell<V>>) {
        let same = self.places.get(key).is_some_and(|place| Arc::ptr_eq(&place.value, failed));
        if same && !failed.initialized() {
            self.places.remove(key);
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("places", &self.len()).finish_non_exhaustive()
    }
}
