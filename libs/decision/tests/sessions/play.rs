//! A session under a clock that jumps from one thing to the next, for tests to play with.

use chrono::{DateTime, TimeDelta, Utc};
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::{Effect, Heard, Means, Order, Outcome, Session, Settings, Signal, Stage};

pub(crate) fn start() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().expect("a date")
}

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// A session under a clock that jumps from one thing to the next.
pub(crate) struct Play {
    pub(crate) session: Session,
    pub(crate) settings: Settings,
    pub(crate) now: DateTime<Utc>,
    pub(crate) done: Vec<(i64, Effect)>,
}

impl Play {
    pub(crate) fn of(change: impl FnOnce(&mut Order)) -> Self {
        let mut order = Order {
            means: vec![Means::Bot],
            start: start(),
            end: at(1_800),
            join_at: at(-120),
            latest_join: at(600),
            announcement: false,
            personal_room: false,
            numbers: NumberMode::Automatic,
        };
        change(&mut order);
        let session = Session::new(&order);
        let mut play =
            Self { session, settings: Settings::default(), now: at(-3_600), done: Vec::new() };
        play.wake();
        play
    }

    pub(crate) fn bot() -> Self {
        Self::of(|_| {})
    }

    pub(crate) fn local() -> Self {
        Self::of(|order| order.means = vec![Means::LocalBot])
    }

    pub(crate) fn cloud() -> Self {
        Self::of(|order| order.means = vec![Means::Cloud])
    }

    pub(crate) fn call(numbers: NumberMode) -> Self {
        Self::of(|order| *order = Order::call(start(), numbers))
    }

    /// A bot that records from six seconds after the start.
    pub(crate) fn recording() -> Self {
        let mut play = Self::bot();
        play.hear(-118, Signal::Launched).hear(-117, Signal::Joining).hear(-90, Signal::InCall);
        play.hear(6, Signal::RecordingStarted);
        play
    }

    pub(crate) fn wake(&mut self) {
        let effects = self.session.wake(&self.settings, self.now);
        self.log(effects);
    }

    pub(crate) fn log(&mut self, effects: Vec<Effect>) {
        let second = (self.now - start()).num_seconds();
        self.done.extend(effects.into_iter().map(|effect| (second, effect)));
    }

    /// Lets time pass until then.
    pub(crate) fn until(&mut self, second: i64) -> &mut Self {
        let then = at(second);
        while let Some(due) = self.session.timers().map(|(_, due)| due).min() {
            if due > then {
                break;
            }
            assert!(self.done.len() < 1_000, "timers ring for ever: {:?}", self.session);
            self.now = self.now.max(due);
            self.wake();
            assert!(self.session.timers().all(|(_, due)| due > self.now), "{:?}", self.session);
        }
        self.now = self.now.max(then);
        self
    }

    pub(crate) fn hear(&mut self, second: i64, signal: Signal) -> &mut Self {
        self.until(second);
        self.late(second, signal)
    }

    /// A signal that happened then and is heard only now.
    pub(crate) fn late(&mut self, second: i64, signal: Signal) -> &mut Self {
        self.heard(Heard::new(signal, at(second)))
    }

    pub(crate) fn heard(&mut self, heard: Heard) -> &mut Self {
        let effects = self.session.hear(&self.settings, &heard, self.now);
        self.log(effects);
        self
    }

    pub(crate) fn imported(&mut self, second: i64, length: TimeDelta) -> &mut Self {
        self.until(second);
        let length = Some(length);
        self.heard(Heard { length, ..Heard::new(Signal::Imported, at(second)) })
    }

    pub(crate) fn ends_as(&mut self, outcome: Outcome) {
        self.until(1_000_000);
        assert_eq!(self.session.outcome(), Some(outcome), "{:#?}", self.done);
    }

    pub(crate) fn skipped(&mut self, code: SkipCode) {
        self.ends_as(Outcome::Skipped(code));
    }

    pub(crate) fn stage(&self) -> Stage {
        self.session.stage(&self.settings)
    }

    /// Seconds at which something was asked for.
    pub(crate) fn when(&self, wanted: impl Fn(&Effect) -> bool) -> Vec<i64> {
        self.done.iter().filter(|(_, effect)| wanted(effect)).map(|(second, _)| *second).collect()
    }

    pub(crate) fn dispatched(&self) -> Vec<i64> {
        self.when(|effect| matches!(effect, Effect::Dispatch { .. }))
    }

    pub(crate) fn discarded(&self) -> bool {
        self.done.iter().any(|(_, effect)| *effect == Effect::Discard)
    }
}
