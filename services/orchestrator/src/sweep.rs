//! Looking after what may have got lost: compares the revisions the leaves tell with those that decisions were made from.
//!
//! Notices travel through Redis, which may lose everything at any moment. So the logs are read a second time, some time
//! later, and what was not decided meanwhile is decided here. How far this has come is noted only after that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Link, chain};
use feed::Feed;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use storage::Lease;
use tokio_stream::StreamExt as _;
use tracing::{debug, warn};

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::follow::{CHOICES, MEETINGS, batches, split};
use crate::work::{Changed, Worker};

const SWEPT_MEETINGS: &str = "swept meetings";
const SWEPT_CHOICES: &str = "swept choices";
const WINDOW: &str = "window";

/// How often it is looked whether the feed has lost what it carried.
const GLANCE: Duration = Duration::from_secs(1);

/// With more notices on their way than this, sweeping waits until they are worked on.
const BUSY: u64 = 1_000;

/// What sweeping needs.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// Decides what was left.
    pub(crate) worker: Worker,
    /// Where choices come from.
    pub(crate) consent: ConsentServiceClient<Link>,
    /// What may lose notices.
    pub(crate) feed: Arc<dyn Feed>,
    /// How often.
    pub(crate) every: Duration,
}

/// How far the logs had been followed at some time.
#[derive(Debug, Clone, Copy, Default)]
struct Followed {
    meetings: u64,
    choices: u64,
}

impl Sweep {
    /// Sweeps from time to time, while the lease holds; at once where the feed has lost what it carried.
    pub(crate) async fn run(&self, lease: &Lease) {
        let mut epoch = self.feed.epoch().await.ok();
        // Whoever held the lease before may have published what was lost since.
        let mut before = self.followed().await.unwrap_or_default();
        let mut swept = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(GLANCE.min(self.every)).await;
            let current = self.feed.epoch().await.ok();
            let has_lost = current.is_some() && current != epoch;
            if !has_lost && swept.elapsed() < self.every {
                continue;
            }
            swept = tokio::time::Instant::now();
            // What is on its way is not lost, and would only be decided twice.
            if !has_lost
                && self.feed.depth().await.is_ok_and(|depth| depth.waiting + depth.held > BUSY)
            {
                continue;
            }
            let followed = self.followed().await.unwrap_or(before);
            // What was published during the last round has had the time of a round to be decided.
            let up_to = if has_lost { followed } else { before };
            match self.sweep(lease, up_to).await {
                Ok(()) => {
                    if current.is_some() {
                        epoch = current;
                    }
                    before = followed;
                }
                Err(Error::Storage(storage::Error::LeaseLost)) => return,
                Err(error) => warn!(error = chain(&error), "sweep failed"),
            }
        }
    }

    async fn followed(&self) -> Result<Followed, Error> {
        let calls = &self.engine.calls;
        Ok(Followed {
            meetings: calls.progress(MEETINGS).await?,
            choices: calls.progress(CHOICES).await?,
        })
    }

    async fn sweep(&self, lease: &Lease, up_to: Followed) -> Result<(), Error> {
        self.meetings(lease, up_to.meetings).await?;
        self.choices(lease, up_to.choices).await?;
        self.window_moved(lease).await
    }

    /// Decides meetings that have changed since they were decided.
    async fn meetings(&self, lease: &Lease, up_to: u64) -> Result<(), Error> {
        let calls = &self.engine.calls;
        let from = calls.progress(SWEPT_MEETINGS).await?;
        if from >= up_to {
            return Ok(());
        }
        let mut changes = batches(self.engine.watch_meetings(from, true).await?);
        while let Some(chunk) = changes.next().await {
            let (changes, failed) = split(chunk);
            let mut reached = 0;
            let mut by_company: BTreeMap<String, BTreeMap<String, (u64, bool)>> = BTreeMap::new();
            for change in changes.into_iter().take_while(|change| change.cursor <= up_to) {
                reached = change.cursor.max(reached);
                if let Some(meeting) = change.meeting {
                    by_company
                        .entry(meeting.company)
                        .or_default()
                        .insert(meeting.meeting_id, (meeting.revision, change.removed));
                }
            }
            if reached == 0 && failed.is_none() {
                break;
            }
            for (company, meetings) in by_company {
                let ids: Vec<String> = meetings.keys().cloned().collect();
                let judged = calls.judged_meetings(&company, &ids).await?;
                let left: Changed = meetings
                    .into_iter()
                    .filter(|(id, (revision, _))| judged.get(id).is_none_or(|seen| seen < revision))
                    .map(|(id, (revision, removed))| (id, removed.then_some(revision)))
                    .collect();
                if !left.is_empty() {
                    debug!(company, meetings = left.len(), "swept");
                    self.worker.meetings_changed(&company, left).await?;
                }
            }
            if reached > 0 {
                calls.advance(lease, SWEPT_MEETINGS, reached).await?;
            }
            if let Some(status) = failed {
                return Err(Error::Peer { peer: "calendar-ingest", source: Box::new(status) });
            }
        }
        Ok(())
    }

    /// Decides once more what choices are about: a call that was being judged for the first time when one was made did not
    /// exist yet for whoever passed it on.
    async fn choices(&self, lease: &Lease, up_to: u64) -> Result<(), Error> {
        let calls = &self.engine.calls;
        let from = calls.progress(SWEPT_CHOICES).await?;
        if from >= up_to {
            return Ok(());
        }
        let request = consent::WatchChoicesRequest {
            company: String::new(),
            cursor: from,
            until_caught_up: true,
        };
        let choices = self
            .consent
            .clone()
            .watch_choices(request)
            .await
            .map_err(|status| Error::Peer { peer: "consent", source: Box::new(status) })?
            .into_inner();
        let mut choices = batches(choices);
        while let Some(chunk) = choices.next().await {
            let (choices, failed) = split(chunk);
            let choices: Vec<_> =
                choices.into_iter().take_while(|choice| choice.cursor <= up_to).collect();
            let mut by_company: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for notice in self.engine.concerned(&choices).await? {
                by_company.entry(notice.company).or_default().push(notice.subject);
            }
            for (company, ids) in by_company {
                calls.touch(&company, &ids).await?;
                let how = How::now(self.engine.clock.now(), Cause::Consent);
                self.engine.decide_ids(&company, &ids, how).await?;
            }
            match choices.iter().map(|choice| choice.cursor).max() {
                Some(reached) => calls.advance(lease, SWEPT_CHOICES, reached).await?,
                None if failed.is_none() => break,
                None => {}
            }
            if let Some(status) = failed {
                return Err(Error::Peer { peer: "consent", source: Box::new(status) });
            }
        }
        Ok(())
    }

    /// Decides calls that have come into the window since the last time, once a minute at the most. What fails is done
    /// again with the next sweep.
    async fn window_moved(&self, lease: &Lease) -> Result<(), Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let end = now + self.worker.window;
        let seen = i64::try_from(engine.calls.progress(WINDOW).await?).unwrap_or_default();
        if end.timestamp() < seen + 60 {
            return Ok(());
        }
        if seen > 0 {
            let from = chrono::DateTime::from_timestamp(seen, 0).unwrap_or(end).max(now);
            for storm in engine.calls.storms(None).await? {
                let how = How::now(now, Cause::Timer);
                match engine.decide_period(&storm.company, (from, end), how).await {
                    Ok(_) | Err(Error::UnknownCompany(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let end = u64::try_from(end.timestamp()).unwrap_or_default();
        engine.calls.advance(lease, WINDOW, end).await
    }
}
