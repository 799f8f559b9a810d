//! What becomes of a plan that is being carried out when its call is decided again.
//!
//! The session hears why its plan fell. Where that is of no account, because a recording has begun, or because it is not known
//! what speaks against it, everything stays as it is: the session ends some time, and what came of it is decided then.

use chrono::{DateTime, Utc};
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::{Heard, Settings, Signal};
use proto::orchestrator::v1 as wire;

use super::Moment;
use super::changes::Changes;
use crate::store::Call;

/// What a new decision on a call whose plan is being carried out comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It is written.
    Apply,
    /// It is not, and the call is judged again some time.
    Wait,
    /// It is not, and the call is judged again while its session lives: it is not known whether anything speaks against it.
    Again,
    /// It is not.
    Keep,
}

impl Changes {
    /// Tells the session of a call, if it has one, that there is a new decision, and what that comes to.
    pub(super) fn carry(
        &mut self,
        before: &Call,
        decision: &wire::Decision,
        settings: &Settings,
        moment: Moment,
    ) -> Course {
        let held = before.decision.revision;
        let Some(running) = self.sessions.get_mut(&before.call_id).filter(|one| one.holds == held)
        else {
            return Course::Apply;
        };
        let heard = match decision.kind() {
            wire::DecisionKind::Plan if is_carried_alike(&before.decision, decision) => {
                if let Some(numbers) = numbers_of(decision) {
                    // More became known of the numbers of a call, or what they permit was changed.
                    running
                        .step(settings, |machine| machine.permits(settings, numbers, moment.now));
                }
                running.carry_on(held + 1, !decision.requester.is_empty());
                self.released.insert(before.call_id.clone(), running.began_at.timestamp_micros());
                return Course::Apply;
            }
            wire::DecisionKind::Plan => Some(Heard::new(Signal::Rescheduled, moment.now)),
            wire::DecisionKind::Pending => return Course::Wait,
            wire::DecisionKind::Skip => {
                let code = decision.primary.as_ref();
                let code = code.and_then(|primary| proto::skip::from_wire(primary.code).ok());
                if code == Some(SkipCode::UnknownState) {
                    return Course::Again;
                }
                let was_moved = before.decision.start != decision.start;
                code.and_then(|code| heard_of(code, was_moved, moment.now))
            }
            wire::DecisionKind::Unspecified
            | wire::DecisionKind::Recorded
            | wire::DecisionKind::RecordedPartial => None,
        };
        let Some(heard) = heard else { return Course::Keep };
        let mut told = running.clone();
        told.step(settings, |machine| machine.hear(settings, &heard, moment.now));
        if !told.is_leaving() {
            return Course::Keep;
        }
        *running = told;
        // Nobody carries the new plan out yet, also where it is too late for anybody to.
        self.released.remove(&before.call_id);
        Course::Apply
    }
}

/// Whether two plans of a call are carried out alike: title, owner, end and whoever asked for it make no difference to a
/// recorder.
fn is_carried_alike(before: &wire::Decision, after: &wire::Decision) -> bool {
    let (Some(old), Some(new)) = (&before.plan, &after.plan) else { return false };
    before.start == after.start
        && before.conference == after.conference
        && (old.method, old.adapter, old.announcement)
            == (new.method, new.adapter, new.announcement)
        && old.join_at == new.join_at
}

/// What holds for the numbers of a telephone call by a plan; none of anything else.
fn numbers_of(decision: &wire::Decision) -> Option<NumberMode> {
    let plan = decision.plan.as_ref()?;
    proto::provider::number_mode("plan.number_mode", plan.number_mode).ok()
}

/// What a session hears of a code by which its plan fell. None where that is no reason to end it: nobody was asked who could
/// tell, or there was too little time to send somebody who has been sent.
fn heard_of(code: SkipCode, was_moved: bool, at: DateTime<Utc>) -> Option<Heard> {
    if matches!(code, SkipCode::ObsoleteCall) && !was_moved {
        return None;
    }
    Heard::decided(code, at)
}
