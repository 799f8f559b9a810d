//! What calendar-ingest keeps: components as their sources tell them, meetings made of them, and a log of changes.

pub(crate) mod sql;
#[cfg(test)]
mod suite;

use async_trait::async_trait;

use crate::error::Error;

/// The port to what is kept. Ids contain the company, so what is asked for by id is one company's.
#[async_trait]
pub(crate) trait Store: std::fmt::Debug + Send + Sync {
    /// How often the company's calendars have changed.
    async fn version(&self, company: &str) -> Result<u64, Error>;

    /// Components of series and their instances: those that are numbered so at their source, and those that belong to
    /// a series that is.
    async fn linked(
        &self,
        numbered: &[String],
        in_series: &[String],
    ) -> Result<Vec<Component>, Error>;

    /// Everything of some pools, meetings without their bodies.
    async fn pools(&self, pools: &[String]) -> Result<Pools, Error>;

    /// Meetings by their ids, in no order; those that are there.
    async fn meetings(&self, company: &str, ids: &[String]) -> Result<Vec<Meeting>, Error>;

    /// The meetings of a period that some calendar still holds, by start, UID and recurrence id.
    async fn list(&self, query: &Listing) -> Result<Vec<Meeting>, Error>;

    /// Applies changes all together, if the company's calendars are still at `version`. Answers the log's new head, if it
    /// has grown.
    ///
    /// # Errors
    /// [`Error::Contended`] if they are not.
    async fn apply(
        &self,
        company: &str,
        version: u64,
        changes: &Changes,
    ) -> Result<Option<u64>, Error>;

    /// Changes after a place in the log, oldest first, at most `limit`; of all companies if none is named. Each with the
    /// meeting as it is now; a change that was followed by another of the same meeting is left out.
    async fn changes(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<(Vec<Change>, Option<u64>), Error>;

    /// Pools that may hold more, and are laid out to no later than `to`; the least far ones first, those that come after
    /// `last` in that order.
    async fn due(&self, to: i64, last: Option<&Pool>, limit: u32) -> Result<Vec<Pool>, Error>;
}

/// An event, a series or an override, as a source told it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    /// See [`crate::identity::component`].
    pub(crate) id: String,
    /// The company.
    pub(crate) company: String,
    /// The calendar it comes from.
    pub(crate) source: String,
    /// What it is merged with.
    pub(crate) pool: String,
    /// Which occurrence it is for; empty for a series or a single event.
    pub(crate) slot: String,
    /// Its number at its source, if that is a series or a single event.
    pub(crate) source_key: Option<String>,
    /// The number of its series at its source.
    pub(crate) series_key: Option<String>,
    /// The event as JSON.
    pub(crate) event: String,
    /// Of everything its meetings are made of.
    pub(crate) digest: String,
    /// Zone for floating times.
    pub(crate) zone: String,
    /// Host of the company's consent pages, where its source named one.
    pub(crate) consent_host: String,
    /// The address through which it came; empty for a calendar.
    pub(crate) recipient: String,
    /// When it last changed, in microseconds since 1970.
    pub(crate) received: i64,
}

/// How far the components of one UID are laid out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pool {
    /// See [`crate::identity::pool`].
    pub(crate) id: String,
    /// The company.
    pub(crate) company: String,
    /// Until when, in microseconds since 1970.
    pub(crate) expanded_to: i64,
    /// Whether there may be more after that.
    pub(crate) open: bool,
}

/// What is kept of some pools.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pools {
    /// In no order.
    pub(crate) pools: Vec<Pool>,
    /// In no order.
    pub(crate) components: Vec<Component>,
    /// In no order.
    pub(crate) meetings: Vec<Head>,
}

/// A meeting without its body.
#[derive(Debug, Clone, PartialEq, Eq, sea_orm::FromQueryResult)]
pub(crate) struct Head {
    /// See [`crate::identity::meeting`].
    pub(crate) id: String,
    /// The pool it is made of.
    pub(crate) pool: String,
    /// Start, in microseconds since 1970.
    pub(crate) start_us: i64,
    /// Of its body.
    pub(crate) digest: String,
    /// Whether no calendar holds it any more.
    pub(crate) removed: bool,
}

/// A meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meeting {
    /// See [`crate::identity::meeting`].
    pub(crate) id: String,
    /// The company.
    pub(crate) company: String,
    /// The pool it is made of.
    pub(crate) pool: String,
    /// Start, in microseconds since 1970.
    pub(crate) start: i64,
    /// What its UID is sorted by.
    pub(crate) uid: Vec<u8>,
    /// Original start in microseconds since 1970; the least number for none.
    pub(crate) recurrence: i64,
    /// From 1.
    pub(crate) revision: u64,
    /// When its last material change was received.
    pub(crate) received: i64,
    /// Whether no calendar holds it any more.
    pub(crate) removed: bool,
    /// Of its body.
    pub(crate) digest: String,
    /// The message, without revision and time of receipt.
    pub(crate) body: Vec<u8>,
}

/// A change in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Place in the log.
    pub(crate) cursor: u64,
    /// The meeting.
    pub(crate) meeting: Meeting,
}

/// What an ingest or the passing of time changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Components that no source tells any more, by id.
    pub(crate) dropped: Vec<String>,
    /// Components that are new or have changed.
    pub(crate) components: Vec<Component>,
    /// Pools that are new or laid out further.
    pub(crate) pools: Vec<Pool>,
    /// Meetings that are new or have changed. Each makes an entry in the log.
    pub(crate) meetings: Vec<Meeting>,
}

impl Changes {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.dropped.is_empty()
            && self.components.is_empty()
            && self.pools.is_empty()
            && self.meetings.is_empty()
    }
}

/// Which meetings to list.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// The company.
    pub(crate) company: String,
    /// First start, in microseconds since 1970.
    pub(crate) from: i64,
    /// First start that is too late.
    pub(crate) to: i64,
    /// Only those after this one.
    pub(crate) after: Option<Position>,
    /// At most so many.
    pub(crate) limit: u64,
}

/// A place in the order of meetings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Start.
    pub(crate) start: i64,
    /// What the UID is sorted by.
    pub(crate) uid: Vec<u8>,
    /// Original start.
    pub(crate) recurrence: i64,
}

impl Meeting {
    /// Its place in the order.
    pub(crate) fn position(&self) -> Position {
        Position { start: self.start, uid: self.uid.clone(), recurrence: self.recurrence }
    }
}
