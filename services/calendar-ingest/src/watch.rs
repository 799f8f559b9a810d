//! The log of changes as a stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::try_unfold;
use proto::calendar::v1;
use tokio::sync::{mpsc, watch};
use tonic::Status;

use crate::convert;
use crate::error::Error;
use crate::store::{Change, Store};

/// Entries of the log read at a time.
const AT_A_TIME: u64 = 256;

/// How long nothing is read unless this process changed something: other replicas share the store, and wake nobody here.
const PATIENCE: Duration = Duration::from_millis(500);

/// Changes read ahead of whoever watches.
const BUFFER: usize = 512;

/// A stream of changes.
pub(crate) type Changes =
    Pin<Box<dyn Stream<Item = Result<v1::WatchMeetingsResponse, Status>> + Send>>;

/// Every change after `cursor`, and then as they happen.
///
/// A task of its own reads the log: a stream that its reader leaves alone in the middle of a query would keep a
/// connection of the store.
pub(crate) fn watch(
    store: Arc<dyn Store>,
    head: watch::Receiver<u64>,
    company: Option<String>,
    cursor: u64,
    until_caught_up: bool,
) -> Changes {
    let mut watcher =
        Watcher { store, head, company, cursor, until_caught_up, read: VecDeque::new() };
    let (sender, receiver) = mpsc::channel(BUFFER);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = watcher.next() => next,
                () = sender.closed() => return,
            };
            let over = !matches!(next, Ok(Some(_)));
            if sender.send(next).await.is_err() || over {
                return;
            }
        }
    });
    Box::pin(try_unfold(receiver, |mut receiver| async move {
        let next = receiver.recv().await.unwrap_or(Err(Error::Work(None)))?;
        Ok(next.map(|change| (change, receiver)))
    }))
}

struct Watcher {
    store: Arc<dyn Store>,
    head: watch::Receiver<u64>,
    company: Option<String>,
    /// How far the log has been read.
    cursor: u64,
    until_caught_up: bool,
    read: VecDeque<Change>,
}

impl Watcher {
    async fn next(&mut self) -> Result<Option<v1::WatchMeetingsResponse>, Error> {
        loop {
            if let Some(change) = self.read.pop_front() {
                return Ok(Some(v1::WatchMeetingsResponse {
                    cursor: change.cursor,
                    meeting: Some(convert::stored(&change.meeting)?),
                    removed: change.meeting.removed,
                }));
            }
            // Seen before the log is read, so that what is written meanwhile wakes it.
            self.head.mark_unchanged();
            let (changes, reached) =
                self.store.changes(self.company.as_deref(), self.cursor, AT_A_TIME).await?;
            match reached {
                Some(reached) => {
                    self.cursor = reached;
                    self.read = changes.into();
                }
                None if self.until_caught_up => return Ok(None),
                None => {
                    let woken = tokio::time::timeout(PATIENCE, self.head.changed()).await;
                    if let Ok(Err(_)) = woken {
                        // The service is ending and nobody will wake this any more.
                        tokio::time::sleep(PATIENCE).await;
                    }
                }
            }
        }
    }
}
