//! Plans while they are carried out: sessions begin when plans are handed over, hear what is told of them, wait for what may
//! not happen, and what comes of them becomes the decision of the call.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chassis::metrics::{self, Counter, Gauge};
use chrono::{DateTime, TimeDelta, Utc};
use decision::session::{Order, Outcome, Settings};
use decision::skip_code::Phase;
use decision::{Kind, Means, SkipCode};
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use proto::time;
use storage::Lease;
use tokio_util::sync::CancellationToken;

use crate::engine::{Cause, Engine};
use crate::error::Error;
use crate::gather::SharedPolicy;
use crate::store::{Call, Judged, Moment, Running, SettingsOf, Stepped, Told};

/// What becomes the decision of a call and changes meanwhile is tried again this often.
const ATTEMPTS: usize = 4;

/// What a person asked for.
const ACTS: [SkipCode; 4] = [
    SkipCode::StopUserRequest,
    SkipCode::CanceledByOwner,
    SkipCode::DeletedByUser,
    SkipCode::RecordingDeletedByUser,
];

/// How often it is counted how many sessions there are.
const COUNT: std::time::Duration = std::time::Duration::from_secs(15);

/// Signals told to sessions, by `result`: `heard`, or `unknown` where nobody knows the session.
static SIGNALS: Counter = metrics::counter("callsheet.session.signals");

/// Sessions that came to an end, or to another one, by `outcome`: `recorded`, or the code.
static ENDED: Counter = metrics::counter("callsheet.session.ended");

/// Sessions that ended in a code that says that nobody knows why, by `code`. It should stay at zero.
static UNEXPLAINED: Counter = metrics::counter("callsheet.session.unexplained");

/// Sessions that are not over, by `stage`.
static STAGES: Gauge = metrics::gauge("callsheet.session.open", "1");

/// Orders to adapters that wait.
static WAITING: Gauge = metrics::gauge("callsheet.session.orders", "1");

impl Engine {
    /// The session that carries out a plan from now on; none for what is no plan.
    ///
    /// # Errors
    /// The plan cannot be read.
    pub(crate) fn opening(
        &self,
        company: &str,
        decision: &wire::Decision,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Option<Running>, Error> {
        let read = decision::Decision::try_from(decision)?;
        let Kind::Plan(plan) = &read.kind else { return Ok(None) };
        let start = time::required("decision.start", decision.start.as_ref())?;
        let end = time::optional("decision.end", decision.end.as_ref())?.unwrap_or(start);
        let conference = decision.conference.clone().map(decision::Conference::try_from);
        let conference = conference.transpose()?;
        let is_personal = conference.as_ref().is_some_and(decision::Conference::is_personal_room);
        let order = match plan.method {
            Means::Dialer => Order::call(start, plan.numbers),
            // It may have been recorded long ago.
            Means::Upload => Order::upload(now),
            Means::Cloud | Means::LocalBot | Means::Bot => {
                Order::of(plan, settings, start, end, is_personal)
            }
        };
        let provider = conference.map(|conference| conference.provider);
        let id = (company, decision.call_id.as_str(), decision.revision);
        let is_requested = read.requester.is_some();
        Ok(Some(Running::begin(id, provider, is_requested, &order, settings, now)))
    }

    /// Lets time pass for sessions of a company, each a call and the revision of its plan.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn wake(&self, company: &str, sessions: &[(&str, u64)]) -> Result<(), Error> {
        let ready = self.known_policy(company).await;
        let settings = settings_of(ready.as_ref());
        let now = self.clock.now();
        let stepped = self.calls.wake(company, sessions, &settings, now).await?;
        self.follow_up(stepped).await
    }

    /// Tells sessions what was told of them.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn hear(&self, told: &[Told]) -> Result<(), Error> {
        let stepped = self.step(told, None).await?;
        self.follow_up(stepped).await
    }

    /// The same while a log is followed, and notes how far it has been. What came of sessions that end is left to their timers,
    /// which are due at once: whoever follows the log for all companies waits for no peer.
    ///
    /// # Errors
    /// The lease is lost; the store.
    pub(crate) async fn follow(
        &self,
        told: &[Told],
        followed: (&Lease, &str, u64),
    ) -> Result<(), Error> {
        let stepped = self.step(told, Some(followed)).await?;
        self.follow_up(Stepped { concluded: BTreeMap::new(), ..stepped }).await
    }

    async fn step(
        &self,
        told: &[Told],
        followed: Option<(&Lease, &str, u64)>,
    ) -> Result<Stepped, Error> {
        let mut settings = SettingsOf::new();
        for one in told {
            if !settings.contains_key(&one.company) {
                let ready = self.known_policy(&one.company).await;
                settings.insert(one.company.clone(), settings_of(ready.as_ref()));
            }
        }
        self.calls.hear(told, &settings, followed, self.clock.now()).await
    }

    /// The policy of a company as far as it is known, for what does not depend on its newest version.
    pub(crate) async fn known_policy(&self, company: &str) -> Option<SharedPolicy> {
        match self.policies.known(company).await {
            Ok(ready) => Some(ready),
            Err(error) => {
                let error = chassis::chain(&error);
                tracing::warn!(company, error, "sessions go by the settings everybody begins with");
                None
            }
        }
    }

    /// Does what follows from sessions that have changed. What fails here is done when their timers are due.
    pub(crate) async fn follow_up(&self, stepped: Stepped) -> Result<(), Error> {
        count(&SIGNALS, stepped.heard, "heard");
        count(&SIGNALS, stepped.unknown, "unknown");
        if stepped.orders {
            self.orders.notify_one();
        }
        for (company, ids) in stepped.concluded {
            if let Err(error) = self.conclude(&company, &ids).await {
                let error = chassis::chain(&error);
                tracing::warn!(company, error, "what came of sessions is decided later");
            }
        }
        Ok(())
    }

    /// Makes what came of sessions the decisions of their calls.
    ///
    /// # Errors
    /// The store, or [`Error::Contended`] if the calls kept changing.
    pub(crate) async fn conclude(&self, company: &str, ids: &[String]) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            // The calls first: whatever comes of a session after it was read raises the version of its call.
            let known: HashMap<String, Call> = self.calls.by_id(company, ids).await?;
            let over = self.calls.untold(company, ids).await?;
            if over.is_empty() {
                return Ok(());
            }
            let now = self.clock.now();
            let meetings = self.meetings_of(company, ids).await;
            let moment = Moment { now, cause: Cause::Session, is_present: true, retry: self.retry };
            let mut judged: HashMap<&str, Judged> = HashMap::new();
            let mut left: Vec<Running> = Vec::new();
            for session in &over {
                let Some(outcome) = session.machine.outcome() else { continue };
                match known.get(&session.call_id).filter(|call| decides(session, outcome, call)) {
                    Some(call) => {
                        let mut carried = match Judged::carried(call, session, outcome, moment) {
                            Ok(carried) => carried,
                            // It is due again, and holds up no other.
                            Err(error) => {
                                let (call_id, error) = (&call.call_id, chassis::chain(&error));
                                tracing::error!(
                                    company,
                                    call_id,
                                    error,
                                    "a session is not concluded"
                                );
                                continue;
                            }
                        };
                        // It may have been moved while it ran.
                        let moved = meetings.get(&session.call_id);
                        let moved = moved.filter(|one| is_moved(&carried.candidate, one, now));
                        carried.again = moved.is_some();
                        carried.partial_until = moved.and_then(|one| start_of(one.start.as_ref()));
                        // The newest comes last.
                        judged.insert(&session.call_id, carried);
                    }
                    None => left.push(session.clone()),
                }
            }
            for session in &over {
                let is_chosen = judged
                    .get(session.call_id.as_str())
                    .and_then(|one| one.carried.as_ref())
                    .is_some_and(|carried| carried.plan_revision == session.plan_revision);
                if !is_chosen && judged.contains_key(session.call_id.as_str()) {
                    left.push(session.clone());
                }
            }
            self.calls.leave_untold(&left).await?;
            if judged.is_empty() {
                continue;
            }
            let judged: Vec<Judged> = judged.into_values().collect();
            let outcome = self.calls.commit(company, &judged, moment).await?;
            let stale: HashSet<&str> = outcome.stale.iter().map(String::as_str).collect();
            for session in over.iter().filter(|one| !stale.contains(one.call_id.as_str())) {
                note_end(session);
            }
            self.wrote(&outcome);
            if outcome.stale.is_empty() {
                return Ok(());
            }
        }
        Err(Error::Contended)
    }
}

impl Engine {
    /// Meetings by their ids; none while nobody tells them.
    async fn meetings_of(
        &self,
        company: &str,
        ids: &[String],
    ) -> HashMap<String, calendar::Meeting> {
        match self.meetings(company, ids).await {
            Ok(meetings) => meetings.into_iter().map(|one| (one.meeting_id.clone(), one)).collect(),
            Err(error) => {
                let error = chassis::chain(&error);
                tracing::warn!(
                    company,
                    error,
                    "nobody tells whether calls that are over were moved"
                );
                HashMap::new()
            }
        }
    }
}

fn start_of(start: Option<&prost_types::Timestamp>) -> Option<DateTime<Utc>> {
    time::optional("start", start).ok().flatten()
}

/// Whether what came of a session is the decision of its call: it carries out the decision that holds, or that was made when
/// its plan fell, and says something else. What was planned anew since then has a session of its own.
fn decides(session: &Running, outcome: Outcome, call: &Call) -> bool {
    let decision = &call.decision;
    if session.holds == decision.revision {
        return true;
    }
    let said = decision.primary.as_ref().and_then(|one| proto::skip::from_wire(one.code).ok());
    !call.ended && decision.kind() == wire::DecisionKind::Skip && says_more(outcome, said)
}

/// Whether an outcome is the reason that a call was not recorded, or that it was, where its plan fell for another. What a
/// person asked for stays the reason, though it came too late to have an effect (DOMAIN 3.3).
fn says_more(outcome: Outcome, said: Option<SkipCode>) -> bool {
    let code = outcome.code();
    let is_asked = said.is_some_and(|said| ACTS.contains(&said));
    let gives_way = is_asked && !outcome.keeps() && !code.is_some_and(|code| ACTS.contains(&code));
    said != code && is_of_session(outcome) && !gives_way
}

/// Whether an outcome says more than that its plan fell, which whoever let it fall has said already.
fn is_of_session(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Recorded | Outcome::Partial(_) => true,
        Outcome::Skipped(SkipCode::BadSchedule) => false,
        Outcome::Skipped(code) => code.meta().phase != Phase::Planning,
    }
}

/// Whether a call whose session is over is planned anew: nobody took it back, and its meeting was moved to a time that has
/// not come. See docs/decisions.
pub(crate) fn begins_anew(call: &Call, meeting: &calendar::Meeting, now: DateTime<Utc>) -> bool {
    call.decision.cause == Cause::Session.as_str() && is_moved(&call.decision, meeting, now)
}

fn is_moved(over: &wire::Decision, meeting: &calendar::Meeting, now: DateTime<Utc>) -> bool {
    let code = over.primary.as_ref();
    let code = code.and_then(|primary| proto::skip::from_wire(primary.code).ok());
    !code.is_some_and(|code| ACTS.contains(&code))
        && start_of(meeting.start.as_ref())
            .is_some_and(|start| now < start && start_of(over.start.as_ref()) != Some(start))
}

/// When a plan is handed over: a method for which nobody joins is set up so much earlier than a bot is sent.
pub(crate) fn hand_over_at(
    method: i32,
    start: DateTime<Utc>,
    dispatch_ahead: TimeDelta,
    arm_ahead: TimeDelta,
) -> DateTime<Utc> {
    let is_native = method == i32::from(proto::provider::v1::Method::Native);
    let ahead = if is_native { arm_ahead.max(dispatch_ahead) } else { dispatch_ahead };
    start.checked_sub_signed(ahead).unwrap_or(start)
}

/// The settings by which sessions of a company run; those everybody begins with where its policy cannot be had.
pub(crate) fn settings_of(ready: Option<&SharedPolicy>) -> Arc<Settings> {
    ready.map_or_else(Arc::default, |ready| Arc::clone(&ready.settings))
}

/// Counts sessions and orders until shutdown.
pub(crate) async fn measure(engine: Arc<Engine>, shutdown: CancellationToken) {
    let mut seen: HashSet<String> = HashSet::new();
    loop {
        let counted = async {
            let stages = engine.calls.stages().await?;
            let waiting = engine.calls.count_commands(None).await?;
            Ok::<_, Error>((stages, waiting))
        };
        match counted.await {
            Ok((stages, waiting)) => {
                WAITING.record(as_number(waiting), &[]);
                let now: HashMap<String, u64> = stages.into_iter().collect();
                seen.extend(now.keys().cloned());
                for stage in &seen {
                    let Some(name) = decision::session::Stage::ALL
                        .iter()
                        .map(|known| known.as_str())
                        .find(|name| name == stage)
                    else {
                        continue;
                    };
                    let many = now.get(stage).copied().unwrap_or_default();
                    STAGES.record(as_number(many), &[("stage", name)]);
                }
            }
            Err(error) => {
                tracing::warn!(error = chassis::chain(&error), "sessions could not be counted")
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(COUNT) => {}
        }
    }
}

pub(crate) fn as_number(many: u64) -> f64 {
    // Exact up to 2^52.
    many as f64
}

fn count(counter: &'static Counter, many: usize, result: &'static str) {
    if many > 0 {
        counter.add(u64::try_from(many).unwrap_or(u64::MAX), &[("result", result)]);
    }
}

fn note_end(session: &Running) {
    let code = session.machine.outcome().and_then(Outcome::code);
    ENDED.add(1, &[("outcome", code.map_or("recorded", SkipCode::as_str))]);
    if let Some(code @ (SkipCode::UnknownState | SkipCode::NotApplicable)) = code {
        UNEXPLAINED.add(1, &[("code", code.as_str())]);
        tracing::warn!(
            company = session.company,
            call_id = session.call_id,
            code = code.as_str(),
            raws = session.machine.raws().len(),
            "a session ended and nobody knows why"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_lost_a_race_is_still_the_reason_unless_something_is_kept() {
        let stopped = Some(SkipCode::CanceledByOwner);
        let came = Outcome::Skipped;
        assert!(!says_more(came(SkipCode::KickedOut), stopped));
        assert!(says_more(came(SkipCode::StopUserRequest), stopped));
        assert!(says_more(Outcome::Recorded, stopped));
        assert!(says_more(Outcome::Partial(SkipCode::KickedOut), stopped));
        assert!(says_more(came(SkipCode::KickedOut), Some(SkipCode::Cancelled)));
        assert!(!says_more(came(SkipCode::KickedOut), Some(SkipCode::KickedOut)));
        assert!(!says_more(came(SkipCode::Cancelled), Some(SkipCode::BadSchedule)));
    }
}
