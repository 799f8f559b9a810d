//! The capture of the person whose call was planned has been switched off since (DOMAIN 5.6).

use std::sync::Arc;

use super::{Eligibility, Facts};
use crate::company::Capture;
use crate::policy::Member;
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "user-recording-off", code: SkipCode::UserRecordingOff, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(switched_off(facts).map(|member| Evidence::Member(Arc::clone(&member.id))).into())
}

/// The owner of an earlier plan whose capture is off now: the organizer, or one whom nobody replaces.
pub(super) fn switched_off<'f>(facts: &'f Facts<'_>) -> Option<&'f Member> {
    let (ix, owner) = facts.policy.member_by_id(facts.meeting.planned_owner.as_deref()?)?;
    let off = owner.active && owner.capture == Capture::Disabled;
    let organizes = facts.people.organizer == Some(ix);
    (off && (organizes || facts.people.recordable_owner.is_none())).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, person};
    use crate::SkipCode;

    #[test]
    fn the_organizers_capture_switched_off_after_planning_is_told_as_such() {
        assert_eq!(
            found(|m| {
                m.organizer = Some(person("eve@acme.example"));
                m.planned_owner = Some("eve".into());
            }),
            [SkipCode::UserRecordingOff]
        );
    }

    #[test]
    fn another_invitee_who_can_own_it_takes_over() {
        assert_eq!(
            found(|m| {
                m.organizer = Some(person("kim@customer.example"));
                m.attendees = vec![person("eve@acme.example"), person("bob@acme.example")];
                m.planned_owner = Some("eve".into());
            }),
            []
        );
    }
}
