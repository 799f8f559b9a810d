//! A bot in a conference: from its dispatch to the end of its recording.

use super::facts::Fact;
use super::sets::{
    ENDS, EVIDENCE_OF_CLOUD, INSIDE, NEXT_METHODS, OVERTAKEN, PROGRESS, RETRIES, SOMEBODY, Signals,
};
use super::settings::{Settings, ms};
use super::signal::Signal;
use super::stage::Stage;
use super::step::{ANNOUNCE, RECORD};
use super::timer::{Timer, Timers};
use super::view::{Over, View};
use super::{Codes, Means, Session};
use crate::skip_code::SkipCode;

/// Ends of an attempt that may pass.
pub(super) enum Fate {
    /// It goes on.
    Open,
    /// It is tried again then.
    Again(i64),
    /// It is over since.
    Over(i64),
}

const UNANSWERED: Signals = Signals::these(&[Signal::PermissionUnanswered]);
const WAITS_FOR_SOMEBODY: Signals =
    Signals::these(&[Signal::WaitingForHost, Signal::IdentityOwnerAbsent]);

/// What is told of the recording itself.
const OF_RECORDING: Signals = Signals::these(&[
    Signal::RecordingStarted,
    Signal::RecordingPaused,
    Signal::RecordingResumed,
    Signal::RecordingStopped,
]);

/// The stage of a recording of which that was told last.
fn of_recording(signal: Signal) -> Stage {
    if signal == Signal::RecordingPaused {
        Stage::Paused
    } else if signal == Signal::RecordingStopped {
        Stage::Stopped
    } else {
        Stage::Recording
    }
}

impl Session {
    pub(super) fn view_bot(&self, settings: &Settings) -> View {
        let retry_at = match self.fate(settings) {
            Fate::Open => None,
            Fate::Again(due) => Some(due),
            Fate::Over(at) => return View::over(self.over_of_bot(settings, at)),
        };
        if let Some(at) = self.overtaken() {
            return View::over(self.over_of_bot(settings, at));
        }
        if let Some(at) = self.ended_for_bot(settings) {
            // The conference may begin again, or have done so already.
            return View::over(Over { withdraw: false, ..self.over_of_bot(settings, at) });
        }
        if let Some(due) = retry_at {
            let mut view = View::at(Stage::BackingOff);
            view.timers.set(Timer::Retry, due);
            return view;
        }
        let Some(dispatched) = self.dispatched else {
            let mut view = View::at(Stage::Scheduled);
            view.timers.set(Timer::Dispatch, self.order.join_at);
            return view;
        };
        let Some(position) = self.position() else {
            let mut view = View::at(Stage::Staged);
            view.timers.set(Timer::Launch, dispatched.saturating_add(ms(settings.launch)));
            return view;
        };
        let inside = INSIDE.contains(position.signal);
        if inside { self.inside(settings, position) } else { self.outside(settings, position) }
    }

    /// What became of the attempt under way.
    pub(super) fn fate(&self, settings: &Settings) -> Fate {
        let nobody_joins = self.means() == Means::Cloud;
        let evidence = if nobody_joins { EVIDENCE_OF_CLOUD } else { Signals::default() };
        // Where there was a next method and the time for it, it has been taken already.
        let fatal = self
            .of_run(ENDS.or(NEXT_METHODS).without(evidence))
            .filter(|fact| !NEXT_METHODS.contains(fact.signal) || fact.signal.code().is_some());
        if let Some(at) = fatal.map(|fact| fact.first.at).min() {
            return Fate::Over(at);
        }
        let faults = self.of_run(RETRIES).filter(|fact| !self.got_over(fact));
        let Some(fault) = faults.map(|fact| fact.last.mark.at).max() else { return Fate::Open };
        let delay = settings.join_retries.get(usize::from(self.tries));
        let Some(delay) = delay.filter(|_| self.run < u8::MAX) else { return Fate::Over(fault) };
        let due = fault.saturating_add(ms(*delay));
        // Whoever was in once may come back until the planned end.
        let limit = if self.facts.known().and(INSIDE).is_empty() {
            self.join_limit(settings)
        } else {
            self.order.end.max(self.join_limit(settings))
        };
        if due <= limit { Fate::Again(due) } else { Fate::Over(fault) }
    }

    /// Since when what the plan was made from holds no more, unless a recording had begun.
    pub(super) fn overtaken(&self) -> Option<i64> {
        if self.recorded_at().is_some() {
            return None;
        }
        self.facts.among(OVERTAKEN).map(|fact| fact.first.at).min()
    }

    /// When the conference ended for a bot: one that is in, or one that waits before a conference that is
    /// known to be this one. The end of an earlier one in the same room is none.
    fn ended_for_bot(&self, settings: &Settings) -> Option<i64> {
        let ended = self.facts.get(Signal::MeetingEnded)?.last.mark;
        let started = self.facts.get(Signal::MeetingStarted).map(|fact| fact.last.mark);
        if started.is_some_and(|started| started > ended) {
            return None;
        }
        let entered = self.of_run(INSIDE).map(|fact| fact.entered.mark).min();
        let own = match (entered, started) {
            (Some(entered), _) => entered <= ended,
            (None, Some(started)) => {
                started.at >= self.order.start.saturating_sub(ms(settings.before_start))
            }
            (None, None) => false,
        };
        own.then_some(ended.at)
    }

    /// The latest thing the attempt under way did.
    pub(super) fn position(&self) -> Option<&Fact> {
        self.of_run(PROGRESS).max_by_key(|fact| (fact.last.mark, fact.signal))
    }

    /// Whether the bot waits for the user in whose name it joins, in a conference that runs.
    pub(super) fn waits_for_identity(&self) -> bool {
        self.facts.has(Signal::MeetingStarted)
            && self.position().is_some_and(|fact| fact.signal == Signal::IdentityOwnerAbsent)
    }

    /// Before the conference.
    fn outside(&self, settings: &Settings, position: &Fact) -> View {
        // Waiting counts from the planned start; and anew for one who was put back to wait.
        let again = self.of_run(INSIDE).map(|fact| fact.last.mark).max();
        let since = match again {
            Some(inside) if inside > position.entered.mark => position.last.mark.at,
            _ => position.entered.mark.at,
        };
        let patient = since.max(self.order.start);
        let latest = position.last.mark.at;
        let (stage, timer, due) = if position.signal == Signal::WaitingForStart {
            (Stage::WaitingForStart, Timer::StartWait, patient + ms(settings.start_wait))
        } else if WAITS_FOR_SOMEBODY.contains(position.signal) {
            (Stage::WaitingForHost, Timer::HostWait, patient + ms(settings.host_wait))
        } else if position.signal == Signal::InLobby {
            (Stage::Lobby, Timer::Lobby, patient + ms(settings.lobby_wait))
        } else if position.signal == Signal::Joining {
            (Stage::Joining, Timer::Connect, latest + ms(settings.connect))
        } else {
            (Stage::Launching, Timer::Connect, latest + ms(settings.connect))
        };
        let mut view = View::at(stage);
        view.timers.set(timer, due);
        view
    }

    /// In the conference.
    fn inside(&self, settings: &Settings, position: &Fact) -> View {
        let entered = self.of_run(INSIDE).map(|fact| fact.entered.mark.at).min();
        let entered = entered.unwrap_or(position.entered.mark.at);
        let patient = entered.max(self.order.start);
        let recording = self.of_run(Signals::these(&[Signal::RecordingStarted])).next().is_some();
        let told = self.of_run(OF_RECORDING).max_by_key(|fact| (fact.last.mark, fact.signal));
        let mut view = View::at(match told {
            Some(told) if recording => of_recording(told.signal),
            _ if position.signal == Signal::Announcing => Stage::Announcing,
            _ => Stage::InCall,
        });
        let timers = &mut view.timers;
        if recording {
            self.while_recording(settings, timers);
        } else {
            timers.set(Timer::NotRecording, patient + ms(settings.not_recording));
            if !self.permitted() {
                view.stage = self.asking(settings, entered, timers);
            } else if self.order.announcement
                && self.of_run(Signals::these(&[Signal::Announced])).next().is_none()
            {
                view.wants = ANNOUNCE;
                if self.issued.flags & ANNOUNCE != 0 {
                    view.stage = Stage::Announcing;
                    let due = self.issued.announced_at + ms(settings.announcement_wait);
                    timers.set(Timer::Announcement, due);
                }
            } else {
                view.wants = RECORD;
            }
        }
        self.company_kept(settings, patient, timers);
        view
    }

    /// Whether the host permits recording, or need not be asked.
    fn permitted(&self) -> bool {
        self.means() != Means::LocalBot
            || self.facts.holds(Signal::PermissionGranted, Signal::PermissionDenied)
                && self.of_run(Signals::these(&[Signal::PermissionGranted])).next().is_some()
    }

    /// Waiting for the host's permission.
    fn asking(&self, settings: &Settings, entered: i64, timers: &mut Timers) -> Stage {
        let asked = self.issued.asked;
        let denied = self.denied();
        let host = self.facts.last(Signal::HostJoined).filter(|at| *at > entered);
        let ask = settings.permission_asks.get(usize::from(asked)).filter(|_| asked < u8::MAX);
        match (host, ask) {
            // A host who joined after the last request has not been asked.
            (Some(host), _) if asked > 0 && host > self.issued.asked_at => {
                timers.set(Timer::Ask, host);
            }
            (_, Some(ask)) if !denied => timers.set(Timer::Ask, entered + ms(*ask)),
            _ => {}
        }
        if denied {
            return Stage::PermissionDenied;
        }
        let due = host.unwrap_or(entered) + ms(settings.permission_wait);
        if !self.of_run(UNANSWERED).any(|fact| fact.last.mark.at >= due) {
            timers.set(Timer::PermissionEnd, due);
        }
        // Nobody answered so far, but a host may yet come: given up at the end of the call.
        if asked > 0 { Stage::AskingPermission } else { Stage::InCall }
    }

    fn denied(&self) -> bool {
        self.facts.holds(Signal::PermissionDenied, Signal::PermissionGranted)
    }

    fn while_recording(&self, settings: &Settings, timers: &mut Timers) {
        let Some(began) = self.recorded_at() else { return };
        timers.set(Timer::MaxLength, began + ms(settings.max_length));
        if self.facts.holds(Signal::SilenceBegan, Signal::SilenceBroken)
            && let Some(silent) = self.facts.last(Signal::SilenceBegan)
        {
            let counts_from = silent.max(began + ms(settings.silence_after));
            timers.set(Timer::Silence, counts_from + ms(settings.silence));
        }
    }

    /// Who is there with the bot, and how long it stays with them.
    fn company_kept(&self, settings: &Settings, patient: i64, timers: &mut Timers) {
        let came = self.facts.among(SOMEBODY).map(|fact| fact.last.mark).max();
        let alone = self.facts.get(Signal::Alone).map(|fact| fact.last.mark);
        match (came, alone) {
            (None, Some(_)) => timers.set(Timer::NobodyJoined, patient + ms(settings.alone_before)),
            (Some(came), Some(alone)) if alone > came => {
                timers.set(Timer::EverybodyLeft, alone.at + ms(settings.alone_after));
            }
            _ => {}
        }
        if let Some(since) = self.without_company() {
            timers.set(Timer::Company, patient.max(since) + ms(settings.company_wait));
        }
        if let Some(since) = self.among_colleagues() {
            timers.set(Timer::Internal, patient.max(since) + ms(settings.internal_wait));
        }
    }

    /// What an end at that time comes to.
    fn over_of_bot(&self, settings: &Settings, at: i64) -> Over {
        let mut against = self.unwanted();
        if let Some((code, true)) = self.cut(settings) {
            against.add(code);
        }
        if self.facts.has(Signal::AnnouncementFailed) {
            against.add(SkipCode::ComplianceAudioAnnouncement);
        }
        let recorded = self.recorded_at().is_some();
        let findings = if recorded { against } else { self.why_not_recorded() };
        Over {
            media: recorded && findings.is_empty(),
            findings,
            at,
            not_before: at,
            withdraw: true,
        }
    }

    fn why_not_recorded(&self) -> Codes {
        let mut codes = self.faults();
        self.waited_for().iter().for_each(|code| codes.add(code));
        codes.extend_with(self.unpermitted());
        self.facts
            .among(OVERTAKEN)
            .filter_map(|fact| self.code_of(fact.signal))
            .for_each(|code| codes.add(code));
        if codes.is_empty() {
            let waits = self.position().is_some_and(|fact| fact.signal == Signal::InLobby);
            let ended = Signals::these(&[Signal::MeetingEnded, Signal::EverybodyLeft]);
            codes.add(match (waits, self.facts.known().and(ended).is_empty()) {
                (true, _) => SkipCode::ConnectorWasNotApproved,
                (false, false) => SkipCode::Ended,
                (false, true) => self.unexplained(),
            });
        }
        codes
    }

    /// The host was asked for permission, and did not give it.
    fn unpermitted(&self) -> Option<SkipCode> {
        if self.means() != Means::LocalBot || self.permitted() {
            return None;
        }
        if self.denied() {
            return Some(SkipCode::HostDeniedLocalRecording);
        }
        let unanswered = self.issued.asked > 1 || self.facts.has(Signal::PermissionUnanswered);
        unanswered.then_some(SkipCode::HostNotAnswered)
    }
}
