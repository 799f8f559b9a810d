//! What is carried out, as it is kept: attempts, what is to be done for them, and the log of what is told.
//!
//! When something is due is told by the service's clock, by which calls are decided. Until when a claim holds is told by
//! the database's, since replicas must agree on it. A claim is no lock: whoever finishes a job or puts it off names the claim
//! by which they have it, and one that was taken over has no effect any more.

mod answers;
mod attempts;
mod budget;
mod entity;
mod fleets;
mod imports;
mod inbox;
pub(crate) mod key;
mod links;
mod log;
mod lost;
mod migration;
mod notes;
mod purge;
mod row;
mod subscriptions;
mod trace;
mod work;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use storage::Store as Database;
use tokio::sync::{Notify, watch};

pub(crate) use attempts::Kept;
pub(crate) use fleets::{Fleet, Mine};
pub(crate) use imports::{Import, Imports as ImportTables, Settle, Share, Stage as ImportStage};
pub(crate) use inbox::{Health, Letter, Movement, Parcel, Settled, Unmapped};
pub(crate) use links::Spoken;
pub(crate) use migration::{Attempts as AttemptTables, Inbox as InboxTables};
pub(crate) use notes::{Note, Notes as NoteTables};
pub(crate) use purge::Tables as PurgeTables;
pub(crate) use subscriptions::{Need, Subscription, Subscriptions as SubscriptionTables, Tended};
pub(crate) use trace::{Trace, Traces};
pub(crate) use work::{Due, Finish, Kind as WorkKind};

/// Where an attempt stands, as far as it concerns who carries it out. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// It is kept, and nobody has it yet.
    Kept = 1,
    /// A fleet was asked to take it.
    Offered = 2,
    /// Somebody has it.
    Running = 3,
    /// It has ended.
    Over = 4,
    /// It was called back.
    Withdrawn = 5,
    /// Whoever had it is gone.
    Lost = 6,
}

impl State {
    /// All of them.
    const ALL: [Self; 6] =
        [Self::Kept, Self::Offered, Self::Running, Self::Over, Self::Withdrawn, Self::Lost];

    /// Those of which something may still come.
    const OPEN: [i16; 3] = [Self::Kept as i16, Self::Offered as i16, Self::Running as i16];

    fn of(stored: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i16 == stored)
    }
}

/// The durable middle. Cheap to clone; clones wake each other.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    database: Database,
    woken: Arc<Woken>,
}

/// Word within this process that there is something to do, so that nobody has to wait for the next look.
#[derive(Debug, Default)]
struct Woken {
    news: watch::Sender<()>,
    work: Notify,
    fleets: Notify,
    inbox: Notify,
    imports: Notify,
    subscriptions: Notify,
}

impl Journal {
    /// The journal in a database whose schema is up to date.
    pub(crate) fn new(database: Database) -> Self {
        Self { database, woken: Arc::default() }
    }

    /// Wakes those who wait for news.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.woken.news.subscribe()
    }

    /// Waits until this process has written something to do.
    pub(crate) async fn work_came(&self) {
        self.woken.work.notified().await;
    }

    /// Waits until this process has kept a webhook.
    pub(crate) async fn inbox_came(&self) {
        self.woken.inbox.notified().await;
    }

    /// Waits until this process has written something that may concern fleets.
    pub(crate) async fn fleets_came(&self) {
        self.woken.fleets.notified().await;
    }

    /// Wakes everybody of this process who waits for something to do, or for news.
    pub(crate) fn wake(&self) {
        self.woken.news.send_replace(());
        self.woken.work.notify_one();
        self.woken.fleets.notify_one();
    }
}

fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

fn instant(micros: i64) -> Result<DateTime<Utc>, storage::Error> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| corrupt("no instant"))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn corrupt(what: &str) -> storage::Error {
    storage::Error::Corrupt(sea_orm::DbErr::Type(what.to_owned()))
}
