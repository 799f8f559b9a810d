//! The log of news as a stream.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::provider::v1;
use tokio::sync::watch;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::error::Error;
use crate::journal::Journal;

/// Pieces of news read at a time.
const PAGE: u64 = 256;
/// How long nothing is read unless this process writes something: other replicas share the store, and wake nobody here.
const PATIENCE: Duration = Duration::from_millis(500);

/// A reader of the log. It reads on when its client has taken what it has.
pub(crate) struct Watcher {
    journal: Journal,
    woken: watch::Receiver<()>,
    company: Option<String>,
    cursor: u64,
    until_caught_up: bool,
}

type Page = Vec<v1::WatchSignalsResponse>;

impl Watcher {
    /// Reads what a request asks for.
    pub(crate) fn new(journal: Journal, request: v1::WatchSignalsRequest) -> Self {
        let v1::WatchSignalsRequest { company, cursor, until_caught_up } = request;
        let company = (!company.is_empty()).then_some(company);
        Self { woken: journal.news(), journal, company, cursor, until_caught_up }
    }

    /// All news after the cursor, and then as it comes.
    pub(crate) fn stream(self) -> BoxStream<v1::WatchSignalsResponse> {
        let pages = stream::try_unfold(self, Self::next);
        let news = pages.map_ok(|page| stream::iter(page).map(Ok::<_, Error>)).try_flatten();
        news.map_err(Status::from).boxed()
    }

    async fn next(mut self) -> Result<Option<(Page, Self)>, Error> {
        loop {
            // Seen before reading, so that news written while we read wakes us.
            self.woken.mark_unchanged();
            let (page, reached) = self.read().await?;
            let further = reached > self.cursor;
            self.cursor = reached;
            if !page.is_empty() {
                return Ok(Some((page, self)));
            }
            if further {
                // Others' news only.
                continue;
            }
            if self.until_caught_up {
                return Ok(None);
            }
            // Another process wakes nobody here: look for its news now and then.
            drop(tokio::time::timeout(PATIENCE, self.woken.changed()).await);
        }
    }

    /// In a task of its own: a client that stops reading in the middle of a query would keep a connection of the store.
    async fn read(&self) -> Result<(Page, u64), Error> {
        let (journal, company, after) = (self.journal.clone(), self.company.clone(), self.cursor);
        tokio::spawn(async move { journal.after(company.as_deref(), after, PAGE).await })
            .await
            .unwrap_or(Err(Error::Unfinished))
    }
}
