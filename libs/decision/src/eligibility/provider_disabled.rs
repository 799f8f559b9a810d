//! The conference is at a provider the company does not use, or has not set up (DOMAIN 8.8).

use std::borrow::Cow;

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "provider-disabled", code: SkipCode::CallProviderDisabledForCompany, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let Some(provider) = facts.meeting.links.provider else { return Ok(Opinion::Silent) };
    let evidence = vec![Evidence::Service(Cow::Borrowed(provider.as_str()))];
    Ok(match facts.policy.provider(provider) {
        Some(entry) if entry.enabled && entry.configured => Opinion::Silent,
        Some(entry) if entry.enabled => Opinion::because("not_configured", evidence),
        Some(_) | None => Opinion::because("disabled", evidence),
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, found, judge};
    use crate::{Provider, SkipCode};

    const DISABLED: SkipCode = SkipCode::CallProviderDisabledForCompany;

    #[test]
    fn a_provider_that_is_not_named_is_disabled() {
        assert_eq!(found(|m| m.links.provider = Some(Provider::Webex)), [DISABLED]);
    }

    #[test]
    fn a_provider_that_is_not_set_up_says_so() {
        let judgement =
            judge(|c, _| c.settings.providers.get_mut("zoom").unwrap().configured = false);
        assert_eq!(codes(&judgement), [DISABLED]);
        assert_eq!(judgement.verdict.findings[0].sub_reason.as_deref(), Some("not_configured"));
    }
}
