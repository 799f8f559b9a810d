//! One line and one measurement for every request: method, code, how long. No headers, no content.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use http::uri::PathAndQuery;
use tokio::time::Instant;
use tonic::Code;
use tracing::{debug, info, warn};

use crate::metrics;
use crate::status::is_ours;

/// The methods that have answered before. What a caller makes up is no label of a metric.
#[derive(Debug, Clone, Default)]
pub(crate) struct Methods(Arc<RwLock<HashMap<PathAndQuery, Arc<str>>>>);

impl Methods {
    fn known(&self, path: &PathAndQuery) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn learn(&self, path: &PathAndQuery) -> Arc<str> {
        let name: Arc<str> = path.path().trim_start_matches('/').into();
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(path.clone())
            .or_insert(name)
            .clone()
    }
}

/// A request being served, logged when it is finished or given up.
#[derive(Debug)]
pub(crate) struct Record {
    method: Option<PathAndQuery>,
    methods: Methods,
    started: Instant,
    begun: bool,
    open: bool,
}

impl Record {
    /// Begins.
    pub(crate) fn start(method: Option<PathAndQuery>, methods: Methods, started: Instant) -> Self {
        Self { method, methods, started, begun: false, open: true }
    }

    /// It has been admitted and goes to its handler.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// The request ends with `code`; only the first end counts.
    pub(crate) fn finish(&mut self, code: Code) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let took = self.started.elapsed();
        if metrics::collected() {
            metrics::served(self.name(code).as_ref(), code, took.as_secs_f64());
        }
        let method = self.method.as_ref().map(PathAndQuery::as_str);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if code == Code::Ok {
            debug!(method, code = ?code, micros, "served");
        } else if is_ours(code) {
            warn!(method, code = ?code, micros, "served");
        } else {
            info!(method, code = ?code, micros, "served");
        }
    }

    /// The method, if there is one. That it answers shows it: routes tell nothing else.
    fn name(&self, code: Code) -> Option<Arc<str>> {
        let path = self.method.as_ref().filter(|path| path.query().is_none())?;
        let answered = self.begun && !matches!(code, Code::Unimplemented | Code::Cancelled);
        self.methods.known(path).or_else(|| answered.then(|| self.methods.learn(path)))
    }
}

impl Drop for Record {
    /// Whoever asked has gone away.
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}
