//! A way to a peer: its own stack where it lives in this process, a channel where it does not.

use std::error::Error as _;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, TimeoutExpired};
use tower::Service;
use tracing::warn;

use crate::stack::{Stack, call, deadline};
use crate::status::{chain, of_chassis};

/// How much sooner than ours a peer's answer is due, so that we can still make something of its silence.
const MARGIN: Duration = Duration::from_millis(2);

/// Windows of HTTP/2: a batch of calls should not wait for updates.
pub(crate) const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
pub(crate) const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// Where the stack of a hosted service will be once it is built.
pub(crate) type Place = Arc<OnceLock<Stack>>;

/// What a client is made over: `EligibilityServiceClient::new(link)`. Cheap to clone.
///
/// Every request carries the time that is left: to the deadline of the request being served, or of the caller's own
/// `set_timeout` if that is sooner, or else the ceiling of the settings. Whatever goes wrong on the way to the peer comes
/// back as a status: DEADLINE_EXCEEDED for silence, UNAVAILABLE for a peer that cannot be reached.
///
/// The deadline lives in the task that serves the request: a handler that spawns takes [`crate::deadline`] along and sets
/// it on its requests.
#[derive(Clone)]
pub struct Link {
    peer: Arc<str>,
    ceiling: Duration,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Near(Place),
    Far(Channel),
}

impl Link {
    /// A link to a service of this process, which may not be built yet.
    pub(crate) fn near(peer: &str, place: Place, ceiling: Duration) -> Self {
        Self { peer: peer.into(), ceiling, way: Way::Near(place) }
    }

    /// A link to a server elsewhere, at `http://host:port`. Connects with the first request, and again whenever needed.
    ///
    /// # Errors
    /// The address is none.
    pub fn far(
        peer: &str,
        address: &str,
        ceiling: Duration,
    ) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(address.to_owned())?
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .connect_lazy();
        Ok(Self { peer: peer.into(), ceiling, way: Way::Far(channel) })
    }

    /// Whether the peer lives in this process. For logs; nothing should depend on it.
    #[must_use]
    pub fn is_near(&self) -> bool {
        matches!(self.way, Way::Near(_))
    }

    fn due(&self, request: &Request<Body>, now: Instant) -> Instant {
        let asked = deadline::granted(request.headers()).map(|granted| now + granted);
        let given = call::deadline().map(|due| due.checked_sub(MARGIN).unwrap_or(due));
        match (asked, given) {
            (Some(asked), Some(given)) => asked.min(given),
            (Some(due), None) | (None, Some(due)) => due,
            (None, None) => now + self.ceiling,
        }
    }

    fn lost(peer: &str, error: &tonic::transport::Error) -> Status {
        let mut source = error.source();
        while let Some(cause) = source {
            if cause.is::<TimeoutExpired>() {
                return deadline::exceeded(Some(peer));
            }
            source = cause.source();
        }
        warn!(peer, error = chain(error), "peer cannot be reached");
        unreachable(peer, "cannot be reached")
    }
}

fn unreachable(peer: &str, why: &str) -> Status {
    of_chassis(
        Code::Unavailable,
        "ERROR_REASON_PEER_UNAVAILABLE",
        &format!("peer `{peer}` {why}"),
        &[("peer", peer)],
        None,
    )
}

impl Service<Request<Body>> for Link {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &mut self.way {
            Way::Near(_) => Poll::Ready(Ok(())),
            Way::Far(channel) => {
                channel.poll_ready(context).map_err(|error| Self::lost(&self.peer, &error))
            }
        }
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let now = Instant::now();
        let due = self.due(&request, now);
        let left = due.saturating_duration_since(now);
        if left < deadline::LEAST {
            return Box::pin(ready(Err(deadline::exceeded(Some(&self.peer)))));
        }
        request.headers_mut().insert(deadline::GRPC_TIMEOUT, deadline::header(left));
        match &mut self.way {
            Way::Near(place) => match place.get() {
                Some(stack) => {
                    // What a caller keeps in its request does not travel; over a socket it could not either.
                    request.extensions_mut().clear();
                    let mut stack = stack.clone();
                    Box::pin(async move {
                        match stack.call(request).await {
                            Ok(mut response) => {
                                response.extensions_mut().clear();
                                Ok(response)
                            }
                            Err(never) => match never {},
                        }
                    })
                }
                None => Box::pin(ready(Err(unreachable(&self.peer, "is still starting")))),
            },
            Way::Far(channel) => {
                let peer = Arc::clone(&self.peer);
                let answer = channel.call(request);
                Box::pin(async move {
                    match timeout_at(due, answer).await {
                        Ok(answer) => answer.map_err(|error| Self::lost(&peer, &error)),
                        Err(_elapsed) => Err(deadline::exceeded(Some(&peer))),
                    }
                })
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("peer", &self.peer).field("near", &self.is_near()).finish()
    }
}
