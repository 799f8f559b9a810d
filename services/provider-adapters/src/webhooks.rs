//! Where providers deliver their webhooks: verified over their bytes, kept, and answered, all within the time a provider
//! waits. What they mean is worked out afterwards.
//!
//! | answer | to |
//! |---|---|
//! | 2xx as the provider wants it | what was kept, what was kept before, and what is believed but not wanted |
//! | 401 | what is forged, and nothing else: most providers never repeat what was answered so |
//! | 404, 405, 413 | what is no webhook at all |
//! | 503 | whatever is our own trouble, for the provider to come again |

mod collect;
mod verify;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use chassis::Clock;
use chassis::metrics::{self, Counter, Histogram};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use signals::{MAX_BODY, Provider, Reply};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config;
use crate::connections::{Connection, Connections};
use crate::journal::Journal;

use collect::Collector;
use verify::{Delivered, Verdict};

/// How long somebody may take to say what they want, or to say anything again.
const HEADERS: Duration = Duration::from_secs(15);
/// How long requests under way may take when it is time to end.
const GRACE: Duration = Duration::from_secs(3);

/// Webhooks by `provider` and `result`: `kept`, `repeated`, `challenge` of a provider that asks whether we are who it
/// thinks, `stale` where it was signed too long ago, `unwanted` where it is of another account, `forged`, `trouble` of our
/// own.
static WEBHOOKS: Counter = metrics::counter("callsheet.webhooks");

/// How long an answer took, by `provider`.
static DURATION: Histogram = metrics::histogram("callsheet.webhook.duration", "s");

/// The listener, with everything its answers need.
#[derive(Debug)]
pub(crate) struct Webhooks {
    listener: TcpListener,
    door: Arc<Door>,
    shutdown: CancellationToken,
}

/// What an answer needs.
#[derive(Debug)]
struct Door {
    connections: Connections,
    collector: Collector,
    clock: Arc<dyn Clock>,
    settings: config::Webhooks,
    room: Semaphore,
}

impl Webhooks {
    /// Listens, without answering yet; nothing where that is not wanted.
    ///
    /// # Errors
    /// The address cannot be used.
    pub(crate) async fn open(
        settings: config::Webhooks,
        connections: Connections,
        journal: Journal,
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        let Some(address) = settings.address()? else { return Ok(None) };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("`webhooks.listen`: cannot listen on `{address}`"))?;
        let room = Semaphore::new(settings.max_in_flight);
        let collector = Collector::start(journal);
        let door = Door { connections, collector, clock, settings, room };
        Ok(Some(Self { listener, door: Arc::new(door), shutdown }))
    }

    /// Answers until shutdown.
    pub(crate) async fn run(self) {
        let address = self.listener.local_addr().ok().map(|at: SocketAddr| at.to_string());
        info!(address, "listening for webhooks");
        let room = Arc::new(Semaphore::new(self.door.settings.max_in_flight.saturating_mul(2)));
        let app = Router::new().route("/webhooks/{connection}", post(answer)).with_state(self.door);
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = self.shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of descriptors, most likely: those that are open end by themselves.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Beyond that nobody is kept waiting without a word: a provider takes it for a failure, and comes again.
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
            let served = serve(stream, app.clone(), self.shutdown.clone());
            open.spawn(async move {
                served.await;
                drop(place);
            });
        }
        open.close();
        // Requests end within their ceiling.
        drop(tokio::time::timeout(GRACE, open.wait()).await);
    }
}

/// Serves one connection: one that says nothing, or says it too slowly, ends.
async fn serve(stream: TcpStream, app: Router, shutdown: CancellationToken) {
    let service = TowerToHyperService::new(app);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Who goes in the middle of a request has not been answered, and comes again.
    drop(ended);
}

async fn answer(
    State(door): State<Arc<Door>>,
    Path(connection): Path<String>,
    request: Request<Body>,
) -> Response {
    let Some(connection) = door.connections.get(&connection) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let provider = connection.provider.as_str();
    let began = Instant::now();
    // Turned away before its body is read: what comes again costs less than what is begun and not finished.
    let answered = match door.room.try_acquire() {
        Ok(_room) => {
            let taken = tokio::time::timeout(door.settings.ceiling, door.take(connection, request));
            taken
                .await
                .unwrap_or_else(|_| (StatusCode::SERVICE_UNAVAILABLE.into_response(), "trouble"))
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE.into_response(), "trouble"),
    };
    let (response, result) = answered;
    WEBHOOKS.add(1, &[("provider", provider), ("result", result)]);
    DURATION.record(began.elapsed().as_secs_f64(), &[("provider", provider)]);
    response
}

impl Door {
    async fn take(
        &self,
        connection: &Connection,
        request: Request<Body>,
    ) -> (Response, &'static str) {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            return (StatusCode::PAYLOAD_TOO_LARGE.into_response(), "forged");
        };
        let delivered = Delivered {
            headers: &parts.headers,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            body: &body,
            public_url: &self.settings.public_url,
            now: self.clock.now(),
        };
        match verify::judge(connection, &delivered) {
            Verdict::Reply(reply) => (sent(reply), "challenge"),
            Verdict::Stale => (StatusCode::OK.into_response(), "stale"),
            Verdict::Unwanted => (well(connection.provider), "unwanted"),
            Verdict::Forged(error) => {
                connection.refuse();
                info!(connection = connection.name, %error, "a webhook was not believed");
                // Graph is answered well whatever comes of it, or it stops to come.
                if connection.provider == Provider::Teams {
                    return (well(connection.provider), "forged");
                }
                (StatusCode::UNAUTHORIZED.into_response(), "forged")
            }
            Verdict::Ours(error) => {
                warn!(connection = connection.name, %error, "a webhook could not be checked");
                (StatusCode::SERVICE_UNAVAILABLE.into_response(), "trouble")
            }
            Verdict::Keep(parcels) => {
                let mut result = "repeated";
                for parcel in parcels {
                    match self.collector.keep(parcel).await {
                        Ok(true) => result = "kept",
                        Ok(false) => {}
                        Err(_) => {
                            return (StatusCode::SERVICE_UNAVAILABLE.into_response(), "trouble");
                        }
                    }
                }
                (well(connection.provider), result)
            }
        }
    }
}

/// What a provider takes for a good answer.
fn well(provider: Provider) -> Response {
    if provider == Provider::Teams { StatusCode::ACCEPTED } else { StatusCode::OK }.into_response()
}

/// An answer of the provider's own form.
fn sent(reply: Reply) -> Response {
    let mut response = Response::builder().status(reply.status);
    if let Some(kind) = reply.content_type {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(reply.body))
        .unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
}
