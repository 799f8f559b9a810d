//! The way of a call from its meeting to a stored decision.
//!
//! Judging is the peers' ([`crate::gather`]), deciding the core's; here the two are put together, over
//! batches, and what came of it is written down if it changes anything.

mod judging;
mod meetings;
mod registered;
mod written;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chassis::{Clock, Link};
use chrono::{DateTime, TimeDelta, Utc};
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::orchestrator::v1 as wire;
use proto::{Invalid, time};

use crate::error::Error;
use crate::gather::Judges;
use crate::policies::Policies;
use crate::sessions::begins_anew;
use crate::store::{Call, Calls, End, Judged, Moment};
use crate::subject::{Past, Subject};

pub(crate) use written::order;
use written::{settle, through};

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
        self.wrote(&outcome);
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
            let known: HashMap<String, Call> = self.calls.by_id(company, &ids).await?;
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
            let stale = self.write_down(company, judged, moment, how, all).await?;
            if stale.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE * u32::try_from(attempt).unwrap_or(1)).await;
            meetings = self.meetings(company, &stale).await?;
        }
        Err(Error::Contended)
    }

    /// Wakes those who tell what has been written.
    pub(crate) fn wrote(&self, outcome: &crate::store::Outcome) {
        if outcome.changed > 0 {
            self.written.notify_one();
        }
        if outcome.orders {
            self.orders.notify_one();
        }
    }

    /// Writes down what was judged, or tries it where nothing is to be written, and notes what came of it. Answers the calls
    /// that have changed since they were judged.
    async fn write_down(
        &self,
        company: &str,
        judged: Vec<Judged>,
        moment: Moment,
        how: How,
        all: &mut Outcome,
    ) -> Result<Vec<String>, Error> {
        let outcome = if how.dry_run {
            self.calls.rehearse(company, &judged, moment).await?
        } else {
            let outcome = self.calls.commit(company, &judged, moment).await?;
            self.wrote(&outcome);
            outcome
        };
        all.changed += outcome.changed;
        all.decided += outcome.decisions.len();
        all.partial.extend(outcome.waiting);
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
        Ok(outcome.stale)
    }

    /// Whether an instant is the present. What is decided for another misses nothing; the timers it arms lead to a decision
    /// for the present when they are due.
    fn is_present(&self, now: DateTime<Utc>) -> bool {
        (now - self.clock.now()).abs() < PRESENT
    }
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
