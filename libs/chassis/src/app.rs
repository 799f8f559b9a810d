//! What a service tells the chassis about itself.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::clock::Clock;
use crate::link::peer::Peer;
use crate::link::{Link, Place};
use crate::settings::{Peers, same};

/// A service that the chassis can run: alone, or with others in one process.
pub trait App: 'static {
    /// Its name, as peers and settings call it: `"calendar-ingest"`.
    const NAME: &'static str;
    /// Its gRPC services in full, as requests name them: `"callsheet.calendar.v1.CalendarIngestService"`.
    const SERVICES: &'static [&'static str];
    /// Encoded descriptor sets for reflection.
    const DESCRIPTORS: &'static [&'static [u8]];
    /// `config.default.toml`: every setting with its default, and the port it listens on when it runs alone.
    const DEFAULTS: &'static str;
    /// Its settings as types, without the sections of the process.
    type Config: DeserializeOwned + Send + 'static;

    /// What `--check` finds beyond types. Anything may be wrong with settings but that they cannot be read.
    ///
    /// # Errors
    /// What is wrong, and with which setting.
    fn check(_config: &Self::Config) -> anyhow::Result<()> {
        Ok(())
    }

    /// Wires it up. Peers may not exist yet: take links, and ask them nothing before the first request or task.
    ///
    /// # Errors
    /// Why it cannot start.
    fn build(
        config: Self::Config,
        context: Context,
    ) -> impl Future<Output = anyhow::Result<Built>> + Send;
}

/// A service that has been wired up.
pub struct Built {
    pub(crate) routes: Routes,
    pub(crate) tasks: Vec<(&'static str, Task)>,
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Built {
    /// A service that answers on `routes`.
    #[must_use]
    pub fn new(routes: Routes) -> Self {
        Self { routes, tasks: Vec::new() }
    }

    /// With something to do besides, begun when every service of the process is built. It should end soon after
    /// [`Context::shutdown`] is cancelled; if it panics, the service is reported as not serving.
    #[must_use]
    pub fn task(
        mut self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.tasks.push((name, Box::pin(work)));
        self
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks: Vec<_> = self.tasks.iter().map(|(name, _)| name).collect();
        f.debug_struct("Built").field("tasks", &tasks).finish_non_exhaustive()
    }
}

/// What the chassis gives a service.
#[derive(Debug, Clone)]
pub struct Context {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the process begins to drain.
    pub shutdown: CancellationToken,
    /// The largest message either way, in bytes; see [`crate::sized`].
    pub max_message: usize,
    pub(crate) ceiling: Duration,
    pub(crate) places: Arc<HashMap<String, Place>>,
    pub(crate) peers: Peers,
    /// What is known of peers, by the names services call them: adapters that live in one process fail one by one.
    pub(crate) known: Arc<Mutex<HashMap<String, Arc<Peer>>>>,
}

/// A peer that nobody said anything about.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Neither here nor in the settings.
    #[error("no address for peer `{0}`: set `peers.{0} = \"http://host:port\"`")]
    Unknown(String),
    /// Its address cannot be used.
    #[error("cannot use the address of peer `{peer}`: {source}")]
    Address {
        /// Its name.
        peer: String,
        /// Why.
        source: tonic::transport::Error,
    },
}

impl Context {
    /// A link to a peer: near if it lives in this process, far if `[peers]` has an address for it, and the link of
    /// another peer if `[peers]` has that one's name.
    ///
    /// # Errors
    /// Neither is the case.
    pub fn peer(&self, name: &str) -> Result<Link, PeerError> {
        let named = self.alias(name);
        if let Some(place) = self.places.get(&same(named)) {
            return Ok(Link::near(self.known(name), Arc::clone(place), self.ceiling));
        }
        match self.peers.get(named) {
            Some(address) if address.contains("://") => {
                Link::to(self.known(name), address, self.ceiling)
                    .map_err(|source| PeerError::Address { peer: name.to_owned(), source })
            }
            _ => Err(PeerError::Unknown(named.to_owned())),
        }
    }

    fn known(&self, name: &str) -> Arc<Peer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(same(name)).or_insert_with(|| Peer::new(name)))
    }

    /// The peer a name stands for: another peer's name where `[peers]` gives one, else itself. Two names that stand for
    /// the same peer reach the same process.
    #[must_use]
    pub fn alias<'a>(&'a self, name: &'a str) -> &'a str {
        match self.peers.get(name) {
            Some(other) if !other.contains("://") => other,
            _ => name,
        }
    }
}
