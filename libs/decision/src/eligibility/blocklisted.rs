//! A meeting with an excluded domain, address or keyword is not recorded on its own (DOMAIN 5.10).

use super::{Eligibility, Facts};
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "blocklisted", code: SkipCode::EventBlocklisted, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(Opinion::against_any(facts.people.excluded(facts.policy, facts.meeting.title.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, declined, is_lifted, judge, person};
    use crate::company::CompanyFile;
    use crate::{Evidence, Meeting, SkipCode};

    fn excluded(change: impl FnOnce(&mut CompanyFile, &mut Meeting)) -> bool {
        codes(&judge(change)) == [SkipCode::EventBlocklisted]
    }

    #[test]
    fn each_list_excludes() {
        assert!(excluded(|c, _| c.settings.exclusions.domains = vec!["CUSTOMER.example".into()]));
        assert!(excluded(
            |c, _| c.settings.exclusions.addresses = vec!["Kim@customer.example".into()]
        ));
        assert!(excluded(|c, _| c.settings.exclusions.keywords = vec!["renewal".into()]));
    }

    #[test]
    fn an_excluded_domain_holds_for_its_sub_domains_and_for_those_who_declined() {
        assert!(excluded(|c, m| {
            c.settings.exclusions.domains = vec!["customer.example".into()];
            m.attendees = vec![declined("kim@eu.customer.example"), person("lee@other.example")];
        }));
    }

    #[test]
    fn the_evidence_is_the_entry_and_not_the_person() {
        let judgement =
            judge(|c, _| c.settings.exclusions.domains = vec!["customer.example".into()]);
        let evidence = &judgement.verdict.findings[0].evidence;
        assert_eq!(evidence, &[Evidence::Setting("settings.exclusions.domains[0]".into())]);
    }

    #[test]
    fn a_manual_request_lifts_it() {
        assert!(is_lifted(SkipCode::EventBlocklisted, |c, m| {
            c.settings.exclusions.keywords = vec!["renewal".into()];
            m.attendees.push(person("bob@acme.example"));
        }));
    }
}
