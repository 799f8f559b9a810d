//! A call needs somebody of the company to whom it belongs: its user, or else the first colleague on it who may be recorded
//! (DOMAIN 1, 5.6).

use super::{Facts, Telephone, user_recording_off};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-no-owner", code: SkipCode::NoOwner, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    // That the user's capture is off says more.
    if facts.people.recordable_owner.is_some() || user_recording_off::switched_off(facts).is_some()
    {
        return Ok(Opinion::Silent);
    }
    let sub_reason = if facts.user().is_some() { "not_recordable" } else { "user_unknown" };
    Ok(Opinion::because(sub_reason, vec![Evidence::Setting("members".into())]))
}

#[cfg(test)]
mod tests {
    use super::super::Call;
    use super::super::example::{found, is_lifted, judge};
    use crate::SkipCode;
    use crate::eligibility::example::person;

    #[test]
    fn a_call_of_nobody_we_know_belongs_to_nobody() {
        for user in [None, Some("ext-17"), Some("new@acme.example"), Some("kim@customer.example")] {
            let change = |call: &mut Call| call.user = user.map(Into::into);
            let judgement = judge(|_, call| change(call));
            let finding = &judgement.call.verdict.findings[0];
            assert_eq!(
                (finding.code, finding.sub_reason.as_deref(), judgement.call.owner.as_deref()),
                (SkipCode::NoOwner, Some("user_unknown"), None),
                "{user:?}"
            );
        }
    }

    #[test]
    fn a_member_without_seat_owns_nothing_and_whoever_asks_owns_it() {
        let change =
            |company: &mut crate::CompanyFile, _: &mut Call| company.members[0].seat = false;
        assert_eq!(found(change), [SkipCode::NoOwner]);
        assert!(is_lifted(SkipCode::NoOwner, |_, call| call.user = Some("ext-17".into())));
    }

    #[test]
    fn calendars_have_no_part_in_it() {
        let change = |company: &mut crate::CompanyFile, _: &mut Call| {
            company.settings.calendar.company_wide_access = false;
            company.members[0].calendar_access = false;
        };
        assert_eq!(found(change), []);
    }

    #[test]
    fn a_colleague_to_whom_it_was_put_through_owns_it() {
        let judgement = judge(|_, call| {
            call.user = None;
            call.participants.push(person("bob@acme.example"));
        });
        assert_eq!(judgement.call.owner.as_deref(), Some("bob"));
    }
}
