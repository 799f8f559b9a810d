//! A call that only a deactivated member could have owned fell with that member (DOMAIN 5.6, 8.13).

use std::sync::Arc;

use super::{Facts, Telephone};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-user-deactivated", code: SkipCode::RemovedByUserDeactivated, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.people.recordable_owner.is_some() {
        return Ok(Opinion::Silent);
    }
    let mut gone: Vec<Evidence> = facts
        .people
        .coming()
        .filter_map(|person| facts.member(person.member?))
        .filter(|member| !member.active && member.would_be_recordable_by_phone_if_active())
        .map(|member| Evidence::Member(Arc::clone(&member.id)))
        .collect();
    gone.sort();
    gone.dedup();
    Ok(Opinion::against_any(gone))
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;
    use crate::eligibility::example::person;

    #[test]
    fn a_call_of_a_deactivated_user_is_not_recorded() {
        assert_eq!(
            found(|_, call| call.user = Some("dee".into())),
            [SkipCode::RemovedByUserDeactivated, SkipCode::NoOwner]
        );
        let code = SkipCode::RemovedByUserDeactivated;
        assert!(is_lifted(code, |_, call| call.user = Some("dee@acme.example".into())));
    }

    #[test]
    fn a_colleague_on_the_call_takes_over() {
        assert_eq!(
            found(|_, call| {
                call.user = Some("dee".into());
                call.participants.push(person("bob@acme.example"));
            }),
            []
        );
    }

    #[test]
    fn one_who_would_not_be_recorded_anyway_is_not_why() {
        assert_eq!(
            found(|company, call| {
                company.members[3].seat = false;
                call.user = Some("dee".into());
            }),
            [SkipCode::NoOwner]
        );
    }
}
