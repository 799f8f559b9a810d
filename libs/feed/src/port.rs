//! The port: what is carried, and what can be done with it.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::Error;

/// That something is worth looking at: ids and a revision, never content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What it is about: the name of the stream it was read from, in lower case, such as `meetings`. Not empty.
    pub topic: String,
    /// The company whose subject it is; empty where there is none.
    pub company: String,
    /// Id of what changed, within topic and company.
    pub subject: String,
    /// Revision of the subject, up to `i64::MAX`. Of two notices about one subject the one with the higher revision may
    /// stand for both.
    pub revision: u64,
    /// A word or two on what happened, such as `removed`; often empty.
    pub note: String,
}

/// A notice in the hands of a consumer, until it is [done](Feed::done), put off, buried, or taken over by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names this delivery to the feed it came from; means nothing else.
    pub id: String,
    /// What it is about.
    pub notice: Notice,
    /// How often it has been delivered, this time included: 1 the first time.
    pub attempts: u32,
}

/// A notice that was put aside for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buried {
    /// Names it to [`Feed::replay`] and, as the last one seen, to [`Feed::buried`].
    pub id: String,
    /// What it was about. What could not be read as a notice has empty fields and revision 0.
    pub notice: Notice,
    /// How often it had been delivered.
    pub attempts: u32,
    /// Why it was put aside, for people.
    pub why: String,
    /// When that was, by the clock of the feed.
    pub at: DateTime<Utc>,
}

/// How much a feed carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Published and not delivered to anybody yet.
    pub waiting: u64,
    /// Delivered, and neither done, put off nor buried yet; abandoned ones among them.
    pub held: u64,
    /// Put off and not delivered again yet.
    pub later: u64,
    /// Buried and not replayed.
    pub buried: u64,
    /// How long ago the oldest of those waiting or held was published; none where there are none.
    pub oldest: Option<Duration>,
}

impl Depth {
    /// All that is not done.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.on_the_way().saturating_add(self.later)
    }

    /// What somebody works on or may take at once, and what counts against
    /// [`Settings::capacity`](crate::Settings::capacity).
    #[must_use]
    pub fn on_the_way(&self) -> u64 {
        self.waiting.saturating_add(self.held)
    }
}

/// Carries notices from whoever follows the leaves to the replicas that work on them.
///
/// Delivered at least once, each to one consumer at a time as long as that one does not abandon it. Of every subject at
/// least the newest revision arrives; there is no order among subjects, and none among revisions of a subject.
///
/// Every method may be given up at any moment: what it did then is either done or not done. Deliveries that were on their
/// way to a caller that gave up are delivered again, at the latest when they count as abandoned.
#[async_trait]
pub trait Feed: Debug + Send + Sync {
    /// Appends notices. Waits while the feed is full, for [`Settings::patience_ms`](crate::Settings::patience_ms) at most.
    ///
    /// # Errors
    /// [`Error::Full`] if it is still full then, [`Error::Unavailable`]. In both cases some of the notices may have been
    /// appended; publish them all again.
    async fn publish(&self, notices: &[Notice]) -> Result<(), Error>;

    /// The next notices for this consumer, at most `most`; waits for the first one, up to `patience`. What others abandoned
    /// comes first; what was put off and is due, however much of it there is, leaves room for what is new. What has been
    /// delivered too often already is buried instead.
    ///
    /// Meant for one loop per feed: of several callers one waits for notices and the others for their turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`], after a short pause, so that a loop does not spin.
    async fn next(&self, most: usize, patience: Duration) -> Result<Vec<Delivery>, Error>;

    /// The work is done and committed: these are not delivered again. Those taken over by somebody else in the meantime
    /// may be.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; they are delivered again, unless this is tried again first.
    async fn done(&self, deliveries: &[Delivery]) -> Result<(), Error>;

    /// Not now: to be delivered again, to anybody, after at least `after`. Their attempts are kept. Those no longer held by
    /// this consumer are left alone. Those of a company that has put off [`Settings::put_off`](crate::Settings::put_off)
    /// already are buried instead.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; they are delivered again when they count as abandoned.
    async fn later(&self, deliveries: &[Delivery], after: Duration) -> Result<(), Error>;

    /// Will never work: puts them aside with the reason, where [`Feed::buried`] shows them. Those no longer held by this
    /// consumer are left alone. The oldest are forgotten beyond [`Settings::buried`](crate::Settings::buried).
    ///
    /// # Errors
    /// [`Error::Unavailable`]; they are delivered again when they count as abandoned.
    async fn bury(&self, deliveries: &[Delivery], why: &str) -> Result<(), Error>;

    /// What was buried, oldest first, at most `most`, from behind the one called `after`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] if `after` is not the id of something buried here, [`Error::Unavailable`].
    async fn buried(&self, after: Option<&str>, most: usize) -> Result<Vec<Buried>, Error>;

    /// Publishes what was buried again, as if it had never been delivered, full or not, and takes it out; answers how many
    /// there were. No ids mean all; ids of nothing buried count for nothing.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for what cannot be an id, [`Error::Unavailable`].
    async fn replay(&self, ids: &[String]) -> Result<u64, Error>;

    /// How much it carries at the moment: for metrics.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn depth(&self) -> Result<Depth, Error>;

    /// A word that changes whenever something published may have been lost: Redis was emptied, was restarted, another took
    /// its place. Whoever published under another epoch compares revisions with decisions and publishes what is missing.
    /// It may change although nothing was lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn epoch(&self) -> Result<String, Error>;
}
