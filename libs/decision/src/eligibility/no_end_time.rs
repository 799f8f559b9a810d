//! A meeting without a usable end cannot be planned (DOMAIN 8.24).

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "no-end-time", code: SkipCode::NoEndTime, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let meeting = facts.meeting;
    let usable = meeting.end.is_some_and(|end| end > meeting.start);
    Ok(if usable || meeting.all_day {
        Opinion::Silent
    } else {
        Opinion::against(Evidence::Instant(meeting.start))
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn an_end_that_is_absent_or_not_after_the_start_is_none() {
        assert_eq!(found(|m| m.end = None), [SkipCode::NoEndTime]);
        assert_eq!(found(|m| m.end = Some(m.start)), [SkipCode::NoEndTime]);
    }
}
