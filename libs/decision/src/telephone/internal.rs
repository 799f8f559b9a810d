//! A call between colleagues is not recorded where the company says so (DOMAIN 5.9).
//!
//! The other side is a colleague at an extension, or at one of the numbers that the company calls its own. Any other number
//! is external, even where only colleagues are known to take part: somebody without an address counts as external. What the
//! dialer learns later of those who are there is verified in the session.

use super::{Facts, Telephone};
use crate::company::InternalMeetings;
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-internal", code: SkipCode::InternalMeeting, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.policy.settings.recording.internal_meetings == InternalMeetings::Record {
        return Ok(Opinion::Silent);
    }
    let Some(said) = facts.policy.numbers.is_internal(&facts.other_number) else {
        return Ok(Opinion::Silent);
    };
    let mut others = facts.people.invited.iter().filter(|person| person.position > 0);
    if !others.all(|person| person.internal) {
        return Ok(Opinion::Silent);
    }
    let mut evidence = vec![Evidence::Setting("settings.recording.internal_meetings".into())];
    evidence.extend(said);
    Ok(Opinion::Against { sub_reason: None, evidence })
}

#[cfg(test)]
mod tests {
    use super::super::Call;
    use super::super::example::{found, is_lifted};
    use crate::company::InternalMeetings;
    use crate::eligibility::example::person;
    use crate::{CompanyFile, Person, SkipCode};

    fn to_extension(_: &mut CompanyFile, call: &mut Call) {
        call.other_number = "101".into();
        call.participants = vec![person("bob@acme.example")];
    }

    #[test]
    fn a_call_to_an_extension_is_internal() {
        assert_eq!(found(to_extension), [SkipCode::InternalMeeting]);
        assert!(is_lifted(SkipCode::InternalMeeting, to_extension));
        assert_eq!(
            found(|company, call| {
                to_extension(company, call);
                company.settings.recording.internal_meetings = InternalMeetings::Record;
            }),
            []
        );
    }

    #[test]
    fn a_call_to_one_of_our_own_numbers_is_internal() {
        assert_eq!(
            found(|company, call| {
                company.settings.dialer.own_numbers = vec!["+493012345".into()];
                call.participants.clear();
            }),
            [SkipCode::InternalMeeting]
        );
    }

    #[test]
    fn one_other_from_outside_makes_it_external() {
        for other in [person("kim@customer.example"), Person::default()] {
            assert_eq!(
                found(|company, call| {
                    to_extension(company, call);
                    call.participants.push(other);
                }),
                []
            );
        }
        assert_eq!(found(|_, call| call.participants = vec![person("bob@acme.example")]), []);
    }
}
