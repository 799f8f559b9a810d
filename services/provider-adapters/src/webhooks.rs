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
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use chassis::Clock;
use chassis::metrics::{self, Counter, Histogram};
use chrono::{DateTime, Utc};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use remote::Http;
use signals::verify::Error;
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
/// Bytes of a body, at most: only Graph sends batches, of up to [`MAX_BODY`].
const LARGEST: usize = 256 * 1024;
/// Bytes of bodies that are held at once, at most: nobody has proved anything before theirs was read.
const BYTES: usize = 128 * 1024 * 1024;
/// Bytes that are counted together.
const UNIT: usize = 1024;
/// Bytes of a body that is checked beside other work: a batch of encrypted content takes a while.
const SMALL: usize = 16 * 1024;

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
    http: Http,
    clock: Arc<dyn Clock>,
    settings: config::Webhooks,
    room: Semaphore,
    /// What bodies may be held at once, in units of [`UNIT`].
    bytes: Semaphore,
}

impl Webhooks {
    /// Listens, without answering yet; nothing where that is not wanted.
    ///
    /// # Errors
    /// The address cannot be used.
    pub(crate) async fn open(
        settings: config::Webhooks,
        connections: Connections,
        (journal, http): (Journal, Http),
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        let Some(address) = settings.address()? else { return Ok(None) };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("`webhooks.listen`: cannot listen on `{address}`"))?;
        let room = Semaphore::new(settings.max_in_flight);
        let collector = Collector::start(journal);
        let bytes = Semaphore::new(BYTES / UNIT);
        let door = Door { connections, collector, http, clock, settings, room, bytes };
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
        let largest = if connection.provider == Provider::Teams { MAX_BODY } else { LARGEST };
        // Whoever does not say how much it is may send all there may be.
        let length = parts.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let units = length.unwrap_or(largest).min(largest).div_ceil(UNIT);
        let Ok(_bytes) = self.bytes.try_acquire_many(u32::try_from(units).unwrap_or(u32::MAX))
        else {
            return (StatusCode::SERVICE_UNAVAILABLE.into_response(), "trouble");
        };
        let Ok(body) = to_bytes(body, largest).await else {
            return (StatusCode::PAYLOAD_TOO_LARGE.into_response(), "forged");
        };
        let keys = &connection.proof.keys;
        keys.renew(&self.http).await;
        let request = Arc::new((parts, body));
        let mut verdict = self.judge(connection, &request).await;
        if misses_a_key(&verdict) && keys.missing(&self.http).await {
            verdict = self.judge(connection, &request).await;
        }
        if misses_a_key(&verdict) {
            keys.note(true);
        }
        match verdict {
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
            Verdict::Keep(parcels, unchecked) => {
                // All at once: they are kept by as few statements as they need.
                let kept = parcels.into_iter().map(|parcel| self.collector.keep(parcel));
                let kept = futures::future::join_all(kept).await;
                if let Some(error) = &unchecked {
                    warn!(connection = connection.name, %error, "part of a batch could not be checked");
                }
                // What was kept is not kept again when the rest comes.
                if unchecked.is_some() || kept.iter().any(Result::is_err) {
                    return (StatusCode::SERVICE_UNAVAILABLE.into_response(), "trouble");
                }
                let is_new = kept.iter().any(|kept| matches!(kept, Ok(true)));
                (well(connection.provider), if is_new { "kept" } else { "repeated" })
            }
        }
    }

    /// Checks a request; a large one where it holds up nobody else's.
    async fn judge(&self, connection: &Connection, request: &Arc<(Parts, Bytes)>) -> Verdict {
        let now = self.clock.now();
        if request.1.len() <= SMALL {
            return judge(connection, request, &self.settings.public_url, now);
        }
        let (connections, request) = (self.connections.clone(), Arc::clone(request));
        let (name, public_url) = (connection.name.clone(), self.settings.public_url.clone());
        let judged = tokio::task::spawn_blocking(move || {
            let connection = connections.get(&name)?;
            Some(judge(connection, &request, &public_url, now))
        });
        judged.await.ok().flatten().unwrap_or(Verdict::Ours(Error::NoSecret))
    }
}

fn judge(
    connection: &Connection,
    request: &(Parts, Bytes),
    public_url: &str,
    now: DateTime<Utc>,
) -> Verdict {
    let (parts, body) = request;
    verify::judge(
        connection,
        &Delivered {
            headers: &parts.headers,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            body,
            public_url,
            now,
        },
    )
}

/// Whether something was signed with a key we do not have.
fn misses_a_key(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Ours(Error::UnknownKey) | Verdict::Keep(_, Some(Error::UnknownKey)))
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
