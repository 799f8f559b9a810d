//! What has been judged, as it is handed over to be written, and what came of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use decision::conflict::OwnedContender;
use decision::session::{Session, Settings};
use decision::{Decision, Kind};
use proto::orchestrator::v1 as wire;
use proto::time;

use super::changes::told_of;
use crate::engine::Cause;
use crate::error::Error;
use crate::store::recipients::Through;
use crate::store::{Call, Running};

/// A call as it has just been judged.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Version of the call it was judged from; 0 for one that was not known.
    pub(crate) seen: u64,
    /// The decision, conflicts apart.
    pub(crate) candidate: wire::Decision,
    /// What it contends as, if it is a plan.
    pub(crate) contender: Option<OwnedContender>,
    /// An answer of a peer is missing: until then it is judged again.
    pub(crate) partial_until: Option<DateTime<Utc>>,
    /// What of it a policy can bite on.
    pub(crate) traces: Vec<u8>,
    /// Through whose recipient its event came, if through any.
    pub(crate) through: Option<Through>,
    /// It was not judged, and what it was is ended.
    pub(crate) end: Option<End>,
    /// It had ended, and begins anew.
    pub(crate) again: bool,
    /// What came of its session, if that is what ended it.
    pub(crate) carried: Option<CarriedOut>,
    /// The settings by which its session runs, if it has one.
    pub(crate) settings: Option<Arc<Settings>>,
}

/// A session whose outcome becomes the decision of its call.
#[derive(Debug, Clone)]
pub(crate) struct CarriedOut {
    /// Revision of its plan.
    pub(crate) plan_revision: u64,
    /// Its machine, of which that came.
    pub(crate) machine: Session,
    /// The plan, with the time it took: what it contends with others as from now on.
    pub(crate) stands: Option<wire::Decision>,
}

/// What ends a call that is due and cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Whoever keeps the meetings does not know its own.
    Gone,
    /// Until the last instant to hand its plan over, it could not be judged once more. This is not final: it may have been
    /// moved meanwhile.
    Missed,
    /// It has begun, and waited until then for somebody without whom it could not be judged.
    NeverJudged,
    /// Its plan was carried out, or that came to an end.
    Carried,
}

impl Judged {
    /// A call that is due and cannot be judged.
    ///
    /// # Errors
    /// What is stored of it cannot be read.
    pub(crate) fn ended(
        company: &str,
        call: &Call,
        end: End,
        moment: Moment,
    ) -> Result<Self, Error> {
        let before = call.candidate.as_ref().unwrap_or(&call.decision);
        let mut decision = Decision::try_from(before)?;
        match end {
            End::Gone => decision.meeting_gone(),
            End::Missed => {
                let by = before.plan.as_ref().and_then(|plan| plan.dispatch_by.as_ref());
                let by = time::optional("plan.dispatch_by", by)?;
                decision.dispatch_missed(by.unwrap_or(moment.now));
            }
            End::NeverJudged => decision.never_judged(),
            // See `Self::carried`.
            End::Carried => {}
        }
        let is_skip = decision.kind == Kind::Skip;
        let candidate = wire::Decision {
            company: company.to_owned(),
            decided_at: Some(time::to_wire(moment.now)),
            cause: moment.cause.as_str().to_owned(),
            policy_version: call.judged_policy,
            meeting_revision: call.judged_meeting,
            ..told_of(before, &decision)
        };
        Ok(Self {
            seen: call.version,
            candidate: if is_skip { candidate } else { before.clone() },
            contender: call.contender.clone().filter(|_| !is_skip),
            partial_until: None,
            traces: call.traces.clone(),
            through: None,
            end: Some(end),
            again: false,
            carried: None,
            settings: None,
        })
    }

    /// A call whose session is over.
    ///
    /// # Errors
    /// What is stored of it cannot be read.
    pub(crate) fn carried(
        call: &Call,
        session: &Running,
        outcome: decision::session::Outcome,
        moment: Moment,
    ) -> Result<Self, Error> {
        let plan = call.candidate.as_ref().unwrap_or(&call.decision);
        let mut decision = Decision::try_from(plan)?;
        let adapter = session.adapter_of(session.machine.means());
        let service = proto::provider::adapter("adapter", adapter.into()).ok().flatten();
        let service = service.map_or("provider-adapters", decision::provider::Adapter::as_str);
        decision.carried_out(outcome, session.machine.also(), service);
        let candidate = wire::Decision {
            company: session.company.clone(),
            decided_at: Some(time::to_wire(moment.now)),
            cause: moment.cause.as_str().to_owned(),
            policy_version: call.judged_policy,
            meeting_revision: call.judged_meeting,
            ..told_of(plan, &decision)
        };
        // It keeps the time it took, so that nobody it was in the way of is sent to a conference that is over.
        let contender = call.contender.clone().and_then(|mut contender| {
            contender.end = contender.end.min(moment.now);
            (contender.start < contender.end).then_some(contender)
        });
        let stands = contender.as_ref().map(|contender| wire::Decision {
            end: Some(time::to_wire(contender.end)),
            ..plan.clone()
        });
        Ok(Self {
            seen: call.version,
            candidate,
            contender,
            partial_until: None,
            traces: call.traces.clone(),
            through: None,
            end: Some(End::Carried),
            again: false,
            carried: Some(CarriedOut {
                plan_revision: session.plan_revision,
                machine: session.machine.clone(),
                stands,
            }),
            settings: None,
        })
    }

    /// The revision of the meeting it was judged from. One that comes back after it was gone is a new one.
    pub(super) fn meeting_revision(&self) -> u64 {
        if self.end == Some(End::Gone) { 0 } else { self.candidate.meeting_revision }
    }
}

/// For when and why it is decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The instant for which it is decided.
    pub(crate) now: DateTime<Utc>,
    /// What led to it.
    pub(crate) cause: Cause,
    /// It is decided for the present: a plan whose time has passed ends in a code.
    pub(crate) is_present: bool,
    /// How soon a call for which an answer of a peer is missing is judged again.
    pub(crate) retry: TimeDelta,
}

/// What came of writing.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The decisions that hold now, of the calls that were judged and are not stale.
    pub(crate) decisions: HashMap<String, wire::Decision>,
    /// How many decisions are new, those of other calls that gave way or need not any more among them.
    pub(crate) changed: usize,
    /// Calls that have changed since they were judged; nothing was written of them.
    pub(crate) stale: Vec<String>,
    /// Sessions ask something of adapters because of it.
    pub(crate) orders: bool,
    /// Calls that stay as they are because it is not known what became of them: until then they are judged again.
    pub(crate) waiting: HashMap<String, DateTime<Utc>>,
}

impl Outcome {
    /// Forgets decisions that nobody asked for, and those of stale calls, which others may have led to.
    pub(super) fn keep_only(&mut self, judged: &[&Judged]) {
        let mut asked: HashSet<&str> =
            judged.iter().map(|one| one.candidate.call_id.as_str()).collect();
        for id in &self.stale {
            asked.remove(id.as_str());
        }
        self.decisions.retain(|id, _| asked.contains(id.as_str()));
    }
}
