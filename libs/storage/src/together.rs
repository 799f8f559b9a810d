//! Look-ups that many ask at once, answered by one query.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::oneshot;

use crate::error::Error;

/// Keys looked up by one query, give or take those of one asker.
const ROUND: usize = 5_000;

type Fetching<K, V> = Pin<Box<dyn Future<Output = Result<HashMap<K, V>, Error>> + Send>>;
type Asked<K, V> = (Vec<K>, oneshot::Sender<Answer<K, V>>);
type Answer<K, V> = Result<Arc<HashMap<K, V>>, String>;

/// Look-ups by key. While a query is under way, those who ask wait and are answered by the next one together, so that the
/// cost of a query is shared by all that are in flight.
///
/// Nothing is remembered: a query that answers somebody begins after they asked, so that what was committed before is seen.
pub struct Together<K, V> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K, V> {
    fetch: Box<dyn Fn(Vec<K>) -> Fetching<K, V> + Send + Sync>,
    waiting: Mutex<Waiting<K, V>>,
}

struct Waiting<K, V> {
    running: bool,
    asked: Vec<Asked<K, V>>,
}

impl<K, V> Clone for Together<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V> fmt::Debug for Together<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").finish_non_exhaustive()
    }
}

impl<K, V> Together<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Look-ups through `fetch`, which is given keys, some perhaps twice, and answers for those it knows.
    pub fn new<F>(fetch: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, Error>> + Send + 'static,
    {
        let fetch = Box::new(move |keys| Box::pin(fetch(keys)) as Fetching<K, V>);
        let waiting = Mutex::new(Waiting { running: false, asked: Vec::new() });
        Self { inner: Arc::new(Inner { fetch, waiting }) }
    }

    /// What is known of keys, and perhaps of others that were asked for at the same time.
    ///
    /// # Errors
    /// The query failed; everybody who was to be answered by it is told.
    pub async fn get(&self, keys: Vec<K>) -> Result<Arc<HashMap<K, V>>, Error> {
        let (sender, receiver) = oneshot::channel();
        let first = {
            let mut waiting = self.inner.lock();
            waiting.asked.push((keys, sender));
            !std::mem::replace(&mut waiting.running, true)
        };
        if first {
            // In a task of its own, so that one who gives up takes nobody's answer along.
            tokio::spawn(Arc::clone(&self.inner).run());
        }
        match receiver.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(why)) => Err(Error::Unavailable(DbErr::Custom(why))),
            // The task ended with the process, or with a panic.
            Err(_) => {
                Err(Error::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)))
            }
        }
    }
}

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>) {
        let mut idle = Idle(&self, true);
        loop {
            let round = {
                let mut waiting = self.lock();
                if waiting.asked.is_empty() {
                    waiting.running = false;
                    idle.1 = false;
                    return;
                }
                let mut keys = 0;
                let taken = waiting
                    .asked
                    .iter()
                    .take_while(|(asked, _)| {
                        let room = keys < ROUND;
                        keys += asked.len();
                        room
                    })
                    .count();
                waiting.asked.drain(..taken).collect::<Vec<_>>()
            };
            let (keys, senders): (Vec<Vec<K>>, Vec<_>) = round.into_iter().unzip();
            let answer = (self.fetch)(keys.into_iter().flatten().collect()).await;
            let answer = answer.map(Arc::new).map_err(|error| error.to_string());
            for sender in senders {
                // Who has given up needs no answer.
                let _ = sender.send(answer.clone());
            }
        }
    }
}

/// Lets the next one who asks begin anew if a query panics; those who wait learn that nobody will answer.
struct Idle<'a, K, V>(&'a Inner<K, V>, bool);

impl<K, V> Drop for Idle<'_, K, V> {
    fn drop(&mut self) {
        if self.1 {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.running = false;
            waiting.asked.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn doubling(queries: &Arc<AtomicUsize>) -> Together<u32, u32> {
        let queries = Arc::clone(queries);
        Together::new(move |keys: Vec<u32>| {
            queries.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                if keys.contains(&13) {
                    return Err(Error::Migration("thirteen".to_owned()));
                }
                Ok(keys.into_iter().map(|key| (key, 2 * key)).collect())
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_during_a_query_share_the_next_one() {
        let queries = Arc::default();
        let together = doubling(&queries);
        let asking: Vec<_> = (100..150)
            .map(|key| {
                let together = together.clone();
                tokio::spawn(async move { together.get(vec![key]).await.unwrap()[&key] })
            })
            .collect();
        for (key, asked) in (100..150).zip(asking) {
            assert_eq!(asked.await.unwrap(), 2 * key);
        }
        assert!(queries.load(Ordering::SeqCst) <= 2, "{queries:?} queries");
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_begins_after_it_was_asked_for() {
        let queries = Arc::default();
        let together = doubling(&queries);
        together.get(vec![1]).await.unwrap();
        together.get(vec![1]).await.unwrap();
        assert_eq!(queries.load(Ordering::SeqCst), 2, "nothing is remembered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_and_the_next_query_is_another_one() {
        let together = doubling(&Arc::default());
        assert!(matches!(together.get(vec![13]).await, Err(Error::Unavailable(_))));
        assert_eq!(together.get(vec![1]).await.unwrap()[&1], 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_takes_nobody_along() {
        let together = doubling(&Arc::default());
        let other = together.clone();
        let patient = tokio::spawn(async move { other.get(vec![2]).await.unwrap()[&2] });
        let hasty = tokio::time::timeout(Duration::from_millis(1), together.get(vec![1])).await;
        assert!(hasty.is_err());
        assert_eq!(patient.await.unwrap(), 4);
    }
}
