//! Where only meetings of recorded organizers count, the organizer must be recordable (DOMAIN 5.6, 8.11).

use super::{Eligibility, Facts};
use crate::policy::Member;
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "not-from-organizer-calendar", code: SkipCode::NotFromOrganizerCalendar, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let organizer = facts.people.organizer.and_then(|ix| facts.member(ix));
    Ok(if facts.only_organizers() && !organizer.is_some_and(Member::is_recordable) {
        Opinion::against(Evidence::Setting("settings.recording.which_meetings".into()))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, judge, person};
    use crate::SkipCode;
    use crate::company::WhichMeetings;

    #[test]
    fn an_external_organizer_is_skipped_although_a_recordable_member_comes() {
        let judgement = judge(|c, m| {
            c.settings.recording.which_meetings = WhichMeetings::Organizer;
            m.organizer = Some(person("kim@customer.example"));
            m.attendees = vec![person("ada@acme.example")];
        });
        assert_eq!(codes(&judgement), [SkipCode::NotFromOrganizerCalendar]);
        assert_eq!(judgement.owner.as_deref(), Some("ada"));
    }
}
