//! Fleets of bots: people who run bots of their own connect, take attempts, and tell what happens in them.
//!
//! The stream of a fleet is at one replica; what it is offered and told comes from the database, so each replica looks for
//! the fleets that are connected to it. Nothing of a fleet is remembered only here: it may come back at another replica.

mod line;
mod minder;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chassis::Clock;
use futures::Stream;
use proto::provider::v1;
use proto::provider::v1::bot_fleet_service_server::BotFleetService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::attempts::Attempt;
use crate::config;
use crate::journal::{Due, Fleet, Journal};

use line::Line;

/// Messages that wait for a fleet to read them.
const QUEUE: usize = 256;

/// What goes to a fleet.
type Told = Result<v1::ServeResponse, Status>;

/// The fleets connected to this replica. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Fleets {
    journal: Journal,
    clock: Arc<dyn Clock>,
    settings: config::Fleets,
    shutdown: CancellationToken,
    lines: Arc<Lines>,
}

/// Streams that are open here, each under a number of its own.
#[derive(Debug, Default)]
struct Lines {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

/// A stream, as far as others need to know of it.
#[derive(Debug)]
struct Open {
    fleet: Fleet,
    /// Numbers of the adapters it can join, as they are stored.
    adapters: Vec<i16>,
    /// So many more attempts it can take.
    free: u32,
    /// What goes to it.
    told: mpsc::Sender<Told>,
    /// What was told and not confirmed yet, with the instant it was told.
    unconfirmed: Vec<(Due, tokio::time::Instant)>,
    /// Attempts that it accepted, was reminded of, or named: what it does not name any more has failed.
    known: HashMap<Attempt, tokio::time::Instant>,
}

impl Lines {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a stream, if it is still open.
    fn with<T>(&self, number: u64, change: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.lock().get_mut(&number).map(change)
    }

    fn add(&self, open: Open) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, open);
        number
    }

    /// Forgets a stream, and answers what it was told and has not confirmed.
    fn remove(&self, number: u64) -> Vec<(Due, tokio::time::Instant)> {
        self.lock().remove(&number).map(|open| open.unconfirmed).unwrap_or_default()
    }
}

impl Fleets {
    /// Fleets that work from a journal.
    pub(crate) fn new(
        journal: Journal,
        clock: Arc<dyn Clock>,
        settings: config::Fleets,
        shutdown: CancellationToken,
    ) -> Self {
        Self { journal, clock, settings, shutdown, lines: Arc::default() }
    }
}

#[tonic::async_trait]
impl BotFleetService for Fleets {
    type ServeStream = Pin<Box<dyn Stream<Item = Told> + Send>>;

    async fn serve(
        &self,
        request: Request<Streaming<v1::ServeRequest>>,
    ) -> Result<Response<Self::ServeStream>, Status> {
        if !self.settings.enabled {
            return Err(Status::failed_precondition("no fleets of bots are wanted here"));
        }
        if self.lines.lock().len() >= self.settings.streams {
            return Err(Status::resource_exhausted("as many fleets are connected as may be"));
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let line = Line::new(self.clone(), sender);
        tokio::spawn(line.run(request.into_inner()));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn offer(offer: v1::Offer) -> v1::ServeResponse {
    v1::ServeResponse { told: Some(v1::serve_response::Told::Offer(offer)) }
}

fn withdrawal(attempt: &Attempt, adapter: i32) -> v1::ServeResponse {
    let withdrawal = v1::Withdrawal { attempt: Some(attempt.into()), adapter };
    v1::ServeResponse { told: Some(v1::serve_response::Told::Withdrawal(withdrawal)) }
}
