//! Following what changes at the leaves: meetings, policies, choices of participants, and what adapters tell
//! ([`crate::signals`]).
//!
//! One replica at a time does this, the holder of a lease. It reads the logs of the leaves and passes on what has changed:
//! meetings and choices as notices into the feed, from which all replicas take their work; policies as a row for each
//! company whose calls are to be decided again. How far it has come is noted after that, so after a crash the last piece is
//! passed on once more, which changes nothing. What gets lost on the way from here is found by [`crate::sweep`].

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Link, chain};
use chrono::{DateTime, Utc};
use decision::CallKey;
use feed::{Feed, Notice};
use futures::{Stream, StreamExt as _};
use proto::calendar::v1 as calendar;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use storage::Lease;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tracing::{error, info, warn};

use crate::engine::Engine;
use crate::error::Error;
use crate::sweep::Sweep;

/// Changes passed on together.
pub(crate) const BATCH: usize = 500;

/// How long the first of them waits for the others. A peer's stream comes in pieces of a few changes each, and every batch
/// costs commits here and at whoever works on it.
const LINGER: Duration = Duration::from_millis(10);

/// Company files fetched at once.
const FETCHES: usize = 8;

/// After a failure this long nothing is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the database is asked to look at tables that have grown.
const LOOK: Duration = Duration::from_secs(1);

/// What following is leased as.
const LEASE: &str = "follow";

/// How far the logs have been followed, in the table of progress.
pub(crate) const MEETINGS: &str = "meetings";
pub(crate) const CHOICES: &str = "choices";
const POLICIES: &str = "policies";

/// What notices are about that say that somebody does not want to be recorded; the note is since when, as far as it is known.
pub(crate) const REFUSALS: &str = "refusals";

/// By topic and call: how far the choices about it were read, and when the first of them was made, as far as it is known.
type Concerned<'a> = BTreeMap<(&'a str, String), (u64, Option<DateTime<Utc>>)>;

/// What notices are about that facts of hosts led to.
pub(crate) const FACTS: &str = "facts";

/// What a notice says of a meeting that no calendar holds any more.
pub(crate) const REMOVED: &str = "removed";

/// What following needs.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// Where policies come from.
    pub(crate) companies: CompanyServiceClient<Link>,
    /// Where choices come from.
    pub(crate) consent: ConsentServiceClient<Link>,
    /// Where notices go.
    pub(crate) feed: Arc<dyn Feed>,
    /// What is done besides by whoever follows.
    pub(crate) sweep: Sweep,
    /// This replica.
    pub(crate) holder: String,
    /// How long a lease lasts that is not renewed.
    pub(crate) lease: Duration,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

impl Follower {
    /// Follows while this replica holds the lease, until shutdown.
    pub(crate) async fn run(self) {
        let leases = self.engine.calls.leases();
        while !self.shutdown.is_cancelled() {
            match leases.acquire(LEASE, &self.holder, self.lease).await {
                Ok(Some(lease)) => {
                    info!(token = lease.token, "following the leaves");
                    self.lead(&lease).await;
                    if let Err(error) = leases.release(&lease).await {
                        warn!(
                            error = chain(&error),
                            "the lease could not be released; it will expire"
                        );
                    }
                }
                Ok(None) => {}
                Err(error) => warn!(error = chain(&error), "the lease could not be asked for"),
            }
            self.pause(self.lease / 4).await;
        }
    }

    /// Everything that the holder of the lease does, until it is lost.
    async fn lead(&self, lease: &Lease) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = self.keep(lease) => warn!("the lease was lost"),
            () = self.forever("meetings", || self.meetings(lease)) => {}
            () = self.forever("choices", || self.choices(lease)) => {}
            () = self.forever("policies", || self.policies(lease)) => {}
            () = self.signals(lease) => {}
            () = self.sweep.run(lease) => {}
            () = self.look_at_tables() => {}
        }
    }

    /// Lets the database look at tables that grow quickly: it looks by itself, but not soon enough for whoever brings a
    /// hundred thousand meetings at once.
    async fn look_at_tables(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.engine.calls.store().analyze_grown().await {
                warn!(error = chain(&error), "the database could not look at its tables");
            }
        }
    }

    /// Renews the lease until that fails.
    async fn keep(&self, lease: &Lease) {
        let leases = self.engine.calls.leases();
        let mut failures = 0;
        loop {
            tokio::time::sleep(self.lease / 4).await;
            match leases.renew(lease, self.lease).await {
                Ok(true) => failures = 0,
                Ok(false) => return,
                // Whatever is written is guarded by the lease; this only ends work that would be in vain.
                Err(_) if failures < 3 => failures += 1,
                Err(error) => {
                    warn!(error = chain(&error), "the lease could not be renewed");
                    return;
                }
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    pub(crate) async fn forever<F: Future<Output = Result<(), Error>>>(
        &self,
        what: &'static str,
        follow: impl Fn() -> F,
    ) {
        loop {
            match follow().await {
                Err(Error::Storage(storage::Error::LeaseLost)) => return,
                Err(error) => warn!(what, error = chain(&error), "following was interrupted"),
                Ok(()) => {}
            }
            self.pause(PAUSE).await;
        }
    }

    async fn meetings(&self, lease: &Lease) -> Result<(), Error> {
        let cursor = self.engine.calls.progress(MEETINGS).await?;
        let mut changes = batches(self.engine.watch_meetings(cursor, false).await?);
        while let Some(chunk) = changes.next().await {
            let (changes, failed) = split(chunk);
            let newest = changes.iter().map(|change| change.cursor).max();
            let notices: Vec<Notice> = changes.into_iter().filter_map(notice_of_meeting).collect();
            self.publish(&notices).await;
            self.went_on(lease, MEETINGS, newest, failed, "calendar-ingest").await?;
        }
        Ok(())
    }

    async fn choices(&self, lease: &Lease) -> Result<(), Error> {
        let cursor = self.engine.calls.progress(CHOICES).await?;
        let request =
            consent::WatchChoicesRequest { company: String::new(), cursor, until_caught_up: false };
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
            let newest = choices.iter().map(|choice| choice.cursor).max();
            let notices = self.engine.concerned(&choices).await?;
            self.publish(&notices).await;
            self.went_on(lease, CHOICES, newest, failed, "consent").await?;
        }
        Ok(())
    }

    async fn policies(&self, lease: &Lease) -> Result<(), Error> {
        let cursor = self.engine.calls.progress(POLICIES).await?;
        let request = eligibility::WatchPoliciesRequest {
            company: String::new(),
            cursor,
            until_caught_up: false,
        };
        let changes = self
            .companies
            .clone()
            .watch_policies(request)
            .await
            .map_err(|status| Error::Peer { peer: "eligibility", source: Box::new(status) })?
            .into_inner();
        let mut changes = batches(changes);
        while let Some(chunk) = changes.next().await {
            let (changes, failed) = split(chunk);
            let newest = changes.iter().map(|change| change.cursor).max();
            // Of several versions in a row only the last one matters.
            let mut versions: BTreeMap<String, u64> = BTreeMap::new();
            for version in changes.into_iter().filter_map(|change| change.version) {
                let known = versions.entry(version.company).or_default();
                *known = version.policy_version.max(*known);
            }
            let now = self.engine.clock.now();
            let documents = futures::stream::iter(versions)
                .map(|(company, version)| async move {
                    let document = self.engine.policies.document(&company, version).await;
                    (company, version, document)
                })
                .buffer_unordered(FETCHES);
            let mut documents = std::pin::pin!(documents);
            let mut silent = None;
            while let Some((company, version, document)) = documents.next().await {
                let document = match document {
                    Ok(document) => Some(document),
                    Err(error) if is_passing(&error) => {
                        silent = Some(error);
                        continue;
                    }
                    // It holds all the same; the calls are decided by it when it can be had.
                    Err(error) => {
                        let error = chain(&error);
                        error!(company, version, error, "a policy could not be kept");
                        None
                    }
                };
                self.engine.calls.raise(&company, version, document.as_deref(), now).await?;
            }
            self.engine.storm.notify_one();
            // The others have been passed on, and are once more, which changes nothing.
            if let Some(error) = silent {
                return Err(error);
            }
            self.went_on(lease, POLICIES, newest, failed, "eligibility").await?;
        }
        Ok(())
    }

    /// Publishes until it is done: what is not passed on must not be passed over.
    pub(crate) async fn publish(&self, notices: &[Notice]) {
        if notices.is_empty() {
            return;
        }
        while let Err(error) = self.feed.publish(notices).await {
            // That it is full is no trouble: whoever works has to catch up first.
            if !matches!(error, feed::Error::Full) {
                warn!(error = chain(&error), "notices could not be published");
                self.pause(PAUSE).await;
            }
        }
    }

    /// Notes how far a log has been followed, and ends with what ended it, if anything did.
    async fn went_on(
        &self,
        lease: &Lease,
        name: &'static str,
        newest: Option<u64>,
        failed: Option<Status>,
        peer: &'static str,
    ) -> Result<(), Error> {
        if let Some(newest) = newest {
            self.engine.calls.advance(lease, name, newest).await?;
        }
        match failed {
            Some(status) => Err(Error::Peer { peer, source: Box::new(status) }),
            None => Ok(()),
        }
    }
}

/// Whether whoever was asked may answer in a moment, rather than never.
fn is_passing(error: &Error) -> bool {
    let Error::Peer { source, .. } = error else { return false };
    matches!(
        source.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
    )
}

/// What comes, in batches.
pub(crate) fn batches<S: Stream>(stream: S) -> Pin<Box<impl Stream<Item = Vec<S::Item>>>> {
    Box::pin(tokio_stream::StreamExt::chunks_timeout(stream, BATCH, LINGER))
}

/// What came, and what ended it.
pub(crate) fn split<T>(chunk: Vec<Result<T, Status>>) -> (Vec<T>, Option<Status>) {
    let mut failed = None;
    let mut came = Vec::with_capacity(chunk.len());
    for one in chunk {
        match one {
            Ok(one) => came.push(one),
            Err(status) => failed = Some(status),
        }
    }
    (came, failed)
}

/// A changed meeting as a notice.
pub(crate) fn notice_of_meeting(change: calendar::WatchMeetingsResponse) -> Option<Notice> {
    let calendar::Meeting { company, meeting_id, revision, .. } = change.meeting?;
    Some(notice(&company, meeting_id, revision, change.removed))
}

/// A meeting to be decided, as of a revision.
pub(crate) fn notice(company: &str, meeting_id: String, revision: u64, removed: bool) -> Notice {
    Notice {
        topic: MEETINGS.to_owned(),
        company: company.to_owned(),
        subject: meeting_id,
        revision,
        note: if removed { REMOVED.to_owned() } else { String::new() },
    }
}

impl Engine {
    /// The change log of meetings after a place in it.
    ///
    /// # Errors
    /// The peer does not answer.
    pub(crate) async fn watch_meetings(
        &self,
        cursor: u64,
        until_caught_up: bool,
    ) -> Result<impl Stream<Item = Result<calendar::WatchMeetingsResponse, Status>>, Error> {
        let request =
            calendar::WatchMeetingsRequest { company: String::new(), cursor, until_caught_up };
        let changes = self.calendar.clone().watch_meetings(request).await;
        Ok(changes
            .map_err(|status| Error::Peer { peer: "calendar-ingest", source: Box::new(status) })?
            .into_inner())
    }

    /// Notices of the calls that choices are about, where they are known. What is judged for the first time learns of them
    /// by itself.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn concerned(
        &self,
        choices: &[consent::WatchChoicesResponse],
    ) -> Result<Vec<Notice>, Error> {
        let mut by_company: BTreeMap<&str, (Vec<&consent::WatchChoicesResponse>, Vec<CallKey>)> =
            BTreeMap::new();
        for choice in choices {
            // A choice that cannot be read was not about a call that can.
            let Some(key) = choice.key.clone().and_then(|key| CallKey::try_from(key).ok()) else {
                continue;
            };
            let (of_company, keys) = by_company.entry(choice.company.as_str()).or_default();
            of_company.push(choice);
            keys.push(key);
        }
        let mut notices = Vec::new();
        for (company, (choices, keys)) in by_company {
            // Of several choices about a call the newest stands for all, and a refusal for itself: nothing takes it back.
            let mut concerned: Concerned<'_> = BTreeMap::new();
            for (place, call_id) in self.calls.by_key(company, &keys).await? {
                let Some(choice) = choices.get(place) else { continue };
                // What cannot be read permits nothing.
                let topic =
                    if choice.choice() == consent::Choice::Join { CHOICES } else { REFUSALS };
                let chosen = proto::time::optional("chosen_at", choice.chosen_at.as_ref());
                let chosen = chosen.ok().flatten();
                let (revision, first) =
                    concerned.entry((topic, call_id)).or_insert((choice.cursor, chosen));
                *revision = choice.cursor.max(*revision);
                *first = (*first).min(chosen);
            }
            notices.extend(concerned.into_iter().map(|((topic, call_id), (revision, at))| {
                Notice {
                    topic: topic.to_owned(),
                    company: company.to_owned(),
                    subject: call_id,
                    revision,
                    note: at.map(|at| at.timestamp_micros().to_string()).unwrap_or_default(),
                }
            }));
        }
        Ok(notices)
    }
}
