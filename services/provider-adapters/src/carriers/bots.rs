//! Bots of a runtime that others operate: sent, looked after, called back. One attempt, one bot.
//!
//! Before a bot is ordered it is noted that one is about to be: whoever calls the attempt back without knowing of any bot
//! looks for one that may yet show. How often the runtime settled that there is none is noted too, since it answers a
//! repetition as it did the first time.

mod fetch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use decision::provider::Adapter as Which;
use decision::session::{Settings, Signal};
use proto::provider::v1::{Act, Method};
use remote::bots::{Attempt, Extras, Happened, Leave, Withdrawn};
use remote::{Error, Private};
use serde_json::{Map, Value};
use signals::Event;

use super::files::{Origin, Recorded};
use super::line::{Line, unwritten};
use super::members::{Members, setup};
use super::webex::{self, Site};
use super::zoom::Account;
use super::zoom_local::{self, Preflight};
use crate::attempts::{Evidence, News, Order, Word};
use crate::carry::{Carrier, Job, Kind, Name, Told, Trouble};
use crate::inbox::{means, news};
use crate::journal::Journal;

/// How much later than whoever decides a bot leaves by itself: it may come before the time from which they count.
const MARGIN: TimeDelta = TimeDelta::minutes(15);
/// The same where a conference seems to be over.
const MOMENT: TimeDelta = TimeDelta::minutes(2);

/// What is told when no bot could be sent in time.
const THEN: Signal = Signal::ConnectionFailed;
/// The note that a bot is to be ordered; it holds how often that was refused.
const ASKED: &str = "bot_asked";
/// How often one looks for a bot that nobody has heard of.
const LOOKS: u32 = 3;
/// How long to wait in between.
const BETWEEN: Duration = Duration::from_secs(10);

/// A runtime, as far as bots need it.
#[async_trait]
pub(super) trait Runtime: fmt::Debug + Send + Sync {
    /// Whether its bots can wait in a conference before they record.
    fn waits_to_record(&self) -> bool;

    /// The one bot of an attempt, and how often the runtime has settled by now that it has none.
    async fn ensure(&self, wanted: Wanted) -> (Result<Sent, Error>, u32);

    /// Ids of all bots of an attempt.
    async fn find(&self, attempt: &Attempt) -> Result<Vec<String>, Error>;

    /// A bot.
    async fn retrieve(&self, bot: &str) -> Result<Bot, Error>;

    /// Calls a bot back, wherever it is.
    async fn withdraw(&self, bot: &str) -> Result<Withdrawn, Error>;

    /// Asks the host for permission, where bots do not by themselves.
    async fn ask(&self, bot: &str) -> Result<(), Error>;

    /// Begins to record.
    async fn record(&self, bot: &str) -> Result<(), Error>;

    /// Plays a sound.
    async fn play(&self, bot: &str, mp3: &[u8]) -> Result<(), Error>;

    /// What there is of what a bot recorded, with links made now.
    async fn recorded(&self, bot: &str) -> Result<Recorded, Error>;

    /// Deletes all that a bot recorded.
    async fn discard(&self, bot: &str) -> Result<(), Error>;

    /// Reads a webhook.
    fn read(&self, body: &[u8]) -> Option<Event>;
}

/// A bot to be sent.
#[derive(Debug)]
pub(super) struct Wanted {
    /// For which attempt.
    pub(super) attempt: Attempt,
    /// How often the runtime settled that it has no bot.
    pub(super) refusals: u32,
    /// The link to join by.
    pub(super) url: Private,
    /// What it is called in the conference.
    pub(super) name: String,
    /// When it joins; at once if absent.
    pub(super) join_at: Option<DateTime<Utc>>,
    /// When it leaves by itself.
    pub(super) leave: Leave,
    /// It records when it is told to, and can be told to play something before.
    pub(super) announces: bool,
    /// What the provider of the conference calls it.
    pub(super) names: Vec<Name>,
    /// What else it is to know.
    pub(super) metadata: BTreeMap<String, String>,
    /// More of the runtime's own settings.
    pub(super) more: Extras,
}

/// A bot that was found or sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// It.
    pub(super) bot: Bot,
    /// Others that should not be.
    pub(super) surplus: Vec<String>,
}

/// A bot, as a runtime tells of it.
#[derive(Debug)]
pub(super) struct Bot {
    /// Its id.
    pub(super) id: String,
    /// It is past its conference.
    pub(super) is_over: bool,
    /// It records.
    pub(super) records: bool,
    /// What happened to it.
    pub(super) events: Vec<Happened>,
}

/// A company's connection to a runtime.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) line: Line,
    pub(super) runtime: Box<dyn Runtime>,
    /// Where its files come from.
    pub(super) files: Origin,
    /// What its bots may join.
    pub(super) adapters: BTreeSet<Which>,
    /// What they are called.
    pub(super) bot_name: String,
    /// What they play before they record.
    pub(super) announcement: Option<Bytes>,
    /// Settings of the runtime for bots that join with an account of their own.
    pub(super) signed_in: Option<Map<String, Value>>,
    /// Settings of the runtime for bots in conferences of Zoom: where it fetches tokens.
    pub(super) zoom: Map<String, Value>,
}

/// Bots of one kind of runtime.
#[derive(Debug)]
pub(crate) struct Bots {
    pub(super) name: &'static str,
    pub(super) desks: Vec<Desk>,
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) sites: Vec<Site>,
    pub(super) members: Members,
    pub(super) journal: Journal,
}

impl Bots {
    fn desk(&self, company: &str, adapter: Which) -> Option<&Desk> {
        let serves = |one: &&Desk| one.line.company == company && one.adapters.contains(&adapter);
        self.desks.iter().find(serves)
    }

    /// The desk that has what is done in an attempt.
    fn desk_of(&self, job: &Job) -> Option<&Desk> {
        let company = &job.order.attempt.company;
        let Some(name) = job.name(Kind::Connection) else {
            return self.desk(company, job.order.adapter);
        };
        self.desks.iter().find(|one| one.line.name == name && one.line.company == *company)
    }

    async fn refusals(&self, job: &Job) -> Result<Option<u32>, Trouble> {
        let note = self.journal.note(&job.order.attempt, ASKED).await;
        let note = note.map_err(|error| unwritten(error, THEN))?;
        Ok(note.map(|note| note.value.parse().unwrap_or_default()))
    }

    async fn note(&self, job: &Job, refusals: u32) -> Result<(), Trouble> {
        let (attempt, count) = (&job.order.attempt, refusals.to_string());
        let noted = self.journal.write_note(attempt, ASKED, self.name, &count).await;
        noted.map_err(|error| unwritten(error, THEN))
    }

    /// The bot to order, or what is told instead.
    async fn wanted(&self, desk: &Desk, job: &Job) -> Result<Result<Wanted, Told>, Trouble> {
        let order = &job.order;
        let instead = |signal, code: &str, text: &str| {
            Ok(Err(Told::that(job.says(signal).because(Evidence::own(code, text)))))
        };
        let Some(url) = &order.join_url else {
            return instead(Signal::UrlUnusable, "no_link", "there is no link to join by");
        };
        if order.announcement && !desk.runtime.waits_to_record() {
            let why = "bots of this runtime record from the moment they are in";
            return instead(Signal::AnnouncementFailed, "records_at_once", why);
        }
        if order.announcement && desk.announcement.is_none() {
            let why = "no announcement is set for the connection";
            return instead(Signal::AnnouncementFailed, "no_announcement", why);
        }
        let known = self.members.facts(order, THEN).await?;
        let mut more = Extras::none();
        let signs_in = setup(known.as_deref(), order).is_some_and(|it| it.authenticated_bot);
        if signs_in {
            let Some(signed_in) = &desk.signed_in else {
                let why =
                    "bots join with an account of their own, and none is set for the connection";
                return instead(Signal::ClientIncompatible, "no_account_for_bots", why);
            };
            more = with(more, signed_in);
        }
        let (mut metadata, mut names) = (BTreeMap::new(), Vec::new());
        if order.adapter == Which::ZoomLocal {
            more = with(more, &desk.zoom);
            let accounts = self.accounts.iter().map(|one| &**one);
            let accounts: Vec<&Account> =
                accounts.filter(|one| one.line.company == order.attempt.company).collect();
            match zoom_local::preflight(&accounts, known.as_deref(), job).await? {
                Preflight::Go(evidence, called) => (metadata, names) = (evidence, called),
                Preflight::Stay(told) => return Ok(Err(told)),
            }
        }
        if order.adapter == Which::Webex {
            let site = self.sites.iter().find(|one| one.line.company == order.attempt.company);
            match webex::preflight(site, url.expose(), signs_in, job).await? {
                Preflight::Go(evidence, called) => (metadata, names) = (evidence, called),
                Preflight::Stay(told) => return Ok(Err(told)),
            }
        }
        let attempt =
            Attempt::new(job.reference()).map_err(|error| desk.line.trouble(&error, THEN))?;
        Ok(Ok(Wanted {
            attempt,
            refusals: 0,
            url: Private::new(url.expose()),
            name: desk.bot_name.clone(),
            join_at: order.join_at.filter(|at| *at > job.now),
            leave: leave(&Settings::default()),
            announces: order.announcement,
            names,
            metadata,
            more,
        }))
    }

    /// Ids of the bots of an attempt: the one that is known, or all that can be found.
    async fn bots(&self, desk: &Desk, job: &Job) -> Result<Vec<String>, Trouble> {
        self.bots_for(desk, job, THEN).await
    }

    /// The same, for something after which this is told when it fails for too long.
    async fn bots_for(&self, desk: &Desk, job: &Job, then: Signal) -> Result<Vec<String>, Trouble> {
        if let Some(known) = job.name(Kind::Bot) {
            return Ok(vec![known.to_owned()]);
        }
        let trouble = |error: Error| desk.line.trouble(&error, then);
        let attempt = Attempt::new(job.reference()).map_err(trouble)?;
        let found = desk.runtime.find(&attempt).await;
        desk.line.hear(found, job.now).await.map_err(trouble)
    }

    /// Calls all bots of an attempt back.
    async fn call_back(&self, desk: &Desk, job: &Job) -> Result<Told, Trouble> {
        let bots = self.bots(desk, job).await?;
        if bots.is_empty() && job.tries < LOOKS && self.refusals(job).await?.is_some() {
            let raw = desk.line.says("not_seen", "a bot may have been sent, and does not show yet");
            return Err(Trouble { raw, after: Some(BETWEEN), then: THEN });
        }
        for bot in &bots {
            let answer = desk.runtime.withdraw(bot).await;
            desk.line
                .hear(answer, job.now)
                .await
                .map_err(|error| desk.line.trouble(&error, THEN))?;
        }
        Ok(Told::default())
    }

    async fn begin(&self, desk: &Desk, job: &Job, bot: &str) -> Result<Told, Trouble> {
        // Whoever is told twice to begin ends what runs, and begins another recording.
        if self.retrieve(desk, job, bot).await?.is_some_and(|bot| bot.records) {
            return Ok(Told::default());
        }
        let answer = desk.runtime.record(bot).await;
        self.done(desk, job, answer).await
    }

    async fn announce(&self, desk: &Desk, job: &Job, bot: &str) -> Result<Told, Trouble> {
        let failed = |raw| Ok(Told::that(job.says(Signal::AnnouncementFailed).because(raw)));
        let Some(mp3) = &desk.announcement else {
            return failed(Evidence::own("no_announcement", ""));
        };
        let answer = desk.runtime.play(bot, mp3).await;
        match desk.line.hear(answer, job.now).await {
            // No runtime tells when it was over; it plays what it was given.
            Ok(()) => Ok(Told::that(job.says(Signal::Announcing)).and(job.says(Signal::Announced))),
            Err(error @ (Error::Refused { .. } | Error::NotFound { .. } | Error::Argument(_))) => {
                failed(desk.line.evidence(&error))
            }
            Err(error) => Err(desk.line.trouble(&error, THEN)),
        }
    }

    /// What comes too late or is not possible is left to the session's timers.
    async fn done(
        &self,
        desk: &Desk,
        job: &Job,
        answer: Result<(), Error>,
    ) -> Result<Told, Trouble> {
        match desk.line.hear(answer, job.now).await {
            Ok(())
            | Err(Error::Refused { .. } | Error::NotFound { .. } | Error::Forbidden { .. }) => {
                Ok(Told::default())
            }
            Err(error) => Err(desk.line.trouble(&error, THEN)),
        }
    }

    async fn retrieve(&self, desk: &Desk, job: &Job, bot: &str) -> Result<Option<Bot>, Trouble> {
        let answer = desk.runtime.retrieve(bot).await;
        match desk.line.hear(answer, job.now).await {
            Ok(bot) => Ok(Some(bot)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(desk.line.trouble(&error, THEN)),
        }
    }

    /// Tells all that is known of a bot.
    async fn check(&self, desk: &Desk, job: &Job, bot: &str, files: bool) -> Result<Told, Trouble> {
        let Some(bot) = self.retrieve(desk, job, bot).await? else {
            let raw = desk.line.says("not_found", "the runtime does not know the bot any more");
            let signal = if files { Signal::FilesMissing } else { Signal::FailedUnexplained };
            return Ok(Told::that(job.says(signal).because(raw)));
        };
        let mut told = Told { names: Vec::new(), news: happened(desk, job, &bot.events) };
        let of_files = [Signal::FilesReady, Signal::FilesLost, Signal::FilesDeleted];
        let settled =
            |one: &News| matches!(one.word, Word::Is(signal) if of_files.contains(&signal));
        if files && !told.news.iter().any(settled) {
            let signal = if bot.is_over { Signal::FilesMissing } else { Signal::FilesProcessing };
            told = told.and(job.says(signal));
        }
        Ok(told)
    }
}

/// When a bot leaves by itself, should nobody tell it to: later than whoever decides would, for they know why it stays.
fn leave(settings: &Settings) -> Leave {
    let after = |time: TimeDelta, margin: TimeDelta| (time + margin).to_std().ok();
    Leave {
        lobby: after(settings.lobby_wait, MARGIN),
        host: after(settings.host_wait, MARGIN),
        nobody_came: after(settings.alone_before, MARGIN),
        everybody_left: after(settings.alone_after, MOMENT),
        silence: after(settings.silence, MARGIN),
        silence_after: after(settings.silence_after, TimeDelta::zero()),
        not_recording: after(settings.not_recording, MARGIN),
        refused: after(settings.permission_wait, MARGIN),
        longest: after(settings.longest_meeting, TimeDelta::zero()),
    }
}

fn with(more: Extras, settings: &Map<String, Value>) -> Extras {
    settings.iter().fold(more, |more, (name, value)| more.with(name.as_str(), value.clone()))
}

/// What happened to a bot, as its webhooks tell it or should have: under the same keys.
fn happened(desk: &Desk, job: &Job, events: &[Happened]) -> Vec<News> {
    let mut all = Vec::new();
    for event in events.iter().filter_map(|one| desk.runtime.read(&one.webhook())) {
        for heard in event.heard(means(job.order.method), job.now, |_| false) {
            all.push(news(&event, &job.order.attempt, heard));
        }
    }
    all
}

#[async_trait]
impl Carrier for Bots {
    fn name(&self) -> &'static str {
        self.name
    }

    fn serves(&self, company: &str, adapter: Which, method: Method) -> bool {
        matches!(method, Method::Bot | Method::Local) && self.desk(company, adapter).is_some()
    }

    fn connection(&self, order: &Order) -> Option<&str> {
        self.desk(&order.attempt.company, order.adapter).map(|desk| desk.line.name.as_str())
    }

    fn connections(&self) -> Vec<String> {
        self.desks.iter().map(|desk| desk.line.name.clone()).collect()
    }

    async fn carry(&self, job: &Job) -> Result<Told, Trouble> {
        let Some(desk) = self.desk_of(job) else {
            let why = Evidence::own("no_connection", "the connection is not set up any more");
            return Ok(Told::that(job.says(Signal::ClientIncompatible).because(why)));
        };
        let wanted = match self.wanted(desk, job).await? {
            Ok(wanted) => wanted,
            Err(told) => return Ok(told),
        };
        let refusals = self.refusals(job).await?.unwrap_or_default();
        self.note(job, refusals).await?;
        let names = wanted.names.clone();
        let (sent, settled) = desk.runtime.ensure(Wanted { refusals, ..wanted }).await;
        if settled != refusals {
            self.note(job, settled).await?;
        }
        let error = match desk.line.hear(sent, job.now).await {
            Ok(sent) => {
                for other in &sent.surplus {
                    let answer = desk.runtime.withdraw(other).await;
                    let heard = desk.line.hear(answer, job.now).await;
                    heard.map_err(|error| desk.line.trouble(&error, THEN))?;
                }
                let news = happened(desk, job, &sent.bot.events);
                return Ok(Told { names, news }.named(Kind::Bot, sent.bot.id));
            }
            Err(error) => error,
        };
        match &error {
            Error::Refused { text, .. } if text.starts_with("meeting_url") => {
                let raw = desk.line.evidence(&error);
                Ok(Told::that(job.says(Signal::UrlUnusable).because(raw)))
            }
            Error::Busy { .. } | Error::Unavailable { .. } | Error::Unreadable(_) => {
                Err(desk.line.trouble(&error, THEN))
            }
            // Somebody may mend it in time: a key, a credit, too many bots at once.
            Error::Unauthorised { .. }
            | Error::Forbidden { .. }
            | Error::Refused { .. }
            | Error::NotFound { .. } => Err(desk.line.trouble(&error, Signal::ClientIncompatible)),
            Error::Argument(_) => {
                let raw = desk.line.evidence(&error);
                Ok(Told::that(job.says(Signal::ClientIncompatible).because(raw)))
            }
        }
    }

    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble> {
        match self.desk_of(job) {
            Some(desk) => self.call_back(desk, job).await,
            None => Err(Trouble::unconnected()),
        }
    }

    async fn act(&self, job: &Job, act: Act) -> Result<Told, Trouble> {
        let Some(desk) = self.desk_of(job) else { return Err(Trouble::unconnected()) };
        if act == Act::Stop {
            return self.call_back(desk, job).await;
        }
        let bots = self.bots(desk, job).await?;
        let Some(bot) = bots.first() else {
            return Ok(match act {
                Act::CheckFiles => Told::that(job.says(Signal::FilesMissing)),
                Act::Announce => Told::that(job.says(Signal::AnnouncementFailed)),
                Act::CheckMeeting
                | Act::StartRecording
                | Act::StartLiveRecording
                | Act::AskPermission
                | Act::Discard
                | Act::Fetch
                | Act::Stop
                | Act::Unspecified => Told::default(),
            });
        };
        match act {
            Act::StartRecording | Act::StartLiveRecording => self.begin(desk, job, bot).await,
            Act::Announce => self.announce(desk, job, bot).await,
            Act::AskPermission => {
                let answer = desk.runtime.ask(bot).await;
                self.done(desk, job, answer).await
            }
            Act::CheckMeeting => self.check(desk, job, bot, false).await,
            Act::CheckFiles => self.check(desk, job, bot, true).await,
            Act::Discard => {
                let answer = desk.runtime.discard(bot).await;
                match desk.line.hear(answer, job.now).await {
                    Ok(()) | Err(Error::NotFound { .. }) => Ok(Told::default()),
                    // A bot that is not past its conference: as soon as it is.
                    Err(error) => Err(desk.line.trouble(&error, THEN)),
                }
            }
            // Fetching is not this carrier's.
            Act::Fetch | Act::Stop | Act::Unspecified => Ok(Told::default()),
        }
    }
}
