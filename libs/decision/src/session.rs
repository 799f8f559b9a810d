//! A plan being carried out: facts are heard, and out of them come a stage, timers, orders and an outcome.
//!
//! A [`Session`] keeps what it heard as facts that are joined and never replaced, and derives everything
//! else from them: where it stands, what it waits for, what is to be done, what came of it. So the same
//! signals give the same outcome in whatever order they come, late or twice, as long as no timer ended the
//! session in between. Three things are remembered besides: which attempt is under way, what was ordered
//! already, and that it is over.
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
mod facts;
mod media;
mod order;
mod outcome;
mod raw;
mod row;
mod settings;
mod signal;
mod stage;
mod timer;
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

use crate::skip_code::{Phase, SkipCode};
use facts::{Fact, Facts, Mark, Stamp};
use order::METHODS;
use settings::ms;
use signal::Signals;
use timer::Timers;

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
}

impl Heard {
    /// A signal that happened at that time, of the attempt under way.
    #[must_use]
    pub const fn new(signal: Signal, at: DateTime<Utc>) -> Self {
        Self { signal, at, sequence: 0, run: None, length: None, raw: None }
    }
}

/// Times of a provider further ahead of us than this count as this far ahead, in milliseconds.
const SKEW: i64 = 300_000;

/// More steps than this never follow from one signal; a guard, not a rule.
const STEPS: usize = 256;

/// One attempt to carry out a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    order: Brief,
    facts: Facts,
    /// The attempt under way, counted from 0 over all methods.
    run: u8,
    /// Place of the method under way.
    leg: u8,
    /// How often this method was tried again.
    tries: u8,
    /// Since when the attempt is under way, if it is.
    dispatched: Option<i64>,
    /// Since when it is known that it is over, with nothing to keep.
    over: Option<i64>,
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
    /// When permission was asked for last.
    asked_at: i64,
    /// When the announcement was ordered.
    announced_at: i64,
    /// When the import was ordered.
    fetch_at: i64,
    /// For which stop of the recording the provider was asked whether the conference goes on.
    stop_checked: i64,
}

const ANNOUNCE: u16 = 1;
const RECORD: u16 = 1 << 1;
const WITHDRAW: u16 = 1 << 2;
const LIVE_START: u16 = 1 << 3;
const START_CHECK: u16 = 1 << 4;
const FETCH: u16 = 1 << 5;
const DISCARD: u16 = 1 << 6;
const DISCARD_FILES: u16 = 1 << 7;
/// What is ordered for each attempt anew.
const OF_RUN: u16 = ANNOUNCE | RECORD | WITHDRAW | LIVE_START;

/// What the facts come to, at one moment.
struct View {
    stage: Stage,
    timers: Timers,
    wants: u16,
    over: Option<Over>,
}

impl View {
    const fn at(stage: Stage) -> Self {
        Self { stage, timers: Timers::NONE, wants: 0, over: None }
    }

    const fn over(over: Over) -> Self {
        Self { stage: Stage::Leaving, timers: Timers::NONE, wants: 0, over: Some(over) }
    }
}

/// The attempt is over, or the whole session.
struct Over {
    /// There is something to keep; it has to be fetched.
    media: bool,
    /// Why there is not.
    findings: Codes,
    /// When it ended, by event time.
    at: i64,
    /// An end without anything to keep is not settled before.
    not_before: i64,
    /// What runs has to be called back.
    withdraw: bool,
}

const FAULTS: Signals = Signals::saying(Says::Fault(Then::Retry))
    .or(Signals::saying(Says::Fault(Then::NextMethod)))
    .or(Signals::saying(Says::Fault(Then::End)));
const RETRIES: Signals = Signals::saying(Says::Fault(Then::Retry));
const NEXT_METHODS: Signals = Signals::saying(Says::Fault(Then::NextMethod));
const ENDS: Signals = Signals::saying(Says::Fault(Then::End));
const PROGRESS: Signals = Signals::saying(Says::Progress);
const OVERTAKEN: Signals = Signals::saying(Says::Overtaken);
const FORBIDS: Signals = Signals::saying(Says::Forbids);
const ACTS: Signals = Signals::saying(Says::Act);
const FILE_FAULTS: Signals = Signals::saying(Says::FileFault);
/// The recorder was in the conference.
const INSIDE: Signals = Signals::these(&[
    Signal::Admitted,
    Signal::InCall,
    Signal::PermissionAsked,
    Signal::PermissionUnanswered,
    Signal::PermissionDenied,
    Signal::PermissionGranted,
    Signal::Announcing,
    Signal::Announced,
    Signal::RecordingStarted,
    Signal::RecordingPaused,
    Signal::RecordingResumed,
    Signal::RecordingStopped,
]);
/// The recorder came past the first door.
const PAST_THE_DOOR: Signals = INSIDE.or(Signals::these(&[Signal::InLobby]));
/// After a passing fault these show that the attempt got over it.
const COMES_BACK: Signals = Signals::these(&[
    Signal::Joining,
    Signal::WaitingForStart,
    Signal::WaitingForHost,
    Signal::InLobby,
    Signal::Admitted,
    Signal::InCall,
    Signal::RecordingStarted,
    Signal::RecordingResumed,
]);
/// Where nobody joins, these only tell what people waited for.
const EVIDENCE_OF_CLOUD: Signals =
    Signals::these(&[Signal::NeverStarted, Signal::HostNeverCame, Signal::HostStopped]);
/// What is heard even when all is over: what a person may still ask for, and files to throw away.
const AFTER_THE_END: Signals =
    Signals::these(&[Signal::DeletionAsked, Signal::RequestedAgain, Signal::FilesReady]);
/// There is something recorded, somewhere.
const RECORDED: Signals = Signals::these(&[
    Signal::RecordingStarted,
    Signal::ManualStart,
    Signal::FilesProcessing,
    Signal::FilesReady,
    Signal::Fetching,
    Signal::Imported,
]);

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
            tries: 0,
            dispatched: None,
            over: None,
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
            && !AFTER_THE_END.contains(heard.signal)
        {
            // What happens after the end is no part of it.
            return;
        }
        if let Some(raw) = &heard.raw {
            raw::keep(&mut self.raws, raw);
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

    /// Does all that follows from the facts and the time.
    fn go_on(&mut self, settings: &Settings, now: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut wanted = Timers::NONE;
        let mut waited = false;
        for _ in 0..STEPS {
            if self.ended.is_some() {
                self.correct(settings, &mut effects);
                wanted = Timers::NONE;
                break;
            }
            if let Some(outcome) = self.conclusive(settings) {
                self.end(outcome, now, &mut effects);
                continue;
            }
            if self.take_next_method(settings, now, &mut effects) {
                continue;
            }
            let view = self.view(settings);
            wanted = view.timers;
            if let Some(over) = &view.over {
                if over.withdraw {
                    self.withdraw(&mut effects);
                }
                if over.media {
                    self.over = None;
                } else {
                    let since = *self.over.get_or_insert(now);
                    let due = since.saturating_add(ms(settings.hold)).max(over.not_before);
                    if waited || due <= now {
                        let code = over.findings.lowest().unwrap_or(SkipCode::NotApplicable);
                        self.end(Outcome::Skipped(code), now, &mut effects);
                        continue;
                    }
                    wanted.set(Timer::Settle, due);
                }
            } else {
                self.over = None;
                // It went on after all: what was recorded is fetched when that is over.
                if self.means() != Means::Upload {
                    self.issued.flags &= !FETCH;
                }
            }
            self.keep_due(&mut wanted);
            if let Some((timer, due)) = wanted.due(now) {
                waited |= self.fire(settings, timer, due, now, &mut effects);
                continue;
            }
            if self.give_orders(view.wants, now, &mut effects) {
                continue;
            }
            break;
        }
        self.rearm(&wanted, &mut effects);
        effects
    }

    /// What the facts come to.
    fn view(&self, settings: &Settings) -> View {
        if let Some(at) = self.facts.first(Signal::Imported) {
            // Imported and not kept, or it would have ended at once.
            let findings = self.unwanted();
            return View::over(Over { media: false, findings, at, not_before: at, withdraw: true });
        }
        let view = match self.means() {
            Means::Cloud => self.view_cloud(settings),
            Means::LocalBot | Means::Bot => self.view_bot(settings),
            Means::Dialer => self.view_call(settings),
            Means::Upload => self.view_upload(settings),
        };
        match view.over {
            Some(over) if over.media => self.view_media(settings, over),
            _ => view,
        }
    }

    /// The outcome, where the facts leave no doubt and no more news need be waited for.
    fn conclusive(&self, settings: &Settings) -> Option<Outcome> {
        if let Some(code) = self.act() {
            return Some(Outcome::Skipped(code));
        }
        let codes = |set| self.facts.among(set).filter_map(|fact| self.code_of(fact.signal));
        if let Some(code) = codes(FORBIDS).collect::<Codes>().lowest() {
            return Some(Outcome::Skipped(code));
        }
        let imported = self.facts.has(Signal::Imported);
        let unwanted = !self.unwanted().is_empty();
        let faults = if imported && !unwanted {
            media::OF_CONTENT
        } else {
            FILE_FAULTS.without(media::REVOCABLE)
        };
        if let Some(code) = codes(faults).collect::<Codes>().lowest() {
            return Some(Outcome::Skipped(code));
        }
        // Who was there may yet be told: settled like any end without a recording.
        (imported && !unwanted)
            .then(|| self.partial(settings).map_or(Outcome::Recorded, Outcome::Partial))
    }

    /// The code of the person's act there was, if any.
    fn act(&self) -> Option<SkipCode> {
        let has = |signal| self.facts.has(signal);
        if self.facts.known().and(ACTS).is_empty() {
            return None;
        }
        let recorded = !self.facts.known().and(RECORDED).is_empty();
        if has(Signal::DeletionAsked) && recorded {
            return Some(SkipCode::RecordingDeletedByUser);
        }
        let earliest = |set| self.facts.among(set).map(|fact| fact.first.at).min();
        let stopped = earliest(Signals::these(&[Signal::StopAsked, Signal::CancelAsked]));
        let began = earliest(Signals::these(&[Signal::RecordingStarted, Signal::ManualStart]));
        Some(match (stopped, began) {
            (Some(stopped), Some(began)) if began <= stopped => SkipCode::StopUserRequest,
            _ if has(Signal::MeetingDeleted) => SkipCode::DeletedByUser,
            _ => SkipCode::CanceledByOwner,
        })
    }

    /// The code a signal comes to in this session.
    fn code_of(&self, signal: Signal) -> Option<SkipCode> {
        let inside = !self.facts.known().and(INSIDE).is_empty();
        if ACTS.contains(signal) {
            None
        } else if signal == Signal::Removed && !inside {
            // Thrown out while it waited: it was never in.
            Some(SkipCode::DeniedEntry)
        } else if signal == Signal::FailedUnexplained {
            Some(self.unexplained())
        } else if signal == Signal::FilesDeleted && self.means() == Means::Dialer {
            Some(SkipCode::RecordingDeletedByUser)
        } else {
            signal.code()
        }
    }

    /// The codes of all faults that no later attempt overcame.
    fn faults(&self) -> Codes {
        let furthest = self.facts.among(PAST_THE_DOOR).map(|fact| fact.last.run).max();
        let cloud = self.means() == Means::Cloud;
        self.facts
            .among(FAULTS)
            .filter(|fact| furthest.is_none_or(|run| run <= fact.last.run))
            .filter(|fact| !self.got_over(fact))
            .filter(|fact| !(cloud && EVIDENCE_OF_CLOUD.contains(fact.signal)))
            .filter_map(|fact| self.code_of(fact.signal))
            .collect()
    }

    /// Whether an attempt went on after a fault that may pass.
    fn got_over(&self, fault: &Fact) -> bool {
        RETRIES.contains(fault.signal)
            && self
                .facts
                .among(COMES_BACK)
                .any(|fact| fact.last.run == fault.last.run && fact.last > fault.last)
    }

    /// Why what was recorded is not wanted.
    fn unwanted(&self) -> Codes {
        let has = |signal| self.facts.has(signal);
        let mut codes = Codes::default();
        if has(Signal::OthersPresent) && !has(Signal::CompanyPresent) {
            codes.add(SkipCode::NoCompanyParticipants);
        }
        let somebody =
            Signals::these(&[Signal::OthersPresent, Signal::CompanyPresent, Signal::HostJoined]);
        if has(Signal::Alone) && self.facts.known().and(somebody).is_empty() {
            codes.add(SkipCode::NoAttendees);
        }
        if has(Signal::StartedAtOtherTime) && !has(Signal::MeetingStarted) {
            codes.add(SkipCode::PmiUnmatchedTimes);
        }
        codes
    }

    /// What else there was against a recording, where there is none and the conference is over: what was
    /// waited for in vain.
    fn waited_for(&self) -> Codes {
        let has = |signal| self.facts.has(signal);
        let mut codes = self.unwanted();
        if has(Signal::NobodyAtAll) {
            if has(Signal::WaitingForHost) || has(Signal::HostNeverCame) {
                codes.add(SkipCode::HostNeverShowed);
            }
            if has(Signal::WaitingForStart) || has(Signal::NeverStarted) {
                codes.add(SkipCode::DidNotStart);
            }
        }
        codes
    }

    /// Where nothing explains an end: the raw codes nobody mapped, if there are any.
    fn unexplained(&self) -> SkipCode {
        if self.facts.has(Signal::Unreadable) {
            SkipCode::UnknownState
        } else {
            SkipCode::NotApplicable
        }
    }

    /// When recording began first.
    fn recorded_at(&self) -> Option<i64> {
        self.facts.first(Signal::RecordingStarted)
    }

    /// Who cut the recording short, and whether so soon that nothing is worth keeping (DOMAIN 5.17).
    fn cut(&self, settings: &Settings) -> Option<(SkipCode, bool)> {
        let began = self.recorded_at()?.max(self.order.start);
        let cut = |code, at: i64| (code, at <= began.saturating_add(ms(settings.early)));
        let removed = self.facts.last(Signal::Removed).map(|at| cut(SkipCode::KickedOut, at));
        let stopped = match self.means() {
            Means::Cloud => self.stopped_by_host(settings),
            Means::LocalBot | Means::Bot => self.facts.last(Signal::HostStopped),
            Means::Dialer | Means::Upload => None,
        };
        stopped.map(|at| cut(SkipCode::RecordingStoppedByHost, at)).or(removed)
    }

    /// What the rest of a recording was lost to, where a part is kept.
    fn partial(&self, settings: &Settings) -> Option<SkipCode> {
        let mut codes = self.faults();
        codes.extend_with(self.cut(settings).map(|(code, _)| code));
        let dropped = self.facts.last(Signal::ConnectionFailed);
        if dropped.is_some() && dropped > self.recorded_at() && self.recorded_at().is_some() {
            codes.add(SkipCode::TempCannotConnectError);
        }
        codes.lowest()
    }

    /// Faults of the attempt under way, out of a set.
    fn of_run(&self, set: Signals) -> impl Iterator<Item = &Fact> {
        self.facts.among(set).filter(|fact| fact.last.run == self.run)
    }

    /// The last moment at which somebody is sent: later than planned where the conference began late.
    fn join_limit(&self, settings: &Settings) -> i64 {
        let began = self.facts.last(Signal::MeetingStarted).unwrap_or(self.order.start);
        self.order.latest_join.max(began.saturating_add(ms(settings.latest_join)))
    }

    /// Goes over to the next method, where this one cannot work and there is time.
    fn take_next_method(
        &mut self,
        settings: &Settings,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let last = usize::from(self.leg) + 1 >= self.order.means.len();
        let cannot = self.of_run(NEXT_METHODS).next().is_some() || self.cannot_be_armed(settings);
        if last || !cannot || now > self.join_limit(settings) {
            return false;
        }
        self.withdraw(effects);
        self.leg += 1;
        self.tries = 0;
        self.next_run();
        true
    }

    fn next_run(&mut self) {
        self.run = self.run.saturating_add(1);
        self.dispatched = None;
        self.over = None;
        self.issued.flags &= !OF_RUN;
        self.issued.asked = 0;
    }

    /// Calls back what runs, once.
    fn withdraw(&mut self, effects: &mut Vec<Effect>) {
        if self.dispatched.is_some() && self.order_once(WITHDRAW) {
            effects.push(Effect::Withdraw { run: self.run });
        }
    }

    /// Whether an order has not been given yet; it is now.
    const fn order_once(&mut self, order: u16) -> bool {
        let first = self.issued.flags & order == 0;
        self.issued.flags |= order;
        first
    }

    /// Gives the orders that the facts ask for and that have not been given.
    fn give_orders(&mut self, wants: u16, now: i64, effects: &mut Vec<Effect>) -> bool {
        let run = self.run;
        let mut given = false;
        for (order, effect) in [
            (ANNOUNCE, Effect::Announce { run }),
            (RECORD, Effect::StartRecording { run }),
            (FETCH, Effect::Fetch),
        ] {
            if wants & order != 0 && self.order_once(order) {
                effects.push(effect);
                given = true;
                if order == ANNOUNCE {
                    self.issued.announced_at = now;
                }
                if order == FETCH {
                    self.issued.fetch_at = now;
                }
            }
        }
        given
    }

    /// A timer is due: what was waited for did not happen, or the time for something has come. Tells
    /// whether it ends what it waited for.
    fn fire(
        &mut self,
        settings: &Settings,
        timer: Timer,
        due: i64,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let run = self.run;
        let missed = match timer {
            Timer::Dispatch | Timer::Retry => {
                if timer == Timer::Dispatch
                    && self.means().joins()
                    && now > self.join_limit(settings)
                {
                    Signal::DispatchMissed
                } else {
                    if timer == Timer::Retry {
                        // Whatever is left of the attempt before must not record beside this one.
                        self.withdraw(effects);
                        self.next_run();
                        self.tries = self.tries.saturating_add(1);
                    }
                    self.dispatched = Some(now);
                    effects.push(Effect::Dispatch { run: self.run, means: self.means() });
                    return false;
                }
            }
            Timer::Launch | Timer::Connect => {
                self.learn(Signal::ConnectionFailed, due);
                return false;
            }
            Timer::StartWait => Signal::NeverStarted,
            Timer::HostWait if self.waits_for_identity() => Signal::IdentityOwnerGone,
            Timer::HostWait => Signal::HostNeverCame,
            Timer::Lobby => Signal::LobbyTimeout,
            Timer::NobodyJoined => Signal::NobodyJoined,
            Timer::EverybodyLeft => Signal::EverybodyLeft,
            Timer::Company => Signal::NoCompanyCame,
            Timer::Ask => {
                effects.push(Effect::AskPermission { run, asked: self.issued.asked });
                self.issued.asked = self.issued.asked.saturating_add(1);
                self.issued.asked_at = now;
                return false;
            }
            Timer::PermissionEnd => Signal::PermissionGivenUp,
            Timer::Announcement => Signal::AnnouncementFailed,
            Timer::NotRecording => Signal::NotRecordingTooLong,
            Timer::Silence => Signal::SilentTooLong,
            Timer::MaxLength => Signal::LastedTooLong,
            Timer::StartCheck => {
                self.issued.flags |= START_CHECK;
                effects.push(Effect::CheckMeeting);
                return false;
            }
            Timer::StartDeadline => Signal::NobodyAtAll,
            Timer::LiveStart => {
                self.issued.flags |= LIVE_START;
                effects.push(Effect::StartLiveRecording { run });
                return false;
            }
            Timer::StopHold => {
                self.issued.stop_checked = due;
                effects.push(Effect::CheckMeeting);
                return false;
            }
            Timer::MeetingLimit => {
                let ended = match self.means() {
                    Means::Dialer => Signal::CallEnded,
                    Means::Cloud | Means::LocalBot | Means::Bot | Means::Upload => {
                        Signal::MeetingEnded
                    }
                };
                self.learn(ended, due);
                return false;
            }
            Timer::Ring if self.issued.flags & START_CHECK == 0 => {
                self.issued.flags |= START_CHECK;
                effects.push(Effect::CheckMeeting);
                return false;
            }
            Timer::Ring if self.facts.has(Signal::Ringing) => Signal::CallUnanswered,
            Timer::Ring => Signal::FailedUnexplained,
            // The end is settled where it was found.
            Timer::Settle => return true,
            Timer::FilesPoll => {
                self.issued.polls = self.issued.polls.saturating_add(1);
                effects.push(Effect::CheckFiles);
                return false;
            }
            Timer::FilesDeadline => Signal::FilesNeverCame,
            Timer::Import => match self.means() {
                Means::Dialer => Signal::DialerImportFailed,
                Means::Upload => Signal::UrlImportFailed,
                Means::Cloud | Means::LocalBot | Means::Bot => Signal::FilesNeverCame,
            },
        };
        self.learn(missed, due);
        true
    }

    /// Joins what we found out ourselves.
    fn learn(&mut self, signal: Signal, at: i64) {
        let stamp = Stamp { run: self.run, mark: Mark { at, seq: 0 } };
        self.facts.join(Fact::new(signal, stamp));
    }

    fn end(&mut self, outcome: Outcome, now: i64, effects: &mut Vec<Effect>) {
        if !outcome.keeps() {
            self.withdraw(effects);
        }
        self.ended = Some((outcome, now));
        self.over = None;
        self.discard(outcome, effects);
        effects.push(Effect::End { outcome });
    }

    /// Throws away what is not kept: once when it ends, and once more when files turn up afterwards.
    fn discard(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        let failed_import = outcome.phase() == Phase::Import;
        if failed_import && outcome.code() != Some(SkipCode::RecordingDeletedByUser) {
            // Kept, or not to be had: an import that failed may be tried again by hand.
            return;
        }
        // Files alone may be of another recorder, or of people who did not ask for us.
        let ours =
            ACTS.or(FORBIDS).or(Signals::these(&[Signal::RecordingStarted, Signal::ManualStart]));
        if outcome.phase() != Phase::Dial && self.facts.known().and(ours).is_empty() {
            return;
        }
        let files = Signals::these(&[Signal::FilesReady, Signal::Fetching, Signal::Imported]);
        let known = self.facts.known();
        if !known.and(files).is_empty() {
            if self.order_once(DISCARD_FILES) {
                self.issued.flags |= DISCARD;
                effects.push(Effect::Discard);
            }
        } else if !known.and(RECORDED).is_empty() && self.order_once(DISCARD) {
            effects.push(Effect::Discard);
        }
    }

    /// Late news of a session that is over: it stays over, its code may become a better one.
    fn correct(&mut self, settings: &Settings, effects: &mut Vec<Effect>) {
        let Some((outcome, at)) = self.ended else { return };
        let found = self.conclusive(settings).or_else(|| match self.view(settings).over {
            Some(over) if !over.media => over.findings.lowest().map(Outcome::Skipped),
            _ => None,
        });
        if let Some(found) = found.filter(|found| self.may_become(outcome, *found)) {
            self.ended = Some((found, at));
            effects.push(Effect::Correct { outcome: found });
        }
        if let Some((outcome, _)) = self.ended {
            self.discard(outcome, effects);
        }
    }

    /// Whether one outcome may take the place of another: never one of an earlier phase, unless a person's
    /// act or a prohibition came to light; and what was thrown away was not recorded.
    fn may_become(&self, outcome: Outcome, found: Outcome) -> bool {
        let discarded = self.issued.flags & (DISCARD | DISCARD_FILES) != 0;
        if found == outcome || found.keeps() && discarded {
            return false;
        }
        let binding = ACTS.or(FORBIDS);
        !self.facts.known().and(binding).is_empty() || found.phase() >= outcome.phase()
    }

    /// Leaves timers as they were armed that news which repeat what is known should not move.
    fn keep_due(&self, wanted: &mut Timers) {
        for (timer, armed) in &self.armed {
            if timer.keeps_due()
                && let Some(due) = wanted.get(*timer)
            {
                wanted.set(*timer, due.min(*armed));
            }
        }
    }

    /// Arms and disarms timers, so that exactly those are armed that are wanted.
    fn rearm(&mut self, wanted: &Timers, effects: &mut Vec<Effect>) {
        self.armed.retain(|(timer, _)| {
            let keeps = wanted.get(*timer).is_some();
            if !keeps {
                effects.push(Effect::Disarm { timer: *timer });
            }
            keeps
        });
        for (timer, due) in wanted.iter() {
            match self.armed.iter_mut().find(|(armed, _)| *armed == timer) {
                Some((_, armed)) if *armed == due => continue,
                Some((_, armed)) => *armed = due,
                None => self.armed.push((timer, due)),
            }
            effects.push(Effect::Arm { timer, due: instant(due) });
        }
    }
}

impl Codes {
    fn extend_with(&mut self, code: Option<SkipCode>) {
        if let Some(code) = code {
            self.add(code);
        }
    }
}

/// A time of ours; what no calendar can hold is the end of all time.
fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
