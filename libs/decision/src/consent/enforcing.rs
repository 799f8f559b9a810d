//! Consent is enforced, and the event proves that it would not be asked for (DOMAIN 5.13, 8.17, 8.18).

use std::borrow::Cow;
use std::sync::Arc;

use super::{Consent, Facts};
use crate::company::{LinkType, Profile};
use crate::links::{Link, Resolution};
use crate::{Answer, Evidence, Opinion, Provider, Rule, SkipCode};

pub(super) const RULE: Rule<Consent> =
    Rule { name: "consent-enforcing", code: SkipCode::ComplianceEnforcing, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let Some(profile) = facts.enforcing()? else { return Ok(Opinion::Silent) };
    let links = facts.links?;
    let mut evidence: Vec<Evidence> =
        facts.profile_name.map(|name| Evidence::Profile(Arc::from(name))).into_iter().collect();
    Ok(match violation(facts.company, profile, links) {
        Some((sub_reason, seen)) => {
            evidence.extend(seen);
            Opinion::because(sub_reason, evidence)
        }
        None => Opinion::Silent,
    })
}

/// The first violation in the order no_link, foreign_company, bypass, wrong_type.
pub(super) fn violation(
    company: &str,
    profile: &Profile,
    links: &[Link],
) -> Option<(&'static str, Option<Evidence>)> {
    let consent = || {
        links.iter().filter_map(|link| match link {
            Link::Consent(resolution) if *resolution != Resolution::NotAConsentLink => {
                Some(resolution)
            }
            Link::Consent(_) | Link::Join(_) | Link::Unusable { .. } => None,
        })
    };
    if consent().next().is_none() {
        return Some(("no_link", None));
    }
    for resolution in consent() {
        if let Resolution::Resolved { company: other, .. } = resolution
            && other != company
        {
            return Some(("foreign_company", Some(Evidence::Company(Arc::from(other.as_str())))));
        }
    }
    for link in links {
        let service = match link {
            Link::Join(conference) => Cow::Borrowed(conference.provider.as_str()),
            Link::Unusable { service } => service.clone(),
            Link::Consent(_) => continue,
        };
        return Some(("bypass", Some(Evidence::Service(service))));
    }
    for resolution in consent() {
        let permitted = match resolution {
            Resolution::Resolved { link_type, conference, .. } => {
                permits(profile, conference.provider, *link_type)
            }
            // Its conference is not known; its type is wrong where no provider permits it.
            Resolution::Unresolvable { link_type, .. } => {
                profile.links.values().any(|t| t == link_type)
            }
            Resolution::NotAConsentLink => true,
        };
        if !permitted {
            return Some(("wrong_type", None));
        }
    }
    None
}

fn permits(profile: &Profile, provider: Provider, link_type: LinkType) -> bool {
    profile.links.get(provider.as_str()) == Some(&link_type)
}

#[cfg(test)]
mod tests {
    use super::super::example::{consent_link, findings, profile, unresolvable, zoom};
    use crate::company::{LinkType, Profile};
    use crate::links::Link;

    fn sub_reason(links: &[Link]) -> Option<String> {
        findings(&profile(), links, false).first()?.sub_reason.as_ref().map(ToString::to_string)
    }

    #[test]
    fn each_violation_has_its_sub_reason_in_order() {
        let good = consent_link("acme", LinkType::Static);
        assert_eq!(sub_reason(&[]).as_deref(), Some("no_link"));
        assert_eq!(sub_reason(&[Link::Join(zoom())]).as_deref(), Some("no_link"));
        let foreign = consent_link("other", LinkType::Dynamic);
        assert_eq!(sub_reason(&[foreign, Link::Join(zoom())]).as_deref(), Some("foreign_company"));
        assert_eq!(sub_reason(&[good, Link::Join(zoom())]).as_deref(), Some("bypass"));
        assert_eq!(
            sub_reason(&[consent_link("acme", LinkType::Dynamic)]).as_deref(),
            Some("wrong_type")
        );
    }

    #[test]
    fn an_unsupported_service_bypasses_too() {
        let jitsi = Link::Unusable { service: "jitsi".into() };
        assert_eq!(
            sub_reason(&[consent_link("acme", LinkType::Static), jitsi]).as_deref(),
            Some("bypass")
        );
    }

    #[test]
    fn a_provider_that_is_not_named_permits_no_type() {
        let none = Profile { links: [("teams".to_owned(), LinkType::Static)].into(), ..profile() };
        let findings = findings(&none, &[consent_link("acme", LinkType::Static)], false);
        assert_eq!(findings[0].sub_reason.as_deref(), Some("wrong_type"));
    }

    #[test]
    fn a_type_no_provider_permits_is_wrong_even_unresolved() {
        assert_eq!(sub_reason(&[unresolvable(LinkType::Dynamic)]).as_deref(), Some("wrong_type"));
    }
}
