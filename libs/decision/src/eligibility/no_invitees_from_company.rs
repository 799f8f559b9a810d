//! A meeting to which nobody of the company is invited is none of its business.

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "no-invitees-from-company", code: SkipCode::NoInviteesFromCompany, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let ours = facts.people.invited.iter().any(|person| person.member.is_some() || person.internal);
    let invited = i64::try_from(facts.people.invited.len()).unwrap_or(i64::MAX);
    Ok(if ours {
        Opinion::Silent
    } else {
        let sub_reason = if invited == 0 { "nobody_invited" } else { "only_others_invited" };
        Opinion::because(
            sub_reason,
            vec![Evidence::Setting("members".into()), Evidence::Setting("domains".into())],
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, person};
    use crate::SkipCode;

    #[test]
    fn a_meeting_of_others_is_skipped_and_has_no_owner_either() {
        assert_eq!(
            found(|m| {
                m.organizer = Some(person("kim@customer.example"));
                m.attendees.clear();
            }),
            [SkipCode::NoInviteesFromCompany, SkipCode::NoOwner]
        );
    }

    #[test]
    fn nobody_at_all_is_nobody_of_the_company() {
        let codes = found(|m| {
            m.organizer = None;
            m.attendees.clear();
        });
        assert!(codes.contains(&SkipCode::NoInviteesFromCompany));
    }

    #[test]
    fn a_colleague_who_is_no_member_is_of_the_company() {
        let codes = found(|m| {
            m.organizer = Some(person("kim@customer.example"));
            m.attendees = vec![person("new@acme.example")];
        });
        assert_eq!(codes, [SkipCode::NoOwner]);
    }
}
