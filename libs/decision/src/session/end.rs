//! The end of a session, and what news after it may still change.

use super::sets::{ACTS, FORBIDS, RECORDED, Signals};
use super::step::{DISCARD, DISCARD_FILES};
use super::{Effect, Outcome, Session, Settings, Signal};
use crate::skip_code::{Phase, SkipCode};

impl Session {
    pub(super) fn end(&mut self, outcome: Outcome, now: i64, effects: &mut Vec<Effect>) {
        if !outcome.keeps() || self.means().joins() {
            self.withdraw(effects);
        }
        self.ended = Some((outcome, now));
        self.over = None;
        self.discard(outcome, effects);
        effects.push(Effect::End { outcome });
    }

    /// Throws away what is not kept: once when it ends, and once more when files turn up afterwards.
    pub(super) fn discard(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
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
