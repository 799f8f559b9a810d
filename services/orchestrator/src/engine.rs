//! The way of a call from its meeting to a stored decision.
//!
//! Judging is the peers' ([`crate::gather`]), deciding the core's; here the two are put together, over
//! batches, and what came of it is written down if it changes anything.

mod registered;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chassis::{Clock, Link, chain};
use chrono::{DateTime, TimeDelta, Utc};
use decision::conflict::{self, Contender, OwnedContender};
use decision::eligibility::Judgement;
use decision::plan::Last;
use decision::reach::{self, Traces};
use decision::{Decision, History, Inputs, Kind, Missing, Verdict, decide};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::orchestrator::v1 as wire;
use proto::{Invalid, time};
use tonic::Request;

use crate::error::Error;
use crate::gather::{Judges, Learned, SharedPolicy};
use crate::policies::Policies;
use crate::sessions::{begins_anew, hand_over_at};
use crate::store::{Action, Call, Calls, End, Judged, Moment, Through};
use crate::subject::{Past, Subject};

/// Meetings fetched at once.
const PAGE: u32 = 5_000;

/// Meetings whose decisions are told in one answer, at the most.
pub(crate) const MOST: usize = 5_000;

/// An instant less far from the clock than this is the present, give or take what clocks and callers differ by.
const PRESENT: TimeDelta = TimeDelta::days(1);

/// What changes while it is judged, a call or a policy, is judged again this often.
const ATTEMPTS: usize = 8;

/// Before something is judged once more, so much longer each time.
const PAUSE: Duration = Duration::from_millis(5);

/// What led to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody asked for it.
    Asked,
    /// The meeting changed.
    Meeting,
    /// The policy changed.
    Policy,
    /// A participant chose.
    Consent,
    /// Somebody asked for or took back a recording.
    Request,
    /// Another call took what this one needs, or leaves it.
    Conflict,
    /// It was time.
    Timer,
    /// Its plan was carried out, or that came to an end.
    Session,
}

impl Cause {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Meeting => "meeting",
            Self::Policy => "policy",
            Self::Consent => "consent",
            Self::Request => "request",
            Self::Conflict => "conflict",
            Self::Timer => "timer",
            Self::Session => "session",
        }
    }
}

/// For when and why something is decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// The instant for which it is decided.
    pub(crate) now: DateTime<Utc>,
    /// What led to it.
    pub(crate) cause: Cause,
    /// Nothing is kept, only told.
    pub(crate) dry_run: bool,
    /// Decisions are counted, not told.
    pub(crate) untold: bool,
}

impl How {
    /// Decides for an instant, and keeps what changes.
    pub(crate) const fn now(now: DateTime<Utc>, cause: Cause) -> Self {
        Self { now, cause, dry_run: false, untold: false }
    }

    /// The same, of which nobody wants to hear the decisions.
    pub(crate) const fn untold(self) -> Self {
        Self { untold: true, ..self }
    }
}

/// What came of deciding.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The decisions, by start, UID and recurrence id; none where they are not to be told.
    pub(crate) decisions: Vec<wire::Decision>,
    /// How many were made, or found as they were.
    pub(crate) decided: usize,
    /// The policy version they were made from.
    pub(crate) policy_version: u64,
    /// How many differ from the ones before.
    pub(crate) changed: usize,
    /// Calls for which an answer of a peer was missing, and until when they are judged again.
    pub(crate) partial: HashMap<String, DateTime<Utc>>,
    /// Calls that were asked for by their ids, and whose meetings nobody knows.
    pub(crate) unknown: Vec<String>,
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
    /// How soon a call is judged again for which the answer of a peer was missing.
    pub(crate) retry: TimeDelta,
    /// Names of the peers that host adapters, in their order.
    pub(crate) adapter_names: Vec<String>,
    /// How long before its start a call is handed over for which nobody joins.
    pub(crate) arm_ahead: TimeDelta,
    /// Told whenever there are orders for adapters.
    pub(crate) orders: tokio::sync::Notify,
    /// Told whenever decisions have been written.
    pub(crate) written: tokio::sync::Notify,
    /// Told whenever decisions have come into the log.
    pub(crate) news: tokio::sync::watch::Sender<u64>,
    /// Told whenever calls are to be decided again.
    pub(crate) storm: tokio::sync::Notify,
}

/// A call that has been decided, conflicts apart.
struct Decided {
    subject: Subject,
    decision: Decision,
    policy: SharedPolicy,
    /// No peer's answer is missing.
    whole: bool,
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
        let mut decisions: Vec<_> =
            decided.iter().map(|one| self.to_wire(company, one, now, Cause::Asked)).collect();
        decisions.sort_by_cached_key(order);
        let decided = decisions.len();
        Ok(Outcome { decisions, decided, policy_version, ..Outcome::default() })
    }

    /// Decides the stored meetings that start in a period, page by page, and keeps what changes. Decisions that are to be
    /// told are those of [`MOST`] meetings at the most.
    ///
    /// # Errors
    /// More is to be told than that; see [`Self::decide_stored`].
    pub(crate) async fn decide_period(
        &self,
        company: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        how: How,
    ) -> Result<Outcome, Error> {
        let mut all = Outcome::default();
        let mut told = Vec::new();
        let mut request = calendar::ListMeetingsRequest {
            company: company.to_owned(),
            from: Some(time::to_wire(from)),
            to: Some(time::to_wire(to)),
            page_size: PAGE,
            ..calendar::ListMeetingsRequest::default()
        };
        loop {
            let (page, next) = self.page_of_meetings(request.clone()).await?;
            if how.untold {
                self.decide_into(company, page, how, &mut all).await?;
            } else {
                told.extend(page);
                // Before anything is decided.
                if told.len() > MOST {
                    return Err(too_many().into());
                }
            }
            if next.is_empty() {
                break;
            }
            request.page_token = next;
        }
        if how.untold { Ok(all) } else { self.decide_stored(company, told, how).await }
    }

    /// Decides stored meetings by their ids, and keeps what changes.
    ///
    /// # Errors
    /// See [`Self::decide_stored`].
    pub(crate) async fn decide_ids(
        &self,
        company: &str,
        ids: &[String],
        how: How,
    ) -> Result<Outcome, Error> {
        let registered = self.calls.registered(company, ids).await?;
        let known: HashSet<&str> = registered.iter().map(|one| one.call_id.as_str()).collect();
        let others: Vec<String> =
            ids.iter().filter(|id| !known.contains(id.as_str())).cloned().collect();
        let mut all = Outcome::default();
        if others.is_empty() && !registered.is_empty() {
            self.decide_registered(company, registered, how, &mut all).await?;
            all.decisions.sort_by_cached_key(order);
            return Ok(all);
        }
        let meetings = self.meetings(company, &others).await?;
        let found: HashSet<&str> = meetings.iter().map(|one| one.meeting_id.as_str()).collect();
        all.unknown = others.iter().filter(|id| !found.contains(id.as_str())).cloned().collect();
        self.decide_registered(company, registered, how, &mut all).await?;
        self.decide_into(company, meetings, how, &mut all).await?;
        all.decisions.sort_by_cached_key(order);
        Ok(all)
    }

    /// Ends calls that are due and cannot be judged. Answers the decisions that hold then; of those that have changed
    /// meanwhile there is none.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn end(
        &self,
        company: &str,
        calls: impl Iterator<Item = (&Call, End)>,
        now: DateTime<Utc>,
    ) -> Result<HashMap<String, wire::Decision>, Error> {
        let moment = Moment { now, cause: Cause::Timer, is_present: true, retry: self.retry };
        let ended: Vec<Judged> = calls
            .map(|(call, end)| Judged::ended(company, call, end, moment))
            .collect::<Result<_, _>>()?;
        if ended.is_empty() {
            return Ok(HashMap::new());
        }
        let outcome = self.calls.commit(company, &ended, moment).await?;
        if outcome.changed > 0 {
            self.written.notify_one();
        }
        Ok(outcome.decisions)
    }

    /// Decides stored meetings, settles their conflicts with those decided before, and keeps what changes.
    ///
    /// # Errors
    /// An unknown company, a peer without which nothing can be told, the store, or [`Error::Contended`] if a call kept
    /// changing while it was judged.
    pub(crate) async fn decide_stored(
        &self,
        company: &str,
        meetings: Vec<calendar::Meeting>,
        how: How,
    ) -> Result<Outcome, Error> {
        let mut all = Outcome::default();
        self.decide_into(company, meetings, how, &mut all).await?;
        all.decisions.sort_by_cached_key(order);
        Ok(all)
    }

    async fn decide_into(
        &self,
        company: &str,
        mut meetings: Vec<calendar::Meeting>,
        how: How,
        all: &mut Outcome,
    ) -> Result<(), Error> {
        // Soonest first, and those that may conflict with one another together.
        meetings.sort_by_key(|meeting| {
            meeting.start.map_or((i64::MIN, 0), |start| (start.seconds, start.nanos))
        });
        meetings.dedup_by(|later, earlier| later.meeting_id == earlier.meeting_id);
        let pieces = into_batches(meetings, self.batch.saturating_mul(self.parallel));
        for piece in if pieces.is_empty() { vec![Vec::new()] } else { pieces } {
            self.decide_piece(company, piece, how, all).await?;
        }
        Ok(())
    }

    /// Decides meetings whose decisions are written together.
    async fn decide_piece(
        &self,
        company: &str,
        mut meetings: Vec<calendar::Meeting>,
        how: How,
        all: &mut Outcome,
    ) -> Result<(), Error> {
        let moment = Moment {
            now: how.now,
            cause: how.cause,
            is_present: self.is_present(how.now),
            retry: self.retry,
        };
        for attempt in 0..ATTEMPTS {
            let ids: Vec<String> =
                meetings.iter().map(|meeting| meeting.meeting_id.clone()).collect();
            let known: HashMap<String, Call> = self
                .calls
                .get(company, &ids)
                .await?
                .into_iter()
                .map(|call| (call.call_id.clone(), call))
                .collect();
            // What has ended is final, whatever is known now.
            meetings.retain(|meeting| match known.get(&meeting.meeting_id) {
                Some(call) if call.ended && !begins_anew(call, meeting, how.now) => {
                    all.decided += 1;
                    if !how.untold {
                        all.decisions.push(call.decision.clone());
                    }
                    false
                }
                Some(_) | None => true,
            });
            let came_through = meetings.iter().any(|meeting| !meeting.foreign_recipient.is_empty());
            let claims = if came_through { self.calls.claims().await? } else { 0 };
            let subjects = self.subjects(company, meetings, &known, how.now).await?;
            let (decided, policy_version) = self.judge(company, subjects, how.now).await?;
            all.policy_version = policy_version;
            let judged: Vec<Judged> = decided
                .iter()
                .map(|one| {
                    let id = &one.subject.wire.meeting_id;
                    let seen = known.get(id).map_or(0, |call| call.version);
                    Judged {
                        through: through(one, claims),
                        again: known.get(id).is_some_and(|call| call.ended),
                        ..self.judged_of(company, one, seen, how.now, how.cause)
                    }
                })
                .collect();
            let outcome = if how.dry_run {
                self.calls.rehearse(company, &judged, moment).await?
            } else {
                self.calls.commit(company, &judged, moment).await?
            };
            if outcome.changed > 0 && !how.dry_run {
                self.written.notify_one();
            }
            all.changed += outcome.changed;
            all.decided += outcome.decisions.len();
            if !how.untold {
                for one in judged {
                    if let Some(until) = one.partial_until
                        && outcome.decisions.contains_key(&one.candidate.call_id)
                    {
                        all.partial.insert(one.candidate.call_id, until);
                    }
                }
                all.decisions.extend(outcome.decisions.into_values());
            }
            if outcome.stale.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE * u32::try_from(attempt).unwrap_or(1)).await;
            meetings = self.meetings(company, &outcome.stale).await?;
        }
        Err(Error::Contended)
    }

    /// Whether an instant is the present. What is decided for another misses nothing; the timers it arms lead to a decision
    /// for the present when they are due.
    fn is_present(&self, now: DateTime<Utc>) -> bool {
        (now - self.clock.now()).abs() < PRESENT
    }

    /// Meetings as the rules see them, with what is known of them beside.
    async fn subjects(
        &self,
        company: &str,
        meetings: Vec<calendar::Meeting>,
        known: &HashMap<String, Call>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Subject>, Error> {
        let mut pasts = self.pasts(company, known).await?;
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
        Ok(subjects)
    }

    /// A page of meetings, and the token of the next one.
    ///
    /// # Errors
    /// The peer does not answer.
    pub(crate) async fn page_of_meetings(
        &self,
        request: calendar::ListMeetingsRequest,
    ) -> Result<(Vec<calendar::Meeting>, String), Error> {
        let mut request = Request::new(request);
        request.set_timeout(self.deadline);
        let answer = self.calendar.clone().list_meetings(request).await;
        let answer = answer
            .map_err(|status| Error::Peer { peer: "calendar-ingest", source: Box::new(status) })?
            .into_inner();
        Ok((answer.meetings, answer.next_page_token))
    }

    /// Fetches meetings by their ids.
    ///
    /// # Errors
    /// The peer does not answer.
    pub(crate) async fn meetings(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<Vec<calendar::Meeting>, Error> {
        let mut meetings = Vec::new();
        for part in ids.chunks(PAGE as usize) {
            let mut request = calendar::ListMeetingsRequest {
                company: company.to_owned(),
                page_size: PAGE,
                meeting_ids: part.to_vec(),
                ..calendar::ListMeetingsRequest::default()
            };
            loop {
                let (page, next) = self.page_of_meetings(request.clone()).await?;
                meetings.extend(page);
                if next.is_empty() {
                    break;
                }
                request.page_token = next;
            }
        }
        Ok(meetings)
    }

    /// What is known of calls beside their meetings.
    async fn pasts(
        &self,
        company: &str,
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
        let ids: Vec<String> = known.keys().cloned().collect();
        for asked in self.calls.asked(company, &ids).await? {
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
            let mut judged: Vec<(Vec<Subject>, Batch)> = futures::stream::iter(batches)
                .map(|batch| self.judge_batch(Arc::clone(&ready), batch, now))
                .buffered(self.parallel)
                .collect()
                .await;
            let version = ready.policy.version;
            let Some(newer) = self.newer(company, version, &mut judged).await? else {
                let decided = judged
                    .into_iter()
                    .flat_map(|(subjects, batch)| conclude(&ready, subjects, batch, now));
                return Ok((decided.collect(), version));
            };
            ready = newer;
            batches = judged.into_iter().map(|(subjects, _)| subjects).collect();
        }
        let status = tonic::Status::aborted("the policy kept changing");
        Err(Error::Peer { peer: "eligibility", source: Box::new(status) })
    }

    /// The policy by which what has been judged by a version is to be judged anew, if it is.
    ///
    /// Eligibility says by which version it judged. Where it says nothing there may be a newer one all the same, by which
    /// the calls of the company are being decided: that is in the store, and nothing is written by an older one.
    async fn newer(
        &self,
        company: &str,
        version: u64,
        judged: &mut [(Vec<Subject>, Batch)],
    ) -> Result<Option<SharedPolicy>, Error> {
        let is_other = |batch: &Batch| batch.learned.policy_version.is_some_and(|it| it != version);
        if judged.iter().any(|(_, batch)| is_other(batch)) {
            match self.policies.newest(company).await {
                Ok(newest) => return Ok(Some(newest)),
                Err(error @ Error::Peer { .. }) => {
                    tracing::warn!(company, error = chain(&error), "a policy could not be fetched");
                }
                Err(error) => return Err(error),
            }
            // Judged by a policy that cannot be had: that is as good as not judged.
            for (subjects, batch) in judged.iter_mut().filter(|(_, batch)| is_other(batch)) {
                batch.learned.forget_eligibility(subjects.len());
            }
        }
        if judged.iter().all(|(_, batch)| batch.learned.policy_version.is_some()) {
            return Ok(None);
        }
        self.policies.raised_after(company, version).await
    }

    /// Judges meetings by a policy that nobody has applied, conflicts apart; nothing is kept.
    ///
    /// # Errors
    /// The store, or a peer that does not answer: what would come of that is no answer to what the policy changes.
    pub(crate) async fn try_out(
        &self,
        ready: &SharedPolicy,
        meetings: Vec<calendar::Meeting>,
        known: &HashMap<String, Call>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Judged>, Error> {
        let company = &*ready.policy.company;
        let subjects = self.subjects(company, meetings, known, now).await?;
        let judged: Vec<(Vec<Subject>, Batch)> =
            futures::stream::iter(into_batches(subjects, self.batch))
                .map(|batch| self.judge_batch(Arc::clone(ready), batch, now))
                .buffered(self.parallel)
                .collect()
                .await;
        let mut all = Vec::new();
        for (subjects, batch) in judged {
            if let Some(Missing(peer)) = batch.silent() {
                let status = tonic::Status::unavailable("it did not judge by the proposed policy");
                return Err(Error::Peer { peer, source: Box::new(status) });
            }
            all.extend(conclude(ready, subjects, batch, now).iter().map(|one| {
                let seen = known.get(&one.subject.wire.meeting_id).map_or(0, |call| call.version);
                self.judged_of(company, one, seen, now, Cause::Policy)
            }));
        }
        Ok(all)
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

impl Batch {
    /// A peer that did not judge.
    fn silent(&self) -> Option<Missing> {
        let eligibility = self.learned.eligibility.iter().find_map(|one| one.as_ref().err());
        let consent = self.learned.consent.iter().find_map(|one| one.as_ref().err());
        eligibility.or(consent).or(self.links_known.as_ref().err()).copied()
    }
}

impl Engine {
    /// A decided call as it is written.
    fn judged_of(
        &self,
        company: &str,
        one: &Decided,
        seen: u64,
        now: DateTime<Utc>,
        cause: Cause,
    ) -> Judged {
        Judged {
            seen,
            candidate: self.to_wire(company, one, now, cause),
            contender: contender(one).map(OwnedContender::from),
            partial_until: partial_until(one, now),
            traces: Traces::of(&one.subject.meeting, &one.subject.links).to_bytes(),
            through: None,
            end: None,
            again: false,
            carried: None,
            settings: Some(Arc::clone(&one.policy.settings)),
        }
    }

    fn to_wire(
        &self,
        company: &str,
        one: &Decided,
        now: DateTime<Utc>,
        cause: Cause,
    ) -> wire::Decision {
        let mut told = to_wire(company, one, now, cause);
        if let Some(plan) = &mut told.plan {
            let recording = &one.policy.policy.settings.recording;
            let start = one.subject.meeting.start;
            let ahead = recording.dispatch_ahead.0;
            let at = hand_over_at(plan.method, start, ahead, self.arm_ahead);
            plan.dispatch_at = Some(time::to_wire(at));
            plan.dispatch_by = Some(time::to_wire(start + recording.latest_join.0));
        }
        told
    }
}

/// Until when a call for which an answer is missing is judged again: after the last instant to decide it, what was decided
/// stands, and plans are judged once more when they are handed over.
fn partial_until(one: &Decided, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let ahead = one.policy.policy.settings.recording.dispatch_ahead.0;
    Some(one.subject.meeting.start - ahead).filter(|until| !one.whole && now < *until)
}

/// Through whose recipient the event of a call came, and how many claims there had been before it was judged.
fn through(one: &Decided, claims: u64) -> Option<Through> {
    let recipient = &one.subject.wire.foreign_recipient;
    (!recipient.is_empty()).then(|| Through { names: reach::recipient(recipient), claims })
}

fn too_many() -> Invalid {
    let problem = format!(
        "more than {MOST} meetings start in the period, and one answer tells no more decisions than that; set \
         `omit_decisions` and read them with ListCalls or ReportCallStatus, or ask for a shorter period"
    );
    Invalid::Text { field: "to", problem }
}

fn into_batches<T>(items: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut batches = Vec::new();
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        batches.push(items.by_ref().take(size.max(1)).collect());
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
            let inputs = Inputs {
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
            };
            let (decision, whole) = (decide(&inputs), inputs.is_whole());
            Decided { subject, decision, policy: Arc::clone(ready), whole }
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

/// Order of calls in every list: by start, UID and recurrence id.
pub(crate) fn order(
    decision: &wire::Decision,
) -> (Option<DateTime<Utc>>, decision::CallKey, String) {
    (
        time::optional("start", decision.start.as_ref()).ok().flatten(),
        decision::CallKey::try_from(decision.key.clone().unwrap_or_default()).unwrap_or_default(),
        decision.call_id.clone(),
    )
}

fn to_wire(company: &str, one: &Decided, now: DateTime<Utc>, cause: Cause) -> wire::Decision {
    let Decided { subject, decision, policy: _, whole: _ } = one;
    let shown = !decision.hidden;
    let told = wire::Decision::from(decision);
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
        ..told
    }
}
