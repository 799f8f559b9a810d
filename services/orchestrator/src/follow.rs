//! Following what changes: meetings, policies, and calls that wait to be decided.
//!
//! Each follower notes how far it has come after its work is stored, so that after a crash the last
//! piece is done again, which changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::Link;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::engine::{Cause, Engine, How};
use crate::error::Error;

/// Changes handled together.
const BATCH: usize = 500;

/// Calls decided again at once when a policy changes.
const STORM: u64 = 2_000;

/// After a failure this long nothing is tried.
const PAUSE: Duration = Duration::from_secs(1);

const MEETINGS: &str = "meetings";
const POLICIES: &str = "policies";

/// What following needs.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// Where policies come from.
    pub(crate) companies: CompanyServiceClient<Link>,
    /// Calls are planned this long before they start.
    pub(crate) window: TimeDelta,
    /// How often pending calls are tried again.
    pub(crate) sweep: Duration,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// A meeting after a change.
#[derive(Debug)]
struct Changed {
    meeting: calendar::Meeting,
    /// No calendar holds it any more.
    removed: bool,
}

impl Follower {
    /// Follows the change log of meetings until shutdown.
    pub(crate) async fn meetings(self) {
        self.forever("meetings", || self.follow_meetings()).await;
    }

    /// Follows the log of policy versions until shutdown.
    pub(crate) async fn policies(self) {
        self.forever("policies", || self.follow_policies()).await;
    }

    /// Tries pending calls again, and decides calls that have come into the window, until shutdown.
    pub(crate) async fn sweep(self) {
        loop {
            if let Err(error) = self.sweep_once().await {
                warn!(error = %error, "sweep failed");
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(self.sweep) => {}
            }
        }
    }

    async fn forever<F: Future<Output = Result<(), Error>>>(
        &self,
        what: &'static str,
        follow: impl Fn() -> F,
    ) {
        loop {
            let ended = tokio::select! {
                () = self.shutdown.cancelled() => return,
                ended = follow() => ended,
            };
            if let Err(error) = ended {
                warn!(what, error = %error, "following was interrupted");
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn follow_meetings(&self) -> Result<(), Error> {
        let engine = &self.engine;
        let cursor = engine.calls.progress(MEETINGS).await?;
        let request = calendar::WatchMeetingsRequest {
            company: String::new(),
            cursor,
            until_caught_up: false,
        };
        let changes = engine
            .calendar
            .clone()
            .watch_meetings(request)
            .await
            .map_err(|status| Error::Peer { peer: "calendar-ingest", source: Box::new(status) })?
            .into_inner();
        let mut changes = changes.ready_chunks(BATCH);
        while let Some(chunk) = changes.next().await {
            let mut newest = 0;
            let mut failed = None;
            let mut by_company: BTreeMap<String, BTreeMap<String, Changed>> = BTreeMap::new();
            for change in chunk {
                match change {
                    Ok(change) => {
                        newest = newest.max(change.cursor);
                        if let Some(mut meeting) = change.meeting {
                            meeting.cancelled |= change.removed;
                            let meetings = by_company.entry(meeting.company.clone()).or_default();
                            let changed = Changed { removed: change.removed, meeting };
                            meetings.insert(changed.meeting.meeting_id.clone(), changed);
                        }
                    }
                    Err(status) => failed = Some(status),
                }
            }
            for (company, meetings) in by_company {
                self.meetings_changed(&company, meetings).await?;
            }
            if newest > 0 {
                engine.calls.set_progress(MEETINGS, newest).await?;
            }
            if let Some(status) = failed {
                return Err(Error::Peer { peer: "calendar-ingest", source: Box::new(status) });
            }
        }
        Ok(())
    }

    /// Decides the meetings that start in the window, and those that have been decided before.
    async fn meetings_changed(
        &self,
        company: &str,
        meetings: BTreeMap<String, Changed>,
    ) -> Result<(), Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let ids: Vec<String> = meetings.keys().cloned().collect();
        let calls = engine.calls.get(company, &ids).await?;
        let judged: BTreeMap<String, (u64, bool)> = calls
            .into_iter()
            .map(|call| {
                let over = start_of(call.decision.start.as_ref()).is_some_and(|start| start < now);
                (call.call_id, (call.judged_meeting, over))
            })
            .collect();
        let mut due = Vec::new();
        let mut outdated = Vec::new();
        for (id, Changed { meeting, removed }) in meetings {
            let start = start_of(meeting.start.as_ref());
            let upcoming = start.is_some_and(|start| now <= start && start < now + self.window);
            match judged.get(&id) {
                // Somebody asked meanwhile, and it was decided from what is newer than this change.
                Some((revision, _)) if meeting.revision < *revision => outdated.push(id),
                // What has begun was decided; a late edit of the event changes nothing about that.
                Some((_, true)) if !upcoming => {}
                Some(_) => due.push(meeting),
                // What was never decided and is gone needs no decision.
                None if upcoming && !removed => due.push(meeting),
                None => {}
            }
        }
        if !outdated.is_empty() {
            engine.decide_ids(company, &outdated, How::now(now, Cause::Meeting)).await?;
        }
        if due.is_empty() {
            return Ok(());
        }
        match engine.decide_stored(company, due, How::now(now, Cause::Meeting)).await {
            // Meetings of a company nobody has applied wait: applying it decides them all.
            Err(Error::UnknownCompany(_)) => Ok(()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn follow_policies(&self) -> Result<(), Error> {
        let engine = &self.engine;
        let cursor = engine.calls.progress(POLICIES).await?;
        let request = eligibility::WatchPoliciesRequest {
            company: String::new(),
            cursor,
            until_caught_up: false,
        };
        let mut changes = self
            .companies
            .clone()
            .watch_policies(request)
            .await
            .map_err(|status| Error::Peer { peer: "eligibility", source: Box::new(status) })?
            .into_inner();
        while let Some(change) = changes.next().await {
            let change = change
                .map_err(|status| Error::Peer { peer: "eligibility", source: Box::new(status) })?;
            if let Some(version) = change.version {
                self.policy_changed(&version.company).await?;
            }
            engine.calls.set_progress(POLICIES, change.cursor).await?;
        }
        Ok(())
    }

    /// Decides the upcoming calls of a company again, soonest first, and those of its meetings that were
    /// never decided.
    async fn policy_changed(&self, company: &str) -> Result<(), Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let ready = engine.policies.newest(company).await?;
        if let Err(error) = engine.judges.announce(&ready).await {
            // Whoever judges by it is told then; this only spares the first question a detour.
            warn!(company, error = %error, "a policy could not be announced");
        }
        let mut after = None;
        loop {
            let filter = crate::store::Filter { from: Some(now), after, ..Default::default() };
            let (calls, next) = engine.calls.list(company, &filter, STORM).await?;
            let ids: Vec<String> = calls.into_iter().map(|call| call.call_id).collect();
            if !ids.is_empty() {
                engine.decide_ids(company, &ids, How::now(now, Cause::Policy)).await?;
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        engine
            .decide_period(company, (now, now + self.window), How::now(now, Cause::Policy))
            .await?;
        Ok(())
    }

    async fn sweep_once(&self) -> Result<(), Error> {
        self.window_moved().await
    }

    /// Decides calls that have come into the window since the last time, once a minute at the most. What
    /// fails is done again with the next sweep.
    async fn window_moved(&self) -> Result<(), Error> {
        const SEEN: &str = "window";
        let engine = &self.engine;
        let end = engine.clock.now() + self.window;
        let seen = i64::try_from(engine.calls.progress(SEEN).await?).unwrap_or_default();
        if end.timestamp() < seen + 60 {
            return Ok(());
        }
        let mut is_done = true;
        if seen > 0 {
            let from =
                chrono::DateTime::from_timestamp(seen, 0).unwrap_or(end).max(engine.clock.now());
            for company in self.all_companies().await? {
                if let Err(error) = engine
                    .decide_period(
                        &company,
                        (from, end),
                        How::now(engine.clock.now(), Cause::Timer),
                    )
                    .await
                {
                    warn!(company, error = %error, "the window could not be moved");
                    is_done = false;
                }
            }
        }
        if !is_done {
            return Ok(());
        }
        engine.calls.set_progress(SEEN, u64::try_from(end.timestamp()).unwrap_or_default()).await
    }

    async fn all_companies(&self) -> Result<std::collections::BTreeSet<String>, Error> {
        let request = eligibility::WatchPoliciesRequest {
            company: String::new(),
            cursor: 0,
            until_caught_up: true,
        };
        let mut versions = self
            .companies
            .clone()
            .watch_policies(request)
            .await
            .map_err(|status| Error::Peer { peer: "eligibility", source: Box::new(status) })?
            .into_inner();
        let mut companies = std::collections::BTreeSet::new();
        while let Some(version) = versions.next().await {
            let version = version
                .map_err(|status| Error::Peer { peer: "eligibility", source: Box::new(status) })?;
            companies.extend(version.version.map(|version| version.company));
        }
        Ok(companies)
    }
}

/// A start that can be read.
fn start_of(start: Option<&prost_types::Timestamp>) -> Option<DateTime<Utc>> {
    proto::time::optional("start", start).ok().flatten()
}
