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
//!
//! What has begun is decided no more by itself: it must be as the core decides by the versions from which it was judged last.
//! Its time may have come while somebody was away: then it may have ended in the code that this costs, and one whose time
//! nobody was there to see in that of a dispatch that was missed. Of a meeting that changed after it had begun nothing can be
//! told but that it is over.
//!
//! What came of a session is taken from the session itself, and must stand in the decision of its call as the core tells it:
//! as the end of a plan that must have been made.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use decision::company::Method;
use decision::conflict::{self, Contender, OwnedContender};
use decision::consent::{
    self,
    token::{self, PublicKey},
};
use decision::eligibility::{self, profile_of};
use decision::links::{Link, Resolution, Selected, select};
use decision::people::People;
use decision::plan::{History, Inputs, Kind, decide};
use decision::policy::Member;
use decision::provider::{Adapter, Assessed, Facts, Host, assess, methods_to_assess};
use decision::{
    CallKey, CompanyFile, Decision, Meeting, Missing, Person, Policy, SkipCode, Verdict,
};
use proto::calendar::v1 as calendar;
use proto::time;

use super::carried::Ended;
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

/// A call that has begun, and how it was judged last.
#[derive(Debug, Clone)]
pub struct Begun {
    /// By which version of the company file.
    pub policy: u64,
    /// From which revision of its meeting.
    pub meeting: u64,
    /// It is final: nobody was sent in time.
    pub ended: bool,
    /// Somebody may have been away then.
    pub unattended: bool,
    /// The adapters were, as it says.
    pub unassessed: bool,
    /// It was planned, or would be if others were not in its way.
    pub contends: Option<OwnedContender>,
    /// What came of the session that carried its plan out.
    pub carried: Option<Ended>,
}

/// What a decision must be.
#[derive(Debug, Clone)]
pub enum Expected {
    /// One of these; the first if nobody was away.
    OneOf(Vec<Told>),
    /// Its meeting changed after it had begun.
    Anything,
}

impl Expected {
    /// Whether a decision is as it must be.
    #[must_use]
    pub fn admits(&self, stored: &Told) -> bool {
        match self {
            Self::OneOf(several) => several.iter().any(|one| agree(stored, one)),
            Self::Anything => true,
        }
    }
}

/// Everything a final state is made from.
#[derive(Debug, Clone)]
pub struct Given {
    /// The newest company file.
    pub company: CompanyFile,
    /// Its version.
    pub version: u64,
    /// The versions by which calls that have begun were judged.
    pub earlier: BTreeMap<u64, CompanyFile>,
    /// Calls that have begun.
    pub begun: BTreeMap<String, Begun>,
    /// Every meeting, by its id.
    pub meetings: BTreeMap<String, calendar::Meeting>,
    /// Calls about which participants chose, and whether anybody refused.
    pub refused: BTreeMap<CallKey, bool>,
    /// What is known of calls beside their meetings, by their ids.
    pub pasts: BTreeMap<String, Past>,
    /// The instant for which it is decided.
    pub now: DateTime<Utc>,
}

/// Who could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Away {
    /// Consent, for its verdict.
    verdict: bool,
    /// Consent, for where its links lead.
    links: bool,
    /// Eligibility.
    eligibility: bool,
    /// The adapters.
    adapters: bool,
}

impl Away {
    /// All that may have been missing beside the adapters, nothing first.
    fn all(adapters: bool) -> impl Iterator<Item = Self> {
        (0..8).map(move |bits| Self {
            verdict: bits & 1 != 0,
            links: bits & 2 != 0,
            eligibility: bits & 4 != 0,
            adapters,
        })
    }
}

/// How a call is judged.
#[derive(Debug, Clone, Copy)]
struct Circumstances<'a> {
    policy: &'a Policy,
    past: &'a Past,
    /// Whether anybody refused; none to ask what is given.
    refused: Option<bool>,
    away: Away,
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
    pub fn decisions(&self) -> anyhow::Result<BTreeMap<String, Expected>> {
        let newest = Policy::compile(&self.company, self.version);
        let earlier = self.earlier.iter();
        let earlier: BTreeMap<u64, Policy> =
            earlier.map(|(version, file)| (*version, Policy::compile(file, *version))).collect();
        let unknown = Past::default();
        let mut subjects = Vec::with_capacity(self.meetings.len());
        let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
        let mut others: Vec<OwnedContender> = Vec::new();
        for (id, meeting) in &self.meetings {
            let past = self.pasts.get(id).unwrap_or(&unknown);
            let begun = self.begun.get(id);
            let policy = begun.map_or(Some(&newest), |begun| earlier.get(&begun.policy));
            let policy = policy.with_context(|| format!("the company file of call {id}"))?;
            let adapters = begun.is_some_and(|begun| begun.unattended && begun.unassessed);
            let away = Away { adapters, ..Away::default() };
            let how = Circumstances { policy, past, refused: None, away };
            match begun {
                Some(begun) if begun.meeting != meeting.revision => {
                    expected.insert(id.clone(), Expected::Anything);
                    others.extend(begun.contends.clone());
                }
                // Of what came of a plan, it is the plan that must have been decided.
                Some(Begun { carried: Some(ended), contends, .. }) => {
                    let told = self.carried(ended, id, meeting, how)?;
                    expected.insert(id.clone(), Expected::OneOf(told));
                    others.extend(contends.clone());
                }
                Some(begun) if begun.contends.is_none() => {
                    let told = self.begun(begun, id, meeting, how)?;
                    expected.insert(id.clone(), Expected::OneOf(told));
                }
                Some(_) | None => {
                    let subject = self.judge(id, meeting, how);
                    subjects.push(subject.with_context(|| format!("meeting `{id}`"))?);
                }
            }
        }
        settle(&mut subjects, &others);
        expected.extend(subjects.into_iter().map(|subject| {
            let told = subject.told();
            (subject.id, Expected::OneOf(vec![told]))
        }));
        Ok(expected)
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

    /// What may have been decided of a call that has begun and is not planned.
    fn begun(
        &self,
        begun: &Begun,
        id: &str,
        meeting: &calendar::Meeting,
        how: Circumstances<'_>,
    ) -> anyhow::Result<Vec<Told>> {
        let mut found = vec![self.judge(id, meeting, how)?.told()];
        // What was asked and chosen after its end changes nothing.
        for count in 0..=how.past.asked.len() {
            let mut past = how.past.clone();
            past.asked.truncate(count);
            for refused in [None, Some(false)] {
                let how = Circumstances { past: &past, refused, ..how };
                found.extend(self.judge(id, meeting, how)?.missed(how.policy));
            }
        }
        if begun.unattended && !begun.ended {
            for away in Away::all(how.away.adapters) {
                let subject = self.judge(id, meeting, Circumstances { away, ..how })?;
                if subject.decision.kind == Kind::Skip {
                    found.push(subject.told());
                }
            }
        }
        Ok(found)
    }

    /// What may stand there of a call whose plan was carried out: it must have been planned, by what was asked and chosen
    /// until then.
    fn carried(
        &self,
        ended: &Ended,
        id: &str,
        meeting: &calendar::Meeting,
        how: Circumstances<'_>,
    ) -> anyhow::Result<Vec<Told>> {
        let mut found = Vec::new();
        for count in (0..=how.past.asked.len()).rev() {
            let mut past = how.past.clone();
            past.asked.truncate(count);
            for refused in [None, Some(false)] {
                let how = Circumstances { past: &past, refused, ..how };
                found.extend(self.judge(id, meeting, how)?.carried_out(ended));
            }
        }
        Ok(found)
    }

    /// A call decided by itself.
    fn judge(
        &self,
        id: &str,
        wire: &calendar::Meeting,
        how: Circumstances<'_>,
    ) -> anyhow::Result<Subject> {
        let Circumstances { policy, past, refused, away } = how;
        let key = CallKey::try_from(wire.key.clone().unwrap_or_default())?;
        let mut meeting = meeting_of(wire, &key, past)?;
        let links = self.links(policy, wire, !away.links)?;
        let has_consent_links = links.iter().any(|link| matches!(link, Link::Consent(_)));
        let links_known =
            if has_consent_links && away.links { Err(Missing("consent")) } else { Ok(()) };
        let selected = select(policy, &links);
        meeting.links = selected.state;
        let chosen = self.refused.get(&key).copied().unwrap_or(false);
        let refused =
            if away.verdict { Err(Missing("consent")) } else { Ok(refused.unwrap_or(chosen)) };
        let eligibility = eligibility::judge_meeting(policy, &meeting);
        let organizer = organizer_of(policy, &meeting);
        let decision = decide(&Inputs {
            policy,
            key: &key,
            meeting: &meeting,
            meeting_revision: wire.revision,
            ambiguous_time: wire.ambiguous_time,
            links: &selected,
            links_known,
            eligibility: if away.eligibility {
                Err(Missing("eligibility"))
            } else {
                Ok(eligibility)
            },
            consent: consent_of(policy, &meeting, &links, refused),
            assessed: &assessed(policy, &selected, organizer, away.adapters),
            // What was judged last is left out: see the head of this file.
            history: &History { had_plan: past.had_plan, last: None },
            now: self.now,
        });
        let organizer = organizer.map(|member| member.id.to_string());
        Ok(Subject { id: id.to_owned(), key, meeting, selected, organizer, decision })
    }

    /// The links of a meeting, consent links looked up.
    fn links(
        &self,
        policy: &Policy,
        wire: &calendar::Meeting,
        known: bool,
    ) -> anyhow::Result<Vec<Link>> {
        let keys = self.company.consent.keys.iter();
        let keys: Vec<PublicKey> = keys.filter_map(|pem| PublicKey::from_pem(pem).ok()).collect();
        let host = policy.consent_host.as_deref();
        let resolved = wire.links.iter().map(|link| {
            let Some(shape) = &link.consent else { return Ok(link.to_core(None)?) };
            let link_type =
                proto::consent::link_type(shape.r#type).context("a consent link of no type")?;
            if !known {
                let reason = "unavailable".into();
                return Ok(link.to_core(Some(&Resolution::Unresolvable { link_type, reason }))?);
            }
            let shape = token::Shape {
                host: &shape.host,
                company: &shape.company,
                link_type,
                token: &shape.token,
            };
            Ok(link.to_core(Some(&token::resolve(&shape, host, &keys, self.now)))?)
        });
        resolved.collect()
    }
}

/// A meeting as the rules see it, its links apart.
fn meeting_of(wire: &calendar::Meeting, key: &CallKey, past: &Past) -> anyhow::Result<Meeting> {
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
        planned_owner: past.planned_owner.clone(),
        ..Meeting::at(time::required("meeting.start", wire.start.as_ref())?)
    };
    for asked in &past.asked {
        meeting.recording_canceled = asked.cancels;
        if !asked.cancels {
            meeting.requested_by.push(asked.who.clone());
        }
    }
    Ok(meeting)
}

/// The member who organizes a meeting.
fn organizer_of<'p>(policy: &'p Policy, meeting: &Meeting) -> Option<&'p Member> {
    let address = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
    address.and_then(|address| policy.find_member(address)).map(|(_, member)| member)
}

/// What consent says where it is enforced; `refused` tells whether anybody refused, if it can be asked.
fn consent_of(
    policy: &Policy,
    meeting: &Meeting,
    links: &[Link],
    refused: Result<bool, Missing>,
) -> Result<Verdict, Missing> {
    let profile = profile_of(policy, &People::of(policy, meeting));
    if !policy.enforces(profile) {
        return Ok(Verdict::default());
    }
    Ok(consent::judge_call(&consent::Facts {
        company: &policy.company,
        profile_name: profile,
        profile: Ok(profile.and_then(|name| policy.profile(name))),
        links: Ok(links),
        refused: Ok(refused?),
    }))
}

/// What the adapters say, if they could be asked.
fn assessed(
    policy: &Policy,
    selected: &Selected,
    organizer: Option<&Member>,
    unassessed: bool,
) -> Vec<Assessed> {
    let Some(conference) = &selected.conference else { return Vec::new() };
    let provider = conference.provider;
    let methods = methods_to_assess(provider, policy.method(provider)).iter();
    let assess_one = |method: &Method| {
        if unassessed {
            return Err(Missing("provider-adapters"));
        }
        let facts = Facts {
            host: organizer.map(|member| Host { emails: &member.emails, zoom: &member.zoom }),
            setup: policy.provider(provider),
            computer_audio: None,
            method: *method,
        };
        Ok(assess(Adapter::of(provider, *method), &facts))
    };
    methods.map(assess_one).collect()
}

impl Subject {
    fn told(&self) -> Told {
        Told::of_core(&self.key, &self.meeting, &self.selected, &self.decision)
    }

    /// What a plan becomes when its session is over.
    fn carried_out(mut self, ended: &Ended) -> Option<Told> {
        let is_planned = matches!(self.decision.kind, Kind::Plan(_));
        self.decision.carried_out(ended.outcome, ended.also, ended.service);
        is_planned.then(|| self.told())
    }

    /// What a plan becomes when nobody was sent in time.
    fn missed(mut self, policy: &Policy) -> Option<Told> {
        let latest = self.meeting.start + policy.settings.recording.latest_join.0;
        let is_planned = matches!(self.decision.kind, Kind::Plan(_));
        self.decision.dispatch_missed(latest);
        is_planned.then(|| self.told())
    }
}

/// Lets calls that conflict give way to one another, and to others.
fn settle(subjects: &mut [Subject], others: &[OwnedContender]) {
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
    contenders.extend(others.iter().map(OwnedContender::as_ref));
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
        };
        Given {
            company: serde_json::from_value(company).unwrap(),
            version: 1,
            earlier: BTreeMap::new(),
            begun: BTreeMap::new(),
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
            let told = match given.decisions().unwrap().remove("a") {
                Some(Expected::OneOf(told)) => told.into_iter().next().unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(told.plan.as_ref().map(|plan| plan.owner.as_str()), Some("ada"), "{told:?}");
            told.lifted.iter().map(|reason| reason.code).collect::<Vec<_>>()
        };
        assert_eq!(lifted(&given), []);
        let calls = ["a".to_owned()];
        assert_eq!(lifted(&given.before(calls.iter())), [SkipCode::UserRecordingOff]);
        assert_eq!(lifted(&given.before([].iter())), [], "of others nothing is taken back");
    }
}
