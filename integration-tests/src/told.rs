//! A decision as every world tells it, so that worlds can be compared.

use chrono::{DateTime, Utc};
use decision::explain::explain;
use decision::links::Selected;
use decision::plan::Kind;
use decision::{CallKey, Decision, Finding, Meeting, SkipCode};
use proto::orchestrator::v1 as wire;
use proto::{provider, skip, time, verdict};

/// A decision without anything by which worlds may differ: versions, revisions, times of deciding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Identity of the call.
    pub key: CallKey,
    /// Title, unless the event is hidden.
    pub title: Option<String>,
    /// Start.
    pub start: DateTime<Utc>,
    /// End.
    pub end: Option<DateTime<Utc>>,
    /// `provider/id`, unless the event is hidden.
    pub conference: Option<String>,
    /// `plan`, `skip` or `pending`.
    pub decision: &'static str,
    /// The primary code with what was seen.
    pub primary: Option<Reason>,
    /// All other findings.
    pub also: Vec<Reason>,
    /// What a request lifted.
    pub lifted: Vec<Reason>,
    /// The related code.
    pub related: Option<SkipCode>,
    /// Names of the warnings.
    pub warnings: Vec<&'static str>,
    /// Whether details may be imported.
    pub import_details: bool,
    /// The plan.
    pub plan: Option<Plan>,
    /// Until when it will be decided.
    pub decide_by: Option<DateTime<Utc>>,
    /// What is missing.
    pub missing: Vec<String>,
    /// In sentences, which name the evidence.
    pub explanation: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its code.
    pub code: SkipCode,
    /// Narrower reason.
    pub sub_reason: Option<String>,
    /// What was seen, as the wire has it.
    pub evidence: String,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name, such as `native`.
    pub method: String,
    /// Name of the adapter.
    pub adapter: String,
    /// When the bot joins.
    pub join_at: Option<DateTime<Utc>>,
    /// When it joins no more.
    pub latest_join: Option<DateTime<Utc>>,
    /// Methods to try next.
    pub fallbacks: Vec<String>,
    /// Member id of the owner.
    pub owner: String,
    /// Key of the one active plan.
    pub dedupe_key: String,
    /// An announcement must be played.
    pub announcement: bool,
    /// Consent is enforced and verified.
    pub consent_verified: bool,
}

/// The name of what was decided.
const fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Plan(_) => "plan",
        Kind::Skip => "skip",
        Kind::Pending { .. } => "pending",
        Kind::Recorded => "recorded",
        Kind::Partial => "recorded_partial",
    }
}

impl Told {
    /// The same call after its plan was carried out.
    #[must_use]
    pub fn carried(&self, decision: &Decision) -> Self {
        let reasons = |findings: &[Finding]| findings.iter().map(Reason::of_core).collect();
        Self {
            decision: name(&decision.kind),
            primary: decision.primary.as_ref().map(Reason::of_core),
            also: reasons(&decision.also),
            related: decision.related,
            plan: None,
            decide_by: None,
            missing: decision.missing.clone(),
            explanation: explain(decision),
            ..self.clone()
        }
    }

    /// What the core decided.
    #[must_use]
    pub fn of_core(
        key: &CallKey,
        meeting: &Meeting,
        selected: &Selected,
        decision: &Decision,
    ) -> Self {
        let shown = !decision.hidden;
        let conference = selected.conference.as_ref().filter(|_| shown);
        let reasons = |findings: &[Finding]| findings.iter().map(Reason::of_core).collect();
        let (plan, decide_by) = match &decision.kind {
            Kind::Plan(plan) => (Some(Plan::of_core(plan)), None),
            Kind::Pending { decide_by } => (None, Some(*decide_by)),
            Kind::Skip | Kind::Recorded | Kind::Partial => (None, None),
        };
        Self {
            key: key.clone(),
            title: meeting.title.clone().filter(|_| shown),
            start: meeting.start,
            end: meeting.end,
            conference: conference.map(|one| format!("{}/{}", one.provider.as_str(), one.id)),
            decision: name(&decision.kind),
            primary: decision.primary.as_ref().map(Reason::of_core),
            also: reasons(&decision.also),
            lifted: reasons(&decision.lifted),
            related: decision.related,
            warnings: decision.warnings.iter().map(decision::Warning::as_str).collect(),
            import_details: decision.import_details,
            plan,
            decide_by,
            missing: decision.missing.clone(),
            explanation: explain(decision),
        }
    }

    /// What a service answered.
    ///
    /// # Errors
    /// Something in it means nothing.
    pub fn of_wire(wire: wire::Decision) -> anyhow::Result<Self> {
        let reasons = |findings: Vec<verdict::v1::Finding>| {
            findings.into_iter().map(Reason::of_wire).collect::<anyhow::Result<Vec<_>>>()
        };
        let kind = wire.kind();
        let conference = wire.conference.map(decision::Conference::try_from).transpose()?;
        Ok(Self {
            key: wire.key.unwrap_or_default().try_into()?,
            title: wire.title,
            start: time::required("start", wire.start.as_ref())?,
            end: time::optional("end", wire.end.as_ref())?,
            conference: conference.map(|one| format!("{}/{}", one.provider.as_str(), one.id)),
            decision: match kind {
                wire::DecisionKind::Plan => "plan",
                wire::DecisionKind::Skip => "skip",
                wire::DecisionKind::Pending => "pending",
                wire::DecisionKind::Recorded => "recorded",
                wire::DecisionKind::RecordedPartial => "recorded_partial",
                wire::DecisionKind::Unspecified => anyhow::bail!("a decision of no kind"),
            },
            primary: wire.primary.map(Reason::of_wire).transpose()?,
            also: reasons(wire.also)?,
            lifted: reasons(wire.lifted)?,
            related: match wire.related_code {
                0 => None,
                code => Some(skip::from_wire(code)?),
            },
            warnings: wire
                .warnings
                .into_iter()
                .filter_map(verdict::warning)
                .map(decision::Warning::as_str)
                .collect(),
            import_details: wire.import_details,
            plan: wire.plan.map(Plan::of_wire).transpose()?,
            decide_by: time::optional("decide_by", wire.decide_by.as_ref())?,
            missing: wire.missing,
            explanation: wire.explanation,
        })
    }

    /// Every code it names as not lifted, the primary one first.
    pub fn codes(&self) -> impl Iterator<Item = SkipCode> {
        self.primary.iter().chain(&self.also).map(|reason| reason.code)
    }
}

impl Reason {
    fn of_core(finding: &Finding) -> Self {
        let evidence: Vec<verdict::v1::Evidence> =
            finding.evidence.iter().map(Into::into).collect();
        Self {
            code: finding.code,
            sub_reason: finding.sub_reason.as_ref().map(ToString::to_string),
            evidence: format!("{evidence:?}"),
        }
    }

    fn of_wire(wire: verdict::v1::Finding) -> anyhow::Result<Self> {
        Ok(Self::of_core(&Finding::try_from(wire)?))
    }
}

impl Plan {
    fn of_core(plan: &decision::Plan) -> Self {
        Self {
            method: plan.method.as_str().to_owned(),
            adapter: plan.adapter.as_str().to_owned(),
            join_at: plan.join_at,
            latest_join: plan.latest_join,
            fallbacks: plan.fallbacks.iter().map(|one| one.as_str().to_owned()).collect(),
            owner: plan.owner.to_string(),
            dedupe_key: plan.dedupe_key.clone(),
            announcement: plan.announcement,
            consent_verified: plan.consent_verified,
        }
    }

    fn of_wire(wire: wire::Plan) -> anyhow::Result<Self> {
        let method =
            |value| provider::means("plan.method", value).map(|one| one.as_str().to_owned());
        let adapter = provider::adapter("plan.adapter", wire.adapter)?;
        Ok(Self {
            method: method(wire.method)?,
            adapter: adapter.map(|one| one.as_str().to_owned()).unwrap_or_default(),
            join_at: time::optional("plan.join_at", wire.join_at.as_ref())?,
            latest_join: time::optional("plan.latest_join", wire.latest_join.as_ref())?,
            fallbacks: wire.fallbacks.into_iter().map(method).collect::<Result<_, _>>()?,
            owner: wire.owner,
            dedupe_key: wire.dedupe_key,
            announcement: wire.announcement,
            consent_verified: wire.consent_verified,
        })
    }
}
