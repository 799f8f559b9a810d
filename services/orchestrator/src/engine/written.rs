//! Decided calls as they give way to one another, are told, and are written.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use decision::conflict::{self, Contender, OwnedContender};
use decision::reach::{self, Traces};
use decision::{CallKey, Kind};
use proto::orchestrator::v1 as wire;
use proto::time;

use super::judging::Decided;
use super::{Cause, Engine};
use crate::sessions::hand_over_at;
use crate::store::{Judged, Through};

impl Engine {
    /// A decided call as it is written.
    pub(super) fn judged_of(
        &self,
        company: &str,
        one: &Decided,
        seen: u64,
        now: DateTime<Utc>,
        cause: Cause,
    ) -> Judged {
        Judged {
            seen,
            candidate: self.to_wire(company, one, now, cause),
            contender: contender(one).map(OwnedContender::from),
            partial_until: partial_until(one, now),
            traces: Traces::of(&one.subject.meeting, &one.subject.links).to_bytes(),
            through: None,
            end: None,
            again: false,
            carried: None,
            settings: Some(Arc::clone(&one.policy.settings)),
        }
    }

    pub(super) fn to_wire(
        &self,
        company: &str,
        one: &Decided,
        now: DateTime<Utc>,
        cause: Cause,
    ) -> wire::Decision {
        let mut told = to_wire(company, one, now, cause);
        if let Some(plan) = &mut told.plan {
            let recording = &one.policy.policy.settings.recording;
            let start = one.subject.meeting.start;
            let ahead = recording.dispatch_ahead.0;
            let at = hand_over_at(plan.method, start, ahead, self.arm_ahead);
            plan.dispatch_at = Some(time::to_wire(at));
            plan.dispatch_by = Some(time::to_wire(start + recording.latest_join.0));
        }
        told
    }
}

/// Until when a call for which an answer is missing is judged again: after the last instant to decide it, what was decided
/// stands, and plans are judged once more when they are handed over.
fn partial_until(one: &Decided, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let ahead = one.policy.policy.settings.recording.dispatch_ahead.0;
    Some(one.subject.meeting.start - ahead).filter(|until| !one.whole && now < *until)
}

/// Through whose recipient the event of a call came, and how many claims there had been before it was judged.
pub(super) fn through(one: &Decided, claims: u64) -> Option<Through> {
    let recipient = &one.subject.wire.foreign_recipient;
    (!recipient.is_empty()).then(|| Through { names: reach::recipient(recipient), claims })
}

/// Lets calls that conflict give way to one another.
pub(super) fn settle(decided: &mut [Decided]) {
    let places: Vec<usize> = decided
        .iter()
        .enumerate()
        .filter(|(_, one)| {
            matches!(one.decision.kind, Kind::Plan(_)) && one.subject.meeting.end.is_some()
        })
        .map(|(place, _)| place)
        .collect();
    let findings = {
        let contenders: Vec<Contender<'_>> =
            places.iter().filter_map(|place| contender(decided.get(*place)?)).collect();
        conflict::resolve(&contenders)
    };
    for (place, findings) in places.into_iter().zip(findings) {
        if let Some(one) = decided.get_mut(place) {
            one.decision.give_way(findings);
        }
    }
}

fn contender(one: &Decided) -> Option<Contender<'_>> {
    let Kind::Plan(plan) = &one.decision.kind else { return None };
    Some(Contender {
        key: &one.subject.key,
        start: one.subject.meeting.start,
        end: one.subject.meeting.end?,
        owner: &plan.owner,
        conference: one.subject.selected.conference.as_ref()?,
        requested: one.decision.requester.is_some(),
        owner_organizes: one.subject.organizer.as_deref() == Some(&*plan.owner),
        received_at: one.subject.meeting.received_at,
    })
}

/// Order of calls in every list: by start, UID and recurrence id.
pub(crate) fn order(decision: &wire::Decision) -> (Option<DateTime<Utc>>, CallKey, String) {
    (
        time::optional("start", decision.start.as_ref()).ok().flatten(),
        CallKey::try_from(decision.key.clone().unwrap_or_default()).unwrap_or_default(),
        decision.call_id.clone(),
    )
}

fn to_wire(company: &str, one: &Decided, now: DateTime<Utc>, cause: Cause) -> wire::Decision {
    let Decided { subject, decision, policy: _, whole: _ } = one;
    let shown = !decision.hidden;
    let told = wire::Decision::from(decision);
    wire::Decision {
        call_id: subject.wire.meeting_id.clone(),
        company: company.to_owned(),
        key: Some((&subject.key).into()),
        title: subject.wire.title.clone().filter(|_| shown),
        start: subject.wire.start,
        end: subject.wire.end,
        conference: subject.selected.conference.as_ref().filter(|_| shown).map(Into::into),
        meeting_revision: subject.wire.revision,
        decided_at: Some(time::to_wire(now)),
        cause: cause.as_str().to_owned(),
        ..told
    }
}
