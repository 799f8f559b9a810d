//! A call with somebody who is never to be recorded is not recorded (DOMAIN 5.11, 8.10).

use super::{Eligibility, Facts};
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "never-record", code: SkipCode::HasDoNotRecordUsers, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(Opinion::against_any(facts.people.never_recorded(facts.policy)))
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, declined, found, is_lifted, judge, person};
    use crate::SkipCode;

    #[test]
    fn somebody_never_recorded_stops_it_even_without_seat_and_deactivated() {
        assert_eq!(
            found(|m| m.attendees.push(person("cy@acme.example"))),
            [SkipCode::HasDoNotRecordUsers]
        );
        let judgement = judge(|c, m| {
            c.members[2].seat = false;
            c.members[2].active = false;
            m.attendees.push(person("cy@acme.example"));
        });
        assert_eq!(codes(&judgement), [SkipCode::HasDoNotRecordUsers]);
    }

    #[test]
    fn one_who_declined_is_ignored() {
        assert_eq!(found(|m| m.attendees.push(declined("cy@acme.example"))), []);
    }

    #[test]
    fn a_manual_request_does_not_lift_it() {
        assert!(!is_lifted(SkipCode::HasDoNotRecordUsers, |_, m| m
            .attendees
            .push(person("cy@acme.example"))));
    }
}
