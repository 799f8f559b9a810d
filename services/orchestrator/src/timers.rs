//! Does what is to be done when its time has come: plans are handed to their adapters, what waits is tried again, and what
//! cannot wait any longer ends in a code.
//!
//! Every replica looks for timers that are due, claims some, and handles those of a company together, oldest first, and of
//! a few companies side by side: one whose calls take long holds up no other. Whatever fails is put off, and whatever is
//! left behind by a replica that was killed is claimed by another when the claim is over. So a timer may be handled twice,
//! which changes nothing the second time, and never not at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use chassis::metrics::{self, Counter, Gauge, Histogram};
use chrono::{DateTime, TimeDelta, Utc};
use proto::orchestrator::v1 as wire;
use proto::time;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::config;
use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::sessions::settings_of;
use crate::store::{Call, Due, End, Running, TimerKind, UNDECIDED};

/// Companies whose timers are handled side by side.
const COMPANIES: usize = 8;

/// The longest pause before a call is judged again for which an answer was missing, where it is soon to be decided.
const RARELY: TimeDelta = TimeDelta::seconds(60);

/// The same where it is not: a share of the time that is left, up to an hour. So an outage leaves many calls to judge
/// again, and not all of them every minute.
const SHARE: i32 = 64;
const HOURLY: TimeDelta = TimeDelta::hours(1);

/// The longest pause before something whose time has come, and that failed, is tried again.
const SOON: TimeDelta = TimeDelta::seconds(15);

/// When it is time to end, what is under way may take so much longer.
const GRACE: Duration = Duration::from_secs(2);

/// How much later than it should have been something was done, by `kind` of timer: `dispatch`, `window`, `deadline`,
/// `retry`, `session`.
static LATENESS: Histogram = metrics::histogram("callsheet.timer.lateness", "s");

/// Timers handled, by `kind` and by `result`: `woken` is a session for which time passed, `released` is a plan that was handed to its adapter, `decided` a new decision,
/// `waiting` a call that waits on, `done` is what needed nothing any more, `void` what a newer decision had overtaken, and
/// `failed` is tried again.
static HANDLED: Counter = metrics::counter("callsheet.timers.handled");

/// For how long the first of the timers has been due; nothing while none is.
static BEHIND: Gauge = metrics::gauge("callsheet.timers.behind", "s");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Timers {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// How often it looks, and how much it takes.
    pub(crate) settings: config::Timers,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// The timers of one company in a claim.
#[derive(Debug)]
struct Batch {
    company: String,
    claim: Arc<str>,
    /// By when they became due.
    timers: Vec<Due>,
}

/// What becomes of a timer.
enum Fate {
    /// It has been handled, with this result.
    Over(&'static str),
    /// It is due again at another time, with this result.
    Again(&'static str, DateTime<Utc>),
    /// If its plan still holds, that is handed over now, if it is not later than this.
    Release(Option<DateTime<Utc>>),
    /// Its call cannot be judged, and ends.
    End(End),
}

/// What came of deciding calls again.
#[derive(Debug, Default)]
struct Decided {
    /// The decisions that hold, and until when those are judged once more for which an answer was missing. Those that could
    /// not be decided are missing.
    decisions: HashMap<String, (wire::Decision, Option<DateTime<Utc>>)>,
    /// Calls whose meetings nobody knows.
    unknown: HashSet<String>,
}

impl Timers {
    /// Handles what is due until shutdown.
    pub(crate) async fn run(self) {
        let places = Arc::new(Semaphore::new(COMPANIES));
        let mut jobs: JoinSet<()> = JoinSet::new();
        let mut busy: HashMap<Id, String> = HashMap::new();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                Some(ended) = jobs.join_next_with_id() => {
                    let id = ended.map_or_else(
                        |failed| {
                            error!(error = chain(&failed), "timers were not handled");
                            failed.id()
                        },
                        |(id, ())| id,
                    );
                    busy.remove(&id);
                }
                () = tokio::time::sleep_until(next), if jobs.len() < COMPANIES => {
                    let busy_now: HashSet<&str> = busy.values().map(String::as_str).collect();
                    let is_more = match self.look(&busy_now).await {
                        Ok((batches, is_more)) => {
                            for batch in batches {
                                let company = batch.company.clone();
                                let work = self.clone().work(batch, Arc::clone(&places));
                                busy.insert(jobs.spawn(work).id(), company);
                            }
                            is_more
                        }
                        Err(error) => {
                            warn!(error = chain(&error), "timers could not be claimed");
                            false
                        }
                    };
                    next = Instant::now();
                    if !is_more {
                        next += self.settings.poll;
                    }
                }
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    /// Claims what is due, and tells whether there may be more.
    async fn look(&self, busy: &HashSet<&str>) -> Result<(Vec<Batch>, bool), Error> {
        let calls = &self.engine.calls;
        let now = self.engine.clock.now();
        // Asked first without a transaction: mostly there is nothing to do.
        let first = calls.first_due().await?;
        let behind = first.map_or(TimeDelta::zero(), |first| now - first);
        BEHIND.record(seconds(behind), &[]);
        if first.is_none_or(|first| now < first) {
            return Ok((Vec::new(), false));
        }
        let busy: Vec<String> = busy.iter().map(|company| (*company).to_owned()).collect();
        let limit = self.settings.batch;
        let claimed = calls.claim_timers(now, self.settings.lease, limit, &busy).await?;
        let is_more = usize::try_from(limit).is_ok_and(|limit| claimed.timers.len() >= limit);
        let claim: Arc<str> = claimed.claim.into();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut batches: Vec<Batch> = Vec::new();
        for timer in claimed.timers {
            let place = *places.entry(timer.company.clone()).or_insert(batches.len());
            match batches.get_mut(place) {
                Some(batch) => batch.timers.push(timer),
                None => batches.push(Batch {
                    company: timer.company.clone(),
                    claim: Arc::clone(&claim),
                    timers: vec![timer],
                }),
            }
        }
        Ok((batches, is_more))
    }

    /// Handles a batch when there is a place, while the claim holds and it is not time to end.
    async fn work(self, batch: Batch, places: Arc<Semaphore>) {
        let until = Instant::now() + self.settings.lease;
        let handled = async {
            let _place = places.acquire().await;
            self.handle(&batch).await
        };
        let handled = tokio::select! {
            handled = handled => handled,
            () = tokio::time::sleep_until(until) => {
                warn!(timers = batch.timers.len(), "timers took longer than their claim");
                return;
            }
            () = async {
                self.shutdown.cancelled().await;
                tokio::time::sleep(GRACE).await;
            } => {
                // Another replica, or this one when it is started anew, need not wait for the claim to be over.
                let unchanged: Vec<_> =
                    batch.timers.iter().map(|timer| (timer.id, timer.due)).collect();
                self.engine.calls.put_off_timers(&batch.claim, &unchanged).await.map(drop)
            }
        };
        if let Err(error) = handled {
            warn!(error = chain(&error), "timers could not be handled");
            let now = self.engine.clock.now();
            let later: Vec<_> = batch
                .timers
                .iter()
                .map(|timer| {
                    count(timer, "failed");
                    (timer.id, now + self.pause(timer, SOON))
                })
                .collect();
            if let Err(error) = self.engine.calls.put_off_timers(&batch.claim, &later).await {
                warn!(error = chain(&error), "timers wait until their claim is over");
            }
        }
    }

    async fn handle(&self, batch: &Batch) -> Result<(), Error> {
        let Batch { company, claim, timers } = batch;
        let engine = &self.engine;
        self.wake(company, timers).await?;
        let timers: Vec<&Due> =
            timers.iter().filter(|timer| timer.kind != TimerKind::Session).collect();
        if timers.is_empty() {
            return Ok(());
        }
        let now = engine.clock.now();
        let ids = ids_of(timers.iter().copied());
        let calls: HashMap<String, Call> = engine.calls.by_id(company, &ids).await?;
        let ends = timers.iter().copied().filter(|timer| timer.kind == TimerKind::Window);
        let released: HashSet<String> =
            engine.calls.released(company, &ids_of(ends)).await?.into_iter().collect();

        let mut fates: Vec<(&Due, Fate)> = Vec::with_capacity(timers.len());
        let mut open: Vec<&Due> = Vec::new();
        for timer in timers {
            match calls.get(&timer.call_id) {
                Some(call) if call.ended || is_void(timer, call) => {
                    fates.push((timer, Fate::Over("void")));
                }
                // It was registered, and nobody came to decide it.
                None if timer.revision == UNDECIDED => open.push(timer),
                None => fates.push((timer, Fate::Over("void"))),
                // Only the end of the time to hand it over: whatever else its call waits for, it goes on waiting.
                Some(_) if timer.kind == TimerKind::Window && released.contains(&timer.call_id) => {
                    fates.push((timer, Fate::Over("done")));
                }
                Some(_) => open.push(timer),
            }
        }
        let decided = self.decide(company, ids_of(open.iter().copied()), now).await;
        for timer in open {
            let fate = match decided.decisions.get(&timer.call_id) {
                Some((decision, partial_until)) => self.fate(timer, decision, *partial_until, now),
                None => self.fate_unjudged(timer, calls.get(&timer.call_id), &decided, now),
            };
            fates.push((timer, fate));
        }
        self.release(company, &decided, &mut fates).await?;
        self.end(company, &calls, &mut fates).await?;

        let mut over = Vec::new();
        let mut again = Vec::new();
        let now = engine.clock.now();
        for (timer, fate) in fates {
            match fate {
                Fate::Over(result) => {
                    if result != "void"
                        && let Some(call) = calls.get(&timer.call_id)
                    {
                        let late = seconds(now - wanted(timer, &call.decision));
                        LATENESS.record(late, &[("kind", timer.kind.as_str())]);
                    }
                    count(timer, result);
                    over.push(timer.id);
                }
                Fate::Again(result, due) => {
                    count(timer, result);
                    again.push((timer.id, due));
                }
                Fate::Release(_) | Fate::End(_) => again.push((timer.id, timer.due)),
            }
        }
        engine.calls.finish_timers(claim, &over).await?;
        engine.calls.put_off_timers(claim, &again).await?;
        Ok(())
    }

    /// Lets time pass for the sessions whose timers are due. Each timer is replaced by the next one.
    async fn wake(&self, company: &str, timers: &[Due]) -> Result<(), Error> {
        let due: Vec<&Due> =
            timers.iter().filter(|timer| timer.kind == TimerKind::Session).collect();
        if due.is_empty() {
            return Ok(());
        }
        let sessions: Vec<(&str, u64)> =
            due.iter().map(|timer| (timer.call_id.as_str(), timer.revision)).collect();
        self.engine.wake(company, &sessions).await?;
        let now = self.engine.clock.now();
        for timer in due {
            LATENESS.record(seconds(now - timer.due), &[("kind", timer.kind.as_str())]);
            count(timer, "woken");
        }
        Ok(())
    }

    /// Decides calls again, as far as they can be.
    async fn decide(&self, company: &str, ids: Vec<String>, now: DateTime<Utc>) -> Decided {
        let mut decided = Decided::default();
        let mut pieces = if ids.is_empty() { Vec::new() } else { vec![ids] };
        while let Some(mut piece) = pieces.pop() {
            match self.engine.decide_ids(company, &piece, How::now(now, Cause::Timer)).await {
                Ok(mut outcome) => {
                    decided.unknown.extend(outcome.unknown);
                    decided.decisions.extend(outcome.decisions.into_iter().map(|one| {
                        let partial_until = outcome.partial.remove(&one.call_id);
                        (one.call_id.clone(), (one, partial_until))
                    }));
                }
                // One that cannot be decided must not hold up the others.
                Err(error) if piece.len() > 1 && error.may_lie_in_one() => {
                    let later = piece.split_off(piece.len() / 2);
                    pieces.push(later);
                    pieces.push(piece);
                }
                Err(error) => {
                    warn!(
                        error = chain(&error),
                        calls = piece.len(),
                        "what is due cannot be decided"
                    );
                    if !error.may_lie_in_one() {
                        break;
                    }
                }
            }
        }
        decided
    }

    /// What becomes of a timer whose call has just been decided again.
    fn fate(
        &self,
        timer: &Due,
        decision: &wire::Decision,
        partial_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Fate {
        if decision.revision != timer.revision {
            // The new decision has armed timers of its own.
            return Fate::Over("decided");
        }
        let at = |instant: Option<&prost_types::Timestamp>| {
            time::optional("instant", instant).ok().flatten()
        };
        match timer.kind {
            TimerKind::Dispatch => match decision.plan.as_ref() {
                Some(plan) => Fate::Release(at(plan.dispatch_by.as_ref())),
                None => Fate::Over("done"),
            },
            TimerKind::Retry => match partial_until {
                Some(until) => {
                    let longest = ((until - now) / SHARE).clamp(RARELY, HOURLY);
                    Fate::Again("waiting", Ord::min(now + self.pause(timer, longest), until))
                }
                // Everybody has answered, or it is too late for that to matter.
                None => Fate::Over("done"),
            },
            // None can hold on: it is looked into again until they do not.
            TimerKind::Window | TimerKind::Deadline | TimerKind::Session => {
                Fate::Again("waiting", now + self.pause(timer, SOON))
            }
        }
    }

    /// What becomes of a timer whose call could not be decided: it is tried again until it is too late, unless it is known
    /// that nobody knows its meeting.
    fn fate_unjudged(
        &self,
        timer: &Due,
        call: Option<&Call>,
        decided: &Decided,
        now: DateTime<Utc>,
    ) -> Fate {
        let has_begun = || {
            let start = call.and_then(|call| call.decision.start.as_ref());
            time::optional("start", start).ok().flatten().is_some_and(|start| start <= now)
        };
        match timer.kind {
            _ if decided.unknown.contains(&timer.call_id) => Fate::End(End::Gone),
            TimerKind::Window => Fate::End(End::Missed),
            TimerKind::Deadline if has_begun() => Fate::End(End::NeverJudged),
            TimerKind::Deadline | TimerKind::Dispatch | TimerKind::Retry | TimerKind::Session => {
                Fate::Again("failed", now + self.pause(timer, SOON))
            }
        }
    }

    /// Ends calls that cannot be judged.
    async fn end(
        &self,
        company: &str,
        calls: &HashMap<String, Call>,
        fates: &mut [(&Due, Fate)],
    ) -> Result<(), Error> {
        // A call with several timers ends once.
        let ends: HashMap<&str, End> = fates
            .iter()
            .filter_map(|(timer, fate)| match fate {
                Fate::End(end) => Some((timer.call_id.as_str(), *end)),
                Fate::Over(_) | Fate::Again(..) | Fate::Release(_) => None,
            })
            .collect();
        let now = self.engine.clock.now();
        let ending = ends.iter().filter_map(|(id, end)| Some((calls.get(*id)?, *end)));
        let ended = self.engine.end(company, ending, now).await?;
        for (timer, fate) in fates {
            if matches!(fate, Fate::End(_)) {
                *fate = match ended.get(&timer.call_id) {
                    Some(decision) if decision.revision != timer.revision => Fate::Over("decided"),
                    // It was a skip, and stays one.
                    Some(_) => Fate::Over("done"),
                    None => Fate::Again("failed", now + self.pause(timer, SOON)),
                };
            }
        }
        Ok(())
    }

    /// Hands over the plans that are to be, if they still hold.
    async fn release(
        &self,
        company: &str,
        decided: &Decided,
        fates: &mut [(&Due, Fate)],
    ) -> Result<(), Error> {
        // Judging may have taken longer than there was time. The end of that time is a timer of its own.
        let now = self.engine.clock.now();
        for (_, fate) in fates.iter_mut() {
            if matches!(fate, Fate::Release(Some(by)) if *by < now) {
                *fate = Fate::Over("done");
            }
        }
        let mut sessions: Vec<Running> = Vec::new();
        let mut settings = None;
        for (timer, _) in fates.iter().filter(|(_, fate)| matches!(fate, Fate::Release(_))) {
            let Some((decision, _)) = decided.decisions.get(&timer.call_id) else { continue };
            if settings.is_none() {
                settings = Some(settings_of(self.engine.known_policy(company).await.as_ref()));
            }
            let Some(settings) = &settings else { continue };
            sessions.extend(self.engine.opening(company, decision, settings, now)?);
        }
        if sessions.is_empty() {
            return Ok(());
        }
        let released: HashSet<String> =
            self.engine.calls.release(company, &sessions, now).await?.into_iter().collect();
        self.engine.orders.notify_one();
        for (timer, fate) in fates {
            if matches!(fate, Fate::Release(_)) {
                // What was not released now was before, or another decision holds.
                let is_released = released.contains(&timer.call_id);
                *fate = Fate::Over(if is_released { "released" } else { "done" });
            }
        }
        Ok(())
    }

    /// Before a timer is tried again: twice as long each time.
    fn pause(&self, timer: &Due, most: TimeDelta) -> TimeDelta {
        // A retry has waited once before its first claim.
        let waited = if timer.kind == TimerKind::Retry { 0 } else { 1 };
        let factor = 1_i32 << timer.tries.saturating_sub(waited).min(16);
        self.engine.retry.checked_mul(factor).unwrap_or(most).min(most)
    }
}

/// Whether a newer decision has overtaken what armed a timer. What was told of a call after it was decided is decided once more,
/// whatever holds.
fn is_void(timer: &Due, call: &Call) -> bool {
    timer.revision != UNDECIDED && timer.revision != call.decision.revision
}

/// The calls of timers, each once, in their order.
fn ids_of<'a>(timers: impl Iterator<Item = &'a Due>) -> Vec<String> {
    let mut seen = HashSet::new();
    timers
        .filter(|timer| seen.insert(timer.call_id.as_str()))
        .map(|timer| timer.call_id.clone())
        .collect()
}

/// When a timer should have been handled: it may have been put off, or armed when it was late already.
fn wanted(timer: &Due, decision: &wire::Decision) -> DateTime<Utc> {
    let plan = decision.plan.as_ref();
    let wanted = match timer.kind {
        TimerKind::Dispatch => plan.and_then(|plan| plan.dispatch_at.as_ref()),
        TimerKind::Window => plan.and_then(|plan| plan.dispatch_by.as_ref()),
        TimerKind::Deadline => decision.decide_by.as_ref(),
        TimerKind::Retry | TimerKind::Session => None,
    };
    let read = |at| time::optional("instant", at).ok().flatten();
    match (read(wanted), read(decision.decided_at.as_ref())) {
        (Some(wanted), Some(decided)) => wanted.max(decided),
        _ => timer.due,
    }
}

fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

fn count(timer: &Due, result: &'static str) {
    HANDLED.add(1, &[("kind", timer.kind.as_str()), ("result", result)]);
}
