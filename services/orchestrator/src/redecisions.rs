//! How far calls have been decided again after changes of policy: told to whoever watches, and as a number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use chassis::metrics::{self, Gauge};
use proto::orchestrator::v1 as wire;
use proto::time;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::engine::Engine;
use crate::error::Error;
use crate::store::Storm;
use crate::stream::{Teller, Told, stream};

/// How often it is looked how far it has come.
const PERIOD: Duration = Duration::from_millis(500);

/// How often the number is noted.
const NOTED: Duration = Duration::from_secs(5);

/// Calls that are still to be looked at after changes of policy, as far as is known; the same number at every replica.
static LEFT: Gauge = metrics::gauge("callsheet.redecision.left", "{call}");

/// Tells how far it has come, whenever that has changed.
///
/// # Errors
/// An unknown company; the store.
pub(crate) async fn watch(
    engine: Arc<Engine>,
    shutdown: CancellationToken,
    request: wire::WatchRedecisionsRequest,
) -> Result<Told<wire::WatchRedecisionsResponse>, Error> {
    let company = (!request.company.is_empty()).then_some(request.company);
    if let Some(company) = &company
        && engine.calls.storms(Some(company)).await?.is_empty()
    {
        engine.require(company).await?;
    }
    Ok(stream(shutdown, move |teller| tell(engine, company, request.until_done, teller)))
}

async fn tell(
    engine: Arc<Engine>,
    company: Option<String>,
    until_done: bool,
    teller: Teller<wire::WatchRedecisionsResponse>,
) -> Result<(), Error> {
    let mut told: BTreeMap<String, wire::WatchRedecisionsResponse> = BTreeMap::new();
    loop {
        let storms = engine.calls.storms(company.as_deref()).await?;
        let is_done = storms.iter().all(|storm| storm.finished_at.is_some());
        for storm in storms {
            let progress = to_wire(&storm);
            if told.get(&storm.company) != Some(&progress) {
                told.insert(storm.company, progress.clone());
                teller.tell(progress).await;
            }
        }
        if is_done && until_done {
            return Ok(());
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn to_wire(storm: &Storm) -> wire::WatchRedecisionsResponse {
    wire::WatchRedecisionsResponse {
        company: storm.company.clone(),
        policy_version: storm.target_version,
        total: storm.total,
        done: storm.done,
        changed: storm.changed,
        started_at: Some(time::to_wire(storm.started_at)),
        finished_at: storm.finished_at.map(time::to_wire),
    }
}

/// Notes how much is left, until shutdown.
pub(crate) async fn measure(engine: Arc<Engine>, shutdown: CancellationToken) {
    loop {
        match engine.calls.storms_left().await {
            Ok(left) => LEFT.record(left, &[]),
            Err(error) => {
                warn!(error = chain(&error), "what is left of redecisions could not be counted")
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(NOTED) => {}
        }
    }
}
