//! May this call be recorded at all? The facts eligibility asks of a meeting, and its rules.

mod all_day_event;
mod belongs_to_another_company;
mod blocklisted;
mod canceled_by_owner;
mod cancelled;
mod deleted_by_user;
mod internal_meeting;
mod never_record;
mod no_crm_match;
mod no_end_time;
mod no_ical_id;
mod no_invitees_from_company;
mod no_owner;
mod no_url;
mod no_valid_urls;
mod not_from_organizer;
mod obsolete_call;
mod private;
mod provider_disabled;
mod user_deactivated;
mod user_recording_off;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::company::WhichMeetings;
use crate::meeting::Meeting;
use crate::people::People;
use crate::policy::{Member, MemberIx, Policy};
use crate::rule::{Judge, Rule, Verdict, Warning, judge};

/// The judge whose question is: may this call be recorded at all?
#[derive(Debug, Clone, Copy)]
pub enum Eligibility {}

impl Judge for Eligibility {
    type Facts<'a> = Facts<'a>;
}

/// Every rule of eligibility, by rank of its code. A new rule is a file and a line here.
pub const RULES: &[Rule<Eligibility>] = &[
    belongs_to_another_company::RULE,
    deleted_by_user::RULE,
    canceled_by_owner::RULE,
    cancelled::RULE,
    user_deactivated::RULE,
    no_ical_id::RULE,
    all_day_event::RULE,
    no_end_time::RULE,
    no_invitees_from_company::RULE,
    no_owner::RULE,
    never_record::RULE,
    private::RULE,
    blocklisted::RULE,
    internal_meeting::RULE,
    user_recording_off::RULE,
    not_from_organizer::RULE,
    no_crm_match::RULE,
    no_url::RULE,
    no_valid_urls::RULE,
    provider_disabled::RULE,
    obsolete_call::RULE,
];

/// What eligibility's rules look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The company's policy.
    pub policy: &'a Policy,
    /// The meeting.
    pub meeting: &'a Meeting,
    /// Who is invited, owns the call, asked for it.
    pub people: People<'a>,
}

impl<'a> Facts<'a> {
    /// Gathers what can be told from policy and meeting alone.
    #[must_use]
    pub fn of(policy: &'a Policy, meeting: &'a Meeting) -> Self {
        Self { policy, meeting, people: People::of(policy, meeting) }
    }

    /// How long before the start the last material update arrived.
    #[must_use]
    pub fn notice(&self) -> TimeDelta {
        self.meeting.start - self.meeting.received_at
    }

    fn member(&self, ix: MemberIx) -> Option<&Member> {
        self.policy.member(ix)
    }

    fn only_organizers(&self) -> bool {
        self.policy.settings.recording.which_meetings == WhichMeetings::Organizer
    }

    /// Whether the profile that holds for this call enforces consent.
    fn consent_is_enforced(&self) -> bool {
        self.policy.enforces(profile_of(self.policy, &self.people))
    }
}

/// Name of the consent profile that holds for a call: the owner's, else the default one.
#[must_use]
pub fn profile_of<'p>(policy: &'p Policy, people: &People<'_>) -> Option<&'p str> {
    match people.owner().and_then(|ix| policy.member(ix)) {
        Some(owner) => owner.profile.as_deref(),
        None => policy.default_profile.as_deref(),
    }
}

/// Eligibility's verdict, and the persons it found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Id of the member to whom the call belongs.
    pub owner: Option<Arc<str>>,
    /// Id of the member whose manual request counts.
    pub requester: Option<Arc<str>>,
}

/// Judges one meeting by every rule.
#[must_use]
pub fn judge_meeting(policy: &Policy, meeting: &Meeting) -> Judgement {
    let facts = Facts::of(policy, meeting);
    let requested = facts.people.requester.is_some();
    let mut verdict = judge(RULES, &facts, requested);
    let id = |ix: Option<MemberIx>| Some(Arc::clone(&policy.member(ix?)?.id));
    let nameless = facts.people.invited.iter().any(|person| person.address.is_none());
    verdict.warnings.add_if(obsolete_call::is_short(&facts, requested), Warning::ShortNotice);
    verdict.warnings.add_if(nameless, Warning::InviteeWithoutAddress);
    verdict.warnings.add_if(facts.people.request_rejected, Warning::ManualRequestRejected);
    Judgement { verdict, owner: id(facts.people.owner()), requester: id(facts.people.requester) }
}

#[cfg(test)]
pub(crate) mod example {
    //! A small company and meetings of it, for the tests of the rules.
    #![allow(clippy::unwrap_used, reason = "an example that is wrong should say so")]

    use chrono::{DateTime, Utc};

    use super::{Judgement, judge_meeting};
    use crate::company::CompanyFile;
    use crate::meeting::{LinkState, Meeting, Participation, Person, Provider};
    use crate::policy::Policy;
    use crate::skip_code::SkipCode;

    /// Ada and Bob may be recorded, Cy never is, Dee is deactivated, Eve's capture is off.
    pub(crate) fn company() -> CompanyFile {
        serde_json::from_str(
            r#"{
            "company": "acme", "domains": ["acme.example"], "assistant": ["recorder@acme.example"],
            "settings": { "providers": { "zoom": { "enabled": true } } },
            "members": [
              { "id": "ada", "emails": ["ada@acme.example"], "can_request": true },
              { "id": "bob", "emails": ["bob@acme.example"] },
              { "id": "cy", "emails": ["cy@acme.example"], "capture": "never" },
              { "id": "dee", "emails": ["dee@acme.example"], "active": false },
              { "id": "eve", "emails": ["eve@acme.example"], "capture": "disabled" }
            ] }"#,
        )
        .unwrap()
    }

    pub(crate) fn person(address: &str) -> Person {
        Person { address: Some(address.into()), ..Person::default() }
    }

    pub(crate) fn declined(address: &str) -> Person {
        Person { participation: Participation::Declined, ..person(address) }
    }

    pub(crate) fn start() -> DateTime<Utc> {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    /// Ada's call with a customer on Zoom, which is recorded.
    pub(crate) fn meeting() -> Meeting {
        Meeting {
            title: Some("Renewal".into()),
            organizer: Some(person("ada@acme.example")),
            attendees: vec![person("kim@customer.example")],
            links: LinkState {
                provider: Some(Provider::Zoom),
                join_link: true,
                unresolved_consent: false,
            },
            ..Meeting::at(start())
        }
    }

    /// Judges after changing the company and the meeting.
    pub(crate) fn judge(change: impl FnOnce(&mut CompanyFile, &mut Meeting)) -> Judgement {
        let (mut company, mut meeting) = (company(), meeting());
        change(&mut company, &mut meeting);
        company.validate().unwrap();
        judge_meeting(&Policy::compile(&company, 1), &meeting)
    }

    /// The codes that are found and not lifted.
    pub(crate) fn codes(judgement: &Judgement) -> Vec<SkipCode> {
        judgement.verdict.findings.iter().filter(|f| !f.lifted).map(|f| f.code).collect()
    }

    /// The codes found after changing the meeting.
    pub(crate) fn found(change: impl FnOnce(&mut Meeting)) -> Vec<SkipCode> {
        codes(&judge(|_, meeting| change(meeting)))
    }

    /// Whether the invitation of the assistant by Ada lifts what the change brings.
    pub(crate) fn is_lifted(
        code: SkipCode,
        change: impl FnOnce(&mut CompanyFile, &mut Meeting),
    ) -> bool {
        let judgement = judge(|company, meeting| {
            change(company, meeting);
            meeting.attendees.push(person("recorder@acme.example"));
            meeting.requested_by.push("ada".into());
        });
        judgement.verdict.findings.iter().find(|f| f.code == code).is_some_and(|f| f.lifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_customer_call_is_allowed() {
        assert_eq!(example::found(|_| {}), []);
    }

    #[test]
    fn rules_stand_in_the_order_of_their_ranks() {
        assert!(RULES.is_sorted_by_key(|rule| rule.code.meta().rank));
    }

    #[test]
    fn no_two_rules_share_a_name() {
        let names: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }
}
