//! Working on what has changed: takes notices from the feed, decides the calls they are about, and acknowledges them after
//! the decisions are written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use chrono::{DateTime, TimeDelta, Utc};
use feed::{Delivery, Feed};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::follow::{CHOICES, FACTS, MEETINGS, REFUSALS, REMOVED};
use crate::refusals::{self, Refused};

/// Notices taken at once.
const BATCH: usize = 500;

/// Batches worked on at once: while one is written, the next is judged.
const BATCHES: usize = 2;

/// Companies of one batch worked on at once.
const COMPANIES: usize = 4;

/// How long to wait for a notice.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest pause before something that failed is tried again.
const LONGEST: Duration = Duration::from_secs(60);

/// Decides meetings that have changed.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// Where notices come from.
    pub(crate) feed: Arc<dyn Feed>,
    /// Calls are planned this long before they start.
    pub(crate) window: TimeDelta,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// Meetings of a company that have changed, and whether no calendar holds them any more: the revision at which they were
/// removed.
pub(crate) type Changed = BTreeMap<String, Option<u64>>;

impl Worker {
    /// Works until shutdown.
    pub(crate) async fn run(self) {
        let places = Arc::new(Semaphore::new(BATCHES));
        loop {
            let place = tokio::select! {
                () = self.shutdown.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let deliveries = tokio::select! {
                () = self.shutdown.cancelled() => break,
                deliveries = self.feed.next(BATCH, PATIENCE) => deliveries,
            };
            match deliveries {
                Ok(deliveries) if deliveries.is_empty() => {}
                Ok(deliveries) => {
                    let worker = self.clone();
                    tokio::spawn(async move {
                        worker.work(deliveries).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(error = chain(&error), "no notices could be had");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        // What has been taken is finished, so that nobody needs to take it over.
        let all = u32::try_from(BATCHES).unwrap_or(1);
        let _ended = places.acquire_many(all).await;
    }

    async fn work(&self, deliveries: Vec<Delivery>) {
        let mut by_company: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            by_company.entry(delivery.notice.company.clone()).or_default().push(delivery);
        }
        futures::stream::iter(by_company)
            .for_each_concurrent(COMPANIES, |(company, deliveries)| async move {
                self.work_for(&company, &deliveries).await;
            })
            .await;
    }

    /// Works on the changes of a company. One that never will work is found by halves, so that it takes no other along.
    async fn work_for(&self, company: &str, deliveries: &[Delivery]) {
        let mut parts = vec![deliveries];
        while let Some(part) = parts.pop() {
            let done = self.decide(company, part).await;
            if let Err(error) = &done
                && part.len() > 1
                && error.is_lasting()
                && error.may_lie_in_one()
            {
                let (sooner, later) = part.split_at(part.len() / 2);
                parts.extend([later, sooner]);
                continue;
            }
            if let Err(error) = self.settle(company, part, done).await {
                // They are delivered again, which changes nothing.
                warn!(error = chain(&error), "notices could not be acknowledged");
            }
        }
    }

    async fn decide(&self, company: &str, deliveries: &[Delivery]) -> Result<(), Error> {
        let mut changed = Changed::new();
        let mut refused = Refused::new();
        let mut chosen = Vec::new();
        let mut hosted = Vec::new();
        for delivery in deliveries {
            let notice = &delivery.notice;
            match notice.topic.as_str() {
                MEETINGS => {
                    let removed = (notice.note == REMOVED).then_some(notice.revision);
                    let known = changed.entry(notice.subject.clone()).or_default();
                    *known = removed.max(*known);
                }
                REFUSALS => refusals::note(&mut refused, notice),
                CHOICES => chosen.push(notice.subject.clone()),
                FACTS => hosted.push(notice.subject.clone()),
                _ => return Err(Error::Notice),
            }
        }
        // Whatever fails of the rest, a recording that somebody does not want ends.
        let mut done = Ok(());
        if !refused.is_empty() {
            done = done.and(self.engine.refused(company, &refused).await);
        }
        if !changed.is_empty() {
            done = done.and(self.meetings_changed(company, changed).await);
        }
        // An adapter's word that something has changed at its provider is a matter of time, like any other of its answers.
        for (ids, cause) in [(chosen, Cause::Consent), (hosted, Cause::Timer)] {
            if !ids.is_empty() {
                done = done.and(self.touched(company, ids, cause).await);
            }
        }
        done
    }

    /// Decides calls of which something has changed that no revision tells.
    pub(crate) async fn touched(
        &self,
        company: &str,
        mut ids: Vec<String>,
        cause: Cause,
    ) -> Result<(), Error> {
        ids.sort_unstable();
        ids.dedup();
        // Whoever is judging them at the moment may have asked before.
        self.engine.calls.touch(company, &ids).await?;
        let how = How::now(self.engine.clock.now(), cause);
        self.engine.decide_ids(company, &ids, how).await.map(drop)
    }

    /// Decides meetings that have changed: those that start in the window, and those that have been decided before.
    ///
    /// # Errors
    /// See [`Engine::decide_stored`]; meetings of a company nobody has applied wait, for applying it decides them all.
    pub(crate) async fn meetings_changed(
        &self,
        company: &str,
        changed: Changed,
    ) -> Result<(), Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let ids: Vec<String> = changed.keys().cloned().collect();
        let meetings = engine.meetings(company, &ids).await?;
        let (mut due, others): (Vec<_>, Vec<_>) = meetings.into_iter().partition(|meeting| {
            let is_removed = is_removed(meeting, &changed);
            !is_removed && start_of(meeting).is_some_and(|at| now <= at && at < now + self.window)
        });
        if !others.is_empty() {
            let ids: Vec<String> = others.iter().map(|one| one.meeting_id.clone()).collect();
            let running: HashSet<String> =
                engine.calls.live(company, &ids).await?.into_iter().collect();
            let starts: HashMap<String, Option<DateTime<Utc>>> = engine
                .calls
                .get(company, &ids)
                .await?
                .into_iter()
                .map(|call| {
                    let start = call.decision.start.as_ref();
                    (call.call_id, proto::time::optional("start", start).ok().flatten())
                })
                .collect();
            due.extend(others.into_iter().filter_map(|mut meeting| {
                let is_removed = is_removed(&meeting, &changed);
                let is_due = match starts.get(&meeting.meeting_id) {
                    // What has begun was decided; a late edit of the event changes nothing about that, unless somebody is
                    // there or on the way.
                    Some(before) => {
                        running.contains(&meeting.meeting_id)
                            || before.is_none_or(|before| now <= before)
                            || start_of(&meeting).is_some_and(|start| now <= start)
                    }
                    // What was never decided and is gone needs no decision; what began before we came to it does.
                    None => !is_removed && self.was_missed(&meeting, now),
                };
                meeting.cancelled |= is_removed;
                is_due.then_some(meeting)
            }));
        }
        if due.is_empty() {
            return Ok(());
        }
        match engine.decide_stored(company, due, How::now(now, Cause::Meeting)).await {
            Ok(_) | Err(Error::UnknownCompany(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether a meeting came in time and began before it was decided.
    fn was_missed(&self, meeting: &calendar::Meeting, now: DateTime<Utc>) -> bool {
        let Some(start) = start_of(meeting) else { return false };
        let received = proto::time::optional("received_at", meeting.received_at.as_ref());
        start < now
            && now - self.window < start
            && received.ok().flatten().is_some_and(|received| received < start)
    }

    /// Acknowledges what is done, puts off what may work later, and buries what never will.
    async fn settle(
        &self,
        company: &str,
        deliveries: &[Delivery],
        done: Result<(), Error>,
    ) -> Result<(), feed::Error> {
        match done {
            Ok(()) => self.feed.done(deliveries).await,
            Err(error) if error.is_lasting() => {
                error!(company, error = chain(&error), "changes are put aside");
                self.feed.bury(deliveries, &error.to_string()).await
            }
            Err(error) => {
                let attempts = deliveries.iter().map(|one| one.attempts).max().unwrap_or(1);
                let pause = Duration::from_millis(500)
                    .saturating_mul(2_u32.saturating_pow(attempts.min(16)))
                    .min(LONGEST);
                warn!(company, error = chain(&error), pause = ?pause, "changes are tried again later");
                self.feed.later(deliveries, pause).await
            }
        }
    }
}

/// Whether no calendar holds the meeting any more, as far as is known.
fn is_removed(meeting: &calendar::Meeting, changed: &Changed) -> bool {
    changed.get(&meeting.meeting_id).copied().flatten() == Some(meeting.revision)
}

/// A start that can be read.
fn start_of(meeting: &calendar::Meeting) -> Option<DateTime<Utc>> {
    proto::time::optional("start", meeting.start.as_ref()).ok().flatten()
}
