//! Who carries plans out: a port, and everybody behind it.
//!
//! A carrier is a way to set one kind of recorder to work: the provider's own recording, a bot service, a telephony system.
//! It is called with what was ordered and what is already known of it, does one thing at the provider, and says what came of
//! it. Everything durable happens around it: what is to be done is a row until it is done, and is tried again while it fails
//! in passing. So each of these may be called more than once with the same [`Job`], also after a crash in the middle: a
//! carrier makes itself known to the provider by [`Job::reference`], and looks for what it did before it does it again.

#[cfg(test)]
mod tests;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use decision::provider::Adapter as Which;
use decision::session::Signal;
use proto::provider::v1::{Act, Method};

use crate::attempts::{Attempt, Evidence, News, Order};
use crate::journal::key;

pub(crate) use work::{NOT_DELETED, NOT_WITHDRAWN, Worker};

/// The carrier that is no [`Carrier`]: fleets of bots come and take their work themselves.
pub(crate) const FLEET: &str = "fleet";

/// A way to carry plans out.
#[async_trait]
pub(crate) trait Carrier: fmt::Debug + Send + Sync {
    /// Its name: stored beside what it carries out, so never another one for the same thing.
    fn name(&self) -> &'static str;

    /// Whether it is set up to record so for a company.
    fn serves(&self, company: &str, adapter: Which, method: Method) -> bool;

    /// The connection by which it records what was ordered. It is kept with the order, and the attempt is done by no other
    /// one: what is at one account or workspace is not found at another.
    fn connection(&self, _order: &Order) -> Option<&str> {
        None
    }

    /// All connections by which it can do something.
    fn connections(&self) -> Vec<String> {
        Vec::new()
    }

    /// Sets a recorder to work.
    ///
    /// # Errors
    /// Trouble that may pass. What does not pass is no error but something told: a signal that ends the attempt.
    async fn carry(&self, job: &Job) -> Result<Told, Trouble>;

    /// Takes an attempt back: leaves the conference, stops and disarms the provider's recording. It may never have been
    /// carried out, or it may have been without anybody knowing.
    ///
    /// # Errors
    /// As with [`Carrier::carry`].
    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble>;

    /// Does something else in an attempt. What it cannot do it says so, or leaves it to a timer of the session.
    ///
    /// # Errors
    /// As with [`Carrier::carry`].
    async fn act(&self, job: &Job, act: Act) -> Result<Told, Trouble>;
}

/// One thing to do for an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// What was ordered. The link is in it until the attempt has ended.
    pub(crate) order: Order,
    /// What providers call it, as far as is known.
    pub(crate) names: Vec<Name>,
    /// Sets this job apart from others of the attempt; the same however often it is tried.
    pub(crate) number: u64,
    /// What kind of job it is, for keys.
    pub(crate) what: &'static str,
    /// How often it was tried before.
    pub(crate) tries: u32,
    /// The present instant.
    pub(crate) now: DateTime<Utc>,
}

impl Job {
    /// How the attempt is known to a provider that lets us name things: unique in the installation, the same always, and
    /// without anything of people in it.
    pub(crate) fn reference(&self) -> String {
        key::attempt(&self.order.attempt)
    }

    /// The first name of a kind.
    pub(crate) fn name(&self, kind: Kind) -> Option<&str> {
        self.names.iter().find(|name| name.kind == kind).map(|name| name.value.as_str())
    }

    /// All names of a kind.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.names.iter().filter(move |name| name.kind == kind).map(|name| name.value.as_str())
    }

    /// News of the attempt that comes of this job; told once for each signal.
    pub(crate) fn says(&self, signal: Signal) -> News {
        let key = format!("{}:{}:{}:{signal:?}", self.reference(), self.what, self.number);
        News::of(&self.order.attempt, signal, self.now, key)
    }
}

/// What a provider calls something of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    /// What is called so.
    pub(crate) kind: Kind,
    /// Its name, as the provider spells it.
    pub(crate) value: String,
}

/// What may have a name. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The bot.
    Bot = 1,
    /// The conference, as the provider numbers it.
    Conference = 2,
    /// One run of the conference.
    Instance = 3,
    /// The telephone call, or the call of a bot.
    Call = 4,
    /// The recording.
    Recording = 5,
    /// The user whose conference it is.
    Host = 6,
    /// What kind of conference it is, as the provider numbers it: at Zoom 4 is a personal room.
    Type = 7,
    /// The connection by which the attempt is carried out: kept with it, and not among its names.
    Connection = 8,
}

impl Kind {
    /// All of them.
    const ALL: [Self; 7] = [
        Self::Bot,
        Self::Conference,
        Self::Instance,
        Self::Call,
        Self::Recording,
        Self::Host,
        Self::Type,
    ];

    /// The kind of that number.
    pub(crate) fn of(stored: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i16 == stored)
    }

    /// Its name, in keys.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Conference => "conference",
            Self::Instance => "instance",
            Self::Call => "call",
            Self::Recording => "recording",
            Self::Host => "host",
            Self::Type => "type",
            Self::Connection => "connection",
        }
    }
}

/// What came of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// What the provider calls it, as far as that was learnt.
    pub(crate) names: Vec<Name>,
    /// What happened.
    pub(crate) news: Vec<News>,
}

impl Told {
    /// One signal.
    pub(crate) fn that(news: News) -> Self {
        Self { names: Vec::new(), news: vec![news] }
    }

    /// With another piece of news.
    pub(crate) fn and(mut self, news: News) -> Self {
        self.news.push(news);
        self
    }

    /// With what the provider calls something.
    pub(crate) fn named(mut self, kind: Kind, value: impl Into<String>) -> Self {
        self.names.push(Name { kind, value: value.into() });
        self
    }
}

/// Trouble that may pass: the job is tried again, a little later each time, until it is too late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What the provider said, as evidence.
    pub(crate) raw: Evidence,
    /// How long the provider wants to be left alone.
    pub(crate) after: Option<Duration>,
    /// What is told when it is too late.
    pub(crate) then: Signal,
}

impl Trouble {
    /// The connection by which the attempt is carried out is not set up here any more. It may come back.
    pub(crate) fn unconnected() -> Self {
        let why = "the connection by which it was done is not set up any more";
        Self::passing(Evidence::own("no_connection", why))
    }

    /// A passing fault of network or service.
    pub(crate) fn passing(raw: Evidence) -> Self {
        Self { raw, after: None, then: Signal::ConnectionFailed }
    }
}

/// Everybody who carries plans out in this process, the preferred ones first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carriers {
    list: Vec<Arc<dyn Carrier>>,
    fleets: bool,
}

impl Carriers {
    /// Carriers by preference; fleets of bots take what is left to bots, where they may.
    pub(crate) fn new(list: Vec<Arc<dyn Carrier>>, fleets: bool) -> Self {
        Self { list, fleets }
    }

    /// The name of who records so for a company; none where nobody does.
    pub(crate) fn serving(
        &self,
        company: &str,
        which: Which,
        method: Method,
    ) -> Option<&'static str> {
        let one = self.list.iter().find(|one| one.serves(company, which, method));
        let by_fleet = self.fleets && matches!(method, Method::Bot | Method::Local);
        one.map(|one| one.name()).or_else(|| by_fleet.then_some(FLEET))
    }

    /// The connection by which that carrier records what was ordered; empty where there is none to choose.
    pub(crate) fn connection(&self, name: &str, order: &Order) -> String {
        let one = self.get(name).and_then(|one| one.connection(order));
        one.unwrap_or_default().to_owned()
    }

    /// All connections by which something can be done here.
    pub(crate) fn connections(&self) -> Vec<String> {
        let mut all: Vec<String> = self.list.iter().flat_map(|one| one.connections()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The carrier of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Carrier>> {
        self.list.iter().find(|one| one.name() == name)
    }

    /// The names of all that are called here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.list.iter().map(|one| one.name())
    }
}

/// The signal for an attempt that nobody here can carry out.
pub(crate) fn nobody(attempt: &Attempt, method: Method, now: DateTime<Utc>) -> News {
    let signal = match method {
        Method::Native => Signal::NativeImpossible,
        Method::DialerImport => Signal::DialerImportFailed,
        Method::Upload => Signal::UrlImportFailed,
        Method::Unspecified | Method::Local | Method::Bot => Signal::ClientIncompatible,
    };
    let key = format!("{}:nobody", key::attempt(attempt));
    let why = Evidence::own("no_carrier", "nothing is set up that could record so for the company");
    News::of(attempt, signal, now, key).because(why)
}
