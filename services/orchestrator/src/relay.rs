//! Puts what transactions announce into the log, as soon as it is there.

use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::engine::Engine;

/// How often it is looked for what other replicas, or this one before it was killed, left behind.
const PATIENCE: Duration = Duration::from_millis(250);

/// Relays until shutdown.
pub(crate) async fn relay(engine: Arc<Engine>, shutdown: CancellationToken) {
    loop {
        match engine.calls.relay().await {
            Ok(0) => {}
            Ok(_) => {
                engine.news.send_modify(|count| *count = count.wrapping_add(1));
                continue;
            }
            Err(error) => warn!(error = chain(&error), "decisions could not be put into the log"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = engine.written.notified() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
}
