//! What a webhook tells, in the same words for every provider.

use chrono::{DateTime, Utc};

use decision::session::Signal;
use decision::session::people::Present;

use crate::{Key, Meaning, News, Private, Provider, hear};

/// Something a provider says has happened.
///
/// Events arrive late, twice and in any order. What they tell is joined by [`Event::about`], ordered by [`Event::at`] and
/// [`Event::sequence`], and told apart by [`Event::key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who says so.
    pub provider: Provider,
    /// What the provider calls it, as spelled by the provider: `meeting.started`. Names nobody knows occur.
    pub name: String,
    /// The provider's account, tenant or organisation it happened in.
    pub account: Option<String>,
    /// The same for every delivery of this event.
    pub key: Key,
    /// When it happened, by the provider's clock.
    pub at: Option<DateTime<Utc>>,
    /// Its place among the events of the same call, where the provider counts.
    pub sequence: Option<i64>,
    /// What it is about.
    pub about: About,
    /// The people it names.
    pub participants: Vec<Participant>,
    /// The recordings it names.
    pub recordings: Vec<Recording>,
    /// The raw codes in it, with their meanings, the most telling one first.
    pub meanings: Vec<Meaning>,
    /// A token with which the recordings can be fetched for a short time.
    pub download_token: Option<Private>,
}

impl Event {
    /// An event about which nothing is known but its name.
    pub(crate) fn new(provider: Provider, name: impl Into<String>, key: Key) -> Self {
        Self {
            provider,
            name: name.into(),
            account: None,
            key,
            at: None,
            sequence: None,
            about: About::default(),
            participants: Vec::new(),
            recordings: Vec::new(),
            meanings: Vec::new(),
            download_token: None,
        }
    }

    /// The signals in it that hold whoever takes part, the most telling one first, each once. Where one code explains
    /// another, as `meeting_locked` the `fatal` beside it, the explained one is left out.
    #[must_use]
    pub fn signals(&self) -> Vec<Signal> {
        hear::explained(self.meanings.iter().filter_map(Meaning::signal))
    }

    /// Whether one of its signals is this one.
    #[must_use]
    pub fn says(&self, signal: Signal) -> bool {
        self.signals().contains(&signal)
    }

    /// The news in it, in the order of [`Event::meanings`].
    pub fn news(&self) -> impl Iterator<Item = News> + '_ {
        self.meanings.iter().filter_map(Meaning::news)
    }

    /// Whether one of its news is this one.
    #[must_use]
    pub fn tells(&self, news: News) -> bool {
        self.news().any(|one| one == news)
    }

    /// Who removed the recorder or turned it away, where the provider names somebody.
    #[must_use]
    pub fn remover(&self) -> Option<&Participant> {
        let removed = |one: &&Participant| one.state.as_deref() == Some(crate::attendee::REMOVED);
        self.participants.iter().find(removed)
    }

    /// The codes in it that stand in no table: to be counted, and looked at by people.
    pub fn unknown(&self) -> impl Iterator<Item = &Meaning> {
        self.meanings.iter().filter(|one| one.is_unknown())
    }
}

/// What an event is about: as many of these as the provider names, in its own spelling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The conference: a Zoom meeting number, a Teams join URL or thread, a Webex meeting id, a Meet space.
    pub conference: Option<String>,
    /// The link people join the conference with, where the provider tells it.
    pub link: Option<Private>,
    /// One run of the conference: a Zoom uuid, a Graph call record, a Meet conference record.
    pub instance: Option<String>,
    /// The provider's number for the kind of meeting (Zoom: 4 is a personal room).
    pub conference_type: Option<i64>,
    /// When the meeting is, or was, to begin, as the provider knows it.
    pub planned_start: Option<DateTime<Utc>>,
    /// When it was to begin before that was changed, where the provider tells both.
    pub planned_before: Option<DateTime<Utc>>,
    /// The telephone call, or the call of a bot.
    pub call: Option<String>,
    /// The call or session all legs of one conversation have in common.
    pub session: Option<String>,
    /// One leg, or one party, of it.
    pub leg: Option<String>,
    /// The bot.
    pub bot: Option<String>,
    /// Our own reference, as we gave it to the provider.
    pub reference: Option<String>,
    /// The host's account at the provider.
    pub host: Option<String>,
    /// The user a change of accounts or settings is about.
    pub user: Option<String>,
    /// The mail address of that user, where the provider gives it.
    pub user_email: Option<Private>,
    /// Who did it, as an account at the provider.
    pub operator: Option<String>,
    /// The subscription that brought the news.
    pub subscription: Option<String>,
    /// `inbound` or `outbound`, for telephone calls.
    pub direction: Option<Direction>,
    /// The calling number.
    pub from: Option<Private>,
    /// The called number.
    pub to: Option<Private>,
    /// Seconds it lasted.
    pub seconds: Option<i64>,
}

/// Which way a telephone call goes, as seen from the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the company.
    Inbound,
    /// From the company.
    Outbound,
}

impl Direction {
    /// Reads `inbound`, `outbound`, and what begins with one of them (Twilio: `outbound-api`, `outbound-dial`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        if name.starts_with("inbound") || name == "incoming" {
            Some(Self::Inbound)
        } else if name.starts_with("outbound") || name == "outgoing" {
            Some(Self::Outbound)
        } else {
            None
        }
    }
}

/// A participant, as far as an event names one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Participant {
    /// Identity in this meeting or call.
    pub id: Option<String>,
    /// Account at the provider.
    pub user: Option<String>,
    /// Tenant or organisation of that account.
    pub tenant: Option<String>,
    /// What we named our own participant when it joined.
    pub reference: Option<String>,
    /// Mail address.
    pub email: Option<Private>,
    /// Name as displayed: a weak hint of who it is.
    pub name: Option<Private>,
    /// Telephone number.
    pub phone: Option<Private>,
    /// Whether it hosts the meeting.
    pub host: Option<bool>,
    /// Whether it is in the lobby.
    pub in_lobby: Option<bool>,
    /// The state the provider says it is in.
    pub state: Option<String>,
    /// When it came.
    pub joined: Option<DateTime<Utc>>,
    /// When it left.
    pub left: Option<DateTime<Utc>>,
}

impl Participant {
    /// The participant as sessions know people. `own` are the company's own tenants or organisations at the provider.
    #[must_use]
    pub fn present(&self, is_recorder: bool, own: &[&str]) -> Present<'_> {
        Present {
            address: self.email.as_ref().map(Private::expose),
            is_recorder,
            same_organisation: self.tenant.as_deref().is_some_and(|tenant| own.contains(&tenant)),
        }
    }
}

/// A recording, as far as an event names one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// Its id at the provider.
    pub id: Option<String>,
    /// The run of a conference, or the call, it is of, where the event is about several.
    pub of: Option<String>,
    /// What it shows or how it came about, in the provider's word: `audio_only`, `OnDemand`.
    pub content: Option<String>,
    /// Whether a person started it by hand; nothing where the provider does not tell.
    pub by_hand: Option<bool>,
    /// Its format, in the provider's word: `MP4`.
    pub format: Option<String>,
    /// The state the provider says it is in.
    pub state: Option<String>,
    /// When it begins.
    pub started: Option<DateTime<Utc>>,
    /// When it ends; nothing while it runs.
    pub ended: Option<DateTime<Utc>>,
    /// Bytes.
    pub bytes: Option<i64>,
    /// Seconds.
    pub seconds: Option<i64>,
    /// Where it can be fetched. Whether that is a host of the provider's is for whoever fetches to check.
    pub url: Option<Private>,
}
