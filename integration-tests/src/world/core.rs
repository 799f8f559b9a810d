//! The pure libraries alone: calendars are read, calls judged and decided in this thread, and what a
//! service would keep is kept in maps.

mod registered;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use async_trait::async_trait;
use calendar::{Event, Occurrence, Window};
use chrono::{DateTime, Utc};
use decision::company::LinkType;
use decision::conflict::{self, Contender};
use decision::consent;
use decision::consent::token::{self, PublicKey, Shape};
use decision::eligibility::{self, profile_of};
use decision::links::{Link, Resolution, Selected, select};
use decision::people::People;
use decision::plan::{History, Inputs, Kind, Last, decide};
use decision::provider::{Adapter, Assessed, Facts, Host, assess, methods_to_assess};
use decision::session::Signal;
use decision::{
    CallKey, CompanyFile, Conference, Decision, Meeting, Missing, Participation, Person,
    PersonKind, Policy, Provider, Sensitivity, SkipCode, Verdict, text,
};

use super::{Payload, Period, World};
use crate::scenario::{Choice, ConferenceFacts, Dial, Format, Import, Key, Leaf, Script};
use crate::told::Told;

/// The world of the pure libraries.
#[derive(Debug, Default)]
pub struct Core {
    now: DateTime<Utc>,
    companies: BTreeMap<String, (CompanyFile, u64)>,
    /// Events as their calendars told them last, by calendar, UID and occurrence.
    events: BTreeMap<(String, String, String), Vec<Known>>,
    calls: BTreeMap<CallId, Call>,
    decided: BTreeMap<CallId, Decided>,
    asked: BTreeMap<CallId, Vec<(bool, String)>>,
    refused: BTreeMap<CallKey, bool>,
    audio: BTreeMap<Conference, bool>,
    away: BTreeSet<Leaf>,
    carried: BTreeMap<CallId, sessions::Carried>,
}

/// The key of a call, and where it has no UID its start: enough to tell the calls of a scenario apart.
type CallId = (CallKey, Option<DateTime<Utc>>);

#[derive(Debug, Clone)]
struct Known {
    event: Event,
    recipient: String,
}

/// A meeting as calendar-ingest would keep it.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    occurrence: Occurrence,
    recipient: String,
    received: DateTime<Utc>,
    revision: u64,
    removed: bool,
}

/// A decision as the orchestrator would keep it.
#[derive(Debug, Clone)]
struct Decided {
    decision: Decision,
    told: Told,
    had_plan: bool,
    planned_owner: Option<String>,
    policy: u64,
    revision: u64,
    contends: bool,
}

/// A call on its way to a decision.
struct Subject {
    id: CallId,
    meeting: Meeting,
    selected: Selected,
    decision: Decision,
    organizer: Option<String>,
    revision: u64,
    contends: bool,
}

impl Core {
    fn policy(&self, company: &str) -> anyhow::Result<Policy> {
        let (file, version) = self.companies.get(company).context("no such company")?;
        Ok(Policy::compile(file, *version))
    }

    /// The company that owns an address or a domain above it.
    fn owner_of(&self, recipient: &str) -> Option<&str> {
        let address = text::address(recipient)?;
        let (_, domain) = address.split_once('@')?;
        let assistants = |file: &CompanyFile| {
            file.assistant.iter().any(|raw| text::address(raw).as_ref() == Some(&address))
        };
        let by_address = self.companies.values().find(|(file, _)| assistants(file));
        let by_domain = || {
            text::with_parents(domain).find_map(|name| {
                self.companies.values().find(|(file, _)| {
                    file.domains.iter().any(|raw| text::domain(raw).as_deref() == Some(name))
                })
            })
        };
        by_address.or_else(by_domain).map(|(file, _)| file.company.as_str())
    }

    /// Lays all events out anew and notes what has changed about their calls.
    fn lay_out(&mut self, company: &CompanyFile, payload: &Payload) {
        let events: Vec<Event> =
            self.events.values().flatten().map(|known| known.event.clone()).collect();
        let window = Window { from: payload.from, to: payload.to };
        let context = calendar::Context { floating_zone: &company.time_zone };
        let host = Some(company.consent.host.as_str()).filter(|host| !host.is_empty());
        let expansion = calendar::expand_with(&events, window, &context, host);
        let mut seen = BTreeSet::new();
        for occurrence in expansion.occurrences {
            let id = id_of(&occurrence);
            let recipient = self.recipient_of(occurrence.details.uid.as_deref());
            let fresh = Call {
                occurrence,
                recipient,
                received: payload.received,
                revision: 1,
                removed: false,
            };
            let call = match self.calls.get(&id) {
                None => fresh,
                Some(known) => fresh.after(known),
            };
            seen.insert(id.clone());
            self.calls.insert(id, call);
        }
        for (id, call) in &mut self.calls {
            if !seen.contains(id) && !call.removed && call.occurrence.start >= payload.from {
                call.removed = true;
                call.occurrence.cancelled = true;
                call.revision += 1;
                call.received = call.received.max(payload.received);
            }
        }
    }

    /// The address through which every copy of an event came; empty if a calendar holds it.
    fn recipient_of(&self, uid: Option<&str>) -> String {
        let uid = uid.unwrap_or_default();
        let copies = self.events.iter().filter(|((_, other, _), _)| other == uid);
        copies
            .flat_map(|(_, copies)| copies)
            .map(|one| one.recipient.clone())
            .min()
            .unwrap_or_default()
    }

    /// The calls of a period that some calendar holds, and those that were decided before.
    fn in_period(&self, period: Period) -> Vec<CallId> {
        let within = |at: DateTime<Utc>| period.now <= at && at < period.to;
        let ids = self.calls.iter().filter(|(id, call)| {
            let current = !call.removed && within(call.occurrence.start);
            let known = self.decided.get(*id).is_some_and(|decided| within(decided.told.start));
            current || known
        });
        ids.map(|(id, _)| id.clone()).collect()
    }

    fn subjects(
        &self,
        company: &str,
        ids: &[CallId],
        now: DateTime<Utc>,
        deleted: Option<&[Key]>,
    ) -> anyhow::Result<Vec<Subject>> {
        let policy = self.policy(company)?;
        let keys: Vec<PublicKey> = {
            let (file, _) = self.companies.get(company).context("no such company")?;
            file.consent.keys.iter().filter_map(|pem| PublicKey::from_pem(pem).ok()).collect()
        };
        let mut subjects = Vec::new();
        for id in ids {
            let call = self.calls.get(id).context("no such call")?;
            let past = if deleted.is_none() { self.decided.get(id) } else { None };
            let asked = if deleted.is_none() { self.asked.get(id) } else { None };
            subjects.push(self.judge(&policy, &keys, id, call, past, asked, deleted, now));
        }
        settle(&mut subjects);
        Ok(subjects)
    }

    #[allow(clippy::too_many_arguments, reason = "everything a decision is made from")]
    fn judge(
        &self,
        policy: &Policy,
        keys: &[PublicKey],
        id: &CallId,
        call: &Call,
        past: Option<&Decided>,
        asked: Option<&Vec<(bool, String)>>,
        deleted: Option<&[Key]>,
        now: DateTime<Utc>,
    ) -> Subject {
        let key = &id.0;
        let mut meeting = meeting_of(call, key);
        meeting.foreign_company = self
            .owner_of(&call.recipient)
            .filter(|owner| *owner != &*policy.company)
            .map(str::to_owned);
        meeting.deleted_by_user =
            deleted.is_some_and(|keys| keys.iter().any(|one| is_of(one, key)));
        meeting.planned_owner = past.and_then(|past| past.planned_owner.clone());
        for (cancels, who) in asked.into_iter().flatten() {
            meeting.recording_canceled = *cancels;
            if !cancels {
                meeting.requested_by.push(who.clone());
            }
        }
        let consent_away = self.away.contains(&Leaf::Consent);
        let our_host = policy.consent_host.as_deref();
        let resolve = |shape: &Shape<'_>| {
            if consent_away {
                let reason = "unavailable".into();
                return Resolution::Unresolvable { link_type: shape.link_type, reason };
            }
            token::resolve(shape, our_host, keys, now)
        };
        let links: Vec<Link> =
            call.occurrence.details.links.iter().map(|one| link_of(&one.link, resolve)).collect();
        let has_consent_links = links.iter().any(|link| matches!(link, Link::Consent(_)));
        let selected = select(policy, &links);
        meeting.links = selected.state;
        let profile = {
            let people = People::of(policy, &meeting);
            profile_of(policy, &people).map(ToOwned::to_owned)
        };
        let consent = self.consent(policy, profile.as_deref(), &links, key);
        let eligibility = if self.away.contains(&Leaf::Eligibility) {
            Err(Missing("eligibility"))
        } else {
            Ok(eligibility::judge_meeting(policy, &meeting))
        };
        let assessed = self.assess(policy, &meeting, &selected);
        let history = History {
            had_plan: past.is_some_and(|past| past.had_plan),
            last: past.map(|past| Last {
                skipped: past.decision.kind == Kind::Skip,
                policy_version: past.policy,
                meeting_revision: past.revision,
            }),
        };
        let links_known =
            if has_consent_links && consent_away { Err(Missing("consent")) } else { Ok(()) };
        let decision = decide(&Inputs {
            policy,
            key,
            meeting: &meeting,
            meeting_revision: call.revision,
            ambiguous_time: call.occurrence.ambiguous_time,
            links: &selected,
            links_known,
            eligibility,
            consent,
            assessed: &assessed,
            history: &history,
            now,
        });
        let organizer = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
        let organizer = organizer
            .and_then(|address| policy.find_member(address))
            .map(|(_, member)| member.id.to_string());
        let (revision, contends) = (call.revision, matches!(decision.kind, Kind::Plan(_)));
        Subject { id: id.clone(), meeting, selected, decision, organizer, revision, contends }
    }

    fn consent(
        &self,
        policy: &Policy,
        profile: Option<&str>,
        links: &[Link],
        key: &CallKey,
    ) -> Result<Verdict, Missing> {
        // Nobody asks where nothing is enforced.
        if !policy.enforces(profile) {
            return Ok(Verdict::default());
        }
        if self.away.contains(&Leaf::Consent) {
            return Err(Missing("consent"));
        }
        Ok(consent::judge_call(&consent::Facts {
            company: &policy.company,
            profile_name: profile,
            profile: Ok(profile.and_then(|name| policy.profile(name))),
            links: Ok(links),
            refused: Ok(self.refused.get(key).copied().unwrap_or(false)),
        }))
    }

    fn assess(&self, policy: &Policy, meeting: &Meeting, selected: &Selected) -> Vec<Assessed> {
        let Some(conference) = &selected.conference else { return Vec::new() };
        let provider = conference.provider;
        let organizer = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
        let host = organizer.and_then(|address| policy.find_member(address)).map(|(_, host)| host);
        let methods = methods_to_assess(provider, policy.method(provider)).iter();
        methods
            .map(|method| {
                if self.away.contains(&Leaf::ProviderAdapters) {
                    return Err(Missing("provider-adapters"));
                }
                let facts = Facts {
                    host: host.map(|member| Host { emails: &member.emails, zoom: &member.zoom }),
                    setup: policy.provider(provider),
                    computer_audio: self.audio.get(conference).copied(),
                    method: *method,
                };
                Ok(assess(Adapter::of(provider, *method), &facts))
            })
            .collect()
    }

    /// Decides calls and keeps what comes of it, the way the orchestrator keeps it.
    fn decide_stored(
        &mut self,
        company: &str,
        ids: &[CallId],
        now: DateTime<Utc>,
    ) -> anyhow::Result<Vec<Told>> {
        let policy = self.policy(company)?.version;
        // Conflicts concern everything else that would be recorded too.
        let contending = self.decided.iter().filter(|(_, decided)| decided.contends);
        let all: BTreeSet<CallId> = contending.map(|(id, _)| id).chain(ids).cloned().collect();
        let all: Vec<CallId> = all.into_iter().collect();
        let mut answer = Vec::new();
        for subject in self.subjects(company, &all, now, None)? {
            let told = subject.told();
            let before = self.decided.get(&subject.id);
            let planned = told.plan.as_ref().map(|plan| plan.owner.clone());
            let had_plan = planned.is_some() || before.is_some_and(|before| before.had_plan);
            let planned_owner =
                planned.or_else(|| before.and_then(|one| one.planned_owner.clone()));
            let told = before
                .map(|one| &one.told)
                .filter(|one| is_same(one, &told))
                .cloned()
                .unwrap_or(told);
            if ids.contains(&subject.id) {
                answer.push(told.clone());
            }
            let decided = Decided {
                decision: subject.decision,
                told,
                had_plan,
                planned_owner,
                policy,
                revision: subject.revision,
                contends: subject.contends,
            };
            self.decided.insert(subject.id, decided);
        }
        Ok(answer)
    }

    fn ask(&mut self, company: &str, call: &Key, cancels: bool, who: String) -> anyhow::Result<()> {
        let id = self.decided.keys().find(|id| is_of(call, &id.0)).context("no such call")?.clone();
        self.asked.entry(id.clone()).or_default().push((cancels, who));
        self.decide_stored(company, &[id], self.now)?;
        Ok(())
    }
}

#[async_trait]
impl World for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn set_clock(&mut self, now: DateTime<Utc>) {
        self.now = now;
    }

    async fn apply(&mut self, company: &CompanyFile) -> anyhow::Result<()> {
        company.validate().map_err(|found| anyhow::anyhow!("{found:?}"))?;
        let known = self.companies.get(&company.company);
        let version = match known {
            Some((file, version)) if file == company => *version,
            Some((_, version)) => version + 1,
            None => 1,
        };
        self.companies.insert(company.company.clone(), (company.clone(), version));
        Ok(())
    }

    async fn ingest(&mut self, company: &CompanyFile, payload: Payload) -> anyhow::Result<()> {
        let format = match payload.format {
            Format::Icalendar => calendar::Format::ICalendar,
            Format::Google => calendar::Format::Google,
            Format::Microsoft => calendar::Format::Microsoft,
        };
        let context = calendar::Context { floating_zone: &company.time_zone };
        let parsed = calendar::parse(format, payload.text.as_bytes(), &context)?;
        let mut fresh: BTreeMap<(String, String, String), Vec<Known>> = BTreeMap::new();
        for event in parsed.events {
            let slot = event.recurrence_id().map(|at| format!("{at:?}")).unwrap_or_default();
            let uid = event.uid().unwrap_or_default().to_owned();
            let known = Known { event, recipient: payload.recipient.clone() };
            fresh.entry((payload.source.clone(), uid, slot)).or_default().push(known);
        }
        self.events.extend(fresh);
        self.lay_out(company, &payload);
        Ok(())
    }

    async fn decide(&mut self, company: &str, period: Period) -> anyhow::Result<Vec<Told>> {
        let ids = self.in_period(period);
        self.decide_stored(company, &ids, period.now)
    }

    async fn decide_ad_hoc(
        &mut self,
        company: &str,
        period: Period,
        deleted: &[Key],
    ) -> anyhow::Result<Vec<Told>> {
        let held = |id: &CallId| self.calls.get(id).is_some_and(|call| !call.removed);
        let ids: Vec<CallId> = self.in_period(period).into_iter().filter(held).collect();
        let subjects = self.subjects(company, &ids, period.now, Some(deleted))?;
        Ok(subjects.iter().map(Subject::told).collect())
    }

    async fn request(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        let policy = self.policy(company)?;
        let Some((_, member)) = policy.find_member(by).filter(|(_, member)| member.may_request())
        else {
            return Ok(false);
        };
        self.ask(company, call, false, member.id.to_string())?;
        Ok(true)
    }

    async fn cancel(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        let policy = self.policy(company)?;
        let before = self.decided.iter().find(|(id, _)| is_of(call, &id.0));
        let (_, before) = before.context("no such call")?;
        let owner = before.told.plan.as_ref().map(|plan| plan.owner.clone());
        let may = |member: &decision::policy::Member| {
            member.active && (owner.as_deref() == Some(&*member.id) || member.may_request())
        };
        let Some((_, member)) = policy.find_member(by).filter(|(_, member)| may(member)) else {
            return Ok(false);
        };
        self.ask(company, call, true, member.id.to_string())?;
        Ok(true)
    }

    async fn choose(&mut self, _company: &str, choice: &Choice) -> anyhow::Result<()> {
        let key = CallKey {
            ical_uid: Some(choice.call.uid.clone()),
            recurrence_id: choice.call.recurrence_id,
        };
        self.refused.insert(key, choice.without_recording);
        Ok(())
    }

    async fn conference_facts(
        &mut self,
        _company: &str,
        facts: &ConferenceFacts,
    ) -> anyhow::Result<()> {
        let provider = Provider::from_name(&facts.provider).context("no such provider")?;
        self.audio.insert(Conference { provider, id: facts.id.clone() }, facts.computer_audio);
        Ok(())
    }

    async fn dial(&mut self, company: &str, dial: &Dial) -> anyhow::Result<()> {
        self.register_call(company, dial)
    }

    async fn import(&mut self, company: &str, import: &Import) -> anyhow::Result<bool> {
        self.register_upload(company, import)
    }

    async fn script(&mut self, _company: &str, script: &Script) -> anyhow::Result<()> {
        self.note_script(script)
    }

    async fn advance(
        &mut self,
        company: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        self.pass(company, from, to)
    }

    async fn stop(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        self.act(company, call, by, Signal::StopAsked)
    }

    async fn delete(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        self.act(company, call, by, Signal::DeletionAsked)
    }

    async fn outcome(&mut self, _company: &str, call: &Key) -> anyhow::Result<Told> {
        self.outcome_of(call)
    }

    async fn set_away(&mut self, leaf: Leaf, away: bool) -> anyhow::Result<()> {
        if away {
            self.away.insert(leaf);
        } else {
            self.away.remove(&leaf);
        }
        Ok(())
    }

    async fn end(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Call {
    /// What is kept when this comes in the place of what was known.
    fn after(self, known: &Self) -> Self {
        let same = self.occurrence == known.occurrence && self.recipient == known.recipient;
        if same && !known.removed {
            return known.clone();
        }
        let material = known.removed || self.material() != known.material();
        let received = if material { self.received.max(known.received) } else { known.received };
        Self { received, revision: known.revision + 1, ..self }
    }

    /// What makes an update material (DOMAIN 5.1): times, status, people, links; not the texts.
    fn material(&self) -> impl PartialEq {
        let of = &self.occurrence;
        let person = |one: &calendar::Person| (one.address.clone(), one.kind, one.participation);
        let links: BTreeSet<String> = of
            .details
            .links
            .iter()
            .map(|one| format!("{:?} {}", one.link.kind, one.link.url))
            .collect();
        (
            (of.start, of.end, of.dates, of.cancelled, of.details.status, of.details.sensitivity),
            of.details.organizer.as_ref().map(person),
            of.details.organizer_declined,
            of.details.attendees.iter().map(person).collect::<BTreeSet<_>>(),
            links,
            self.recipient.clone(),
        )
    }
}

impl Subject {
    fn told(&self) -> Told {
        Told::of_core(&self.id.0, &self.meeting, &self.selected, &self.decision)
    }
}

/// Lets calls that conflict give way to one another.
fn settle(subjects: &mut [Subject]) {
    let mut places = Vec::new();
    let findings = {
        let mut contenders = Vec::new();
        for (place, subject) in subjects.iter().enumerate() {
            let (Kind::Plan(plan), Some(end)) = (&subject.decision.kind, subject.meeting.end)
            else {
                continue;
            };
            let Some(conference) = &subject.selected.conference else { continue };
            places.push(place);
            contenders.push(Contender {
                key: &subject.id.0,
                start: subject.meeting.start,
                end,
                owner: &plan.owner,
                conference,
                requested: subject.decision.requester.is_some(),
                owner_organizes: subject.organizer.as_deref() == Some(&*plan.owner),
                received_at: subject.meeting.received_at,
            });
        }
        conflict::resolve(&contenders)
    };
    for (place, findings) in places.into_iter().zip(findings) {
        subjects[place].decision.give_way(findings);
    }
}

/// Whether two decisions say the same. A code that a changed setting brought about stays while nothing
/// else changes: beside its cause, or as its companion.
fn is_same(before: &Told, now: &Told) -> bool {
    let invalidated = SkipCode::InvalidatingByCompanySettings;
    let mut before = before.clone();
    if before.related == Some(invalidated) {
        before.related = now.related;
        before.explanation.clone_from(&now.explanation);
    }
    if before.primary.as_ref().is_some_and(|primary| primary.code == invalidated)
        && before.also.first() == now.primary.as_ref()
    {
        before.primary = Some(before.also.remove(0));
        before.explanation.clone_from(&now.explanation);
    }
    before == *now
}

fn is_of(key: &Key, call: &CallKey) -> bool {
    call.ical_uid.as_ref() == Some(&key.uid) && call.recurrence_id == key.recurrence_id
}

fn id_of(occurrence: &Occurrence) -> CallId {
    let ical_uid = occurrence.details.uid.clone();
    let start = ical_uid.is_none().then_some(occurrence.start);
    (CallKey { ical_uid, recurrence_id: occurrence.recurrence_id }, start)
}

fn meeting_of(call: &Call, key: &CallKey) -> Meeting {
    let occurrence = &call.occurrence;
    let details = &occurrence.details;
    Meeting {
        has_ical_uid: key.ical_uid.is_some(),
        title: details.title.clone(),
        end: occurrence.end,
        all_day: occurrence.dates.is_some(),
        cancelled: occurrence.cancelled,
        sensitivity: match details.sensitivity {
            calendar::Sensitivity::Public => Sensitivity::Public,
            calendar::Sensitivity::Personal => Sensitivity::Personal,
            calendar::Sensitivity::Private => Sensitivity::Private,
        },
        organizer: details.organizer.as_ref().map(person_of),
        organizer_declined: details.organizer_declined,
        attendees: details.attendees.iter().map(person_of).collect(),
        received_at: call.received,
        ..Meeting::at(occurrence.start)
    }
}

fn person_of(person: &calendar::Person) -> Person {
    Person {
        address: person.address.as_deref().and_then(text::address),
        kind: match person.kind {
            calendar::PersonKind::Individual => PersonKind::Individual,
            calendar::PersonKind::Group => PersonKind::Group,
            calendar::PersonKind::Room => PersonKind::Room,
            calendar::PersonKind::Resource => PersonKind::Resource,
        },
        participation: match person.participation {
            calendar::Participation::NeedsAction => Participation::NeedsAction,
            calendar::Participation::Accepted => Participation::Accepted,
            calendar::Participation::Declined => Participation::Declined,
            calendar::Participation::Tentative => Participation::Tentative,
            calendar::Participation::Delegated => Participation::Delegated,
        },
    }
}

fn link_of(link: &conference::Link, resolve: impl Fn(&Shape<'_>) -> Resolution) -> Link {
    match &link.kind {
        conference::Kind::Join { provider, id } => match Provider::from_name(provider.as_str()) {
            Some(provider) => Link::Join(Conference { provider, id: id.clone() }),
            None => Link::Unusable { service: link.name().into() },
        },
        conference::Kind::Consent { host, company, kind, token } => {
            let link_type = match kind {
                conference::ConsentKind::Static => LinkType::Static,
                conference::ConsentKind::Dynamic => LinkType::Dynamic,
            };
            Link::Consent(resolve(&Shape { host, company, link_type, token }))
        }
        conference::Kind::NoMeetingId { .. }
        | conference::Kind::Unsupported { .. }
        | conference::Kind::Undecodable { .. } => Link::Unusable { service: link.name().into() },
    }
}
