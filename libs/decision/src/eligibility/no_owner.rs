//! Where any invitee may own a call, one recordable person must come (DOMAIN 5.6, 8.11).

use super::{Eligibility, Facts, user_recording_off};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> = Rule { name: "no-owner", code: SkipCode::NoOwner, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.only_organizers() || facts.people.recordable_owner.is_some() {
        return Ok(Opinion::Silent);
    }
    // After planning the owner's capture switched off is the more specific reason.
    if user_recording_off::switched_off(facts).is_some() {
        return Ok(Opinion::Silent);
    }
    Ok(Opinion::against(Evidence::Setting("members".into())))
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted, judge, person};
    use crate::SkipCode;

    #[test]
    fn members_who_are_not_recordable_own_nothing() {
        assert_eq!(found(|m| m.organizer = Some(person("eve@acme.example"))), [SkipCode::NoOwner]);
    }

    #[test]
    fn a_requester_owns_what_nobody_else_can() {
        let change = |c: &mut crate::CompanyFile, m: &mut crate::Meeting| {
            c.members[0].calendar_access = false;
            c.settings.calendar.company_wide_access = false;
            m.organizer = Some(person("ada@acme.example"));
        };
        assert!(is_lifted(SkipCode::NoOwner, change));
        let judgement = judge(|c, m| {
            change(c, m);
            m.requested_by.push("ada@acme.example".into());
        });
        assert_eq!(judgement.owner.as_deref(), Some("ada"));
    }
}
