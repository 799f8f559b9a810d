//! Is consent asked for and not refused? The facts consent asks of a call, and its rules.
//!
//! Consent fails closed: what cannot be verified is not permitted, and a fact that is missing makes
//! the verdict unavailable, never an allowance.

mod enforcing;
mod system_decision;
mod user_request;

pub mod token;

use crate::company::Profile;
use crate::links::Link;
use crate::rule::{Judge, Missing, Rule, Verdict, judge};

/// The judge whose question is: is consent asked for and not refused?
#[derive(Debug, Clone, Copy)]
pub enum Consent {}

impl Judge for Consent {
    type Facts<'a> = Facts<'a>;
}

/// Every rule of consent, by rank of its code.
pub const RULES: &[Rule<Consent>] = &[user_request::RULE, enforcing::RULE, system_decision::RULE];

/// What consent's rules look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The company on whose behalf it is asked.
    pub company: &'a str,
    /// Name of the owner's profile; none for no profile.
    pub profile_name: Option<&'a str>,
    /// That profile; none for no profile.
    pub profile: Result<Option<&'a Profile>, Missing>,
    /// All links of the event in reading order, resolved.
    pub links: Result<&'a [Link], Missing>,
    /// Whether a participant chose to join without being recorded.
    pub refused: Result<bool, Missing>,
}

impl Facts<'_> {
    /// The profile, where it enforces consent.
    fn enforcing(&self) -> Result<Option<&Profile>, Missing> {
        Ok(self.profile?.filter(|profile| profile.enabled && profile.enforced))
    }
}

/// Judges one call by every rule.
#[must_use]
pub fn judge_call(facts: &Facts<'_>) -> Verdict {
    // No manual request lifts any of these codes (DOMAIN 4).
    judge(RULES, facts, false)
}

#[cfg(test)]
pub(crate) mod example {
    //! Links and profiles for the tests of the rules.

    use super::{Facts, judge_call};
    use crate::company::{LinkType, Profile};
    use crate::links::{Link, Resolution};
    use crate::{Conference, Finding, Provider};

    pub(crate) fn zoom() -> Conference {
        Conference { provider: Provider::Zoom, id: "123456789".into() }
    }

    pub(crate) fn consent_link(company: &str, link_type: LinkType) -> Link {
        Link::Consent(Resolution::Resolved {
            company: company.into(),
            link_type,
            conference: zoom(),
        })
    }

    pub(crate) fn unresolvable(link_type: LinkType) -> Link {
        Link::Consent(Resolution::Unresolvable { link_type, reason: "unknown_key".into() })
    }

    /// Enforced, static links for Zoom.
    pub(crate) fn profile() -> Profile {
        Profile {
            enabled: true,
            enforced: true,
            links: [("zoom".to_owned(), LinkType::Static)].into(),
            announcement: false,
        }
    }

    pub(crate) fn findings(profile: &Profile, links: &[Link], refused: bool) -> Vec<Finding> {
        let facts = Facts {
            company: "acme",
            profile_name: Some("eu"),
            profile: Ok(Some(profile)),
            links: Ok(links),
            refused: Ok(refused),
        };
        judge_call(&facts).findings
    }
}

#[cfg(test)]
mod tests {
    use super::example::{consent_link, findings, profile};
    use super::*;
    use crate::company::LinkType;

    #[test]
    fn a_consent_link_of_the_right_type_passes() {
        assert_eq!(findings(&profile(), &[consent_link("acme", LinkType::Static)], false), []);
    }

    #[test]
    fn enabled_but_not_enforced_never_blocks() {
        let lenient = Profile { enforced: false, ..profile() };
        assert_eq!(findings(&lenient, &[], true), []);
        let off = Profile { enabled: false, ..profile() };
        assert_eq!(findings(&off, &[], true), []);
    }

    #[test]
    fn a_fact_that_is_missing_makes_the_verdict_unavailable() {
        let facts = Facts {
            company: "acme",
            profile_name: None,
            profile: Err(Missing("profile")),
            links: Ok(&[]),
            refused: Ok(false),
        };
        assert_eq!(judge_call(&facts).missing, ["profile"]);
    }
}
