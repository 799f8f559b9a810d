//! Why a session ends: which of the codes that came up explains it.

use super::facts::Fact;
use super::media;
use super::sets::{
    ACTS, COMES_BACK, EVIDENCE_OF_CLOUD, FAULTS, FILE_FAULTS, FORBIDS, INSIDE, PAST_THE_DOOR,
    RECORDED, RETRIES, SOMEBODY, Signals,
};
use super::settings::ms;
use super::step::TAKE_WHAT_IS;
use super::{Codes, Means, Outcome, Session, Settings, Signal};
use crate::skip_code::SkipCode;

impl Session {
    /// The outcome, where the facts leave no doubt and no more news need be waited for.
    pub(super) fn conclusive(&self, settings: &Settings) -> Option<Outcome> {
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
    pub(super) fn act(&self) -> Option<SkipCode> {
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
    pub(super) fn code_of(&self, signal: Signal) -> Option<SkipCode> {
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
            let fell = self.fell.iter().find(|code| is_of(signal, *code));
            fell.or(signal.code())
        }
    }

    /// The codes of all faults that no later attempt overcame.
    pub(super) fn faults(&self) -> Codes {
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
    pub(super) fn got_over(&self, fault: &Fact) -> bool {
        RETRIES.contains(fault.signal)
            && self
                .facts
                .among(COMES_BACK)
                .any(|fact| fact.last.run == fault.last.run && fact.last > fault.last)
    }

    /// Why what was recorded is not wanted.
    pub(super) fn unwanted(&self) -> Codes {
        let has = |signal| self.facts.has(signal);
        let mut codes = Codes::default();
        if self.without_company().is_some() {
            codes.add(SkipCode::NoCompanyParticipants);
        }
        if self.among_colleagues().is_some() {
            codes.add(SkipCode::InternalMeeting);
        }
        if has(Signal::Alone) && self.facts.known().and(SOMEBODY).is_empty() {
            codes.add(SkipCode::NoAttendees);
        }
        if has(Signal::StartedAtOtherTime) && !has(Signal::MeetingStarted) {
            codes.add(SkipCode::PmiUnmatchedTimes);
        }
        codes.extend_with(self.not_permitted());
        codes
    }

    /// Since when others are there and nobody of the company is, unless somebody may be.
    pub(super) fn without_company(&self) -> Option<i64> {
        let may_be = Signals::these(&[Signal::CompanyPresent, Signal::StrangerPresent]);
        let none = self.facts.known().and(may_be).is_empty();
        self.facts.first(Signal::OthersPresent).filter(|_| none)
    }

    /// Since when colleagues are among themselves, if nobody else was ever there.
    pub(super) fn among_colleagues(&self) -> Option<i64> {
        let others =
            self.facts.has(Signal::OthersPresent) || self.facts.has(Signal::StrangerPresent);
        self.facts.first(Signal::OnlyColleagues).filter(|_| !others)
    }

    /// What else there was against a recording, where there is none and the conference is over: what was
    /// waited for in vain.
    pub(super) fn waited_for(&self) -> Codes {
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
    pub(super) fn unexplained(&self) -> SkipCode {
        if self.facts.has(Signal::Unreadable) {
            SkipCode::UnknownState
        } else {
            SkipCode::NotApplicable
        }
    }

    /// Who cut the recording short, and whether so soon that nothing is worth keeping (DOMAIN 5.17).
    pub(super) fn cut(&self, settings: &Settings) -> Option<(SkipCode, bool)> {
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
    pub(super) fn partial(&self, settings: &Settings) -> Option<SkipCode> {
        let mut codes = self.faults();
        codes.extend_with(self.cut(settings).map(|(code, _)| code));
        let dropped = self.facts.last(Signal::ConnectionFailed);
        if dropped.is_some() && dropped > self.recorded_at() && self.recorded_at().is_some() {
            codes.add(SkipCode::TempCannotConnectError);
        }
        if self.issued.flags & TAKE_WHAT_IS != 0 && !self.is_whole(settings) {
            codes.add(SkipCode::MissingRecording);
        }
        codes.lowest()
    }
}

/// Whether a decision of that code is told by that signal, and the code not by the signal alone.
pub(super) fn is_of(signal: Signal, code: SkipCode) -> bool {
    matches!(signal, Signal::PlanFell | Signal::PlanForbidden)
        && Signal::of_decision(code) == Some(signal)
}
