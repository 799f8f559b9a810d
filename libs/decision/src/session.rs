//! A plan being carried out: facts are heard, and out of them come a stage, timers, orders and an outcome.
//!
//! A [`Session`] keeps what it heard as facts that are joined and never replaced, and derives everything
//! else from them: where it stands, what it waits for, what is to be done, what came of it. So the same
//! signals give the same outcome in whatever order they come, late or twice, as long as nothing was done in
//! between that cannot be undone: a session ended by a timer, a method given up, a recorder called back.
//! Three things are remembered besides: which attempt is under way, what was ordered already, and that it is
//! over.
//!
//! How the reason of an end is found:
//! 1. A person's act beats everything, and is final.
//! 2. Then what forbids recording; what was recorded is discarded.
//! 3. Then what came of the files, if it came to that.
//! 4. Then the lowest rank among what else went wrong and was not overcome by a later attempt.
//!
//! An act, a prohibition and a result of the import end a session at once, and so does a timer. Any other
//! end without a recording is settled for a while ([`Settings::hold`]), for what happened before it may be
//! heard after it. A session that is over stays over: late news can only correct its code.

mod bot;
mod call;
mod cloud;
mod effect;
mod end;
mod facts;
mod fire;
mod media;
mod order;
mod outcome;
pub mod people;
mod raw;
mod reason;
mod row;
mod sets;
mod settings;
mod signal;
mod stage;
mod step;
mod timer;
mod view;
pub mod ways;

use chrono::{DateTime, Utc};

pub use effect::Effect;
pub use order::{Means, Order};
pub use outcome::{Codes, Outcome};
pub use raw::Raw;
pub use row::{InvalidRow, VERSION};
pub use settings::Settings;
pub use signal::{Says, Signal, Then};
pub use stage::Stage;
pub use timer::Timer;

use crate::skip_code::SkipCode;
use facts::{Fact, Facts, Mark, Stamp};
use order::METHODS;
use sets::{ACTS, FAULTS, FILE_FAULTS, FORBIDS, OVERTAKEN, Signals};
use settings::ms;

/// One signal as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What it says.
    pub signal: Signal,
    /// When it happened, by the provider's clock; the time of arrival where the provider does not tell. A
    /// time far ahead of `now` counts as little ahead of it.
    pub at: DateTime<Utc>,
    /// The provider's sequence number, for what happened at one instant; 0 where there is none.
    pub sequence: u32,
    /// The attempt it belongs to, as [`Effect::Dispatch`] named it; none where the adapter cannot tell.
    pub run: Option<u8>,
    /// How long the recording is: with [`Signal::Imported`].
    pub length: Option<chrono::TimeDelta>,
    /// The raw code, where nobody has mapped it.
    pub raw: Option<Raw>,
    /// The code of the decision: with [`Signal::PlanFell`] and [`Signal::PlanForbidden`], which have none of
    /// their own.
    pub code: Option<SkipCode>,
}

impl Heard {
    /// A signal that happened at that time, of the attempt under way.
    #[must_use]
    pub const fn new(signal: Signal, at: DateTime<Utc>) -> Self {
        Self { signal, at, sequence: 0, run: None, length: None, raw: None, code: None }
    }

    /// That the decision on the call became a skip with that code then; none where that says nothing to a
    /// session under way, as [`Signal::of_decision`] has it.
    #[must_use]
    pub fn decided(code: SkipCode, at: DateTime<Utc>) -> Option<Self> {
        let signal = Signal::of_decision(code)?;
        Some(Self { code: Some(code), ..Self::new(signal, at) })
    }
}

/// Times of a provider further ahead of us than this count as this far ahead, in milliseconds.
const SKEW: i64 = 300_000;

/// One attempt to carry out a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    order: Brief,
    facts: Facts,
    /// The attempt under way, counted from 0 over all methods.
    run: u8,
    /// Place of the method under way.
    leg: u8,
    /// The first attempt by another method than the first; 0 before that.
    turned: u8,
    /// How often this method was tried again.
    tries: u8,
    /// Since when the attempt is under way, if it is.
    dispatched: Option<i64>,
    /// Since when it is known that it is over, with nothing to keep.
    over: Option<i64>,
    /// Since when it is known that the conference ended, with something to keep.
    closing: Option<i64>,
    /// What the decision on the call became, where the signal does not say it.
    fell: Codes,
    issued: Issued,
    armed: Vec<(Timer, i64)>,
    raws: Vec<Raw>,
    ended: Option<(Outcome, i64)>,
}

/// The order, as the machine needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Brief {
    means: Vec<Means>,
    start: i64,
    end: i64,
    join_at: i64,
    latest_join: i64,
    announcement: bool,
    personal_room: bool,
    numbers: crate::company::NumberMode,
}

/// What was ordered already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Issued {
    /// One bit for each order that is given once; see the constants.
    flags: u16,
    /// How often permission was asked for, in this attempt.
    asked: u8,
    /// How often the recording was asked for.
    polls: u8,
    /// When permission was asked for last, or what became of a telephone call.
    asked_at: i64,
    /// When the announcement was ordered.
    announced_at: i64,
    /// When the import was ordered.
    fetch_at: i64,
    /// For which stop of the recording the provider was asked whether the conference goes on.
    stop_checked: i64,
}

impl Session {
    /// A session that has heard nothing. Its first timers come from [`Session::wake`].
    #[must_use]
    pub fn new(order: &Order) -> Self {
        let at = |time: DateTime<Utc>| time.timestamp_millis();
        let mut means: Vec<Means> = order.means.iter().copied().take(METHODS).collect();
        if means.is_empty() {
            means.push(Means::Bot);
        }
        Self {
            order: Brief {
                means,
                start: at(order.start),
                end: at(order.end).max(at(order.start)),
                join_at: at(order.join_at),
                latest_join: at(order.latest_join),
                announcement: order.announcement,
                personal_room: order.personal_room,
                numbers: order.numbers,
            },
            facts: Facts::default(),
            run: 0,
            leg: 0,
            turned: 0,
            tries: 0,
            dispatched: None,
            over: None,
            closing: None,
            fell: Codes::default(),
            issued: Issued::default(),
            armed: Vec::new(),
            raws: Vec::new(),
            ended: None,
        }
    }

    /// Takes a signal in; what is to be done because of it. Total: no signal is refused, and none can do
    /// harm by coming late, twice or out of order.
    pub fn hear(&mut self, settings: &Settings, heard: &Heard, now: DateTime<Utc>) -> Vec<Effect> {
        let now = now.timestamp_millis();
        self.note(settings, heard, now);
        self.go_on(settings, now)
    }

    /// Lets time pass; what is to be done because of it. Called at the beginning and whenever a timer is
    /// due; calling it more often does no harm.
    pub fn wake(&mut self, settings: &Settings, now: DateTime<Utc>) -> Vec<Effect> {
        self.go_on(settings, now.timestamp_millis())
    }

    /// What holds for the telephone numbers of its call from now on: more became known of them, or what they permit was
    /// changed. It counts as if it had always been so, except that what is over stays over.
    pub fn permits(
        &mut self,
        settings: &Settings,
        numbers: crate::company::NumberMode,
        now: DateTime<Utc>,
    ) -> Vec<Effect> {
        if self.ended.is_some() || self.order.numbers == numbers {
            return Vec::new();
        }
        self.order.numbers = numbers;
        self.go_on(settings, now.timestamp_millis())
    }

    /// What came of it, once it is over.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.ended.map(|(outcome, _)| outcome)
    }

    /// When it was over, by our clock.
    #[must_use]
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.ended.and_then(|(_, at)| DateTime::from_timestamp_millis(at))
    }

    /// Where it stands.
    #[must_use]
    pub fn stage(&self, settings: &Settings) -> Stage {
        match self.ended {
            Some(_) => Stage::Ended,
            None => self.view(settings).stage,
        }
    }

    /// Every other code that came up, ascending by phase and rank: what was overcome, what a stronger
    /// reason hid.
    #[must_use]
    pub fn also(&self) -> Codes {
        let mut codes: Codes = self
            .facts
            .among(FAULTS.or(OVERTAKEN).or(FORBIDS).or(FILE_FAULTS))
            .chain(self.facts.among(Signals::saying(Says::DialFault)))
            .chain(self.facts.among(Signals::these(&[
                Signal::PermissionDenied,
                Signal::StartedAtOtherTime,
                Signal::Unreadable,
            ])))
            .filter_map(|fact| self.code_of(fact.signal))
            .collect();
        self.fell.iter().for_each(|code| codes.add(code));
        codes.extend_with(self.act());
        if let Some(shown) = self.outcome().and_then(Outcome::code) {
            codes.remove(shown);
        }
        codes
    }

    /// Raw codes nobody has mapped, the earliest first; a few of them.
    #[must_use]
    pub fn raws(&self) -> &[Raw] {
        &self.raws
    }

    /// The attempt under way, as its signals should name it.
    #[must_use]
    pub const fn run(&self) -> u8 {
        self.run
    }

    /// The method under way.
    #[must_use]
    pub fn means(&self) -> Means {
        self.order.means.get(usize::from(self.leg)).copied().unwrap_or(Means::Bot)
    }

    /// Whether somebody asked for the recording anew after the act that ended this one. That alone lets a
    /// new plan be made; this session stays over.
    #[must_use]
    pub fn requested_again(&self) -> bool {
        let asked = self.facts.last(Signal::RequestedAgain);
        asked > self.facts.among(ACTS).map(|fact| fact.last.mark.at).max() && asked.is_some()
    }

    /// Timers that are armed, each with its time.
    pub fn timers(&self) -> impl Iterator<Item = (Timer, DateTime<Utc>)> + '_ {
        self.armed.iter().map(|(timer, due)| (*timer, instant(*due)))
    }

    /// Joins a signal to the facts.
    fn note(&mut self, settings: &Settings, heard: &Heard, now: i64) {
        let at = heard.at.timestamp_millis().min(now.saturating_add(SKEW));
        if let Some((_, ended)) = self.ended
            && at > ended
            && !self.hears_after_the_end(heard.signal)
        {
            // What happens after the end is no part of it.
            return;
        }
        if let Some(raw) = &heard.raw {
            raw::keep(&mut self.raws, raw);
        }
        if let Some(code) = heard.code.filter(|code| reason::is_of(heard.signal, *code)) {
            self.fell.add(code);
        }
        let stamp = Stamp {
            run: heard.run.unwrap_or(self.run).min(self.run),
            mark: Mark { at, seq: heard.sequence },
        };
        let other = heard.signal == Signal::MeetingStarted && self.at_other_time(settings, at);
        let signal = if other { Signal::StartedAtOtherTime } else { heard.signal };
        self.facts.join(Fact::new(signal, stamp));
        if let (Signal::Imported, Some(length)) = (signal, heard.length) {
            if length < settings.min_length {
                self.facts.join(Fact::new(Signal::MediaTooShort, stamp));
            } else if length > settings.max_length {
                self.facts.join(Fact::new(Signal::MediaTooLong, stamp));
            }
        }
    }

    /// Whether a session of a personal room that began then is another meeting (DOMAIN 5.19).
    fn at_other_time(&self, settings: &Settings, at: i64) -> bool {
        let from = self.order.start.saturating_sub(ms(settings.before_start));
        self.order.personal_room && !(from..=self.order.end).contains(&at)
    }
}

/// A time of ours; what no calendar can hold is the end of all time.
fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
