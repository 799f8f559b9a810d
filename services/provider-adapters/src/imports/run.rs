//! The task of a replica that imports: claims what is due, holds on to it while it runs, and notes what came of it.

use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use chassis::metrics::{self, Counter, Gauge};
use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::fetch::Came;
use super::{Imports, Source};
use crate::error::Error;
use crate::journal::{Import, Share};

/// How often a claim is renewed in the time it holds for.
const RENEWALS: u32 = 3;

/// When it is time to end, giving claims back may take so long.
const GRACE: Duration = Duration::from_secs(2);

/// Tries of imports, by `carrier` and `result`: `imported`, `failed`, `late`, `discarding`, `discarded`,
/// `unwanted`, `again` after what may pass, `lost` where another replica had taken it over or it was to be thrown away.
static HANDLED: Counter = metrics::counter("callsheet.imports.handled");

/// Imports under way at this replica.
static RUNNING: Gauge = metrics::gauge("callsheet.imports.running", "1");

/// For how long the first import has been due; nothing while none is.
static BEHIND: Gauge = metrics::gauge("callsheet.imports.behind", "s");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    /// How an import is done.
    pub(crate) imports: Imports,
    /// Who knows where recordings are.
    pub(crate) sources: Arc<[Arc<dyn Source>]>,
    /// Names this process, and no other one or earlier one.
    pub(crate) claimant: Arc<str>,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

impl Runner {
    /// Imports until shutdown. What is under way then is given back, and gone on with by whoever claims it next.
    pub(crate) async fn run(self) {
        let settings = Arc::clone(&self.imports.settings);
        let journal = self.imports.journal.clone();
        let mut running: JoinSet<()> = JoinSet::new();
        let mut next = Instant::now();
        loop {
            #[expect(clippy::cast_precision_loss, reason = "a few")]
            RUNNING.record(running.len() as f64, &[]);
            let room = settings.parallel.saturating_sub(running.len());
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                Some(ended) = running.join_next() => {
                    if let Err(failed) = ended {
                        error!(error = chain(&failed), "an import was not done");
                    }
                    next = Instant::now();
                }
                () = journal.imports_came(), if room > 0 => next = Instant::now(),
                () = tokio::time::sleep_until(next), if room > 0 => {
                    next = Instant::now() + settings.poll;
                    match self.look(room).await {
                        Ok(claimed) => for import in claimed {
                            let runner = self.clone();
                            running.spawn(async move { runner.one(import).await });
                        },
                        Err(error) => warn!(error = chain(&error), "imports could not be claimed"),
                    }
                }
            }
        }
        running.shutdown().await;
        let released = journal.release_imports(&self.claimant);
        if !matches!(tokio::time::timeout(GRACE, released).await, Ok(Ok(()))) {
            warn!(
                "imports under way could not be given back; they go on when their claims are over"
            );
        }
    }

    async fn look(&self, room: usize) -> Result<Vec<Import>, Error> {
        let (journal, settings) = (&self.imports.journal, &self.imports.settings);
        let now = self.imports.now();
        // Asked first without a transaction: mostly there is nothing to do.
        let first = journal.first_import().await?;
        let behind = first.map_or(TimeDelta::zero(), |first| (now - first).max(TimeDelta::zero()));
        BEHIND.record(behind.as_seconds_f64(), &[]);
        if first.is_none_or(|first| now < first) {
            return Ok(Vec::new());
        }
        let names: Vec<&'static str> = self.sources.iter().map(|source| source.name()).collect();
        let share = Share {
            room: u64::try_from(room).unwrap_or(1),
            per_company: settings.per_company,
            lease: settings.lease,
        };
        journal.claim_imports(&names, now, share, &self.claimant).await
    }

    async fn one(&self, import: Import) {
        let source = self.sources.iter().find(|source| source.name() == import.carrier);
        let work = self.imports.work(&import, source);
        let came = tokio::select! {
            came = work => came,
            () = self.hold(&import) => Ok(Came::Lost),
        };
        let result = match came {
            Ok(Came::Settled(settle, result)) => {
                let settled = self.imports.journal.settle_import(&import, &settle);
                settled.await.map(|ours| if ours { result } else { "lost" })
            }
            Ok(Came::Lost) => Ok("lost"),
            Err(error) => Err(error),
        };
        match result {
            Ok(result) => {
                HANDLED.add(1, &[("carrier", import.carrier.as_str()), ("result", result)]);
            }
            // It is done again when our claim is over; what is stored stays.
            Err(error) => warn!(error = chain(&error), "what came of an import was not noted"),
        }
    }

    /// Renews a claim for as long as it is ours.
    async fn hold(&self, import: &Import) {
        let lease = self.imports.settings.lease;
        loop {
            tokio::time::sleep(lease / RENEWALS).await;
            match self.imports.journal.hold_import(import, lease).await {
                Ok(true) => {}
                Ok(false) => return,
                // Perhaps the next time. If not, whoever claims it meanwhile finds what is stored.
                Err(error) => warn!(error = chain(&error), "a claim could not be renewed"),
            }
        }
    }
}
