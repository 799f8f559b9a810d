//! The end of a session, and what news after it may still change.

use super::sets::{ACTS, AFTER_THE_END, FORBIDS, RECORDED, Signals};
use super::step::{DISCARD, DISCARD_FILES, FETCH};
use super::{Effect, Outcome, Session, Settings, Signal};
use crate::skip_code::{Phase, SkipCode};

impl Session {
    pub(super) fn end(&mut self, outcome: Outcome, now: i64, effects: &mut Vec<Effect>) {
        // An import that failed may be tried again by hand.
        let stays = outcome.keeps() || self.means().is_import() && is_failed_import(outcome);
        if !stays || self.means().joins() {
            self.withdraw(effects);
        }
        self.ended = Some((outcome, now));
        self.over = None;
        self.discard(outcome, effects);
        effects.push(Effect::End { outcome });
    }

    /// Throws away what is not kept: once when it ends, and once more when files turn up afterwards.
    pub(super) fn discard(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if is_failed_import(outcome) || outcome.keeps() {
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
        } else if self.may_be_recorded() && self.order_once(DISCARD) {
            effects.push(Effect::Discard);
        }
    }

    /// Whether there is something recorded, or there may be: what was asked for is fetched before anybody says so.
    fn may_be_recorded(&self) -> bool {
        !self.facts.known().and(RECORDED).is_empty() || self.issued.flags & FETCH != 0
    }

    /// Whether a signal that happened after the end is still heard: files too, where they are thrown away.
    pub(super) fn hears_after_the_end(&self, signal: Signal) -> bool {
        let late = Signals::these(&[Signal::Fetching, Signal::Imported]);
        let forbidden = || !self.facts.known().and(ACTS.or(FORBIDS)).is_empty();
        AFTER_THE_END.contains(signal) || late.contains(signal) && forbidden()
    }

    /// Late news of a session that is over: it stays over, its code may become a better one.
    pub(super) fn correct(&mut self, settings: &Settings, effects: &mut Vec<Effect>) {
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
    pub(super) fn may_become(&self, outcome: Outcome, found: Outcome) -> bool {
        let discarded = self.issued.flags & (DISCARD | DISCARD_FILES) != 0;
        if found == outcome || found.keeps() && discarded {
            return false;
        }
        let binding = ACTS.or(FORBIDS);
        !self.facts.known().and(binding).is_empty() || found.phase() >= outcome.phase()
    }
}

/// Whether a recording could not be had, or was not kept for what it is.
fn is_failed_import(outcome: Outcome) -> bool {
    !outcome.keeps()
        && outcome.phase() == Phase::Import
        && outcome.code() != Some(SkipCode::RecordingDeletedByUser)
}
