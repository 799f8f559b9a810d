//! What never changes and is dear to make: policy versions and drafts, within a bound, each made once however many ask.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use tokio::sync::OnceCell;

/// Values by key; one long unused goes when there are too many.
pub(crate) struct Cache<K, V> {
    capacity: usize,
    cells: Mutex<IndexMap<K, Arc<OnceCell<Arc<V>>>>>,
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    /// An empty cache of at most `capacity` values.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), cells: Mutex::default() }
    }

    /// The value; made by `load` if it is not there. Of several who miss it at once one makes it. A failure is not kept.
    pub(crate) async fn get_or_load<E>(
        &self,
        key: K,
        load: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        let cell = self.cell(&key);
        let loaded = cell.get_or_try_init(async || load().await.map(Arc::new)).await;
        if loaded.is_err() {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            if cells.get(&key).is_some_and(|cell| !cell.initialized()) {
                cells.swap_remove(&key);
            }
        }
        loaded.cloned()
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<Arc<V>>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = cells.get_index_of(key) {
            // What was used last stands at the end. Only the older half moves there, which keeps most hits cheap.
            let last = cells.len() - 1;
            if place < last / 2 {
                cells.move_index(place, last);
            }
            return cells.get(key).cloned().unwrap_or_default();
        }
        while cells.len() >= self.capacity {
            cells.shift_remove_index(0);
        }
        cells.entry(key.clone()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn many_who_miss_at_once_read_once() {
        let cache = Cache::new(2);
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
        let cache = Cache::new(2);
        assert_eq!(cache.get_or_load(1, async || Err::<u8, _>("down")).await, Err("down"));
        assert_eq!(*cache.get_or_load(1, async || Ok::<_, &str>(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn what_was_used_again_stays() {
        let cache = Cache::new(3);
        for version in [1, 2, 3, 1, 4] {
            cache.get_or_load(version, async || Ok::<_, ()>(version)).await.unwrap();
        }
        let kept = cache.get_or_load(1, async || Err(())).await;
        assert_eq!(kept.map(|value| *value), Ok(1));
        assert!(cache.get_or_load(2, async || Err(())).await.is_err());
    }
}
