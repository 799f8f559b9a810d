//! Deciding the calls of a company again after a change of policy: soonest first, in batches, by one replica at a time, and
//! from where it was left after a crash. Only what the change can concern is judged. What it can concern of other companies'
//! calls is made due beside that.

use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use chassis::metrics::{self, Counter};
use chrono::TimeDelta;
use decision::reach::Reach;
use proto::calendar::v1 as calendar;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::store::Storm;

/// How often it is looked for storms that other replicas raised, or left.
const PATIENCE: Duration = Duration::from_millis(500);

/// Calls looked at for each that is judged, at the most, when few are concerned.
const LOOK: usize = 10;

/// How often progress is told within a page.
const WORD: Duration = Duration::from_millis(500);

/// The longest pause before one that failed is gone on with.
const LONGEST: Duration = Duration::from_secs(60);

/// Versions between two policies that are compared one by one; more of them concern everything.
const STEPS: u64 = 50;

/// What a storm needs.
#[derive(Debug, Clone)]
pub(crate) struct Stormer {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// Calls are planned this long before they start.
    pub(crate) window: TimeDelta,
    /// Calls judged together.
    pub(crate) batch: usize,
    /// How much of the time may be spent on it, above 0 and up to 1; the rest is left to live decisions.
    pub(crate) share: f64,
    /// How long one is kept without a word of progress.
    pub(crate) lease: Duration,
    /// This replica.
    pub(crate) holder: String,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

impl Stormer {
    /// Works until shutdown.
    pub(crate) async fn run(self) {
        let counted = metrics::counter("callsheet.redecision.calls");
        loop {
            match self.engine.calls.claim_storm(&self.holder, self.lease).await {
                Ok(Some(mut storm)) => {
                    let left = match self.carry_out(&mut storm, &counted).await {
                        Ok(()) => self.engine.calls.leave_storm(&storm).await,
                        Err(error) => {
                            warn!(
                                company = storm.company,
                                error = chain(&error),
                                "redecision was interrupted"
                            );
                            self.engine.calls.put_off_storm(&storm, LONGEST).await
                        }
                    };
                    if let Err(error) = left {
                        warn!(error = chain(&error), "redecision could not be handed on");
                    }
                    if !self.shutdown.is_cancelled() {
                        continue;
                    }
                }
                Ok(None) => {}
                Err(error) => warn!(error = chain(&error), "redecisions could not be looked for"),
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = self.engine.storm.notified() => {}
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    async fn carry_out(&self, storm: &mut Storm, counted: &Counter) -> Result<(), Error> {
        let engine = &self.engine;
        let ready = engine.policies.newest(&storm.company).await?;
        if let Err(error) = engine.judges.announce(&ready).await {
            // Whoever judges by it is told then; this only spares the first question a detour.
            warn!(
                company = storm.company,
                error = chain(&error),
                "a policy could not be announced"
            );
        }
        if !self.tell_others(storm).await? {
            return Ok(());
        }
        let is_done = if storm.fresh {
            // Somebody may have asked for calls already, also beyond the window.
            (storm.at_page.is_some() || self.calls(storm, &Reach::Everything, counted).await?)
                && self.all_meetings(storm, counted).await?
        } else {
            let reach = self.reach(storm).await?;
            self.calls(storm, &reach, counted).await?
        };
        if is_done {
            engine.calls.end_storm(storm, engine.clock.now()).await?;
            info!(
                company = storm.company,
                policy_version = storm.target_version,
                looked_at = storm.done,
                changed = storm.changed,
                "decided again"
            );
        }
        Ok(())
    }

    /// Makes calls of other companies due that came through an address that this one began or ceased to call its own, once
    /// for every version. Others learn nothing of it but that their calls are decided again. Answers whether the storm is
    /// still ours.
    async fn tell_others(&self, storm: &mut Storm) -> Result<bool, Error> {
        if storm.told_version >= storm.target_version {
            return Ok(true);
        }
        let policies = &self.engine.policies;
        let mut before = policies.file(&storm.company, storm.told_version).await?;
        let mut beyond = Reach::Nothing;
        for version in storm.told_version + 1..=storm.target_version {
            let after = policies.file(&storm.company, version).await?;
            beyond = beyond.union(Reach::beyond(Some(&before), &after));
            before = after;
            if version % STEPS == 0 && !self.engine.calls.note_storm(storm, self.lease).await? {
                return Ok(false);
            }
        }
        let names: Vec<u64> = beyond.names().collect();
        let calls = self.engine.calls.claimed(&names, self.engine.clock.now()).await?;
        if calls > 0 {
            info!(calls, "calls of other companies are decided again");
        }
        storm.told_version = storm.target_version;
        self.engine.calls.note_storm(storm, self.lease).await
    }

    /// What all versions since the last one by which everything was judged can concern. Some calls may have been judged by
    /// one in between, so every step counts.
    async fn reach(&self, storm: &Storm) -> Result<Reach, Error> {
        if storm.target_version - storm.judged_version.min(storm.target_version) > STEPS {
            return Ok(Reach::Everything);
        }
        let policies = &self.engine.policies;
        let mut before = policies.file(&storm.company, storm.judged_version).await?;
        let mut reach = Reach::Nothing;
        for version in storm.judged_version + 1..=storm.target_version {
            let after = policies.file(&storm.company, version).await?;
            reach = reach.union(Reach::between(&before, &after));
            before = after;
        }
        Ok(reach)
    }

    /// Goes through the upcoming calls; whether to the end.
    async fn calls(
        &self,
        storm: &mut Storm,
        reach: &Reach,
        counted: &Counter,
    ) -> Result<bool, Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        if storm.at.is_none() {
            storm.total = engine.calls.count_upcoming(&storm.company, now).await?;
        }
        let size = u64::try_from(self.batch.saturating_mul(LOOK)).unwrap_or(u64::MAX);
        let mut noted = tokio::time::Instant::now();
        loop {
            let began = tokio::time::Instant::now();
            let (upcoming, next) =
                engine.calls.upcoming(&storm.company, now, storm.at.as_ref(), size).await?;
            let looked_at = u64::try_from(upcoming.len()).unwrap_or(u64::MAX);
            let (mut concerned, mut untouched) = (Vec::new(), Vec::new());
            for call in upcoming {
                // What somebody decided meanwhile by this version, or a newer one, is done.
                if call.judged_policy < storm.target_version {
                    let list =
                        if reach.touches(&call.traces) { &mut concerned } else { &mut untouched };
                    list.push(call.call_id);
                }
            }
            engine.calls.untouched(&storm.company, &untouched, storm.target_version).await?;
            for ids in concerned.chunks(self.batch.max(1)) {
                let began = tokio::time::Instant::now();
                let how = How::now(engine.clock.now(), Cause::Policy);
                let outcome = engine.decide_ids(&storm.company, ids, how).await?;
                storm.changed += u64::try_from(outcome.changed).unwrap_or_default();
                storm.tries = 0;
                self.rest(began).await;
                // Often enough to be seen and to keep the claim; each word of it is a commit.
                let is_ours = if noted.elapsed() < WORD {
                    true
                } else {
                    noted = tokio::time::Instant::now();
                    engine.calls.note_storm(storm, self.lease).await?
                };
                if !is_ours || self.shutdown.is_cancelled() {
                    return Ok(false);
                }
            }
            if concerned.is_empty() {
                self.rest(began).await;
            }
            storm.done += looked_at;
            counted.add(looked_at, &[]);
            let Some(next) = next else { return Ok(true) };
            storm.at = Some(next);
            if !engine.calls.note_storm(storm, self.lease).await? || self.shutdown.is_cancelled() {
                return Ok(false);
            }
        }
    }

    /// Goes through all meetings of the window, for a company of which nothing has been decided, from the page where it was
    /// left; whether to the end.
    async fn all_meetings(&self, storm: &mut Storm, counted: &Counter) -> Result<bool, Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        loop {
            let began = tokio::time::Instant::now();
            // From now on its calls are not gone through again.
            let page_token = storm.at_page.get_or_insert_default().clone();
            let is_first = page_token.is_empty();
            let request = calendar::ListMeetingsRequest {
                company: storm.company.clone(),
                from: Some(proto::time::to_wire(now)),
                to: Some(proto::time::to_wire(now + self.window)),
                page_size: u32::try_from(self.batch).unwrap_or(500),
                page_token,
                meeting_ids: Vec::new(),
            };
            let (meetings, next) = match engine.page_of_meetings(request).await {
                // The page was noted when the peer was of another version, and it cannot tell any more where that begins.
                Err(error) if error.is_lasting() && !is_first => {
                    warn!(
                        company = storm.company,
                        error = chain(&error),
                        "meetings are gone through anew"
                    );
                    (storm.at_page, storm.done, storm.total) = (Some(String::new()), 0, 0);
                    continue;
                }
                page => page?,
            };
            let looked_at = u64::try_from(meetings.len()).unwrap_or(u64::MAX);
            // Nobody counts them; where another page comes, there is at least one more.
            let known = storm.done + looked_at + u64::from(!next.is_empty());
            storm.total = storm.total.max(known);
            if !engine.calls.note_storm(storm, self.lease).await? {
                return Ok(false);
            }
            let ids: Vec<String> = meetings.iter().map(|one| one.meeting_id.clone()).collect();
            let known = engine.calls.get(&storm.company, &ids).await?;
            let judged: std::collections::HashMap<&str, u64> =
                known.iter().map(|call| (call.call_id.as_str(), call.judged_policy)).collect();
            let due: Vec<calendar::Meeting> = meetings
                .into_iter()
                .filter(|meeting| {
                    judged
                        .get(meeting.meeting_id.as_str())
                        .is_none_or(|version| *version < storm.target_version)
                })
                .collect();
            if !due.is_empty() {
                let how = How::now(engine.clock.now(), Cause::Policy);
                let outcome = engine.decide_stored(&storm.company, due, how).await?;
                storm.changed += u64::try_from(outcome.changed).unwrap_or_default();
            }
            storm.done += looked_at;
            storm.tries = 0;
            counted.add(looked_at, &[]);
            if next.is_empty() {
                return Ok(true);
            }
            storm.at_page = Some(next);
            self.rest(began).await;
            if !engine.calls.note_storm(storm, self.lease).await? || self.shutdown.is_cancelled() {
                return Ok(false);
            }
        }
    }

    /// Leaves time to others, in proportion to what was taken.
    async fn rest(&self, began: tokio::time::Instant) {
        let rest = began.elapsed().mul_f64((1.0 - self.share).max(0.0) / self.share.max(0.01));
        if !rest.is_zero() {
            self.pause(rest).await;
        }
    }
}
