//! An event of whole days is no call anybody joins.

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "all-day-event", code: SkipCode::AllDayEvent, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(if facts.meeting.all_day {
        Opinion::against(Evidence::Instant(facts.meeting.start))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn an_all_day_event_is_skipped_and_needs_no_end() {
        assert_eq!(
            found(|meeting| {
                meeting.all_day = true;
                meeting.end = None;
            }),
            [SkipCode::AllDayEvent]
        );
    }
}
