//! A customer's server of files: what is there is served to whoever knows the link.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;

use crate::{Faults, Log, Reply, Server};

type Shelf = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// Files on a loopback port. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Files {
    server: Arc<Server>,
    shelf: Shelf,
}

impl Files {
    /// A server without files.
    pub async fn start() -> Self {
        let shelf = Shelf::default();
        let routes = Router::new().route("/files/{name}", get(file)).with_state(Arc::clone(&shelf));
        Self { server: Arc::new(Server::start(routes).await), shelf }
    }

    /// A file is there from now on.
    pub fn put(&self, name: &str, bytes: impl Into<Bytes>) {
        lock(&self.shelf).insert(name.to_owned(), bytes.into());
    }

    /// The link to a file, whether it is there or not.
    #[must_use]
    pub fn link(&self, name: &str) -> String {
        self.server.url(&format!("/files/{name}"))
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// What it was asked.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.server.log()
    }
}

async fn file(State(shelf): State<Shelf>, Path(name): Path<String>) -> Reply {
    match lock(&shelf).get(&name) {
        Some(bytes) => Reply::status(200).body("application/octet-stream", bytes.clone()),
        None => Reply::status(404),
    }
}

fn lock(shelf: &Shelf) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_served_whole_and_one_that_is_not_there_is_not_found() {
        let files = Files::start().await;
        files.put("a.wav", crate::wav(1, false));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let there = client.get(files.link("a.wav")).send().await.unwrap();
        assert_eq!(there.bytes().await.unwrap(), crate::wav(1, false));
        let gone = client.get(files.link("b.wav")).send().await.unwrap();
        assert_eq!(gone.status().as_u16(), 404);
    }
}
