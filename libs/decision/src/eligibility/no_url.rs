//! Without any link in join shape there is no conference to record (DOMAIN 8.16).

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> = Rule { name: "no-url", code: SkipCode::NoUrl, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let links = facts.meeting.links;
    let none = links.provider.is_none() && !links.join_link && !links.unresolved_consent;
    Ok(if none {
        Opinion::against(Evidence::Instant(facts.meeting.start))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;
    use crate::meeting::LinkState;

    #[test]
    fn an_event_without_link_is_skipped() {
        assert_eq!(found(|m| m.links = LinkState::default()), [SkipCode::NoUrl]);
    }
}
