//! A call of the demo and what is seen of it: how it is decided, and how its plan is carried out.

use chrono::{DateTime, TimeDelta, Utc};
use decision::SkipCode;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::DecisionKind;
use proto::provider::v1 as provider;
use proto::{skip, time};

use super::COMPANY;
use super::course::Step;
use super::timeline::{Event, Outcome};
use crate::error::Error;

/// A call.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) call_id: String,
    /// What it is called where that may be shown.
    pub(super) title: Option<String>,
    pub(super) owner: &'static str,
    /// When it begins as planned, or was placed.
    pub(super) start: DateTime<Utc>,
    /// What happens, should it be planned.
    pub(super) steps: Vec<Step>,
    /// How long a recording of it is, as far as that is known.
    pub(super) length: Option<TimeDelta>,
    /// How it is now.
    pub(super) seen: Seen,
    /// What was told of it already.
    told: Vec<&'static str>,
}

/// How a call is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) decision: wire::Decision,
    pub(super) session: Option<wire::Session>,
}

impl Watched {
    pub(super) fn new(
        decision: wire::Decision,
        owner: &'static str,
        steps: Vec<Step>,
    ) -> Result<Self, Error> {
        Ok(Self {
            call_id: decision.call_id.clone(),
            title: decision.title.clone(),
            owner,
            start: time::required("start", decision.start.as_ref())?,
            steps,
            length: None,
            seen: Seen { decision, session: None },
            told: Vec::new(),
        })
    }

    /// What is first told of it.
    pub(super) fn decided(&self) -> Result<Event, Error> {
        match self.seen.outcome()? {
            Some(Outcome::Skipped(code)) => Ok(Event::Skipped(code)),
            Some(Outcome::Recorded | Outcome::Partial) => Ok(Event::Recorded(self.length, None)),
            None => {
                let plan = self.seen.decision.plan.as_ref();
                let plan = plan.ok_or(proto::Invalid::Missing("plan"))?;
                let means = proto::provider::means("plan.method", plan.method)?;
                let adapter = proto::provider::adapter("plan.adapter", plan.adapter)?
                    .ok_or(proto::Invalid::Missing("plan.adapter"))?;
                let way = format!("{} by {}", means.as_str(), adapter.as_str());
                // What was placed or recorded before has no beginning to wait for.
                let is_ahead = plan.join_at.is_some();
                Ok(Event::Planned(way, is_ahead.then_some(self.start)))
            }
        }
    }

    /// Takes over how it is now, and answers what there is to tell of that.
    pub(super) fn see(&mut self, seen: Seen) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        let stage = seen.session.as_ref().map_or("", |session| session.stage.as_str());
        if let Some((name, words)) = reached(stage)
            && !self.told.contains(&name)
            // Whoever asked is in there.
            && !(name == "joined" && self.told.contains(&"asking"))
        {
            self.told.push(name);
            events.push(Event::Reached(name, words));
        }
        let was_open = self.seen.outcome()?.is_none();
        if let Some(outcome) = seen.outcome()?.filter(|_| was_open) {
            events.push(match outcome {
                Outcome::Recorded => Event::Recorded(self.length, None),
                Outcome::Partial => Event::Recorded(self.length, seen.code()?),
                Outcome::Skipped(code) => Event::Ended(code),
            });
        }
        self.seen = seen;
        Ok(events)
    }

    /// The attempt under way, or the last one.
    pub(super) fn attempt(&self) -> Option<provider::Attempt> {
        let session = self.seen.session.as_ref()?;
        Some(provider::Attempt {
            company: COMPANY.to_owned(),
            call_id: self.call_id.clone(),
            plan_revision: session.plan_revision,
            run: session.run,
        })
    }
}

impl Seen {
    /// What became of it; nothing while it is a plan.
    pub(super) fn outcome(&self) -> Result<Option<Outcome>, Error> {
        Ok(match self.decision.kind() {
            DecisionKind::Recorded => Some(Outcome::Recorded),
            DecisionKind::RecordedPartial => Some(Outcome::Partial),
            DecisionKind::Skip => {
                let code = self.code()?.ok_or(proto::Invalid::Missing("primary"))?;
                Some(Outcome::Skipped(code))
            }
            DecisionKind::Plan | DecisionKind::Pending | DecisionKind::Unspecified => None,
        })
    }

    fn code(&self) -> Result<Option<SkipCode>, Error> {
        let code = |finding: &proto::verdict::v1::Finding| {
            let value = finding.code;
            skip::from_wire(value).map_err(|_| proto::Invalid::Enum { field: "code", value })
        };
        Ok(self.decision.primary.as_ref().map(code).transpose()?)
    }

    /// When something happens to it by itself: its plan is handed over, or its session waits for something no longer.
    pub(super) fn due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let due = match &self.session {
            Some(session) => session.timers.first().and_then(|timer| timer.due.as_ref()),
            None => self.decision.plan.as_ref().and_then(|plan| plan.dispatch_at.as_ref()),
        };
        Ok(time::optional("due", due)?)
    }

    /// Whether a session is over and the decision does not say so yet.
    pub(super) fn is_concluding(&self) -> bool {
        let is_over = self.session.as_ref().is_some_and(|session| session.ended_at.is_some());
        is_over && self.decision.kind() == DecisionKind::Plan
    }

    /// Whether it is a telephone call.
    pub(super) fn is_telephone(&self) -> bool {
        let plan = self.decision.plan.as_ref();
        plan.is_some_and(|plan| plan.method() == provider::Method::DialerImport)
    }

    /// Whether a bot has been sent and did not say anything yet.
    pub(super) fn is_staged(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.stage == "STAGED")
    }
}

/// What is told when a session gets to a stage for the first time.
fn reached(stage: &str) -> Option<(&'static str, &'static str)> {
    Some(match stage {
        "LOBBY" => ("in_lobby", "the bot waits in the lobby"),
        "WAIT_HOST" => ("waiting_for_host", "the bot waits for the host"),
        "WAIT_START" => ("waiting_for_start", "the bot waits for the meeting to begin"),
        "BACKING_OFF" => ("backing_off", "the bot cannot get in and tries again"),
        "ASK_PERMISSION" => ("asking", "the bot joined and asks the host"),
        "IN_CALL_NOT_RECORDING" => ("joined", "the bot joined"),
        "PERMISSION_DENIED" => ("refused", "the host does not permit it"),
        "RECORDING" => ("recording", "recording"),
        _ => return None,
    })
}
