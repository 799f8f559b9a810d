//! The company does not import telephone calls.

use super::{Facts, Telephone};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "dialer-disabled", code: SkipCode::CallProviderDisabledForCompany, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(if facts.policy.settings.dialer.enabled {
        Opinion::Silent
    } else {
        let setting = Evidence::Setting("settings.dialer.enabled".into());
        Opinion::because("disabled", vec![setting, Evidence::Service("dialer".into())])
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;

    #[test]
    fn a_company_that_switched_telephony_off_records_no_call_whoever_asks() {
        let code = SkipCode::CallProviderDisabledForCompany;
        assert_eq!(found(|company, _| company.settings.dialer.enabled = false), [code]);
        assert!(!is_lifted(code, |company, _| company.settings.dialer.enabled = false));
    }
}
