//! Looking after what may have got lost: compares the revisions the leaves tell with those that decisions were made from.
//!
//! Notices travel through Redis, which may lose everything at any moment. So the logs are read a second time, some time
//! later, and what was not decided meanwhile is decided here. How far this has come is noted only after that. What cannot be
//! decided is handed on as notices, which are tried again or put aside: one company holds up no other.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chassis::metrics::{self, Counter};
use chassis::{Link, chain};
use chrono::{DateTime, Utc};
use feed::{Feed, Notice};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use storage::Lease;
use tracing::{debug, warn};

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::follow::{CHOICES, MEETINGS, REFUSALS, batches, notice, split};
use crate::refusals::{self, Refused};
use crate::work::{Changed, Worker};

const SWEPT_MEETINGS: &str = "swept meetings";
const SWEPT_CHOICES: &str = "swept choices";
const WINDOW: &str = "window";

/// The same for a company of which it could not be told which calls had entered the window: it is behind the others.
const BEHIND: &str = "window of ";

/// Meetings read at once.
const PAGE: u32 = 5_000;

/// Companies whose calls that enter the window are decided side by side.
const COMPANIES: usize = 8;

/// Calls swept that could not be decided, and were handed on as notices, by `part` of the sweep: `meetings`, `choices`,
/// `window`.
static HANDED_ON: Counter = metrics::counter("callsheet.sweep.handed_on");

/// Parts of a sweep, of a company or of all, that failed and are done again with the next sweep, by `part`.
static FAILED: Counter = metrics::counter("callsheet.sweep.failed");

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

/// What came of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swept {
    /// All is decided, or handed on.
    Everything,
    /// Some part failed.
    InPart,
    /// It is somebody else's turn.
    LeaseLost,
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
                Swept::LeaseLost => return,
                swept @ (Swept::Everything | Swept::InPart) => {
                    if swept == Swept::Everything && current.is_some() {
                        epoch = current;
                    }
                    before = followed;
                }
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

    /// Sweeps everything; where one part fails, the others are done all the same.
    async fn sweep(&self, lease: &Lease, up_to: Followed) -> Swept {
        let (meetings, choices, window) = tokio::join!(
            self.meetings(lease, up_to.meetings),
            self.choices(lease, up_to.choices),
            self.window_moved(lease),
        );
        let mut swept = Swept::Everything;
        for (part, done) in [("meetings", meetings), ("choices", choices), ("window", window)] {
            match done {
                Ok(()) => {}
                Err(Error::Storage(storage::Error::LeaseLost)) => return Swept::LeaseLost,
                Err(error) => {
                    warn!(part, error = chain(&error), "sweep failed");
                    FAILED.add(1, &[("part", part)]);
                    swept = Swept::InPart;
                }
            }
        }
        swept
    }

    /// Passes on what could not be decided, to be tried again or put aside.
    async fn hand_on(
        &self,
        part: &'static str,
        company: &str,
        error: &Error,
        notices: &[Notice],
    ) -> Result<(), Error> {
        warn!(part, company, calls = notices.len(), error = chain(error), "swept calls are left");
        HANDED_ON.add(u64::try_from(notices.len()).unwrap_or(u64::MAX), &[("part", part)]);
        if notices.is_empty() {
            return Ok(());
        }
        self.feed.publish(notices).await.map_err(|error| Error::Feed(Box::new(error)))
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
            for (company, mut meetings) in by_company {
                let ids: Vec<String> = meetings.keys().cloned().collect();
                let judged = calls.judged_meetings(&company, &ids).await?;
                meetings.retain(|id, (revision, _)| {
                    judged.get(id).is_none_or(|seen| *seen < *revision)
                });
                if meetings.is_empty() {
                    continue;
                }
                debug!(company, meetings = meetings.len(), "swept");
                let left: Changed = meetings
                    .iter()
                    .map(|(id, (revision, removed))| (id.clone(), removed.then_some(*revision)))
                    .collect();
                if let Err(error) = self.worker.meetings_changed(&company, left).await {
                    let notices: Vec<Notice> = meetings
                        .into_iter()
                        .map(|(id, (revision, removed))| notice(&company, id, revision, removed))
                        .collect();
                    self.hand_on("meetings", &company, &error, &notices).await?;
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
            let mut by_company: BTreeMap<String, Vec<Notice>> = BTreeMap::new();
            for notice in self.engine.concerned(&choices).await? {
                by_company.entry(notice.company.clone()).or_default().push(notice);
            }
            for (company, notices) in by_company {
                if let Err(error) = self.chosen(&company, &notices).await {
                    self.hand_on("choices", &company, &error, &notices).await?;
                }
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

    /// Decides calls of a company that participants have chosen about.
    async fn chosen(&self, company: &str, notices: &[Notice]) -> Result<(), Error> {
        let mut refused = Refused::new();
        let mut others = Vec::new();
        for notice in notices {
            if notice.topic == REFUSALS {
                refusals::note(&mut refused, notice);
            } else {
                others.push(notice.subject.clone());
            }
        }
        let mut done = Ok(());
        if !refused.is_empty() {
            done = done.and(self.engine.refused(company, &refused).await);
        }
        if !others.is_empty() {
            done = done.and(self.worker.touched(company, others, Cause::Consent).await);
        }
        done
    }

    /// Decides calls that have come into the window since the last time, once a minute at the most; of companies of which it
    /// could not be told which these are, with the next sweep.
    async fn window_moved(&self, lease: &Lease) -> Result<(), Error> {
        let calls = &self.engine.calls;
        let now = self.engine.clock.now();
        let seen = calls.progress(WINDOW).await?;
        let end = u64::try_from((now + self.worker.window).timestamp()).unwrap_or_default();
        let has_moved = end >= seen + 60;
        let reached = if has_moved { end } else { seen };
        if seen > 0 {
            let behind = calls.progress_of_each(BEHIND).await?;
            let mut companies: Vec<(String, Option<u64>)> = if has_moved {
                let storms = calls.storms(None).await?.into_iter();
                storms
                    .map(|one| {
                        let from = behind.get(&one.company).copied();
                        (one.company, from)
                    })
                    .collect()
            } else {
                behind.into_iter().map(|(company, from)| (company, Some(from))).collect()
            };
            companies.retain(|(_, from)| from.is_none_or(|from| from < reached));
            let moved = futures::stream::iter(companies)
                .map(|(company, behind)| async move {
                    let from = behind.unwrap_or(seen);
                    let entered = self.entered(&company, now, (from, reached)).await?;
                    match (entered, behind) {
                        (true, None) => Ok(()),
                        (true, Some(_)) => self.went_on(lease, &company, reached).await,
                        (false, _) => self.went_on(lease, &company, from).await,
                    }
                })
                .buffer_unordered(COMPANIES);
            let mut moved = pin!(moved);
            let mut all = Ok(());
            while let Some(one) = moved.next().await {
                all = all.and(one);
            }
            all?;
        }
        if has_moved { calls.advance(lease, WINDOW, reached).await } else { Ok(()) }
    }

    async fn went_on(&self, lease: &Lease, company: &str, reached: u64) -> Result<(), Error> {
        self.engine.calls.advance(lease, &format!("{BEHIND}{company}"), reached).await
    }

    /// Decides calls of a company that have come into the window. `false` if it cannot be told which these are.
    async fn entered(
        &self,
        company: &str,
        now: DateTime<Utc>,
        (from, to): (u64, u64),
    ) -> Result<bool, Error> {
        let instant = |seconds: u64| {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        let period = (instant(from).max(now), instant(to));
        let how = How::now(now, Cause::Timer).untold();
        let error = match self.engine.decide_period(company, period, how).await {
            Ok(_) | Err(Error::UnknownCompany(_)) => return Ok(true),
            Err(error) => error,
        };
        match self.hand_on_undecided(company, period, &error).await {
            Ok(()) => Ok(true),
            Err(error @ Error::Feed(_)) => Err(error),
            Err(error) => {
                warn!(company, error = chain(&error), "what enters the window cannot be told");
                FAILED.add(1, &[("part", "window")]);
                Ok(false)
            }
        }
    }

    /// Passes on the meetings that start in a period and have not been decided as they are.
    async fn hand_on_undecided(
        &self,
        company: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        error: &Error,
    ) -> Result<(), Error> {
        let mut page_token = String::new();
        loop {
            let request = calendar::ListMeetingsRequest {
                company: company.to_owned(),
                from: Some(proto::time::to_wire(from)),
                to: Some(proto::time::to_wire(to)),
                page_size: PAGE,
                page_token,
                meeting_ids: Vec::new(),
            };
            let (meetings, next) = self.engine.page_of_meetings(request).await?;
            let ids: Vec<String> = meetings.iter().map(|one| one.meeting_id.clone()).collect();
            let judged = self.engine.calls.judged_meetings(company, &ids).await?;
            let notices: Vec<Notice> = meetings
                .into_iter()
                .filter(|one| judged.get(&one.meeting_id).is_none_or(|seen| *seen < one.revision))
                .map(|one| notice(company, one.meeting_id, one.revision, false))
                .collect();
            self.hand_on("window", company, error, &notices).await?;
            if next.is_empty() {
                return Ok(());
            }
            page_token = next;
        }
    }
}
