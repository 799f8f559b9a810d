//! A call with somebody who is never to be recorded is not recorded (DOMAIN 5.11, 8.10).

use super::{Facts, Telephone};
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-never-record", code: SkipCode::HasDoNotRecordUsers, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(Opinion::against_any(facts.people.never_recorded(facts.policy)))
}

#[cfg(test)]
mod tests {
    use super::super::Call;
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;
    use crate::eligibility::example::person;

    const NEVER: SkipCode = SkipCode::HasDoNotRecordUsers;

    #[test]
    fn somebody_never_recorded_stops_it_as_user_or_as_another_and_no_request_helps() {
        let another = |call: &mut Call| call.participants.push(person("cy@acme.example"));
        assert_eq!(found(|_, call| another(call)), [NEVER]);
        assert!(!is_lifted(NEVER, |_, call| another(call)));
        assert_eq!(found(|_, call| call.user = Some("cy".into())), [SkipCode::NoOwner, NEVER]);
    }
}
