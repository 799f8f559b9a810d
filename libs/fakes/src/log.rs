//! What a server was asked.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path as it was written, escapes included.
    pub path: String,
    /// Its query as it was written; empty if there is none.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What was answered; none while nothing was, or if the connection was dropped.
    pub status: Option<u16>,
    /// Whether the routes got to see it, so that it was carried out.
    pub carried_out: bool,
}

impl Seen {
    /// Its body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the query says of a key.
    #[must_use]
    pub fn asked(&self, key: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }
}

/// All that arrived, in order. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    /// Everything so far.
    #[must_use]
    pub fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What came with this method to a path that begins so.
    #[must_use]
    pub fn of(&self, method: &Method, path: &str) -> Vec<Seen> {
        self.all()
            .into_iter()
            .filter(|one| one.method == method && one.path.starts_with(path))
            .collect()
    }

    /// How many came with this method to a path that begins so.
    #[must_use]
    pub fn count(&self, method: &Method, path: &str) -> usize {
        self.of(method, path).len()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Notes a request, and returns its place.
    pub(crate) fn push(&self, seen: Seen) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(seen);
        all.len() - 1
    }

    /// Notes what became of it. A log that was cleared meanwhile keeps nothing.
    pub(crate) fn note(&self, place: usize, update: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
            update(seen);
        }
    }
}
