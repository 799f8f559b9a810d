//! What must have been decided: the pure core over what the leaves hold in the end.
//!
//! From the leaves come the newest company file, every meeting, and every choice; from the orchestrator come the requests in
//! the order it stored them, since requests under way at the same time have no other order, and of each call's recorded
//! history whether it ever had a plan, and who owned the last one. Everything else is computed here, conflicts
//! among all calls included, and compared whole, explanation and evidence too.
//!
//! Everybody answers here: what was decided while somebody did not is judged again until they have, whatever came of it.
//!
//! One thing is left out of the comparison: whether `INVALIDATING_BY_COMPANY_SETTINGS` stands beside a code or in front of
//! it. That depends on which of two changes was judged first, which the order of events decides and not the final state.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use decision::conflict::{self, Contender};
use decision::consent::{
    self,
    token::{self, PublicKey},
};
use decision::eligibility::{self, profile_of};
use decision::links::{Link, Selected, select};
use decision::people::People;
use decision::plan::{History, Inputs, Kind, decide};
use decision::provider::{Adapter, Assessed, Facts, Host, assess, methods_to_assess};
use decision::{CallKey, CompanyFile, Decision, Meeting, Person, Policy, SkipCode};
use proto::calendar::v1 as calendar;
use proto::time;

use crate::told::Told;

/// What a person asked of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// A recording is taken back rather than asked for.
    pub cancels: bool,
    /// Member id.
    pub who: String,
}

/// What is known of a call beside its meeting.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// It had a plan once.
    pub had_plan: bool,
    /// Who owned the last one.
    pub planned_owner: Option<String>,
    /// Who owned the last one before the decision that holds.
    pub owner_before: Option<String>,
    /// What was asked of it, in order.
    pub asked: Vec<Asked>,
}

/// Everything a final state is made from.
#[derive(Debug, Clone)]
pub struct Given {
    /// The newest company file.
    pub company: CompanyFile,
    /// Its version.
    pub version: u64,
    /// Every meeting, by its id.
    pub meetings: BTreeMap<String, calendar::Meeting>,
    /// Calls about which participants chose, and whether anybody refused.
    pub refused: BTreeMap<CallKey, bool>,
    /// What is known of calls beside their meetings, by their ids.
    pub pasts: BTreeMap<String, Past>,
    /// The instant for which it is decided.
    pub now: DateTime<Utc>,
}

/// A call on its way to its decision.
struct Subject {
    id: String,
    key: CallKey,
    meeting: Meeting,
    selected: Selected,
    organizer: Option<String>,
    decision: Decision,
}

impl Given {
    /// What must have been decided, by the ids of the calls.
    ///
    /// # Errors
    /// A meeting that cannot be read.
    pub fn decisions(&self) -> anyhow::Result<BTreeMap<String, Told>> {
        let policy = Policy::compile(&self.company, self.version);
        let keys = self.keys();
        let mut subjects = Vec::with_capacity(self.meetings.len());
        for (id, meeting) in &self.meetings {
            let subject = self.judge(&policy, &keys, id, meeting);
            subjects.push(subject.with_context(|| format!("meeting `{id}`"))?);
        }
        settle(&mut subjects);
        Ok(subjects.into_iter().map(|subject| (subject.id.clone(), subject.told())).collect())
    }

    /// The same, where these calls are what they were before the decision that holds: whoever judges a call again that has
    /// a new owner by then does not find fault with the old one any more, and nobody need judge it again.
    #[must_use]
    pub fn before<'a>(&self, calls: impl Iterator<Item = &'a String>) -> Self {
        let mut given = self.clone();
        for id in calls {
            if let Some(past) = given.pasts.get_mut(id) {
                past.planned_owner.clone_from(&past.owner_before);
            }
        }
        given
    }

    fn keys(&self) -> Vec<PublicKey> {
        let keys = self.company.consent.keys.iter();
        keys.filter_map(|pem| PublicKey::from_pem(pem).ok()).collect()
    }

    fn judge(
        &self,
        policy: &Policy,
        keys: &[PublicKey],
        id: &str,
        wire: &calendar::Meeting,
    ) -> anyhow::Result<Subject> {
        let key = CallKey::try_from(wire.key.clone().unwrap_or_default())?;
        let past = self.pasts.get(id).cloned().unwrap_or_default();
        let mut meeting = Meeting {
            has_ical_uid: key.ical_uid.is_some(),
            title: wire.title.clone(),
            end: time::optional("meeting.end", wire.end.as_ref())?,
            all_day: wire.all_day,
            cancelled: wire.cancelled,
            sensitivity: proto::calendar::sensitivity(wire.sensitivity),
            organizer: wire.organizer.as_ref().map(Person::from),
            organizer_declined: wire.organizer_declined,
            attendees: wire.attendees.iter().map(Person::from).collect(),
            received_at: time::required("meeting.received_at", wire.received_at.as_ref())?,
            planned_owner: past.planned_owner,
            ..Meeting::at(time::required("meeting.start", wire.start.as_ref())?)
        };
        for asked in past.asked {
            meeting.recording_canceled = asked.cancels;
            if !asked.cancels {
                meeting.requested_by.push(asked.who);
            }
        }
        let links = self.links(policy, keys, wire)?;
        let selected = select(policy, &links);
        meeting.links = selected.state;
        let profile = profile_of(policy, &People::of(policy, &meeting)).map(ToOwned::to_owned);
        let consent = if policy.enforces(profile.as_deref()) {
            Ok(consent::judge_call(&consent::Facts {
                company: &policy.company,
                profile_name: profile.as_deref(),
                profile: Ok(profile.as_deref().and_then(|name| policy.profile(name))),
                links: Ok(&links),
                refused: Ok(self.refused.get(&key).copied().unwrap_or(false)),
            }))
        } else {
            Ok(decision::Verdict::default())
        };
        let address = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
        let organizer = address.and_then(|address| policy.find_member(address));
        let assessed: Vec<Assessed> = match &selected.conference {
            None => Vec::new(),
            Some(conference) => {
                let provider = conference.provider;
                let methods = methods_to_assess(provider, policy.method(provider)).iter();
                methods
                    .map(|method| {
                        let host = organizer
                            .map(|(_, member)| Host { emails: &member.emails, zoom: &member.zoom });
                        let facts = Facts {
                            host,
                            setup: policy.provider(provider),
                            computer_audio: None,
                            method: *method,
                        };
                        Ok(assess(Adapter::of(provider, *method), &facts))
                    })
                    .collect()
            }
        };
        // What was judged last is left out: see the head of this file.
        let history = History { had_plan: past.had_plan, last: None };
        let decision = decide(&Inputs {
            policy,
            key: &key,
            meeting: &meeting,
            meeting_revision: wire.revision,
            ambiguous_time: wire.ambiguous_time,
            links: &selected,
            links_known: Ok(()),
            eligibility: Ok(eligibility::judge_meeting(policy, &meeting)),
            consent,
            assessed: &assessed,
            history: &history,
            now: self.now,
        });
        let organizer = organizer.map(|(_, member)| member.id.to_string());
        Ok(Subject { id: id.to_owned(), key, meeting, selected, organizer, decision })
    }

    /// The links of a meeting, consent links looked up.
    fn links(
        &self,
        policy: &Policy,
        keys: &[PublicKey],
        wire: &calendar::Meeting,
    ) -> anyhow::Result<Vec<Link>> {
        let host = policy.consent_host.as_deref();
        let resolved = wire.links.iter().map(|link| {
            let Some(shape) = &link.consent else { return Ok(link.to_core(None)?) };
            let link_type =
                proto::consent::link_type(shape.r#type).context("a consent link of no type")?;
            let shape = token::Shape {
                host: &shape.host,
                company: &shape.company,
                link_type,
                token: &shape.token,
            };
            Ok(link.to_core(Some(&token::resolve(&shape, host, keys, self.now)))?)
        });
        resolved.collect()
    }
}

impl Subject {
    fn told(&self) -> Told {
        Told::of_core(&self.key, &self.meeting, &self.selected, &self.decision)
    }
}

/// Lets calls that conflict give way to one another.
fn settle(subjects: &mut [Subject]) {
    let mut places = Vec::new();
    let mut contenders = Vec::new();
    for (place, subject) in subjects.iter().enumerate() {
        let Kind::Plan(plan) = &subject.decision.kind else { continue };
        let (Some(end), Some(conference)) = (subject.meeting.end, &subject.selected.conference)
        else {
            continue;
        };
        places.push(place);
        contenders.push(Contender {
            key: &subject.key,
            start: subject.meeting.start,
            end,
            owner: &plan.owner,
            conference,
            requested: subject.decision.requester.is_some(),
            owner_organizes: subject.organizer.as_deref() == Some(&*plan.owner),
            received_at: subject.meeting.received_at,
        });
    }
    let findings = conflict::resolve(&contenders);
    for (place, findings) in places.into_iter().zip(findings) {
        subjects[place].decision.give_way(findings);
    }
}

/// Whether what was stored is what is expected, but for what the order of events decides.
#[must_use]
pub fn agree(stored: &Told, expected: &Told) -> bool {
    let invalidated = SkipCode::InvalidatingByCompanySettings;
    let mut stored = stored.clone();
    if stored.related == Some(invalidated) {
        stored.related = expected.related;
        stored.explanation.clone_from(&expected.explanation);
    }
    if stored.primary.as_ref().is_some_and(|primary| primary.code == invalidated)
        && stored.also.first() == expected.primary.as_ref()
    {
        stored.primary = Some(stored.also.remove(0));
        stored.explanation.clone_from(&expected.explanation);
    }
    stored == *expected
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::scenario;

    /// Bob's call, requested by Ada, where Ida is invited and capture of Bob is off by now.
    fn requested() -> Given {
        let now: DateTime<Utc> = "2026-03-02T10:00:00Z".parse().unwrap();
        let person = |address: &str| calendar::Person {
            address: Some(address.to_owned()),
            ..calendar::Person::default()
        };
        let meeting = calendar::Meeting {
            meeting_id: "a".to_owned(),
            key: Some(proto::verdict::v1::CallKey {
                ical_uid: Some("a@mail.example".to_owned()),
                recurrence_id: None,
            }),
            start: Some(time::to_wire(now + TimeDelta::days(1))),
            end: Some(time::to_wire(now + TimeDelta::days(1) + TimeDelta::hours(1))),
            organizer: Some(person("bob@acme.example")),
            attendees: vec![person("kim@customer.example"), person("ada@acme.example")],
            links: vec![calendar::Link {
                field: calendar::Field::Location.into(),
                kind: calendar::LinkKind::Join.into(),
                provider: proto::verdict::v1::Provider::Zoom.into(),
                id: "91234567890".to_owned(),
                service: "zoom".to_owned(),
                ..calendar::Link::default()
            }],
            received_at: Some(time::to_wire(now)),
            revision: 1,
            ..calendar::Meeting::default()
        };
        let mut company = scenario::base().unwrap();
        scenario::patch(
            &mut company,
            &json!({ "members": [{ "id": "bob", "capture": "disabled" }] }),
        );
        let past = Past {
            had_plan: true,
            planned_owner: Some("ada".to_owned()),
            owner_before: Some("bob".to_owned()),
            asked: vec![Asked { cancels: false, who: "ada".to_owned() }],
            ..Past::default()
        };
        Given {
            company: serde_json::from_value(company).unwrap(),
            version: 1,
            meetings: [("a".to_owned(), meeting)].into(),
            refused: BTreeMap::new(),
            pasts: [("a".to_owned(), past)].into(),
            now,
        }
    }

    #[test]
    fn a_plan_of_a_new_owner_may_find_fault_with_the_old_one_until_it_is_judged_again() {
        let given = requested();
        let lifted = |given: &Given| {
            let told = given.decisions().unwrap().remove("a").unwrap();
            assert_eq!(told.plan.as_ref().map(|plan| plan.owner.as_str()), Some("ada"), "{told:?}");
            told.lifted.iter().map(|reason| reason.code).collect::<Vec<_>>()
        };
        assert_eq!(lifted(&given), []);
        let calls = ["a".to_owned()];
        assert_eq!(lifted(&given.before(calls.iter())), [SkipCode::UserRecordingOff]);
        assert_eq!(lifted(&given.before([].iter())), [], "of others nothing is taken back");
    }
}
