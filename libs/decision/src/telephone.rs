//! May this telephone call be recorded? What is known of a call, and the rules it is judged by.
//!
//! Two questions are kept apart. Whose call it is and who is heard is judged when the call becomes known: codes of
//! planning, of the conference table where there are twins (DOMAIN 5.2). What its numbers permit is a matter of the phase
//! `dial` of the catalogue, like everything else that becomes of a call once it is dialled: one that never connects ends in
//! what kept it from connecting, whatever its number (DOMAIN 3.1), and a number that does not exist is such an end too. So a
//! plan hands what holds for its numbers ([`Judgement::numbers`]) to the session, which knows whether somebody answered and
//! whether the user started the recording by hand, and which raises RECORDING_RESTRICTED, MANUAL_RECORDING_EXCLUDED and
//! AUTO_RECORDING_EXCLUDED. Where that is known when the call is judged ([`Call::started_by_hand`]), for it is over, the same
//! codes are raised here.
//!
//! No rule asks about calendars: neither access to them, nor whose meetings count, has a part in a telephone call. Nor is a
//! CRM match required, for the company file knows no telephone numbers of customers.

mod auto_excluded;
mod blocklisted;
mod canceled_by_owner;
mod deleted_by_user;
mod dialer_disabled;
mod internal;
mod manual_excluded;
mod never_record;
mod no_owner;
mod restricted;
mod user_deactivated;
mod user_recording_off;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::company::NumberMode;
use crate::eligibility;
use crate::meeting::Person;
use crate::numbers::Holds;
use crate::people::People;
use crate::phone::Number;
use crate::policy::{Member, MemberIx, Policy};
use crate::rule::{Judge, Rule, Warning, judge_lifting};
use crate::skip_code::LiftedBy;

/// The judge whose question is: may this telephone call be recorded?
#[derive(Debug, Clone, Copy)]
pub enum Telephone {}

impl Judge for Telephone {
    type Facts<'a> = Facts<'a>;
}

/// Every rule for telephone calls, by rank of its code. A new rule is a file and a line here.
pub const RULES: &[Rule<Telephone>] = &[
    deleted_by_user::RULE,
    canceled_by_owner::RULE,
    user_deactivated::RULE,
    no_owner::RULE,
    never_record::RULE,
    blocklisted::RULE,
    internal::RULE,
    user_recording_off::RULE,
    dialer_disabled::RULE,
    restricted::RULE,
    manual_excluded::RULE,
    auto_excluded::RULE,
];

/// A telephone call, as far as it is judged. Which way it goes is none of it: what counts is who is heard, and the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The number of our side, as the dialer writes it.
    pub own_number: String,
    /// The number of the other side, as the dialer writes it; empty where it is withheld.
    pub other_number: String,
    /// Who of the company is on it: a member id, a comparable address, or the dialer's id of the user.
    pub user: Option<String>,
    /// Others who take part, as far as the dialer knows their addresses.
    pub participants: Vec<Person>,
    /// When it was placed or came in.
    pub placed_at: DateTime<Utc>,
    /// Whether the user started the recording by hand; none where that is not known yet. That nobody did is known only once
    /// a call is over that somebody answered.
    pub started_by_hand: Option<bool>,
    /// Member ids or addresses of those who asked for the recording through the API, oldest first.
    pub requested_by: Vec<String>,
    /// Whether it was deleted in Callsheet.
    pub deleted_by_user: bool,
    /// Whether the owner took the recording back, with no newer request.
    pub recording_canceled: bool,
}

impl Call {
    /// A call of nobody with nobody, placed at that time.
    #[must_use]
    pub const fn at(placed_at: DateTime<Utc>) -> Self {
        Self {
            own_number: String::new(),
            other_number: String::new(),
            user: None,
            participants: Vec::new(),
            placed_at,
            started_by_hand: None,
            requested_by: Vec::new(),
            deleted_by_user: false,
            recording_canceled: false,
        }
    }
}

/// What the rules look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The company's policy.
    pub policy: &'a Policy,
    /// The call.
    pub call: &'a Call,
    /// Who is heard, owns the call, asked for it. The user comes first, at position 0.
    pub people: People<'a>,
    /// The number of the other side, read.
    pub other_number: Number,
    /// What its numbers permit.
    pub numbers: Holds,
}

impl<'a> Facts<'a> {
    /// Gathers what can be told from policy and call.
    #[must_use]
    pub fn of(policy: &'a Policy, call: &'a Call) -> Self {
        let user = call.user.as_deref().and_then(|user| match policy.find_member(user) {
            Some((_, member)) if !user.contains('@') => member.emails.first().map(String::as_str),
            Some(_) | None => user.contains('@').then_some(user),
        });
        let recordable = Member::is_recordable_by_phone;
        let people =
            People::heard(policy, user, &call.participants, &call.requested_by, recordable);
        let (own, other_number) = Number::both(&call.own_number, &call.other_number);
        let numbers = policy.numbers.of_call(&own, &other_number);
        Self { policy, call, people, other_number, numbers }
    }

    fn member(&self, ix: MemberIx) -> Option<&'a Member> {
        self.policy.member(ix)
    }

    /// The member whose telephone it is.
    fn user(&self) -> Option<&'a Member> {
        self.member(self.people.organizer?)
    }
}

/// The verdict on a telephone call, and what holds for its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict, and the persons it found.
    pub call: eligibility::Judgement,
    /// What its numbers permit, as far as a start by hand has not lifted it already.
    pub numbers: NumberMode,
}

/// Judges one telephone call by every rule.
#[must_use]
pub fn judge_call(policy: &Policy, call: &Call) -> Judgement {
    let facts = Facts::of(policy, call);
    let requested = facts.people.requester.is_some();
    let by_hand = call.started_by_hand == Some(true);
    let mut verdict = judge_lifting(RULES, &facts, |by| match by {
        LiftedBy::Assistant => requested,
        LiftedBy::ManualStart => by_hand,
        LiftedBy::None | LiftedBy::NewerRequest | LiftedBy::TieBreak | LiftedBy::AsCause => false,
    });
    let nameless = facts.people.invited.iter().any(|person| person.address.is_none());
    verdict.warnings.add_if(nameless, Warning::InviteeWithoutAddress);
    verdict.warnings.add_if(facts.people.request_rejected, Warning::ManualRequestRejected);
    let id = |ix: Option<MemberIx>| Some(Arc::clone(&policy.member(ix?)?.id));
    let mode = facts.numbers.mode;
    Judgement {
        call: eligibility::Judgement {
            verdict,
            owner: id(facts.people.owner()),
            requester: id(facts.people.requester),
        },
        numbers: if by_hand { mode.started_by_hand() } else { mode },
    }
}

#[cfg(test)]
pub(crate) mod example {
    //! A telephone call of the company that [`crate::eligibility::example`] tells of.

    use super::{Call, Judgement, judge_call};
    use crate::company::{CompanyFile, NumberMode, NumberRule};
    use crate::eligibility::example::{company, person, start};
    use crate::policy::Policy;
    use crate::skip_code::SkipCode;

    /// Ada calls a customer, which is recorded.
    pub(crate) fn call() -> Call {
        Call {
            own_number: "+442079460000".into(),
            other_number: "+493012345678".into(),
            user: Some("ada".into()),
            participants: vec![person("kim@customer.example")],
            ..Call::at(start())
        }
    }

    pub(crate) fn rule(prefix: &str, mode: NumberMode) -> NumberRule {
        NumberRule { prefix: prefix.into(), mode }
    }

    /// Judges after changing the company and the call.
    pub(crate) fn judge(change: impl FnOnce(&mut CompanyFile, &mut Call)) -> Judgement {
        let (mut company, mut call) = (company(), call());
        change(&mut company, &mut call);
        company.validate().unwrap();
        judge_call(&Policy::compile(&company, 1), &call)
    }

    /// The codes that are found and not lifted.
    pub(crate) fn codes(judgement: &Judgement) -> Vec<SkipCode> {
        judgement.call.verdict.findings.iter().filter(|f| !f.lifted).map(|f| f.code).collect()
    }

    /// The codes found after changing company and call.
    pub(crate) fn found(change: impl FnOnce(&mut CompanyFile, &mut Call)) -> Vec<SkipCode> {
        codes(&judge(change))
    }

    /// Whether a request by Ada lifts what the change brings.
    pub(crate) fn is_lifted(
        code: SkipCode,
        change: impl FnOnce(&mut CompanyFile, &mut Call),
    ) -> bool {
        let judgement = judge(|company, call| {
            change(company, call);
            call.requested_by.push("ada".into());
        });
        judgement.call.verdict.findings.iter().find(|f| f.code == code).is_some_and(|f| f.lifted)
    }
}

#[cfg(test)]
mod tests {
    use super::example::{codes, found, judge, rule};
    use super::*;
    use crate::skip_code::Phase;

    #[test]
    fn an_ordinary_customer_call_is_allowed_and_belongs_to_its_user() {
        let judgement = judge(|_, _| {});
        assert_eq!(codes(&judgement), []);
        assert_eq!(judgement.call.owner.as_deref(), Some("ada"));
        assert_eq!(judgement.numbers, NumberMode::Automatic);
        let by_address = judge(|_, call| call.user = Some("bob@acme.example".into()));
        assert_eq!(by_address.call.owner.as_deref(), Some("bob"));
    }

    #[test]
    fn rules_stand_in_the_order_of_their_ranks_and_have_names_of_their_own() {
        assert!(RULES.is_sorted_by_key(|rule| rule.code.meta().rank));
        let names: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn what_the_numbers_permit_is_told_apart_from_the_verdict_until_the_call_is_over() {
        for mode in NumberMode::ALL {
            let judgement =
                judge(|company, _| company.settings.dialer.numbers = vec![rule("+49", mode)]);
            assert_eq!((codes(&judgement), judgement.numbers), (vec![], mode));
        }
    }

    #[test]
    fn a_number_that_does_not_exist_is_no_matter_of_policy() {
        assert_eq!(found(|_, call| call.other_number = "+4912".into()), []);
        assert_eq!(found(|_, call| call.other_number = "garbage".into()), []);
    }

    #[test]
    fn codes_of_dialling_are_the_only_ones_that_wait_for_the_call() {
        let dial = RULES.iter().filter(|rule| rule.code.meta().phase == Phase::Dial).count();
        let later = |judged: Vec<crate::SkipCode>| {
            judged.into_iter().filter(|code| code.meta().phase == Phase::Dial).count()
        };
        let prohibited = |over: Option<bool>| {
            found(|company, call| {
                company.settings.dialer.numbers = vec![rule("+4", NumberMode::Prohibited)];
                call.started_by_hand = over;
            })
        };
        assert_eq!((dial, later(prohibited(None)), later(prohibited(Some(false)))), (3, 0, 1));
    }
}
