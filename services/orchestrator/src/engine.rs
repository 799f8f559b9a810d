//! The way of a call from its meeting to a stored decision.
//!
//! Judging is the peers' ([`crate::gather`]), deciding the core's; here the two are put together, over
//! batches, and what came of it is written down if it changes anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::{Clock, Link};
use chrono::{DateTime, Utc};
use decision::conflict::{self, Contender};
use decision::eligibility::Judgement;
use decision::plan::Last;
use decision::{Decision, History, Inputs, Kind, Missing, Verdict, decide};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::orchestrator::v1 as wire;
use proto::{skip, time};
use tonic::Request;

use crate::error::Error;
use crate::gather::{Judges, Learned, SharedPolicy};
use crate::policies::Policies;
use crate::store::{Action, Call, Calls, Write};
use crate::subject::{Past, Subject};

/// Meetings fetched at once.
const PAGE: u32 = 5_000;

/// A policy that changes while it is judged by is looked up again this often.
const ATTEMPTS: usize = 4;

/// What led to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody asked for it.
    Asked,
    /// The meeting changed.
    Meeting,
    /// The policy changed.
    Policy,
    /// Somebody asked for or took back a recording.
    Request,
    /// It was time.
    Timer,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Meeting => "meeting",
            Self::Policy => "policy",
            Self::Request => "request",
            Self::Timer => "timer",
        }
    }
}

/// What came of deciding.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The decisions, by start, UID and recurrence id.
    pub(crate) decisions: Vec<wire::Decision>,
    /// The policy version they were made from.
    pub(crate) policy_version: u64,
    /// How many differ from the ones before.
    pub(crate) changed: usize,
}

/// What deciding needs.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The companies' policies.
    pub(crate) policies: Policies,
    /// The peers that judge.
    pub(crate) judges: Judges,
    /// Where meetings come from.
    pub(crate) calendar: CalendarIngestServiceClient<Link>,
    /// What is kept.
    pub(crate) calls: Calls,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Meetings in one question to a peer.
    pub(crate) batch: usize,
    /// Batches under way at once.
    pub(crate) parallel: usize,
    /// How long a peer may take.
    pub(crate) deadline: Duration,
    /// Told whenever decisions have been written.
    pub(crate) news: tokio::sync::watch::Sender<u64>,
    /// One at a time decides the stored calls of a company.
    pub(crate) turns: Turns,
}

/// A lock for each company.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, company: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() > 10_000 {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(turns.entry(company.to_owned()).or_default())
    }
}

/// A call that has been decided, conflicts apart or included.
struct Decided {
    subject: Subject,
    decision: Decision,
}

impl Engine {
    /// Decides meetings as they are given; nothing is stored.
    ///
    /// # Errors
    /// A meeting that cannot be read, an unknown company, or a peer without which nothing can be told.
    pub(crate) async fn decide_ad_hoc(
        &self,
        company: &str,
        meetings: Vec<calendar::Meeting>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, Error> {
        let mut subjects = Vec::with_capacity(meetings.len());
        for (position, meeting) in meetings.into_iter().enumerate() {
            let subject = Subject::read(meeting, Past::default(), now)
                .map_err(|source| Error::Meeting { position, source })?;
            subjects.push(subject);
        }
        let (mut decided, policy_version) = self.judge(company, subjects, now).await?;
        settle(&mut decided);
        let mut decisions: Vec<_> = decided
            .iter()
            .map(|one| (order(one), to_wire(company, one, now, Cause::Asked)))
            .collect();
        decisions.sort_by(|a, b| a.0.cmp(&b.0));
        let decisions = decisions.into_iter().map(|(_, decision)| decision).collect();
        Ok(Outcome { decisions, policy_version, changed: 0 })
    }

    /// Decides the stored meetings that start in a period, and keeps what changes.
    ///
    /// # Errors
    /// See [`Self::decide_stored`].
    pub(crate) async fn decide_period(
        &self,
        company: &str,
        period: (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
        cause: Cause,
        dry_run: bool,
    ) -> Result<Outcome, Error> {
        let meetings = self.meetings(company, &[], Some(period)).await?;
        self.decide_stored(company, meetings, now, cause, dry_run).await
    }

    /// Decides stored meetings by their ids, and keeps what changes.
    ///
    /// # Errors
    /// See [`Self::decide_stored`].
    pub(crate) async fn decide_ids(
        &self,
        company: &str,
        ids: &[String],
        now: DateTime<Utc>,
        cause: Cause,
        dry_run: bool,
    ) -> Result<Outcome, Error> {
        let meetings = self.meetings(company, ids, None).await?;
        self.decide_stored(company, meetings, now, cause, dry_run).await
    }

    /// Decides stored meetings together with those they conflict with, and keeps what changes.
    ///
    /// # Errors
    /// An unknown company, a peer without which nothing can be told, or the store.
    pub(crate) async fn decide_stored(
        &self,
        company: &str,
        meetings: Vec<calendar::Meeting>,
        now: DateTime<Utc>,
        cause: Cause,
        dry_run: bool,
    ) -> Result<Outcome, Error> {
        let asked: BTreeSet<String> =
            meetings.iter().map(|meeting| meeting.meeting_id.clone()).collect();
        let turn = self.turns.of(company);
        let _turn = turn.lock().await;
        let (meetings, mut known) = self.with_neighbours(company, meetings).await?;
        let ids: Vec<String> = meetings.iter().map(|meeting| meeting.meeting_id.clone()).collect();
        let mut pasts = self.pasts(company, &ids, &known).await?;
        let mut subjects = Vec::with_capacity(meetings.len());
        for meeting in meetings {
            let past = pasts.remove(&meeting.meeting_id).unwrap_or_default();
            match Subject::read(meeting, past, now) {
                Ok(subject) => subjects.push(subject),
                // What ingest stored it could read; one bad record must not sink the batch.
                Err(invalid) => {
                    tracing::error!(company, %invalid, "a stored meeting cannot be read")
                }
            }
        }
        let (mut decided, policy_version) = self.judge(company, subjects, now).await?;
        let contending: Vec<bool> =
            decided.iter().map(|one| matches!(one.decision.kind, Kind::Plan(_))).collect();
        settle(&mut decided);

        let mut writes = Vec::new();
        let mut decisions = Vec::with_capacity(asked.len());
        let mut changed = 0;
        for (one, contends) in decided.iter().zip(contending) {
            let mut fresh = to_wire(company, one, now, cause);
            let before = known.remove(&fresh.call_id);
            let is_new = before.as_ref().is_none_or(|before| !is_same(&before.decision, &fresh));
            let last = before.as_ref().map_or(0, |before| before.decision.revision);
            if is_new {
                (fresh.revision, fresh.predecessor) = (last + 1, last);
                changed += 1;
            }
            let call = updated(one, fresh.clone(), before.as_ref(), is_new, contends);
            let told = if is_new { fresh } else { call.decision.clone() };
            let unseen = before.as_ref().is_none_or(|before| {
                (before.judged_policy, before.judged_meeting, before.contends)
                    != (call.judged_policy, call.judged_meeting, call.contends)
            });
            if is_new || unseen {
                writes.push(Write { call, is_new });
            }
            if asked.contains(&told.call_id) {
                decisions.push((order(one), told));
            }
        }
        if !dry_run && !writes.is_empty() {
            self.calls.save(&writes).await?;
            self.news.send_modify(|count| *count = count.wrapping_add(1));
        }
        decisions.sort_by(|a, b| a.0.cmp(&b.0));
        let decisions = decisions.into_iter().map(|(_, decision)| decision).collect();
        Ok(Outcome { decisions, policy_version, changed })
    }

    /// Fetches meetings by id, or of a period.
    async fn meetings(
        &self,
        company: &str,
        ids: &[String],
        period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    ) -> Result<Vec<calendar::Meeting>, Error> {
        let mut meetings = Vec::new();
        let parts: Vec<&[String]> =
            if period.is_some() { vec![&[]] } else { ids.chunks(PAGE as usize).collect() };
        for part in parts {
            let mut page_token = String::new();
            loop {
                let mut request = Request::new(calendar::ListMeetingsRequest {
                    company: company.to_owned(),
                    from: period.map(|(from, _)| time::to_wire(from)),
                    to: period.map(|(_, to)| time::to_wire(to)),
                    page_size: PAGE,
                    page_token,
                    meeting_ids: part.to_vec(),
                });
                request.set_timeout(self.deadline);
                let answer = self
                    .calendar
                    .clone()
                    .list_meetings(request)
                    .await
                    .map_err(|status| Error::Peer {
                        peer: "calendar-ingest",
                        source: Box::new(status),
                    })?
                    .into_inner();
                meetings.extend(answer.meetings);
                page_token = answer.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
        }
        Ok(meetings)
    }

    /// The meetings, and all that contend with one of them, or with one that does: whoever wins may
    /// change for all of these. Also what is known of each.
    async fn with_neighbours(
        &self,
        company: &str,
        mut meetings: Vec<calendar::Meeting>,
    ) -> Result<(Vec<calendar::Meeting>, HashMap<String, Call>), Error> {
        let ids: Vec<String> = meetings.iter().map(|meeting| meeting.meeting_id.clone()).collect();
        let mut known: HashMap<String, Call> = self
            .calls
            .get(company, &ids)
            .await?
            .into_iter()
            .map(|call| (call.call_id.clone(), call))
            .collect();
        let mut included: BTreeSet<String> = ids.into_iter().collect();
        let mut times: Vec<(DateTime<Utc>, DateTime<Utc>)> =
            known.values().filter_map(|call| call.contends).collect();
        for meeting in &meetings {
            let start = time::required("meeting.start", meeting.start.as_ref());
            let end = time::required("meeting.end", meeting.end.as_ref());
            // What cannot be read is told when it is; it contends with nobody.
            times.extend(start.ok().zip(end.ok()).filter(|(start, end)| start < end));
        }
        let mut searched = Periods::default();
        loop {
            let mut found = Vec::new();
            for (from, to) in searched.add(std::mem::take(&mut times)) {
                for (id, start, until) in self.calls.contending(company, from, to).await? {
                    if included.insert(id.clone()) {
                        times.push((start, until));
                        found.push(id);
                    }
                }
            }
            if found.is_empty() {
                return Ok((meetings, known));
            }
            meetings.extend(self.meetings(company, &found, None).await?);
            let calls = self.calls.get(company, &found).await?;
            known.extend(calls.into_iter().map(|call| (call.call_id.clone(), call)));
        }
    }

    /// What is known of calls beside their meetings.
    async fn pasts(
        &self,
        company: &str,
        ids: &[String],
        known: &HashMap<String, Call>,
    ) -> Result<HashMap<String, Past>, Error> {
        let mut pasts: HashMap<String, Past> = HashMap::new();
        if known.is_empty() {
            return Ok(pasts);
        }
        for (id, call) in known {
            let last = Last {
                skipped: call.decision.kind() == wire::DecisionKind::Skip,
                policy_version: call.judged_policy,
                meeting_revision: call.judged_meeting,
            };
            pasts.insert(
                id.clone(),
                Past {
                    history: History { had_plan: call.had_plan, last: Some(last) },
                    planned_owner: call.planned_owner.clone(),
                    ..Past::default()
                },
            );
        }
        for asked in self.calls.asked(company, ids).await? {
            let past = pasts.entry(asked.call_id).or_default();
            past.canceled = asked.action == Action::Cancel;
            if asked.action == Action::Request {
                past.requested_by.push(asked.who);
            }
        }
        Ok(pasts)
    }

    /// Judges and decides calls, all by one policy version, conflicts apart.
    async fn judge(
        &self,
        company: &str,
        subjects: Vec<Subject>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Decided>, u64), Error> {
        let mut ready = self.policies.known(company).await?;
        let mut batches = into_batches(subjects, self.batch);
        for _ in 0..ATTEMPTS {
            let judged: Vec<(Vec<Subject>, Batch)> = futures::stream::iter(batches)
                .map(|batch| self.judge_batch(Arc::clone(&ready), batch, now))
                .buffered(self.parallel)
                .collect()
                .await;
            let version = ready.policy.version;
            let is_stale = judged.iter().any(|(_, batch)| {
                batch.learned.policy_version.is_some_and(|other| other != version)
            });
            if !is_stale {
                let decided = judged
                    .into_iter()
                    .flat_map(|(subjects, batch)| conclude(&ready, subjects, batch, now));
                return Ok((decided.collect(), version));
            }
            ready = self.policies.newest(company).await?;
            batches = judged.into_iter().map(|(subjects, _)| subjects).collect();
        }
        let status = tonic::Status::aborted("the policy kept changing");
        Err(Error::Peer { peer: "eligibility", source: Box::new(status) })
    }

    async fn judge_batch(
        &self,
        ready: SharedPolicy,
        mut subjects: Vec<Subject>,
        now: DateTime<Utc>,
    ) -> (Vec<Subject>, Batch) {
        let resolutions = self.judges.resolve(&ready, &subjects, now).await;
        let links_known = resolutions.as_ref().map(|_| ()).map_err(|missing| *missing);
        let mut resolutions = resolutions.unwrap_or_default().into_iter();
        for subject in &mut subjects {
            subject.resolve(&ready.policy, &mut resolutions);
        }
        let learned = self.judges.judge(&ready, &subjects, now).await;
        (subjects, Batch { learned, links_known })
    }
}

/// What was learned of a batch.
struct Batch {
    learned: Learned,
    links_known: Result<(), Missing>,
}

fn into_batches(subjects: Vec<Subject>, size: usize) -> Vec<Vec<Subject>> {
    let mut batches = Vec::new();
    let mut subjects = subjects.into_iter().peekable();
    while subjects.peek().is_some() {
        batches.push(subjects.by_ref().take(size.max(1)).collect());
    }
    batches
}

fn conclude(
    ready: &SharedPolicy,
    subjects: Vec<Subject>,
    batch: Batch,
    now: DateTime<Utc>,
) -> Vec<Decided> {
    let Batch { learned, links_known } = batch;
    let verdicts = learned.eligibility.into_iter().zip(learned.consent).zip(learned.assessed);
    subjects
        .into_iter()
        .zip(verdicts)
        .map(|(subject, ((eligibility, consent), assessed))| {
            let has_consent_links = subject.consent_shapes().next().is_some();
            let consent = consent.and_then(|verdict| match &eligibility {
                Ok(judgement) => asked_for_owner(&ready.policy, &subject, judgement, verdict),
                Err(_) => Ok(verdict),
            });
            let decision = decide(&Inputs {
                policy: &ready.policy,
                key: &subject.key,
                meeting: &subject.meeting,
                meeting_revision: subject.wire.revision,
                ambiguous_time: subject.wire.ambiguous_time,
                links: &subject.selected,
                links_known: if has_consent_links { links_known } else { Ok(()) },
                eligibility,
                consent,
                assessed: &assessed,
                history: &subject.history,
                now,
            });
            Decided { subject, decision }
        })
        .collect()
}

/// Consent's verdict, if it was asked by the profile of the owner eligibility found. A newer peer may
/// find another than we expected, and what was not asked is not permitted.
fn asked_for_owner(
    policy: &decision::Policy,
    subject: &Subject,
    judgement: &Judgement,
    verdict: Verdict,
) -> Result<Verdict, Missing> {
    let owner = judgement.owner.as_deref().and_then(|id| policy.member_by_id(id));
    let profile = match owner {
        Some((_, owner)) => owner.profile.as_deref(),
        None => policy.default_profile.as_deref(),
    };
    if profile == subject.profile.as_deref() { Ok(verdict) } else { Err(Missing("consent")) }
}

/// Lets calls that conflict give way to one another.
fn settle(decided: &mut [Decided]) {
    let places: Vec<usize> = decided
        .iter()
        .enumerate()
        .filter(|(_, one)| {
            matches!(one.decision.kind, Kind::Plan(_)) && one.subject.meeting.end.is_some()
        })
        .map(|(place, _)| place)
        .collect();
    let findings = {
        let contenders: Vec<Contender<'_>> =
            places.iter().filter_map(|place| contender(decided.get(*place)?)).collect();
        conflict::resolve(&contenders)
    };
    for (place, findings) in places.into_iter().zip(findings) {
        if let Some(one) = decided.get_mut(place) {
            one.decision.give_way(findings);
        }
    }
}

fn contender(one: &Decided) -> Option<Contender<'_>> {
    let Kind::Plan(plan) = &one.decision.kind else { return None };
    Some(Contender {
        key: &one.subject.key,
        start: one.subject.meeting.start,
        end: one.subject.meeting.end?,
        owner: &plan.owner,
        conference: one.subject.selected.conference.as_ref()?,
        requested: one.decision.requester.is_some(),
        owner_organizes: one.subject.organizer.as_deref() == Some(&*plan.owner),
        received_at: one.subject.meeting.received_at,
    })
}

/// The call as it is from now on. A decision that changes nothing leaves the one before in force; what
/// it was judged from is noted all the same.
fn updated(
    one: &Decided,
    fresh: wire::Decision,
    before: Option<&Call>,
    is_new: bool,
    contends: bool,
) -> Call {
    let (judged_policy, judged_meeting) = (fresh.policy_version, fresh.meeting_revision);
    let planned = fresh.plan.as_ref().map(|plan| plan.owner.clone());
    let decision = match before {
        Some(before) if !is_new => before.decision.clone(),
        Some(_) | None => fresh,
    };
    Call {
        call_id: decision.call_id.clone(),
        had_plan: planned.is_some() || before.is_some_and(|before| before.had_plan),
        planned_owner: planned.or_else(|| before.and_then(|before| before.planned_owner.clone())),
        judged_policy,
        judged_meeting,
        contends: one
            .subject
            .meeting
            .end
            .filter(|_| contends)
            .map(|end| (one.subject.meeting.start, end)),
        decision,
    }
}

/// Order of calls in every list.
fn order(one: &Decided) -> (DateTime<Utc>, decision::CallKey, String) {
    (one.subject.meeting.start, one.subject.key.clone(), one.subject.wire.meeting_id.clone())
}

fn to_wire(company: &str, one: &Decided, now: DateTime<Utc>, cause: Cause) -> wire::Decision {
    let Decided { subject, decision } = one;
    let shown = !decision.hidden;
    wire::Decision {
        call_id: subject.wire.meeting_id.clone(),
        company: company.to_owned(),
        key: Some((&subject.key).into()),
        title: subject.wire.title.clone().filter(|_| shown),
        start: subject.wire.start,
        end: subject.wire.end,
        conference: subject.selected.conference.as_ref().filter(|_| shown).map(Into::into),
        meeting_revision: subject.wire.revision,
        decided_at: Some(time::to_wire(now)),
        cause: cause.as_str().to_owned(),
        ..wire::Decision::from(decision)
    }
}

/// Whether two decisions say the same, whenever and from whatever versions they were made.
fn is_same(a: &wire::Decision, b: &wire::Decision) -> bool {
    let essence = |decision: &wire::Decision| wire::Decision {
        policy_version: 0,
        meeting_revision: 0,
        revision: 0,
        predecessor: 0,
        decided_at: None,
        cause: String::new(),
        catalogue_version: 0,
        ..decision.clone()
    };
    // A code brought about by a changed setting stays as it is while nothing else changes.
    let invalidated = skip::v1::SkipCode::InvalidatingByCompanySettings as i32;
    let mut old = essence(a);
    let new = essence(b);
    if old.related_code == invalidated {
        old.related_code = new.related_code;
        old.explanation.clone_from(&new.explanation);
    }
    let is_invalidated = old.primary.as_ref().is_some_and(|primary| primary.code == invalidated);
    // It has its cause beside it, which would stand alone now.
    if is_invalidated
        && let Some((cause, rest)) = old.also.split_first()
        && new.primary.as_ref() == Some(cause)
    {
        (old.primary, old.also) = (Some(cause.clone()), rest.to_vec());
        old.explanation.clone_from(&new.explanation);
    }
    old == new
}

/// Periods that have been searched.
#[derive(Default)]
struct Periods(BTreeMap<DateTime<Utc>, DateTime<Utc>>);

impl Periods {
    /// Merges intervals into as few periods as possible and gives those that were not searched whole.
    fn add(
        &mut self,
        mut intervals: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    ) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        intervals.sort_unstable();
        let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for (from, to) in intervals {
            match merged.last_mut() {
                // Nearby intervals are searched together: a query costs more than a few rows.
                Some((_, end)) if from <= *end + chrono::TimeDelta::hours(6) => {
                    *end = (*end).max(to)
                }
                _ => merged.push((from, to)),
            }
        }
        merged.retain(|(from, to)| {
            let within = self.0.range(..=*from).next_back().is_some_and(|(_, end)| end >= to);
            if !within {
                self.0.insert(*from, *to);
            }
            !within
        });
        merged
    }
}
