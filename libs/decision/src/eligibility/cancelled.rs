//! What the calendar cancelled is not recorded: by the organizer, or because nobody who could own it comes
//! (DOMAIN 5.8, 8.12).

use std::sync::Arc;

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "cancelled", code: SkipCode::Cancelled, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.meeting.cancelled {
        return Ok(Opinion::because("at_the_source", vec![Evidence::Instant(facts.meeting.start)]));
    }
    if facts.people.organizer_declined {
        return Ok(Opinion::because("declined_by_organizer", vec![Evidence::Invitee(0)]));
    }
    if facts.only_organizers() || facts.people.owner().is_some() {
        return Ok(Opinion::Silent);
    }
    // Nobody owns it, so every recordable person who is invited has declined.
    let mut declined: Vec<Evidence> = facts
        .people
        .invited
        .iter()
        .filter_map(|person| facts.member(person.member?))
        .filter(|member| member.is_recordable())
        .map(|member| Evidence::Member(Arc::clone(&member.id)))
        .collect();
    declined.sort();
    declined.dedup();
    Ok(if declined.is_empty() {
        Opinion::Silent
    } else {
        Opinion::because("declined_by_all", declined)
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, declined, found, judge, person};
    use crate::SkipCode;
    use crate::company::WhichMeetings;

    #[test]
    fn a_cancelled_event_is_skipped() {
        assert_eq!(found(|m| m.cancelled = true), [SkipCode::Cancelled]);
    }

    #[test]
    fn an_organizer_who_declines_cancels_whoever_it_is() {
        assert_eq!(
            found(|m| {
                m.organizer = Some(person("kim@customer.example"));
                m.attendees = vec![
                    declined("kim@customer.example"),
                    person("lee@customer.example"),
                    person("ada@acme.example"),
                ];
            }),
            [SkipCode::Cancelled]
        );
    }

    #[test]
    fn recordable_persons_who_all_declined_leave_it_cancelled_and_without_owner() {
        assert_eq!(
            found(|m| {
                m.organizer = Some(person("kim@customer.example"));
                m.attendees = vec![declined("ada@acme.example"), declined("bob@acme.example")];
            }),
            [SkipCode::Cancelled, SkipCode::NoOwner]
        );
    }

    #[test]
    fn where_only_organizers_count_a_declining_invitee_cancels_nothing() {
        let judgement = judge(|c, m| {
            c.settings.recording.which_meetings = WhichMeetings::Organizer;
            m.organizer = Some(person("kim@customer.example"));
            m.attendees = vec![declined("ada@acme.example")];
        });
        assert_eq!(codes(&judgement), [SkipCode::NotFromOrganizerCalendar]);
    }
}
