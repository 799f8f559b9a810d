//! What the running request knows of itself, wherever in its handler one asks.

use std::future::Future;

use http::uri::PathAndQuery;
use tokio::time::Instant;

tokio::task_local! {
    static CALL: Call;
}

/// The request being served by this task.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `/package.Service/Method`.
    pub(crate) method: Option<PathAndQuery>,
    /// When its answer is due.
    pub(crate) deadline: Instant,
}

/// Runs `work` as the handling of `call`.
pub(crate) fn within<F: Future>(call: Call, work: F) -> impl Future<Output = F::Output> {
    CALL.scope(call, work)
}

/// When the answer to the request being served is due; nothing outside a request, or in a task that a handler spawned.
#[must_use]
pub fn deadline() -> Option<Instant> {
    CALL.try_with(|call| call.deadline).ok()
}

/// The path of the method being served.
pub(crate) fn method() -> Option<String> {
    CALL.try_with(|call| call.method.as_ref().map(|path| path.as_str().to_owned())).ok().flatten()
}
