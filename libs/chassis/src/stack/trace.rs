//! One line for every request: method, code, how long. No headers, no content.

use http::uri::PathAndQuery;
use tokio::time::Instant;
use tonic::Code;
use tracing::{debug, info, warn};

use crate::status::is_ours;

/// A request being served, logged when it is finished or given up.
#[derive(Debug)]
pub(crate) struct Record {
    method: Option<PathAndQuery>,
    started: Instant,
    open: bool,
}

impl Record {
    /// Begins.
    pub(crate) fn start(method: Option<PathAndQuery>, started: Instant) -> Self {
        Self { method, started, open: true }
    }

    /// The request ends with `code`; only the first end counts.
    pub(crate) fn finish(&mut self, code: Code) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let method = self.method.as_ref().map(PathAndQuery::as_str);
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if code == Code::Ok {
            debug!(method, code = ?code, micros, "served");
        } else if is_ours(code) {
            warn!(method, code = ?code, micros, "served");
        } else {
            info!(method, code = ?code, micros, "served");
        }
    }
}

impl Drop for Record {
    /// Whoever asked has gone away.
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}
