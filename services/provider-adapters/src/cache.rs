//! What never changes and is dear to make, facts of policy versions and drafts: within a bound of weight, each made once
//! however many ask.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use tokio::sync::OnceCell;

/// Values by key; those long unused go when all together weigh too much.
pub(crate) struct Cache<K, V> {
    most: usize,
    weigh: fn(&V) -> usize,
    entries: Mutex<IndexMap<K, Entry<V>>>,
}

struct Entry<V> {
    cell: Arc<OnceCell<Arc<V>>>,
    weight: usize,
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    /// An empty cache of values that together weigh at most `most`. One that is heavier is kept alone. Each weighs 1 at
    /// least.
    pub(crate) fn new(most: usize, weigh: fn(&V) -> usize) -> Self {
        Self { most, weigh, entries: Mutex::default() }
    }

    /// The value; made by `load` if it is not there. Of several who miss it at once one makes it. A failure is not kept.
    pub(crate) async fn get_or_load<E>(
        &self,
        key: K,
        load: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        let cell = self.cell(&key);
        if let Some(value) = cell.get() {
            return Ok(Arc::clone(value));
        }
        let loaded = cell.get_or_try_init(async || load().await.map(Arc::new)).await.cloned();
        self.settle(&key, loaded.as_ref().ok().map(|value| (self.weigh)(value)));
        loaded
    }

    fn locked(&self) -> MutexGuard<'_, IndexMap<K, Entry<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<Arc<V>>> {
        let mut entries = self.locked();
        if let Some(place) = entries.get_index_of(key) {
            // What was used last stands at the end. Only the older half moves there, which keeps most hits cheap.
            let last = entries.len() - 1;
            if place < last / 2 {
                entries.move_index(place, last);
            }
        }
        let new = || Entry { cell: Arc::default(), weight: 1 };
        Arc::clone(&entries.entry(key.clone()).or_insert_with(new).cell)
    }

    /// Notes what a value weighs and lets others go for it; forgets it where there is none.
    fn settle(&self, key: &K, weight: Option<usize>) {
        let mut entries = self.locked();
        match weight {
            Some(weight) => {
                if let Some(entry) = entries.get_mut(key) {
                    entry.weight = weight.max(1);
                }
            }
            None => {
                if entries.get(key).is_some_and(|entry| !entry.cell.initialized()) {
                    entries.shift_remove(key);
                }
            }
        }
        let mut total: usize = entries.values().map(|entry| entry.weight).sum();
        while total > self.most && entries.len() > 1 {
            let place = usize::from(entries.get_index(0).is_some_and(|(first, _)| first == key));
            let Some((_, gone)) = entries.shift_remove_index(place) else { break };
            total -= gone.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn cache(most: usize) -> Cache<u64, usize> {
        Cache::new(most, |value| *value)
    }

    async fn load(cache: &Cache<u64, usize>, version: u64, weight: usize) {
        cache.get_or_load(version, async || Ok::<_, ()>(weight)).await.unwrap();
    }

    async fn has(cache: &Cache<u64, usize>, version: u64) -> bool {
        cache.get_or_load(version, async || Err(())).await.is_ok()
    }

    #[tokio::test]
    async fn many_who_miss_at_once_read_once() {
        let cache = cache(10);
        let reads = AtomicUsize::new(0);
        let get = || {
            cache.get_or_load(1, async || {
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(7)
            })
        };
        let (one, other) = tokio::join!(get(), get());
        assert_eq!((*one.unwrap(), *other.unwrap()), (7, 7));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let cache = cache(10);
        assert!(!has(&cache, 1).await);
        load(&cache, 1, 3).await;
        assert!(has(&cache, 1).await);
    }

    #[tokio::test]
    async fn what_was_used_again_stays() {
        let cache = cache(3);
        for version in [1, 2, 3, 1, 4] {
            load(&cache, version, 1).await;
        }
        assert!(has(&cache, 1).await);
        assert!(!has(&cache, 2).await);
    }

    #[tokio::test]
    async fn a_heavy_value_makes_room_for_itself() {
        let cache = cache(10);
        load(&cache, 1, 4).await;
        load(&cache, 2, 4).await;
        load(&cache, 3, 100).await;
        assert!(has(&cache, 3).await);
        assert!(!has(&cache, 1).await && !has(&cache, 2).await);
    }
}
