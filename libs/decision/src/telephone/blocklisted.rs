//! A call with an excluded domain or address is not recorded on its own (DOMAIN 5.10). A call has no title, so that keywords
//! have nothing to stand in.

use super::{Facts, Telephone};
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-blocklisted", code: SkipCode::CallBlocklisted, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(Opinion::against_any(facts.people.excluded(facts.policy, None)))
}

#[cfg(test)]
mod tests {
    use super::super::Call;
    use super::super::example::{found, is_lifted, judge};
    use crate::{CompanyFile, Evidence, SkipCode};

    fn excluded(company: &mut CompanyFile, _: &mut Call) {
        company.settings.exclusions.domains = vec!["customer.example".into()];
    }

    #[test]
    fn an_excluded_participant_stops_it_and_a_request_lifts_that() {
        assert_eq!(found(excluded), [SkipCode::CallBlocklisted]);
        assert!(is_lifted(SkipCode::CallBlocklisted, excluded));
        let evidence = &judge(excluded).call.verdict.findings[0].evidence;
        assert_eq!(evidence, &[Evidence::Setting("settings.exclusions.domains[0]".into())]);
    }

    #[test]
    fn the_user_counts_too() {
        let change = |company: &mut CompanyFile, _: &mut Call| {
            company.settings.exclusions.addresses = vec!["ADA@acme.example".into()];
        };
        assert_eq!(found(change), [SkipCode::CallBlocklisted]);
    }
}
