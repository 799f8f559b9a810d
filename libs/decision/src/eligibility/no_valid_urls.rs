//! There are links in join shape, and none of them leads to a conference (DOMAIN 8.16, 8.17).

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "no-valid-urls", code: SkipCode::NoValidUrls, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let links = facts.meeting.links;
    if links.provider.is_some() || !(links.join_link || links.unresolved_consent) {
        return Ok(Opinion::Silent);
    }
    // A consent link nobody can resolve is consent's matter where consent is enforced.
    if links.unresolved_consent && facts.consent_is_enforced() {
        return Ok(Opinion::Silent);
    }
    let sub_reason =
        if links.unresolved_consent { "unresolvable_consent_link" } else { "no_usable_link" };
    Ok(Opinion::because(sub_reason, vec![Evidence::Instant(facts.meeting.start)]))
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, found, judge};
    use crate::SkipCode;
    use crate::company::Profile;
    use crate::meeting::LinkState;

    #[test]
    fn links_that_lead_nowhere_are_skipped() {
        let codes = found(|m| m.links = LinkState { join_link: true, ..LinkState::default() });
        assert_eq!(codes, [SkipCode::NoValidUrls]);
    }

    #[test]
    fn an_unresolvable_consent_link_is_left_to_consent_where_that_is_enforced() {
        let unresolved = LinkState { unresolved_consent: true, ..LinkState::default() };
        assert_eq!(found(|m| m.links = unresolved), [SkipCode::NoValidUrls]);
        let judgement = judge(|c, m| {
            let profile = Profile { enabled: true, enforced: true, ..Profile::default() };
            c.consent.profiles.insert("eu".into(), profile);
            c.consent.default_profile = "eu".into();
            m.links = unresolved;
        });
        assert_eq!(codes(&judgement), []);
    }
}
