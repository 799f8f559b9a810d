//! After the call: the recording is awaited and fetched.

use super::sets::{RUNS, Signals};
use super::settings::{Settings, ms};
use super::signal::Signal;
use super::stage::Stage;
use super::step::{FETCH, TAKE_WHAT_IS, WAITED};
use super::timer::Timer;
use super::view::{Over, View};
use super::{Codes, Session};

/// Verdicts on a file that was fetched: they stand, whatever was said of the fetching.
pub(super) const OF_CONTENT: Signals = Signals::these(&[
    Signal::MediaUnknown,
    Signal::MediaSilent,
    Signal::MediaEmpty,
    Signal::MediaTooShort,
    Signal::MediaTooLong,
]);

/// Losses that a provider may take back for a while.
pub(super) const REVOCABLE: Signals = Signals::these(&[Signal::FilesDeleted, Signal::FilesLost]);

impl Session {
    /// Something was recorded and the call is over.
    pub(super) fn view_media(&self, settings: &Settings, over: Over) -> View {
        let ready = self.facts.get(Signal::FilesReady).map(|fact| fact.last);
        let lost = self.facts.among(REVOCABLE).max_by_key(|fact| fact.last);
        if let Some(lost) = lost.filter(|lost| Some(lost.last) > ready) {
            let findings: Codes =
                self.facts.among(REVOCABLE).filter_map(|fact| self.code_of(fact.signal)).collect();
            let at = lost.last.mark.at;
            return View::over(Over { media: false, findings, at, not_before: at, ..over });
        }
        let again = over.not_before.min(over.at.saturating_add(ms(settings.restart_wait)));
        let mut view = if !self.is_ready(settings) {
            self.awaited(settings, &over)
        } else if again > over.at && self.issued.flags & WAITED == 0 {
            let mut view = View::at(Stage::Processing);
            view.timers.set(Timer::Restart, again);
            view
        } else {
            let mut view = View::at(Stage::Importing);
            view.wants = FETCH;
            if self.issued.flags & FETCH != 0 {
                let due = self.issued.fetch_at + ms(settings.import_deadline);
                view.timers.set(Timer::Import, due);
            }
            view
        };
        view.over = Some(over);
        view
    }

    /// Waiting for the files.
    fn awaited(&self, settings: &Settings, over: &Over) -> View {
        let mut view = View::at(Stage::Processing);
        let deadline = over.at + ms(settings.files_deadline);
        if let Some(poll) = self.poll_at(settings, over.at).filter(|poll| *poll < deadline) {
            view.timers.set(Timer::FilesPoll, poll);
        }
        view.timers.set(Timer::FilesDeadline, deadline);
        view
    }

    /// Whether the recording is there, or what there is of it has to do.
    fn is_ready(&self, settings: &Settings) -> bool {
        let some = self.facts.has(Signal::FilesReady) && self.issued.flags & TAKE_WHAT_IS != 0;
        some || self.is_whole(settings)
    }

    /// Whether the recording is there, and not only that of an earlier part of the call: the conference may
    /// have ended and begun again, the recorder may have dropped out and come back.
    pub(super) fn is_whole(&self, settings: &Settings) -> bool {
        let Some(ready) = self.facts.get(Signal::FilesReady).map(|fact| fact.last.mark) else {
            return false;
        };
        let began = self.facts.among(RUNS).map(|fact| fact.last.mark).max();
        let Some(began) = began else { return true };
        // What was made of the first part may be ready only while the second one is recorded.
        let of_first_part = self.facts.get(Signal::MeetingEnded).is_some_and(|ended| {
            ended.first < began && ready.at + ms(settings.hold) < ended.last.mark.at
        });
        ready >= began && !of_first_part
    }

    /// When the recording is asked for next: after twice its length, when it ought to be there, and shortly
    /// before it is given up.
    fn poll_at(&self, settings: &Settings, ended: i64) -> Option<i64> {
        let began = self.recorded_at().or(self.facts.first(Signal::MeetingStarted));
        let length = ended.saturating_sub(began.unwrap_or(self.order.start)).max(0);
        let due = ms(settings.files_due);
        let last = ms(settings.files_deadline).saturating_sub(ms(settings.hold));
        let wait = match self.issued.polls {
            0 => length.saturating_mul(2).min(due),
            1 => due,
            2 => last,
            _ => return None,
        };
        Some(ended.saturating_add(wait))
    }
}
