//! A call that only a deactivated member could have owned fell with that member (DOMAIN 8.12, 8.13).
//!
//! Where only organizers count, only the organizer is asked about: a deactivated invitee of somebody
//! else's meeting is not why it is not recorded.

use std::sync::Arc;

use super::{Eligibility, Facts};
use crate::policy::Member;
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "user-deactivated", code: SkipCode::RemovedByUserDeactivated, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let candidates = || {
        let organizers_only = facts.only_organizers();
        let coming =
            facts.people.coming().filter(move |person| !organizers_only || person.position == 0);
        coming.filter_map(|person| facts.member(person.member?))
    };
    if candidates().any(Member::is_recordable) {
        return Ok(Opinion::Silent);
    }
    let mut gone: Vec<Evidence> = candidates()
        .filter(|member| !member.active && member.would_be_recordable_if_active())
        .map(|member| Evidence::Member(Arc::clone(&member.id)))
        .collect();
    gone.sort();
    gone.dedup();
    Ok(Opinion::against_any(gone))
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, declined, found, judge, person};
    use crate::SkipCode;
    use crate::company::WhichMeetings;

    #[test]
    fn where_only_organizers_count_only_the_organizers_deactivation_does() {
        let judged = |organizer: &str, attendee: &str| {
            codes(&judge(|c, m| {
                c.settings.recording.which_meetings = WhichMeetings::Organizer;
                m.organizer = Some(person(organizer));
                m.attendees = vec![person(attendee), person("kim@customer.example")];
            }))
        };
        let not_organizer = SkipCode::NotFromOrganizerCalendar;
        assert_eq!(
            judged("dee@acme.example", "ada@acme.example"),
            [SkipCode::RemovedByUserDeactivated, not_organizer]
        );
        assert_eq!(judged("lee@customer.example", "dee@acme.example"), [not_organizer]);
    }

    #[test]
    fn a_call_of_a_deactivated_member_alone_is_skipped() {
        assert_eq!(
            found(|m| m.organizer = Some(person("dee@acme.example"))),
            [SkipCode::RemovedByUserDeactivated, SkipCode::NoOwner]
        );
    }

    #[test]
    fn another_owner_or_a_refusal_leaves_it_out() {
        assert_eq!(found(|m| m.attendees.push(person("dee@acme.example"))), []);
        assert_eq!(
            found(|m| {
                m.organizer = Some(person("kim@customer.example"));
                m.attendees = vec![declined("dee@acme.example")];
            }),
            [SkipCode::NoOwner]
        );
    }
}
