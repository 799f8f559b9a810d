//! The provider's own recording: nobody joins, the conference is watched, the files are fetched.

use super::bot::Fate;
use super::sets::{ENDS, EVIDENCE_OF_CLOUD, NEXT_METHODS, OVERTAKEN, RETRIES, RUNS, Signals};
use super::settings::{Settings, ms};
use super::signal::Signal;
use super::stage::Stage;
use super::step::{LIVE_START, START_CHECK};
use super::timer::Timer;
use super::view::{Over, View};
use super::{Codes, Means, Session};

const PAUSES: Signals = Signals::these(&[Signal::RecordingPaused, Signal::RecordingStopped]);
const TOO_LONG: Signals = Signals::these(&[Signal::NotRecordingTooLong]);

impl Session {
    pub(super) fn view_cloud(&self, settings: &Settings) -> View {
        if let Some(over) = self.cloud_over(settings) {
            return View::over(over);
        }
        if self.dispatched.is_none() {
            let mut view = View::at(Stage::Scheduled);
            // Nobody has to be sent in time: the sooner it is armed the better.
            view.timers.set(Timer::Dispatch, i64::MIN);
            return view;
        }
        // What is being recorded has begun, even if nobody told so.
        match self.facts.last(Signal::MeetingStarted).or(self.recorded_at()) {
            Some(started) => self.running(settings, started),
            None => self.expected(settings),
        }
    }

    /// Since when it is over, and what that comes to.
    fn cloud_over(&self, settings: &Settings) -> Option<Over> {
        let fault = self
            .of_run(ENDS.or(NEXT_METHODS).without(EVIDENCE_OF_CLOUD))
            .filter(|fact| fact.signal.code().is_some())
            .map(|fact| fact.first.at)
            .min();
        let recorded = self.recorded_at().is_some() || self.facts.has(Signal::FilesReady);
        let ended = self.cloud_ended();
        let at = match (ended, fault, self.overtaken()) {
            (Some(ended), _, _) => ended,
            // A recording that runs is not given up for a fault.
            (None, Some(fault), _) if !recorded => fault,
            (None, _, Some(overtaken)) if !recorded => overtaken,
            (None, _, _) => return None,
        };
        let mut against = self.unwanted();
        if let Some((code, true)) = self.cut(settings) {
            against.add(code);
        }
        // An end of the conference without a sign of a recording may be the loss of a sign: one looks.
        let look = ended.is_some() && fault.is_none() && self.overtaken().is_none();
        let findings = if recorded || look { against } else { self.why_no_cloud_recording() };
        Some(Over {
            media: (recorded || look) && findings.is_empty(),
            findings,
            at,
            // The same people may begin again; it costs nothing to see.
            not_before: if look || recorded { at.max(self.order.end) } else { at },
            withdraw: ended.is_none(),
        })
    }

    /// When the conference ended, for all we know.
    fn cloud_ended(&self) -> Option<i64> {
        if self.facts.holds(Signal::MeetingEnded, Signal::MeetingStarted) {
            return self.facts.last(Signal::MeetingEnded);
        }
        // Files are made when a conference is over, even if nobody told that it is; where an end was told and
        // the conference began again, they may be those of its first part.
        let told = self.facts.has(Signal::MeetingEnded);
        if !told && self.facts.holds(Signal::FilesReady, Signal::MeetingStarted) {
            return self.facts.last(Signal::FilesReady);
        }
        None
    }

    fn why_no_cloud_recording(&self) -> Codes {
        let mut codes = self.faults();
        self.waited_for().iter().for_each(|code| codes.add(code));
        self.facts
            .among(OVERTAKEN)
            .filter_map(|fact| self.code_of(fact.signal))
            .for_each(|code| codes.add(code));
        if codes.is_empty() {
            codes.add(self.unexplained());
        }
        codes
    }

    /// Before the conference.
    fn expected(&self, settings: &Settings) -> View {
        let waiting = self.position().map(|fact| fact.signal);
        let stages = [
            (Signal::WaitingForHost, Stage::WaitingForHost),
            (Signal::WaitingForStart, Stage::WaitingForStart),
            (Signal::Armed, Stage::Armed),
        ];
        let stage = stages.into_iter().find(|(signal, _)| waiting == Some(*signal));
        let mut view = View::at(stage.map_or(Stage::Staged, |(_, stage)| stage));
        let patience = self.order.start + ms(settings.start_wait);
        if self.issued.flags & START_CHECK == 0 {
            view.timers.set(Timer::StartCheck, patience);
        }
        view.timers.set(Timer::StartDeadline, patience.max(self.order.end));
        if let Fate::Again(due) = self.fate(settings) {
            view.stage = Stage::BackingOff;
            view.timers.set(Timer::Retry, due);
        }
        view
    }

    /// Whether the provider's recording could not be set, as often as it was tried.
    pub(super) fn cannot_be_armed(&self, settings: &Settings) -> bool {
        self.means() == Means::Cloud
            && self.of_run(RETRIES).next().is_some()
            && matches!(self.fate(settings), Fate::Over(_))
    }

    /// While it runs.
    fn running(&self, settings: &Settings, started: i64) -> View {
        let recorded = self.recorded_at();
        let Some(began) = recorded.filter(|_| !self.began_again()) else {
            let mut view = View::at(Stage::Started);
            if self.issued.flags & LIVE_START == 0 {
                view.timers.set(Timer::LiveStart, started + ms(settings.live_start));
            }
            // Files without a recording in this conference are of another one, and no reason to stay.
            let known = self.of_run(TOO_LONG).any(|fact| fact.last.mark.at >= started);
            let (timer, patience) = if known || recorded.is_some() {
                (Timer::MeetingLimit, settings.longest_meeting)
            } else {
                (Timer::NotRecording, settings.not_recording)
            };
            view.timers.set(timer, started + ms(patience));
            return view;
        };
        let mut view = View::at(Stage::Recording);
        if let Some((signal, at)) = self.interrupted() {
            view.stage =
                if signal == Signal::RecordingPaused { Stage::Paused } else { Stage::Stopped };
            let due = at + ms(settings.hold);
            if signal == Signal::RecordingStopped && self.issued.stop_checked != due {
                view.timers.set(Timer::StopHold, due);
            }
        }
        let limit = started.max(began) + ms(settings.longest_meeting);
        view.timers.set(Timer::MeetingLimit, limit);
        view
    }

    /// Whether the conference ended and began again since recording ran last.
    fn began_again(&self) -> bool {
        let runs = self.facts.among(RUNS).map(|fact| fact.last.mark).max();
        let ended = self.facts.get(Signal::MeetingEnded).map(|fact| fact.last.mark);
        ended > runs && self.facts.holds(Signal::MeetingStarted, Signal::MeetingEnded)
    }

    /// What interrupted the recording, and when, if it has not gone on since.
    fn interrupted(&self) -> Option<(Signal, i64)> {
        let runs = self.facts.among(RUNS).map(|fact| fact.last.mark).max();
        let pause = self.facts.among(PAUSES).max_by_key(|fact| (fact.last.mark, fact.signal))?;
        (Some(pause.last.mark) > runs).then_some((pause.signal, pause.last.mark.at))
    }

    /// When the host stopped the recording: it was told so; or the recording stopped well before the end of
    /// the conference, did not go on, and it was none of our commands.
    pub(super) fn stopped_by_host(&self, settings: &Settings) -> Option<i64> {
        let runs = self.facts.among(RUNS).map(|fact| fact.last.mark).max();
        if let Some(told) = self.facts.get(Signal::HostStopped).map(|fact| fact.last.mark)
            && Some(told) > runs
        {
            return Some(told.at);
        }
        let (_, stopped) = self.interrupted()?;
        let ended = self.facts.get(Signal::MeetingEnded)?;
        let ours = self.facts.first(Signal::OwnStop).is_some_and(|own| own <= stopped);
        let after = |end: i64| end.saturating_sub(stopped);
        // The conference may have ended with the recording and begun again.
        let with_it = after(ended.first.at).saturating_abs() <= ms(settings.hold);
        let by_host = !ours && !with_it && after(ended.last.mark.at) > ms(settings.hold);
        by_host.then_some(stopped)
    }
}
