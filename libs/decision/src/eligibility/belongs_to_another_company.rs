//! An event that came through another tenant's calendar or assistant is not ours to record (DOMAIN 5.14).

use std::sync::Arc;

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "belongs-to-another-company", code: SkipCode::BelongsToAnotherCompany, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let foreign =
        facts.meeting.foreign_company.as_deref().filter(|id| *id != &*facts.policy.company);
    Ok(foreign.map_or(Opinion::Silent, |id| Opinion::against(Evidence::Company(Arc::from(id)))))
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;

    #[test]
    fn an_event_of_another_tenant_is_skipped_whoever_asks() {
        assert_eq!(
            found(|m| m.foreign_company = Some("other".into())),
            [SkipCode::BelongsToAnotherCompany]
        );
        assert!(!is_lifted(SkipCode::BelongsToAnotherCompany, |_, m| m.foreign_company =
            Some("other".into())));
    }

    #[test]
    fn an_external_organizer_alone_is_fine() {
        assert_eq!(
            found(|m| {
                m.organizer = Some(super::super::example::person("kim@customer.example"));
                m.attendees = vec![super::super::example::person("ada@acme.example")];
            }),
            []
        );
    }
}
