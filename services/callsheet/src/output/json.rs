//! The objects that programs read: their keys and the order of them.

use chrono::{DateTime, SecondsFormat, Utc};
use decision::SkipCode;
use proto::Invalid;
use proto::orchestrator::v1::{Decision, DecisionKind, HistoryStep};
use proto::verdict::v1::evidence::Kind;
use proto::verdict::v1::{Evidence, Finding};
use proto::{provider, skip, time, verdict};
use serde::Serialize;

/// An instant as programs read it: RFC 3339 in UTC.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A call and what was decided about it.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    pub(crate) ical_uid: Option<String>,
    pub(crate) recurrence_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) start: String,
    pub(crate) end: Option<String>,
    pub(crate) conference: Option<Conference>,
    pub(crate) decision: &'static str,
    pub(crate) skip_code: Option<&'static str>,
    pub(crate) also: Vec<&'static str>,
    pub(crate) lifted: Vec<&'static str>,
    pub(crate) warnings: Vec<&'static str>,
    pub(crate) import_details: bool,
    pub(crate) plan: Option<Plan>,
    pub(crate) explanation: String,
    pub(crate) sub_reason: Option<String>,
    pub(crate) related_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decide_by: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) missing: Vec<String>,
    pub(crate) call_id: String,
    pub(crate) policy_version: u64,
    /// For tables, and for sorting.
    #[serde(skip)]
    pub(crate) at: DateTime<Utc>,
    /// The same.
    #[serde(skip)]
    pub(crate) occurrence: Option<DateTime<Utc>>,
    /// The same.
    #[serde(skip)]
    pub(crate) code: Option<SkipCode>,
    /// What the rule of the code saw, as far as it is short and telling.
    #[serde(skip)]
    pub(crate) seen: Vec<Seen>,
}

/// UID and original start of a call.
pub(crate) type Key = (Option<String>, Option<DateTime<Utc>>);

/// What a rule saw.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A team member, by id.
    Member(String),
    /// A provider or service.
    Service(String),
    /// The call that took precedence.
    Winner(Key),
}

/// What is told of it; nothing of settings, instants, positions and lengths.
fn seen(evidence: Evidence) -> Option<Seen> {
    match evidence.kind? {
        Kind::Member(id) => Some(Seen::Member(id)),
        Kind::Service(name) => Some(Seen::Service(name)),
        Kind::Call(key) => {
            let at = time::optional("recurrence_id", key.recurrence_id.as_ref()).ok()?;
            Some(Seen::Winner((key.ical_uid, at)))
        }
        Kind::Setting(_)
        | Kind::Invitee(_)
        | Kind::Instant(_)
        | Kind::Seconds(_)
        | Kind::Company(_)
        | Kind::Profile(_) => None,
    }
}

/// Where a call takes place.
#[derive(Debug, Serialize)]
pub(crate) struct Conference {
    pub(crate) provider: &'static str,
    pub(crate) id: String,
}

/// How a call is recorded.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) method: &'static str,
    pub(crate) adapter: &'static str,
    pub(crate) join_at: Option<String>,
    pub(crate) fallbacks: Vec<&'static str>,
    pub(crate) owner: String,
}

impl TryFrom<Decision> for Call {
    type Error = Invalid;

    fn try_from(mut decision: Decision) -> Result<Self, Invalid> {
        let key = decision.key.take().unwrap_or_default();
        let at = time::required("start", decision.start.as_ref())?;
        let occurrence = time::optional("key.recurrence_id", key.recurrence_id.as_ref())?;
        let kind = match decision.kind() {
            DecisionKind::Plan => "plan",
            DecisionKind::Skip => "skip",
            DecisionKind::Pending => "pending",
            DecisionKind::Recorded => "recorded",
            DecisionKind::RecordedPartial => "recorded_partial",
            DecisionKind::Unspecified => {
                return Err(Invalid::Enum { field: "kind", value: decision.kind });
            }
        };
        let conference = decision.conference.take().map(|conference| {
            let provider = verdict::provider("conference.provider", conference.provider)?
                .ok_or(Invalid::Missing("conference.provider"))?;
            Ok(Conference { provider: provider.as_str(), id: conference.id })
        });
        let mut primary = decision.primary.take();
        let code = primary.as_ref().map(code).transpose()?;
        let related = decision.related_code();
        Ok(Self {
            ical_uid: key.ical_uid,
            recurrence_id: occurrence.map(instant),
            title: decision.title,
            start: instant(at),
            end: time::optional("end", decision.end.as_ref())?.map(instant),
            conference: conference.transpose()?,
            decision: kind,
            skip_code: code.map(SkipCode::as_str),
            also: codes(&decision.also)?,
            lifted: codes(&decision.lifted)?,
            warnings: decision
                .warnings
                .iter()
                .filter_map(|warning| verdict::warning(*warning))
                .map(decision::Warning::as_str)
                .collect(),
            import_details: decision.import_details,
            plan: decision.plan.map(Plan::try_from).transpose()?,
            explanation: decision.explanation,
            sub_reason: primary
                .as_mut()
                .map(|finding| std::mem::take(&mut finding.sub_reason))
                .filter(|reason| !reason.is_empty()),
            related_code: SkipCode::try_from(related).ok().map(SkipCode::as_str),
            decide_by: time::optional("decide_by", decision.decide_by.as_ref())?.map(instant),
            missing: decision.missing,
            call_id: decision.call_id,
            policy_version: decision.policy_version,
            at,
            occurrence,
            code,
            seen: primary
                .into_iter()
                .flat_map(|finding| finding.evidence)
                .filter_map(seen)
                .collect(),
        })
    }
}

impl TryFrom<proto::orchestrator::v1::Plan> for Plan {
    type Error = Invalid;

    fn try_from(plan: proto::orchestrator::v1::Plan) -> Result<Self, Invalid> {
        let method = |value| provider::means("plan.method", value).map(|means| means.as_str());
        Ok(Self {
            method: method(plan.method)?,
            adapter: provider::adapter("plan.adapter", plan.adapter)?
                .ok_or(Invalid::Missing("plan.adapter"))?
                .as_str(),
            join_at: time::optional("plan.join_at", plan.join_at.as_ref())?.map(instant),
            fallbacks: plan.fallbacks.into_iter().map(method).collect::<Result<_, _>>()?,
            owner: plan.owner,
        })
    }
}

fn code(finding: &Finding) -> Result<SkipCode, Invalid> {
    skip::from_wire(finding.code)
        .map_err(|_| Invalid::Enum { field: "finding.code", value: finding.code })
}

fn codes(findings: &[Finding]) -> Result<Vec<&'static str>, Invalid> {
    findings.iter().map(|finding| code(finding).map(SkipCode::as_str)).collect()
}

/// A meeting as its calendar has it.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) ical_uid: Option<String>,
    pub(crate) recurrence_id: Option<String>,
    pub(crate) start: String,
    pub(crate) end: Option<String>,
    pub(crate) all_day: bool,
    pub(crate) status: &'static str,
    pub(crate) title: Option<String>,
    pub(crate) organizer: Option<String>,
    pub(crate) attendees: Vec<Attendee>,
}

/// Somebody who is invited, or something.
#[derive(Debug, Serialize)]
pub(crate) struct Attendee {
    pub(crate) address: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
}

/// A conference link.
#[derive(Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) provider: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) url: String,
    pub(crate) unwrapped: Vec<&'static str>,
}

/// A skip code as the catalogue has it.
#[derive(Debug, Serialize)]
pub(crate) struct Code {
    pub(crate) code: &'static str,
    pub(crate) table: &'static str,
    pub(crate) phase: &'static str,
    pub(crate) rank: u16,
    pub(crate) lifted_by: &'static str,
    pub(crate) twin: Option<&'static str>,
    pub(crate) who_can_act: &'static str,
    pub(crate) retryable: bool,
    pub(crate) description: &'static str,
    pub(crate) remedy: &'static str,
}

impl From<SkipCode> for Code {
    fn from(code: SkipCode) -> Self {
        let meta = code.meta();
        Self {
            code: code.as_str(),
            table: meta.table.as_str(),
            phase: meta.phase.as_str(),
            rank: meta.rank,
            lifted_by: meta.lifted_by.as_str(),
            twin: meta.twin.map(SkipCode::as_str),
            who_can_act: meta.who_can_act.as_str(),
            retryable: meta.retryable,
            description: meta.description,
            remedy: meta.remedy,
        }
    }
}

/// A consent link.
#[derive(Debug, Serialize)]
pub(crate) struct ConsentLink {
    pub(crate) url: String,
    pub(crate) company: String,
    #[serde(rename = "type")]
    pub(crate) link_type: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) conference_id: String,
    pub(crate) expires_at: Option<String>,
}

/// The key that verifies consent links, PEM.
#[derive(Debug, Serialize)]
pub(crate) struct PublicKey {
    pub(crate) public_key: String,
}

/// What came of a company file.
#[derive(Debug, Serialize)]
pub(crate) struct Applied {
    pub(crate) company: String,
    pub(crate) policy_version: u64,
    pub(crate) changed: bool,
    pub(crate) dry_run: bool,
}

/// What came of a calendar.
#[derive(Debug, Serialize)]
pub(crate) struct Ingested {
    pub(crate) calendar: String,
    pub(crate) events: u32,
    pub(crate) changed: u32,
    pub(crate) unchanged: u32,
    pub(crate) problems: usize,
}

/// A new decision.
#[derive(Debug, Serialize)]
pub(crate) struct Watched {
    pub(crate) cursor: u64,
    #[serde(flatten)]
    pub(crate) call: Call,
}

/// Why a call is recorded or not.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    #[serde(flatten)]
    pub(crate) call: Call,
    pub(crate) revision: u64,
    pub(crate) decided_at: Option<String>,
    pub(crate) sentences: Vec<String>,
    pub(crate) history: Vec<Earlier>,
    pub(crate) path: Vec<Step>,
}

/// A decision that was replaced.
#[derive(Debug, Serialize)]
pub(crate) struct Earlier {
    pub(crate) revision: u64,
    pub(crate) decided_at: Option<String>,
    pub(crate) cause: String,
    pub(crate) decision: &'static str,
    pub(crate) skip_code: Option<&'static str>,
    pub(crate) policy_version: u64,
}

/// A decision as a step on the way.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) revision: u64,
    pub(crate) decided_at: Option<String>,
    pub(crate) cause: String,
    pub(crate) policy_version: u64,
    pub(crate) meeting_revision: u64,
    pub(crate) sentence: String,
    /// For tables.
    #[serde(skip)]
    pub(crate) at: Option<DateTime<Utc>>,
}

impl TryFrom<HistoryStep> for Step {
    type Error = Invalid;

    fn try_from(step: HistoryStep) -> Result<Self, Invalid> {
        let at = time::optional("decided_at", step.decided_at.as_ref())?;
        Ok(Self {
            revision: step.revision,
            decided_at: at.map(instant),
            cause: step.cause,
            policy_version: step.policy_version,
            meeting_revision: step.meeting_revision,
            sentence: step.sentence,
            at,
        })
    }
}

/// Whether a history is as it was written.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    pub(crate) company: String,
    pub(crate) intact: bool,
    pub(crate) decisions: u64,
    pub(crate) head_number: u64,
    pub(crate) head_hash: String,
    pub(crate) problem: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) revision: Option<u64>,
}

/// A change that was put aside.
#[derive(Debug, Serialize)]
pub(crate) struct DeadLetter {
    pub(crate) id: String,
    pub(crate) topic: String,
    pub(crate) company: String,
    pub(crate) subject: String,
    pub(crate) revision: u64,
    pub(crate) attempts: u32,
    pub(crate) reason: String,
    pub(crate) buried_at: Option<String>,
}

/// Changes that are worked on again.
#[derive(Debug, Serialize)]
pub(crate) struct Replayed {
    pub(crate) replayed: u64,
}
