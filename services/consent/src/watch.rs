//! The record of choices as a stream.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::consent::v1;
use proto::verdict::v1::CallKey;
use tokio::sync::watch;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::error::Error;
use crate::store::{Choice, Store};

/// Choices read at a time.
const PAGE: u64 = 256;
/// How long nothing is read unless this process records something: others may share the store.
const PATIENCE: Duration = Duration::from_secs(1);

/// Word that something was recorded by this process.
#[derive(Debug, Default)]
pub(crate) struct News(watch::Sender<()>);

impl News {
    /// Wakes those who wait.
    pub(crate) fn tell(&self) {
        self.0.send_replace(());
    }
}

/// A reader of the record. It reads on when its client has taken what it has.
pub(crate) struct Watcher {
    store: Arc<dyn Store>,
    news: watch::Receiver<()>,
    company: Option<Arc<str>>,
    cursor: u64,
    until_caught_up: bool,
}

type Page = Vec<(u64, Choice)>;

impl Watcher {
    /// Reads what a request asks for.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        news: &News,
        request: v1::WatchChoicesRequest,
    ) -> Self {
        let v1::WatchChoicesRequest { company, cursor, until_caught_up } = request;
        let company = (!company.is_empty()).then(|| Arc::from(company));
        Self { store, news: news.0.subscribe(), company, cursor, until_caught_up }
    }

    /// Every choice after the cursor, and then as they are recorded.
    pub(crate) fn stream(self) -> BoxStream<v1::WatchChoicesResponse> {
        let pages = stream::try_unfold(self, Self::next);
        let choices = pages.map_ok(|page| stream::iter(page).map(Ok::<_, Error>)).try_flatten();
        choices.map_ok(to_wire).map_err(Status::from).boxed()
    }

    async fn next(mut self) -> Result<Option<(Page, Self)>, Error> {
        loop {
            // Seen before reading, so that a choice recorded while we read wakes us.
            self.news.mark_unchanged();
            let (page, reached) = self.read().await?;
            let further = reached > self.cursor;
            self.cursor = reached;
            if !page.is_empty() {
                return Ok(Some((page, self)));
            }
            if further {
                // Others' choices only.
                continue;
            }
            if self.until_caught_up {
                return Ok(None);
            }
            // Another process wakes nobody here: look for its choices now and then.
            let _ = tokio::time::timeout(PATIENCE, self.news.changed()).await;
        }
    }

    /// In a task of its own: a client that stops reading in the middle of a query would keep a connection of the store.
    async fn read(&self) -> Result<(Page, u64), Error> {
        let (store, company, after) = (Arc::clone(&self.store), self.company.clone(), self.cursor);
        tokio::spawn(async move { store.choices(company.as_deref(), after, PAGE).await })
            .await
            .unwrap_or(Err(Error::Unfinished))
    }
}

fn to_wire((cursor, choice): (u64, Choice)) -> v1::WatchChoicesResponse {
    let chosen = if choice.refused { v1::Choice::JoinWithoutRecording } else { v1::Choice::Join };
    v1::WatchChoicesResponse {
        cursor,
        company: choice.company,
        key: Some(CallKey {
            ical_uid: Some(choice.ical_uid),
            recurrence_id: choice.recurrence_id.map(proto::time::to_wire),
        }),
        choice: chosen.into(),
        chosen_at: Some(proto::time::to_wire(choice.at)),
    }
}
