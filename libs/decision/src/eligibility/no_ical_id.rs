//! An event without an iCalendar UID cannot be told from others, so it is not planned.

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "no-ical-id", code: SkipCode::NoIcalId, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let known = facts.meeting.has_ical_uid;
    Ok(if known {
        Opinion::Silent
    } else {
        Opinion::against(Evidence::Instant(facts.meeting.start))
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn an_event_without_uid_is_skipped() {
        assert_eq!(found(|m| m.has_ical_uid = false), [SkipCode::NoIcalId]);
    }
}
