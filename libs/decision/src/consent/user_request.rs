//! Somebody chose to join without being recorded (DOMAIN 5.13).

use std::sync::Arc;

use super::{Consent, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Consent> =
    Rule { name: "consent-refused", code: SkipCode::ComplianceUserRequest, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.enforcing()?.is_none() {
        return Ok(Opinion::Silent);
    }
    let profile = facts.profile_name.unwrap_or_default();
    Ok(if facts.refused? {
        Opinion::against(Evidence::Profile(Arc::from(profile)))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{consent_link, findings, profile};
    use crate::SkipCode;
    use crate::company::LinkType;

    #[test]
    fn a_refusal_is_not_recorded_although_the_link_is_right() {
        let found = findings(&profile(), &[consent_link("acme", LinkType::Static)], true);
        assert_eq!(found[0].code, SkipCode::ComplianceUserRequest);
    }
}
