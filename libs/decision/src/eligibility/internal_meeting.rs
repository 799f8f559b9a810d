//! A meeting of colleagues only is not recorded where the company says so (DOMAIN 5.9).

use super::{Eligibility, Facts};
use crate::company::InternalMeetings;
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "internal-meeting", code: SkipCode::InternalMeetingRecordingDisabled, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.policy.settings.recording.internal_meetings == InternalMeetings::Record {
        return Ok(Opinion::Silent);
    }
    let mut coming = facts.people.coming().peekable();
    let somebody = coming.peek().is_some();
    Ok(if somebody && coming.all(|person| person.internal) {
        Opinion::against(Evidence::Setting("settings.recording.internal_meetings".into()))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, declined, found, is_lifted, judge, person};
    use crate::company::InternalMeetings;
    use crate::{Person, PersonKind, SkipCode};

    const INTERNAL: SkipCode = SkipCode::InternalMeetingRecordingDisabled;

    #[test]
    fn colleagues_only_is_internal_with_rooms_assistant_and_declined_guests_aside() {
        assert_eq!(
            found(|m| {
                m.attendees = vec![
                    person("bob@eu.acme.example"),
                    declined("kim@customer.example"),
                    Person { kind: PersonKind::Room, ..person("room@hotel.example") },
                ];
            }),
            [INTERNAL]
        );
    }

    #[test]
    fn somebody_without_address_is_external() {
        let judgement = judge(|_, m| m.attendees = vec![Person::default()]);
        assert_eq!(codes(&judgement), []);
        assert!(judgement.verdict.warnings.contains(crate::Warning::InviteeWithoutAddress));
    }

    #[test]
    fn the_setting_or_a_request_permits_it() {
        assert_eq!(
            codes(&judge(|c, m| {
                c.settings.recording.internal_meetings = InternalMeetings::Record;
                m.attendees.clear();
            })),
            []
        );
        assert!(is_lifted(INTERNAL, |_, m| m.attendees.clear()));
    }
}
