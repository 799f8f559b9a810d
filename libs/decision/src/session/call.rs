//! A telephone call, and a recording behind a customer's link.

use super::sets::{ENDS, OVERTAKEN, Signals};
use super::settings::{Settings, ms};
use super::signal::{Says, Signal};
use super::stage::Stage;
use super::step::{FETCH, RECORD, START_CHECK};
use super::timer::Timer;
use super::view::{Over, View};
use super::{Codes, Means, Session};
use crate::company::NumberMode;
use crate::skip_code::SkipCode;

const DIAL_FAULTS: Signals = Signals::saying(Says::DialFault);
/// Somebody spoke, or is said to have.
const CONNECTED: Signals =
    Signals::these(&[Signal::Answered, Signal::ManualStart, Signal::RecordingStarted]);

impl Session {
    pub(super) fn view_call(&self, settings: &Settings) -> View {
        let connected = self.facts.among(CONNECTED).map(|fact| fact.first.at).min();
        let fault = self.facts.among(DIAL_FAULTS).map(|fact| fact.first.at).min();
        let recorded = self.facts.has(Signal::RecordingStarted)
            || self.facts.has(Signal::ManualStart)
            || self.facts.has(Signal::FilesReady);
        if let Some(at) = fault.filter(|_| !recorded) {
            // Answered and never connected: one of the two is wrong, and nobody knows which.
            let findings = match connected {
                Some(_) => Codes::from_iter([SkipCode::UnknownState]),
                None => self.codes(DIAL_FAULTS),
            };
            return View::over(over(false, findings, at));
        }
        if let Some(at) = self.of_run(ENDS).map(|fact| fact.first.at).min() {
            let findings = if recorded { Codes::default() } else { self.faults() };
            return View::over(over(recorded, findings, at));
        }
        let ended = self.facts.last(Signal::CallEnded).or(self.facts.last(Signal::FilesReady));
        let numbers = self.order.numbers;
        if let Some(at) = self.overtaken().filter(|_| connected.or(ended).is_none()) {
            return View::over(Over { withdraw: true, ..over(false, self.codes(OVERTAKEN), at) });
        }
        // Nobody is called back before that end is settled: more may become known of the numbers until then.
        if let Some(at) = connected.or(ended).filter(|_| numbers == NumberMode::Prohibited) {
            return View::over(over(false, self.not_permitted().into_iter().collect(), at));
        }
        if let Some(at) = ended {
            let findings: Codes = self.not_permitted().into_iter().collect();
            return View::over(over(findings.is_empty(), findings, at));
        }
        let Some(connected) = connected else { return self.dialling(settings) };
        let mut view = View::at(match numbers {
            _ if recorded => Stage::Recording,
            NumberMode::Automatic => Stage::Answered,
            // A prohibited number has ended already.
            NumberMode::AutomaticExcluded | NumberMode::Manual | NumberMode::Prohibited => {
                Stage::WaitingForManualStart
            }
        });
        view.timers.set(Timer::MeetingLimit, connected + ms(settings.longest_call));
        // Systems that record by themselves have begun by now; others are told to.
        if numbers == NumberMode::Automatic && !recorded {
            view.wants = RECORD;
        }
        view
    }

    /// Why a call that took place is not to be recorded, by what its numbers permit.
    pub(super) fn not_permitted(&self) -> Option<SkipCode> {
        if self.means() != Means::Dialer {
            return None;
        }
        let by_hand = self.facts.has(Signal::ManualStart);
        match self.order.numbers {
            NumberMode::Automatic => None,
            NumberMode::Prohibited => Some(SkipCode::RecordingRestricted),
            NumberMode::AutomaticExcluded => {
                Some(SkipCode::AutoRecordingExcluded).filter(|_| !by_hand)
            }
            NumberMode::Manual => Some(SkipCode::ManualRecordingExcluded).filter(|_| !by_hand),
        }
    }

    fn dialling(&self, settings: &Settings) -> View {
        let ringing = self.facts.first(Signal::Ringing);
        let mut view = View::at(if ringing.is_some() { Stage::Ringing } else { Stage::Initiated });
        let since = ringing.or(self.facts.first(Signal::DialStarted)).unwrap_or(self.order.start);
        // Some systems tell nothing before the end: one asks, and goes on waiting. Who answers is not in time for a call of
        // long ago, so that wait begins when one asks.
        let asked = self.issued.flags & START_CHECK != 0;
        let due = if asked {
            since.max(self.issued.asked_at).saturating_add(ms(settings.longest_call))
        } else {
            since.saturating_add(ms(settings.ring_wait))
        };
        view.timers.set(Timer::Ring, due);
        view
    }

    pub(super) fn view_upload(&self, settings: &Settings) -> View {
        if let Some(at) = self.of_run(ENDS).map(|fact| fact.first.at).min() {
            return View::over(over(false, self.faults(), at));
        }
        let fetching = self.facts.first(Signal::Fetching);
        // What is being fetched is fetched to its end, like a recording that runs.
        if let Some(at) = self.overtaken().filter(|at| fetching.is_none_or(|since| *at < since)) {
            return View::over(Over { withdraw: true, ..over(false, self.codes(OVERTAKEN), at) });
        }
        let mut view = View::at(Stage::Importing);
        view.wants = FETCH;
        view.timers.set(Timer::Import, self.order.start + ms(settings.import_deadline));
        view
    }

    /// The codes of those of a set that are known.
    fn codes(&self, set: Signals) -> Codes {
        self.facts.among(set).filter_map(|fact| self.code_of(fact.signal)).collect()
    }
}

const fn over(media: bool, findings: Codes, at: i64) -> Over {
    Over { media, findings, at, not_before: at, withdraw: false }
}
