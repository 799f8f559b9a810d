//! A call: a company, a meeting of it, and what else a decision is made from.

use chrono::{DateTime, Utc};
use decision::consent;
use decision::eligibility::{self, Judgement};
use decision::links::{Link, Selected, select};
use decision::plan::{History, Inputs, decide};
use decision::provider::{Adapter, Assessed, Facts, Host, assess, methods_to_assess};
use decision::{CallKey, CompanyFile, Decision, Meeting, Missing, Person, Policy, Verdict};

/// Everything one decision is made from.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) company: CompanyFile,
    pub(crate) version: u64,
    pub(crate) meeting: Meeting,
    pub(crate) links: Vec<Link>,
    pub(crate) refused: bool,
    pub(crate) computer_audio: Option<bool>,
    pub(crate) revision: u64,
    pub(crate) ambiguous_time: bool,
    pub(crate) history: History,
    pub(crate) now: DateTime<Utc>,
    pub(crate) failing: Failing,
}

/// What could not be learned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Failing {
    pub(crate) eligibility: bool,
    pub(crate) consent: bool,
    pub(crate) profile: bool,
    pub(crate) consent_links: bool,
    pub(crate) choice: bool,
    pub(crate) links: bool,
    pub(crate) adapters: bool,
}

/// What the judges said of a call.
pub(crate) struct Judged {
    pub(crate) policy: Policy,
    pub(crate) meeting: Meeting,
    pub(crate) selected: Selected,
    pub(crate) eligibility: Judgement,
    pub(crate) consent: Verdict,
    pub(crate) assessed: Vec<Assessed>,
}

impl Call {
    pub(crate) fn key() -> CallKey {
        CallKey { ical_uid: Some("call@acme.example".into()), recurrence_id: None }
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::compile(&self.company, self.version)
    }

    /// Asks every judge, as if all could answer; facts that fail are missing in their verdicts.
    pub(crate) fn judge(&self) -> Judged {
        let policy = self.policy();
        let selected = select(&policy, &self.links);
        let mut meeting = self.meeting.clone();
        meeting.links = selected.state;
        let eligibility = eligibility::judge_meeting(&policy, &meeting);
        let owner = eligibility.owner.as_deref().and_then(|id| policy.member_by_id(id));
        let name = match owner {
            Some((_, owner)) => owner.profile.clone(),
            None => policy.default_profile.clone(),
        };
        let failing = |fails: bool, what| if fails { Err(Missing(what)) } else { Ok(()) };
        let consent = consent::judge_call(&consent::Facts {
            company: &policy.company,
            profile_name: name.as_deref(),
            profile: failing(self.failing.profile, "profile")
                .map(|()| name.as_deref().and_then(|name| policy.profile(name))),
            links: failing(self.failing.consent_links, "links").map(|()| &self.links[..]),
            refused: failing(self.failing.choice, "choice").map(|()| self.refused),
        });
        let assessed = self.assess(&policy, &meeting, &selected);
        Judged { policy, meeting, selected, eligibility, consent, assessed }
    }

    fn assess(&self, policy: &Policy, meeting: &Meeting, selected: &Selected) -> Vec<Assessed> {
        let Some(conference) = &selected.conference else { return Vec::new() };
        let provider = conference.provider;
        let organizer = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
        let host = organizer.and_then(|address| policy.find_member(address));
        let methods = methods_to_assess(provider, policy.method(provider));
        methods
            .iter()
            .map(|method| {
                if self.failing.adapters {
                    return Err(Missing("adapter"));
                }
                let facts = Facts {
                    host: host
                        .map(|(_, member)| Host { emails: &member.emails, zoom: &member.zoom }),
                    setup: policy.provider(provider),
                    computer_audio: self.computer_audio,
                    method: *method,
                };
                Ok(assess(Adapter::of(provider, *method), &facts))
            })
            .collect()
    }

    pub(crate) fn decide(&self) -> Decision {
        self.decide_on(self.judge())
    }

    /// Decides on what the judges said.
    pub(crate) fn decide_on(&self, judged: Judged) -> Decision {
        let Judged { policy, meeting, selected, eligibility, consent, assessed } = judged;
        let answered = |fails: bool, what| if fails { Err(Missing(what)) } else { Ok(()) };
        decide(&Inputs {
            policy: &policy,
            key: &Self::key(),
            meeting: &meeting,
            meeting_revision: self.revision,
            ambiguous_time: self.ambiguous_time,
            links: &selected,
            links_known: answered(self.failing.links, "consent links"),
            eligibility: answered(self.failing.eligibility, "eligibility").map(|()| eligibility),
            consent: answered(self.failing.consent, "consent").map(|()| consent),
            assessed: &assessed,
            history: &self.history,
            now: self.now,
        })
    }
}

/// An address as an invited person.
pub(crate) fn person(address: &str) -> Person {
    Person { address: Some(address.into()), ..Person::default() }
}

/// The start of every generated call.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().expect("a date")
}
