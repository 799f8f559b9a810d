//! Verdicts on the wire.

use std::borrow::Cow;
use std::sync::Arc;

pub use crate::r#gen::verdict::v1;
use crate::{Invalid, skip, time};

impl From<&decision::CallKey> for v1::CallKey {
    fn from(key: &decision::CallKey) -> Self {
        Self { ical_uid: key.ical_uid.clone(), recurrence_id: key.recurrence_id.map(time::to_wire) }
    }
}

impl TryFrom<v1::CallKey> for decision::CallKey {
    type Error = Invalid;

    fn try_from(key: v1::CallKey) -> Result<Self, Invalid> {
        let recurrence_id = time::optional("key.recurrence_id", key.recurrence_id.as_ref())?;
        Ok(Self { ical_uid: key.ical_uid, recurrence_id })
    }
}

impl From<decision::Provider> for v1::Provider {
    fn from(provider: decision::Provider) -> Self {
        match provider {
            decision::Provider::Zoom => Self::Zoom,
            decision::Provider::Teams => Self::Teams,
            decision::Provider::Webex => Self::Webex,
            decision::Provider::GoogleMeet => Self::GoogleMeet,
        }
    }
}

/// The provider a field holds; none when it is unset.
///
/// # Errors
/// The number is of a newer version.
pub fn provider(field: &'static str, value: i32) -> Result<Option<decision::Provider>, Invalid> {
    Ok(match v1::Provider::try_from(value).map_err(|_| Invalid::Enum { field, value })? {
        v1::Provider::Unspecified => None,
        v1::Provider::Zoom => Some(decision::Provider::Zoom),
        v1::Provider::Teams => Some(decision::Provider::Teams),
        v1::Provider::Webex => Some(decision::Provider::Webex),
        v1::Provider::GoogleMeet => Some(decision::Provider::GoogleMeet),
    })
}

impl From<&decision::Conference> for v1::Conference {
    fn from(conference: &decision::Conference) -> Self {
        Self { provider: v1::Provider::from(conference.provider).into(), id: conference.id.clone() }
    }
}

impl TryFrom<v1::Conference> for decision::Conference {
    type Error = Invalid;

    fn try_from(conference: v1::Conference) -> Result<Self, Invalid> {
        let field = "conference.provider";
        let provider = provider(field, conference.provider)?.ok_or(Invalid::Missing(field))?;
        if conference.id.is_empty() {
            return Err(Invalid::Missing("conference.id"));
        }
        Ok(Self { provider, id: conference.id })
    }
}

impl From<decision::Warning> for v1::Warning {
    fn from(warning: decision::Warning) -> Self {
        use decision::Warning as W;
        match warning {
            W::ShortNotice => Self::ShortNotice,
            W::InviteeWithoutAddress => Self::InviteeWithoutAddress,
            W::NativeNotPossible => Self::NativeNotPossible,
            W::ZoomFactsUnknown => Self::ZoomFactsUnknown,
            W::ManualRequestRejected => Self::ManualRequestRejected,
            W::OtherLinks => Self::OtherLinks,
            W::ProviderCheckUnavailable => Self::ProviderCheckUnavailable,
            W::AmbiguousTime => Self::AmbiguousTime,
        }
    }
}

/// A warning; none when it is unset or of a newer version, since a warning stops nothing.
#[must_use]
pub fn warning(value: i32) -> Option<decision::Warning> {
    let wire = v1::Warning::try_from(value).ok()?;
    decision::Warning::ALL.into_iter().find(|warning| v1::Warning::from(*warning) == wire)
}

impl From<&decision::Evidence> for v1::Evidence {
    fn from(evidence: &decision::Evidence) -> Self {
        use decision::Evidence as E;
        use v1::evidence::Kind;
        Self {
            kind: Some(match evidence {
                E::Member(id) => Kind::Member(id.to_string()),
                E::Invitee(position) => Kind::Invitee(*position),
                E::Setting(place) => Kind::Setting(place.to_string()),
                E::Instant(at) => Kind::Instant(time::to_wire(*at)),
                E::Seconds(seconds) => Kind::Seconds(*seconds),
                E::Service(name) => Kind::Service(name.to_string()),
                E::Call(key) => Kind::Call(key.into()),
                E::Company(id) => Kind::Company(id.to_string()),
                E::Profile(name) => Kind::Profile(name.to_string()),
            }),
        }
    }
}

/// Evidence; none when its kind is of a newer version.
fn evidence(wire: v1::Evidence) -> Result<Option<decision::Evidence>, Invalid> {
    use decision::Evidence as E;
    use v1::evidence::Kind;
    Ok(match wire.kind {
        None => None,
        Some(Kind::Member(id)) => Some(E::Member(Arc::from(id))),
        Some(Kind::Invitee(position)) => Some(E::Invitee(position)),
        Some(Kind::Setting(place)) => Some(E::Setting(Cow::Owned(place))),
        Some(Kind::Instant(at)) => time::optional("evidence.instant", Some(&at))?.map(E::Instant),
        Some(Kind::Seconds(seconds)) => Some(E::Seconds(seconds)),
        Some(Kind::Service(name)) => Some(E::Service(Cow::Owned(name))),
        Some(Kind::Call(key)) => Some(E::Call(key.try_into()?)),
        Some(Kind::Company(id)) => Some(E::Company(Arc::from(id))),
        Some(Kind::Profile(name)) => Some(E::Profile(Arc::from(name))),
    })
}

impl From<&decision::Finding> for v1::Finding {
    fn from(finding: &decision::Finding) -> Self {
        Self {
            rule: finding.rule.to_string(),
            code: skip::v1::SkipCode::from(finding.code).into(),
            lifted: finding.lifted,
            sub_reason: finding.sub_reason.as_deref().unwrap_or_default().to_owned(),
            evidence: finding.evidence.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Finding> for decision::Finding {
    type Error = Invalid;

    fn try_from(wire: v1::Finding) -> Result<Self, Invalid> {
        let code = skip::from_wire(wire.code)
            .map_err(|unknown| Invalid::Enum { field: "finding.code", value: unknown.0 })?;
        let mut seen = Vec::with_capacity(wire.evidence.len());
        for one in wire.evidence {
            seen.extend(evidence(one)?);
        }
        Ok(Self {
            rule: Cow::Owned(wire.rule),
            code,
            lifted: wire.lifted,
            sub_reason: (!wire.sub_reason.is_empty()).then_some(Cow::Owned(wire.sub_reason)),
            evidence: seen,
        })
    }
}

impl From<&decision::Verdict> for v1::Verdict {
    fn from(verdict: &decision::Verdict) -> Self {
        let outcome = if verdict.is_against() {
            v1::Outcome::Skip
        } else if !verdict.missing.is_empty() {
            v1::Outcome::Unavailable
        } else if verdict.defer_until.is_some() {
            v1::Outcome::Defer
        } else {
            v1::Outcome::Allow
        };
        Self {
            outcome: outcome.into(),
            findings: verdict.findings.iter().map(Into::into).collect(),
            warnings: verdict
                .warnings
                .iter()
                .map(|warning| v1::Warning::from(warning).into())
                .collect(),
            defer_until: verdict.defer_until.map(time::to_wire),
            missing: verdict.missing.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Verdict> for decision::Verdict {
    type Error = Invalid;

    /// An outcome that is unset, unknown, or does not fit the findings reads as unavailable: silence
    /// never permits.
    fn try_from(wire: v1::Verdict) -> Result<Self, Invalid> {
        let outcome = v1::Outcome::try_from(wire.outcome).unwrap_or(v1::Outcome::Unspecified);
        let findings = wire
            .findings
            .into_iter()
            .map(decision::Finding::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let mut verdict = Self {
            findings,
            warnings: wire.warnings.into_iter().filter_map(warning).collect(),
            missing: wire.missing.into_iter().map(Cow::Owned).collect(),
            defer_until: time::optional("verdict.defer_until", wire.defer_until.as_ref())?,
        };
        let fits = match outcome {
            v1::Outcome::Unspecified => false,
            v1::Outcome::Allow => !verdict.is_against() && verdict.missing.is_empty(),
            v1::Outcome::Skip => verdict.is_against(),
            v1::Outcome::Defer => verdict.defer_until.is_some(),
            v1::Outcome::Unavailable => !verdict.missing.is_empty(),
        };
        if !fits {
            verdict.missing.push(Cow::Borrowed("a verdict that can be read"));
        }
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decision::{Finding, SkipCode, Verdict, Warning};

    fn verdict() -> Verdict {
        Verdict {
            findings: vec![Finding {
                rule: "private".into(),
                code: SkipCode::PrivateOrConfidential,
                lifted: false,
                sub_reason: Some("personal".into()),
                evidence: vec![decision::Evidence::Invitee(3), decision::Evidence::Seconds(-5)],
            }],
            warnings: [Warning::AmbiguousTime, Warning::ShortNotice].into_iter().collect(),
            missing: Vec::new(),
            defer_until: None,
        }
    }

    #[test]
    fn a_verdict_survives_the_wire() {
        assert_eq!(Verdict::try_from(v1::Verdict::from(&verdict())), Ok(verdict()));
        assert_eq!(
            Verdict::try_from(v1::Verdict::from(&Verdict::default())),
            Ok(Verdict::default())
        );
    }

    #[test]
    fn an_absent_or_unknown_outcome_is_no_permission() {
        for outcome in [0, 99, -1] {
            let wire = v1::Verdict { outcome, ..v1::Verdict::default() };
            assert!(!Verdict::try_from(wire).unwrap().missing.is_empty());
        }
    }

    #[test]
    fn an_allowance_that_carries_a_finding_is_no_permission() {
        let wire =
            v1::Verdict { outcome: v1::Outcome::Allow.into(), ..v1::Verdict::from(&verdict()) };
        assert!(!Verdict::try_from(wire).unwrap().missing.is_empty());
    }
}
