//! Decisions on the wire.

use std::sync::Arc;

use decision::company::NumberMode;
use decision::plan::{Kind, hides};
use decision::{Decision, Finding, Means, Plan, SkipCode, explain};

pub use crate::r#gen::orchestrator::v1;
use crate::{Invalid, provider, skip, time, verdict};

impl From<&Plan> for v1::Plan {
    fn from(plan: &Plan) -> Self {
        let numbers = match plan.method {
            Means::Dialer => plan.numbers.into(),
            Means::Cloud | Means::LocalBot | Means::Bot | Means::Upload => {
                provider::v1::NumberMode::Unspecified
            }
        };
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
            // When it is handed over is known to whoever decides for an instant.
            dispatch_at: None,
            dispatch_by: None,
            number_mode: numbers.into(),
        }
    }
}

impl TryFrom<&v1::Plan> for Plan {
    type Error = Invalid;

    fn try_from(wire: &v1::Plan) -> Result<Self, Invalid> {
        let adapter = provider::adapter("plan.adapter", wire.adapter)?;
        let fallbacks = wire.fallbacks.iter();
        if wire.owner.is_empty() {
            return Err(Invalid::Missing("plan.owner"));
        }
        let method = provider::means("plan.method", wire.method)?;
        let numbers = match method {
            Means::Dialer => provider::number_mode("plan.number_mode", wire.number_mode)?,
            Means::Cloud | Means::LocalBot | Means::Bot | Means::Upload => NumberMode::Automatic,
        };
        Ok(Self {
            method,
            adapter: adapter.ok_or(Invalid::Missing("plan.adapter"))?,
            join_at: time::optional("plan.join_at", wire.join_at.as_ref())?,
            latest_join: time::optional("plan.latest_join", wire.latest_join.as_ref())?,
            fallbacks: fallbacks
                .map(|method| provider::means("plan.fallbacks", *method))
                .collect::<Result<_, _>>()?,
            owner: Arc::from(wire.owner.as_str()),
            dedupe_key: wire.dedupe_key.clone(),
            announcement: wire.announcement,
            consent_verified: wire.consent_verified,
            numbers,
        })
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
            Kind::Recorded => (v1::DecisionKind::Recorded, None, None),
            Kind::Partial => (v1::DecisionKind::RecordedPartial, None, None),
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
            requester: decision.requester.as_deref().unwrap_or_default().to_owned(),
            owner: decision.owner.as_deref().unwrap_or_default().to_owned(),
            ..Self::default()
        }
    }
}

impl TryFrom<&v1::Decision> for Decision {
    type Error = Invalid;

    /// What was decided, as the core had it. Whether the event is hidden follows from the findings.
    /// Warnings and evidence of a newer version are left out, for they decide nothing.
    fn try_from(wire: &v1::Decision) -> Result<Self, Invalid> {
        let findings = |findings: &[verdict::v1::Finding]| {
            findings.iter().cloned().map(Finding::try_from).collect::<Result<Vec<_>, _>>()
        };
        let kind = match wire.kind() {
            v1::DecisionKind::Unspecified => {
                return Err(Invalid::Enum { field: "decision.kind", value: wire.kind });
            }
            v1::DecisionKind::Plan => {
                let plan = wire.plan.as_ref().ok_or(Invalid::Missing("decision.plan"))?;
                Kind::Plan(plan.try_into()?)
            }
            v1::DecisionKind::Skip => Kind::Skip,
            v1::DecisionKind::Pending => Kind::Pending {
                decide_by: time::required("decision.decide_by", wire.decide_by.as_ref())?,
            },
            v1::DecisionKind::Recorded => Kind::Recorded,
            v1::DecisionKind::RecordedPartial => Kind::Partial,
        };
        let primary = wire.primary.clone().map(Finding::try_from).transpose()?;
        match (&kind, &primary) {
            (Kind::Skip | Kind::Partial, None) => return Err(Invalid::Missing("decision.primary")),
            (Kind::Plan(_) | Kind::Pending { .. } | Kind::Recorded, Some(_)) => {
                let problem =
                    "only a call that is not recorded, or not whole, has a primary code".to_owned();
                return Err(Invalid::Text { field: "decision.primary", problem });
            }
            (Kind::Skip | Kind::Partial, Some(_))
            | (Kind::Plan(_) | Kind::Pending { .. } | Kind::Recorded, None) => {}
        }
        let also = findings(&wire.also)?;
        let member = |id: &str| (!id.is_empty()).then(|| Arc::<str>::from(id));
        Ok(Self {
            hidden: primary.iter().chain(&also).any(|finding| hides(finding.code)),
            primary,
            also,
            lifted: findings(&wire.lifted)?,
            related: match wire.related_code {
                0 => None,
                code => Some(skip::from_wire(code).map_err(|unknown| Invalid::Enum {
                    field: "decision.related_code",
                    value: unknown.0,
                })?),
            },
            warnings: wire.warnings.iter().filter_map(|one| verdict::warning(*one)).collect(),
            import_details: wire.import_details,
            missing: wire.missing.clone(),
            owner: member(&wire.owner),
            requester: member(&wire.requester),
            policy_version: wire.policy_version,
            catalogue_version: wire.catalogue_version,
            kind,
        })
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use decision::provider::Adapter;
    use decision::{CallKey, Evidence, Warning};
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn instant() -> impl Strategy<Value = DateTime<chrono::Utc>> {
        (-62_135_596_800_i64..253_402_300_800, 0_u32..1_000_000_000)
            .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
    }

    fn evidence() -> impl Strategy<Value = Evidence> {
        prop_oneof![
            "[a-z]{0,4}".prop_map(|id| Evidence::Member(id.into())),
            any::<u32>().prop_map(Evidence::Invitee),
            "[a-z]{0,4}".prop_map(|place| Evidence::Setting(place.into())),
            instant().prop_map(Evidence::Instant),
            any::<i64>().prop_map(Evidence::Seconds),
            "[a-z]{0,4}".prop_map(|name| Evidence::Service(name.into())),
            (option::of("[a-z]{0,4}"), option::of(instant())).prop_map(
                |(ical_uid, recurrence_id)| Evidence::Call(CallKey { ical_uid, recurrence_id })
            ),
            "[a-z]{0,4}".prop_map(|id| Evidence::Company(id.into())),
            "[a-z]{0,4}".prop_map(|name| Evidence::Profile(name.into())),
        ]
    }

    fn finding() -> impl Strategy<Value = Finding> {
        let sub_reason = option::of("[a-z]{1,4}");
        ("[a-z]{0,4}", select(SkipCode::ALL), any::<bool>(), sub_reason, vec(evidence(), 0..3))
            .prop_map(|(rule, code, lifted, sub_reason, evidence)| Finding {
                rule: rule.into(),
                code,
                lifted,
                sub_reason: sub_reason.map(Into::into),
                evidence,
            })
    }

    fn plan() -> impl Strategy<Value = Plan> {
        let means = || select(&Means::ALL[..]);
        let numbers = select(&NumberMode::ALL[..]);
        let adapter = select(&Adapter::ALL[..]);
        let times = (option::of(instant()), option::of(instant()));
        let flags = (any::<bool>(), any::<bool>());
        (means(), adapter, times, vec(means(), 0..3), "[a-z]{1,4}", "[a-z/]{0,9}", flags, numbers)
            .prop_map(|(method, adapter, times, fallbacks, owner, dedupe_key, flags, numbers)| {
                Plan {
                    method,
                    adapter,
                    join_at: times.0,
                    latest_join: times.1,
                    fallbacks,
                    owner: owner.into(),
                    dedupe_key,
                    announcement: flags.0,
                    consent_verified: flags.1,
                    numbers: if method == Means::Dialer { numbers } else { NumberMode::Automatic },
                }
            })
    }

    fn decision() -> impl Strategy<Value = Decision> {
        let kind = prop_oneof![
            plan().prop_map(Kind::Plan),
            Just(Kind::Skip),
            instant().prop_map(|decide_by| Kind::Pending { decide_by }),
        ];
        let found = (finding(), vec(finding(), 0..4), vec(finding(), 0..4));
        let warnings = proptest::sample::subsequence(&Warning::ALL[..], 0..=8);
        (
            kind,
            found,
            option::of(select(SkipCode::ALL)),
            warnings,
            any::<bool>(),
            vec("[a-z]{0,4}", 0..3),
            (option::of("[a-z]{1,4}"), option::of("[a-z]{1,4}")),
            any::<(u64, u32)>(),
        )
            .prop_map(
                |(kind, found, related, warnings, import_details, missing, people, versions)| {
                    let (primary, also, lifted) = found;
                    let primary = (kind == Kind::Skip).then_some(primary);
                    Decision {
                        hidden: primary.iter().chain(&also).any(|finding| hides(finding.code)),
                        primary,
                        also,
                        lifted,
                        related,
                        warnings: warnings.into_iter().collect(),
                        import_details,
                        missing,
                        owner: people.0.map(Into::into),
                        kind,
                        requester: people.1.map(Into::into),
                        policy_version: versions.0,
                        catalogue_version: versions.1,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_decision_survives_the_wire(decision in decision()) {
            let wire = v1::Decision::from(&decision);
            prop_assert_eq!(Decision::try_from(&wire), Ok(decision));
        }

        #[test]
        fn any_numbers_are_read_or_refused(
            decision in decision(),
            numbers in any::<[i32; 4]>(),
            which in 0_usize..6,
        ) {
            let mut wire = v1::Decision::from(&decision);
            match which {
                0 => wire.kind = numbers[0],
                1 => wire.related_code = numbers[1],
                2 => wire.warnings.push(numbers[2]),
                3 => wire.plan.iter_mut().for_each(|plan| plan.adapter = numbers[3]),
                4 => wire.plan.iter_mut().for_each(|plan| plan.fallbacks.push(numbers[3])),
                _ => wire.also.iter_mut().for_each(|finding| finding.code = numbers[3]),
            }
            let _ = Decision::try_from(&wire);
        }
    }

    #[test]
    fn a_decision_without_what_makes_it_one_is_refused() {
        let of = |kind: v1::DecisionKind| v1::Decision { kind: kind.into(), ..Default::default() };
        let refused = |wire: &v1::Decision| Decision::try_from(wire).unwrap_err().field();
        assert_eq!(refused(&of(v1::DecisionKind::Unspecified)), "decision.kind");
        assert_eq!(refused(&of(v1::DecisionKind::Plan)), "decision.plan");
        assert_eq!(refused(&of(v1::DecisionKind::Skip)), "decision.primary");
        assert_eq!(refused(&of(v1::DecisionKind::Pending)), "decision.decide_by");
        let owned_by_nobody = v1::Decision {
            plan: Some(v1::Plan { method: 1, adapter: 1, ..Default::default() }),
            ..of(v1::DecisionKind::Plan)
        };
        assert_eq!(refused(&owned_by_nobody), "plan.owner");
        // What holds for its numbers is not taken for "recorded" because nobody says it.
        let plan = v1::Plan { method: 4, adapter: 6, owner: "ada".into(), ..Default::default() };
        let of_no_mode = v1::Decision { plan: Some(plan), ..of(v1::DecisionKind::Plan) };
        assert_eq!(refused(&of_no_mode), "plan.number_mode");
    }
}
