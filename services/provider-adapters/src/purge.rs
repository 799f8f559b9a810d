//! The task of a replica that deletes what is over for long.

use std::sync::Arc;

use chassis::metrics::{self, Counter};
use chassis::{Clock, chain};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config;
use crate::error::Error;
use crate::journal::Journal;

/// Rows deleted because they are old, by `kind`: `attempt`, with all that hangs on it, or `news`.
static PURGED: Counter = metrics::counter("callsheet.journal.purged");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Purge {
    /// Where it is kept.
    pub(crate) journal: Journal,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// For how long.
    pub(crate) settings: config::Journal,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

impl Purge {
    /// Deletes what is old, now and then, until shutdown. Two replicas that do so at once find each other's work done.
    pub(crate) async fn run(self) {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(self.settings.every) => {}
            }
            if let Err(error) = self.once().await {
                warn!(error = chain(&error), "what is old could not be deleted");
            }
        }
    }

    /// Deletes all that is old, in batches between which others have their turn.
    async fn once(&self) -> Result<(), Error> {
        let keep = TimeDelta::from_std(self.settings.keep).unwrap_or(TimeDelta::MAX);
        let Some(before) = self.clock.now().checked_sub_signed(keep) else { return Ok(()) };
        let (mut attempts, mut news) = (0_u64, 0_u64);
        let mut place = None;
        loop {
            let (gone, next) = self.journal.purge_attempts(before, place.as_ref()).await?;
            attempts += u64::try_from(gone).unwrap_or_default();
            place = next;
            if place.is_none() || self.shutdown.is_cancelled() {
                break;
            }
            tokio::task::yield_now().await;
        }
        loop {
            let gone = self.journal.purge_news(before).await?;
            news += gone;
            if gone == 0 || self.shutdown.is_cancelled() {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.journal.purge_budgets(before).await?;
        PURGED.add(attempts, &[("kind", "attempt")]);
        PURGED.add(news, &[("kind", "news")]);
        if attempts + news > 0 {
            info!(attempts, news, "what was old is deleted");
        }
        Ok(())
    }
}
