//! Where a CRM match is required, one invited person must be known to the CRM.

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "no-crm-match", code: SkipCode::NoCrmMatch, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let required = facts.policy.settings.recording.require_crm_match;
    Ok(if required && !facts.people.invited.iter().any(|person| person.crm) {
        Opinion::against(Evidence::Setting("settings.recording.require_crm_match".into()))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, declined, judge};
    use crate::SkipCode;

    #[test]
    fn nobody_known_to_the_crm_is_skipped_where_it_is_required() {
        assert_eq!(
            codes(&judge(|c, _| c.settings.recording.require_crm_match = true)),
            [SkipCode::NoCrmMatch]
        );
    }

    #[test]
    fn a_known_domain_counts_even_if_its_person_declined() {
        let judgement = judge(|c, m| {
            c.settings.recording.require_crm_match = true;
            c.crm.domains = vec!["customer.example".into()];
            m.attendees = vec![declined("kim@eu.customer.example")];
        });
        assert!(!codes(&judgement).contains(&SkipCode::NoCrmMatch));
    }
}
