//! Consent is enforced, and it cannot be verified whether the event asks for it: it fails closed
//! (DOMAIN 5.13, 8.17).

use std::sync::Arc;

use super::{Consent, Facts, enforcing};
use crate::links::{Link, Resolution};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Consent> =
    Rule { name: "consent-unverified", code: SkipCode::ComplianceSystemDecision, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let Some(profile) = facts.enforcing()? else { return Ok(Opinion::Silent) };
    let links = facts.links?;
    let unresolved =
        links.iter().any(|link| matches!(link, Link::Consent(Resolution::Unresolvable { .. })));
    // A proven violation says more (DOMAIN 8.18).
    if !unresolved || enforcing::violation(facts.company, profile, links).is_some() {
        return Ok(Opinion::Silent);
    }
    let profile = facts.profile_name.unwrap_or_default();
    Ok(Opinion::because("unresolvable_link", vec![Evidence::Profile(Arc::from(profile))]))
}

#[cfg(test)]
mod tests {
    use super::super::example::{consent_link, findings, profile, unresolvable, zoom};
    use crate::SkipCode;
    use crate::company::LinkType;
    use crate::links::Link;

    #[test]
    fn a_link_nobody_can_resolve_is_not_recorded() {
        let found = findings(&profile(), &[unresolvable(LinkType::Static)], false);
        assert_eq!(found[0].code, SkipCode::ComplianceSystemDecision);
        let beside_a_good_one =
            [consent_link("acme", LinkType::Static), unresolvable(LinkType::Static)];
        assert_eq!(
            findings(&profile(), &beside_a_good_one, false)[0].code,
            SkipCode::ComplianceSystemDecision
        );
    }

    #[test]
    fn a_proven_violation_says_more() {
        let links = [unresolvable(LinkType::Static), Link::Join(zoom())];
        let found = findings(&profile(), &links, false);
        assert_eq!(
            found.iter().map(|f| f.code).collect::<Vec<_>>(),
            [SkipCode::ComplianceEnforcing]
        );
    }
}
