//! What is to be written: which calls have a new decision, which give way or need not any more, which stay as they are.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use decision::session::Settings;
use decision::{Decision, Finding};
use proto::orchestrator::v1 as wire;
use proto::time;

use super::carry::Course;
use super::contend::{Member, settle};
use super::{End, Judged, Moment, Outcome, Sorted};
use crate::engine::Cause;
use crate::error::Error;
use crate::store::row::is_same;
use crate::store::{Call, Running};

/// For so long a call is judged again that is being recorded and of which nobody knows whether it may be: as long as that goes
/// on, since it is counted anew each time.
const AGAIN: TimeDelta = TimeDelta::hours(1);

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) outcome: Outcome,
    /// Calls that change.
    pub(super) calls: Vec<Call>,
    /// Calls of which nothing has changed but the policy they were judged by, by that policy.
    pub(super) seen: BTreeMap<u64, Vec<String>>,
    /// Those among `calls` that have a new decision.
    pub(super) new: HashSet<String>,
    /// Those among the others that were judged wholly and are not any more, or the other way round.
    pub(super) turned: HashSet<String>,
    /// Of new ones, and those whose names have changed: by which names the recipients of their events can be another's.
    pub(super) recipients: Vec<(String, Vec<u64>)>,
    /// When plans that stay handed over were so, in microseconds, by call.
    pub(super) released: HashMap<String, i64>,
    /// Sessions that carry out plans of calls in question; those that change are written.
    pub(super) sessions: BTreeMap<String, Running>,
    /// Sessions whose outcome stands in the decision of their call now: the call, and the revision of the plan.
    pub(super) told: Vec<(String, u64)>,
}

/// A decision of the core about the call that another decision is about.
pub(super) fn told_of(of: &wire::Decision, decision: &Decision) -> wire::Decision {
    wire::Decision {
        call_id: of.call_id.clone(),
        company: of.company.clone(),
        key: of.key.clone(),
        title: of.title.clone(),
        start: of.start,
        end: of.end,
        conference: of.conference.clone(),
        meeting_revision: of.meeting_revision,
        decided_at: of.decided_at,
        cause: of.cause.clone(),
        owner: of.owner.clone(),
        ..wire::Decision::from(decision)
    }
}

/// A candidate that gives way, or not.
pub(crate) fn give_way(
    candidate: &wire::Decision,
    findings: Vec<Finding>,
) -> Result<wire::Decision, Error> {
    if findings.is_empty() {
        return Ok(candidate.clone());
    }
    let mut decision = Decision::try_from(candidate)?;
    decision.give_way(findings);
    Ok(told_of(candidate, &decision))
}

impl Changes {
    /// Settles who gives way, and takes what changes by it.
    pub(super) fn conclude(
        &mut self,
        sorted: Sorted,
        members: BTreeMap<String, Member>,
        mut known: HashMap<String, Call>,
        moment: Moment,
    ) -> Result<(), Error> {
        let Sorted { fresh, mut settled, ended } = sorted;
        let settings = fresh.iter().find_map(|one| one.settings.clone()).unwrap_or_default();
        let mut against = settle(&members);
        for one in fresh {
            let id = one.candidate.call_id.clone();
            let findings = against.remove(&id).unwrap_or_default();
            let is_over = ended.contains(&id) || one.end == Some(End::Carried) && !one.again;
            self.take(one, known.remove(&id), findings, is_over, &settings, moment)?;
        }
        for (id, member) in members {
            let Some(mut call) = member.stored else { continue };
            // What has ended is final, whoever wins.
            if call.ended {
                continue;
            }
            let findings = against.remove(&id).unwrap_or_default();
            // It was judged as well, to the same end as before.
            if let Some(judged) = settled.get(&id) {
                call.judged_policy = judged.candidate.policy_version;
                call.judged_meeting = judged.meeting_revision();
                call.traces.clone_from(&judged.traces);
                call.partial_until = judged.partial_until;
            }
            if !moment.is_present {
                call.partial_until = None;
            }
            if self.settle_again(call, findings, &settings, moment)? {
                settled.remove(&id);
            }
        }
        for (id, judged) in settled {
            if let Some(before) = known.remove(&id) {
                self.leave(judged, before, moment);
            }
        }
        Ok(())
    }

    /// Leaves a call as it is, and notes from what it was judged.
    fn leave(&mut self, judged: Judged, before: Call, moment: Moment) {
        let judged_meeting = judged.meeting_revision();
        self.note(&judged, Some(&before));
        let Judged { candidate, partial_until, traces, .. } = judged;
        let id = before.call_id.clone();
        let partial_until = if moment.is_present { partial_until } else { before.partial_until };
        let has_turned = self.turn(&before, partial_until);
        self.outcome.decisions.insert(id.clone(), before.decision.clone());
        if before.judged_meeting != judged_meeting || before.traces != traces || has_turned {
            self.calls.push(Call {
                version: before.version + 1,
                judged_policy: candidate.policy_version,
                judged_meeting,
                partial_until,
                traces,
                ..before
            });
        } else if before.judged_policy != candidate.policy_version {
            self.seen.entry(candidate.policy_version).or_default().push(id);
        }
    }

    /// Notes whether a call whose decision stays needs to be judged again, and did not, or does not any more.
    fn turn(&mut self, before: &Call, partial_until: Option<DateTime<Utc>>) -> bool {
        let has_turned = before.partial_until.is_some() != partial_until.is_some();
        if has_turned {
            self.turned.insert(before.call_id.clone());
        }
        has_turned
    }

    /// Notes through whose recipient the event of a call came, where that is not known yet.
    fn note(&mut self, judged: &Judged, before: Option<&Call>) {
        if let Some(through) = &judged.through
            && before.is_none_or(|before| before.traces != judged.traces)
        {
            self.recipients.push((judged.candidate.call_id.clone(), through.names.clone()));
        }
    }

    /// Takes a call that was judged.
    fn take(
        &mut self,
        judged: Judged,
        before: Option<Call>,
        findings: Vec<Finding>,
        ended: bool,
        settings: &Settings,
        moment: Moment,
    ) -> Result<(), Error> {
        let judged_meeting = judged.meeting_revision();
        let gave_way = !findings.is_empty() && judged.carried.is_none();
        let mut decision = if gave_way {
            give_way(&judged.candidate, findings)?
        } else {
            judged.candidate.clone()
        };
        let is_new = before.as_ref().is_none_or(|before| !is_same(&before.decision, &decision));
        if is_new
            && judged.carried.is_none()
            && let Some(before) = &before
        {
            match self.carry(before, &decision, settings, moment) {
                Course::Apply => {}
                Course::Wait => {
                    self.leave(judged, before.clone(), moment);
                    return Ok(());
                }
                // From what it was judged is noted all the same: whoever is still to be sent, or sent again, waits until the newest
                // revision of the meeting was judged. When the session is over it is looked whether the meeting was moved.
                Course::Keep => {
                    self.leave(judged, before.clone(), moment);
                    return Ok(());
                }
                Course::Again => {
                    let until = moment.now + AGAIN;
                    self.outcome.waiting.insert(before.call_id.clone(), until);
                    // As if it had not been judged: whoever is still to be sent waits until it was.
                    let traces = before.traces.clone();
                    let mut judged = Judged { partial_until: Some(until), traces, ..judged };
                    judged.candidate.meeting_revision = before.judged_meeting;
                    judged.candidate.policy_version = before.judged_policy;
                    self.leave(judged, before.clone(), moment);
                    return Ok(());
                }
            }
        }
        self.note(&judged, before.as_ref());
        let Judged { candidate, contender, partial_until, traces, carried, .. } = judged;
        if let Some(carried) = &carried {
            self.told.push((candidate.call_id.clone(), carried.plan_revision));
        }
        let stands = carried.and_then(|carried| carried.stands);
        let judged_policy = decision.policy_version;
        let planned = decision.plan.as_ref().map(|plan| plan.owner.clone());
        if let Some(before) = &before {
            if is_new {
                decision.predecessor = before.decision.revision;
            } else {
                decision = before.decision.clone();
            }
        }
        if is_new {
            decision.revision = decision.predecessor + 1;
        }
        let call = Call {
            call_id: decision.call_id.clone(),
            version: before.as_ref().map_or(0, |before| before.version) + 1,
            had_plan: planned.is_some() || before.as_ref().is_some_and(|before| before.had_plan),
            planned_owner: planned
                .or_else(|| before.as_ref().and_then(|before| before.planned_owner.clone())),
            ended,
            judged_policy,
            judged_meeting,
            contender,
            candidate: stands.or(gave_way.then_some(candidate)),
            traces,
            partial_until: if moment.is_present {
                partial_until.filter(|_| !ended)
            } else {
                before.as_ref().filter(|_| !is_new).and_then(|before| before.partial_until)
            },
            decision,
        };
        self.outcome.decisions.insert(call.call_id.clone(), call.decision.clone());
        match before {
            Some(before) if !is_new => {
                let has_turned = self.turn(&before, call.partial_until);
                let is_as_before = !has_turned
                    && before.judged_meeting == call.judged_meeting
                    && before.contender == call.contender
                    && before.candidate.is_some() == call.candidate.is_some()
                    && before.traces == call.traces
                    && before.ended == call.ended;
                if !is_as_before {
                    self.calls.push(call);
                } else if before.judged_policy != call.judged_policy {
                    self.seen.entry(call.judged_policy).or_default().push(call.call_id);
                }
            }
            Some(_) | None => self.decided(call),
        }
        Ok(())
    }

    /// Takes a call that others have been judged beside: it may have to give way now, or need not any more. Answers whether
    /// that is so.
    fn settle_again(
        &mut self,
        mut call: Call,
        findings: Vec<Finding>,
        settings: &Settings,
        moment: Moment,
    ) -> Result<bool, Error> {
        let before = call.clone();
        let candidate = call.candidate.take().unwrap_or_else(|| call.decision.clone());
        let gave_way = !findings.is_empty();
        let mut decision = give_way(&candidate, findings)?;
        if is_same(&call.decision, &decision) {
            return Ok(false);
        }
        if self.carry(&before, &decision, settings, moment) != Course::Apply {
            return Ok(false);
        }
        decision.predecessor = call.decision.revision;
        decision.revision = decision.predecessor + 1;
        decision.decided_at = Some(time::to_wire(moment.now));
        decision.cause = Cause::Conflict.as_str().to_owned();
        if let Some(plan) = &decision.plan {
            call.had_plan = true;
            call.planned_owner = Some(plan.owner.clone());
        }
        call.candidate = gave_way.then_some(candidate);
        call.decision = decision;
        call.version += 1;
        let decisions = &mut self.outcome.decisions;
        decisions.insert(call.call_id.clone(), call.decision.clone());
        self.decided(call);
        Ok(true)
    }

    fn decided(&mut self, call: Call) {
        self.outcome.changed += 1;
        self.new.insert(call.call_id.clone());
        self.calls.push(call);
    }
}
