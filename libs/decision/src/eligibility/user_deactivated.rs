//! A call that only a deactivated member could have owned fell with that member (DOMAIN 8.13).

use std::sync::Arc;

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "user-deactivated", code: SkipCode::RemovedByUserDeactivated, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    if facts.people.recordable_owner.is_some() {
        return Ok(Opinion::Silent);
    }
    let gone: Vec<Evidence> = facts
        .people
        .coming()
        .filter_map(|person| facts.member(person.member?))
        .filter(|member| !member.active && member.would_be_recordable_if_active())
        .map(|member| Evidence::Member(Arc::clone(&member.id)))
        .collect();
    Ok(if gone.is_empty() {
        Opinion::Silent
    } else {
        Opinion::Against { sub_reason: None, evidence: gone }
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{declined, found, person};
    use crate::SkipCode;

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
