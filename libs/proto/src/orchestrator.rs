//! Decisions on the wire.

use decision::plan::Kind;
use decision::{Decision, Plan, SkipCode, explain};

pub use crate::r#gen::orchestrator::v1;
use crate::{provider, skip, time, verdict};

impl From<&Plan> for v1::Plan {
    fn from(plan: &Plan) -> Self {
        let method = |method| provider::v1::Method::from(method).into();
        Self {
            method: method(plan.method),
            adapter: provider::v1::Adapter::from(plan.adapter).into(),
            join_at: plan.join_at.map(time::to_wire),
            latest_join: plan.latest_join.map(time::to_wire),
            fallbacks: plan.fallbacks.iter().copied().map(method).collect(),
            owner: plan.owner.to_string(),
            dedupe_key: plan.dedupe_key.clone(),
            announcement: plan.announcement,
            consent_verified: plan.consent_verified,
        }
    }
}

impl From<&Decision> for v1::Decision {
    /// What was decided; which call it is of is filled in by whoever knows.
    fn from(decision: &Decision) -> Self {
        let findings = |findings: &[decision::Finding]| findings.iter().map(Into::into).collect();
        let (kind, plan, decide_by) = match &decision.kind {
            Kind::Plan(plan) => (v1::DecisionKind::Plan, Some(plan.into()), None),
            Kind::Skip => (v1::DecisionKind::Skip, None, None),
            Kind::Pending { decide_by } => {
                (v1::DecisionKind::Pending, None, Some(time::to_wire(*decide_by)))
            }
        };
        Self {
            kind: kind.into(),
            primary: decision.primary.as_ref().map(Into::into),
            also: findings(&decision.also),
            lifted: findings(&decision.lifted),
            related_code: decision
                .related
                .map_or(skip::v1::SkipCode::Unspecified, skip::v1::SkipCode::from)
                .into(),
            warnings: decision
                .warnings
                .iter()
                .map(|one| verdict::v1::Warning::from(one).into())
                .collect(),
            import_details: decision.import_details,
            plan,
            explanation: explain::explain(decision),
            decide_by,
            missing: decision.missing.clone(),
            policy_version: decision.policy_version,
            catalogue_version: decision.catalogue_version,
            ..Self::default()
        }
    }
}

impl From<SkipCode> for v1::SkipCodeEntry {
    fn from(code: SkipCode) -> Self {
        let meta = code.meta();
        Self {
            code: skip::v1::SkipCode::from(code).into(),
            spelling: code.as_str().to_owned(),
            table: meta.table.as_str().to_owned(),
            phase: meta.phase.as_str().to_owned(),
            rank: meta.rank.into(),
            lifted_by: meta.lifted_by.as_str().to_owned(),
            twin: meta.twin.map(SkipCode::as_str).unwrap_or_default().to_owned(),
            who_can_act: meta.who_can_act.as_str().to_owned(),
            retryable: meta.retryable,
            description: meta.description.to_owned(),
            remedy: meta.remedy.to_owned(),
        }
    }
}
