//! A way to a peer: its own stack where it lives in this process, a channel where it does not.

use std::error::Error as _;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::poll_fn;
use http::{Request, Response};
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, TimeoutExpired};
use tower::Service;
use tracing::warn;

use self::begun::{Answered, never_begun};
use self::peer::{Call, Peer};
use self::replay::Replay;
use crate::stack::{Stack, call, deadline};
use crate::status::{PEER_UNAVAILABLE, chain, of_chassis};

pub(crate) mod begun;
mod breaker;
mod budget;
pub(crate) mod peer;
mod replay;

/// How much sooner than ours a peer's answer is due, so that we can still make something of its silence.
const MARGIN: Duration = Duration::from_millis(2);

/// Less than this, granted by whoever asks us and less than half of what the peer usually has, tells nothing of the peer if
/// it runs out.
const FAIR: Duration = Duration::from_secs(1);

/// How often a call is made again at most.
const REPEATED: u32 = 2;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// While it waits for an answer, a connection is asked this often whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// And is given up when it says nothing for this long; so a peer that fell silent and came back is found again soon.
const SILENCE: Duration = Duration::from_secs(3);

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
/// A call that has certainly not begun, because the peer could not be connected to or was going away, is made again by
/// itself, twice at most and as long as its deadline and a budget of one repetition for ten calls allow. No other layer
/// repeats. A peer that fails half of its calls is left alone for a while: then calls end at once with UNAVAILABLE and
/// `circuit=open` in the metadata of their `ErrorInfo`. Of a stream only its beginning counts, and silence does not count
/// where the request being served had hardly any time left: who is in a hurry speaks against nobody. All links that a
/// process has to one peer share what they know of it.
///
/// The deadline lives in the task that serves the request: a handler that spawns takes [`crate::deadline`] along and sets
/// it on its requests.
#[derive(Clone)]
pub struct Link {
    peer: Arc<Peer>,
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
    pub(crate) fn near(peer: Arc<Peer>, place: Place, ceiling: Duration) -> Self {
        Self { peer, ceiling, way: Way::Near(place) }
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
        Self::to(Peer::new(peer), address, ceiling)
    }

    /// The same, to a peer that something is known of.
    pub(crate) fn to(
        peer: Arc<Peer>,
        address: &str,
        ceiling: Duration,
    ) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(address.to_owned())?
            .tcp_nodelay(true)
            .connect_timeout(CONNECTING)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(SILENCE)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .connect_lazy();
        Ok(Self { peer, ceiling, way: Way::Far(channel) })
    }

    /// Whether the peer lives in this process. For logs; nothing should depend on it.
    #[must_use]
    pub fn is_near(&self) -> bool {
        matches!(self.way, Way::Near(_))
    }

    fn due(&self, request: &Request<Body>, now: Instant) -> Due {
        let asked = deadline::granted(request.headers());
        let given = call::deadline().map(|due| due.checked_sub(MARGIN).unwrap_or(due));
        let usual = asked.unwrap_or(self.ceiling);
        let at = match (asked, given) {
            (Some(asked), Some(given)) => (now + asked).min(given),
            (None, Some(given)) => given,
            (_, None) => now + usual,
        };
        let left = at.saturating_duration_since(now);
        Due { at, hurried: left < FAIR && left < usual / 2 }
    }
}

/// When an answer is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    /// That is so soon, for somebody else's reasons, that silence says nothing.
    hurried: bool,
}

impl Due {
    /// Notes how a call ended.
    fn ended(self, call: Call, answered: Answered) {
        if self.hurried && answered.silent {
            // Given up by whoever asks us, as it were.
            drop(call);
        } else {
            call.ended(answered.failed);
        }
    }
}

impl Service<Request<Body>> for Link {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    /// Always ready: what there is to wait for is waited for under the deadline of the request.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let now = Instant::now();
        let due = self.due(&request, now);
        if let Err(status) = grant(&mut request, due.at, now, self.peer.name()) {
            return Box::pin(ready(Err(status)));
        }
        let call = match self.peer.admit(now) {
            Ok(call) => call,
            Err(status) => return Box::pin(ready(Err(status))),
        };
        match &self.way {
            Way::Near(place) => Box::pin(near(call, Arc::clone(place), request, due)),
            Way::Far(channel) => Box::pin(far(call, channel.clone(), request, due)),
        }
    }
}

/// Writes the time left until `due` into the request, if that is worth beginning with.
fn grant(
    request: &mut Request<Body>,
    due: Instant,
    now: Instant,
    peer: &str,
) -> Result<(), Status> {
    let left = due.saturating_duration_since(now);
    if left < deadline::LEAST {
        return Err(deadline::exceeded(Some(peer)));
    }
    request.headers_mut().insert(deadline::GRPC_TIMEOUT, deadline::header(left));
    Ok(())
}

/// Asks a service of this process.
async fn near(
    call: Call,
    place: Place,
    mut request: Request<Body>,
    due: Due,
) -> Result<Response<Body>, Status> {
    let mut repeated = 0;
    let stack = loop {
        if let Some(stack) = place.get() {
            break stack;
        }
        if !pause(&call, &mut repeated, Duration::ZERO, due.at).await {
            let status = unreachable(call.peer().name(), "is still starting");
            call.ended(true);
            return Err(status);
        }
        grant(&mut request, due.at, Instant::now(), call.peer().name())?;
    };
    // What a caller keeps in its request does not travel; over a socket it could not either.
    request.extensions_mut().clear();
    let mut response = match stack.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    response.extensions_mut().clear();
    due.ended(call, Answered::of(response.headers()));
    Ok(response)
}

/// Asks a server elsewhere, and once more if it has certainly not begun.
async fn far(
    call: Call,
    channel: Channel,
    request: Request<Body>,
    due: Due,
) -> Result<Response<Body>, Status> {
    let (mut parts, body) = request.into_parts();
    let mut replay = Replay::gather(body).await;
    let mut repeated = 0;
    loop {
        let again = replay.again() && repeated < REPEATED;
        let head = again.then(|| parts.clone());
        let (outcome, answered) =
            match attempt(&channel, Request::from_parts(parts, replay.body()), due.at).await {
                Ok(response) => {
                    let answered = Answered::of(response.headers());
                    (Ok(response), answered)
                }
                Err(Lost::Silent) => {
                    (Err(deadline::exceeded(Some(call.peer().name()))), Answered::SILENT)
                }
                Err(Lost::Gone { begun, chain }) => {
                    let peer = call.peer().name();
                    warn!(peer, begun, error = chain, "peer cannot be reached");
                    let again = (!begun).then_some(Duration::ZERO);
                    (
                        Err(unreachable(peer, "cannot be reached")),
                        Answered { failed: true, silent: false, again },
                    )
                }
            };
        let (Some(head), Some(least)) = (head, answered.again) else {
            due.ended(call, answered);
            return outcome;
        };
        if !pause(&call, &mut repeated, least, due.at).await {
            due.ended(call, answered);
            return outcome;
        }
        let mut next = Request::from_parts(head, Body::empty());
        if grant(&mut next, due.at, Instant::now(), call.peer().name()).is_err() {
            due.ended(call, answered);
            return outcome;
        }
        parts = next.into_parts().0;
    }
}

/// Why there is no answer.
enum Lost {
    /// None came in time.
    Silent,
    /// The way to the peer broke, or there is none.
    Gone { begun: bool, chain: String },
}

async fn attempt(
    channel: &Channel,
    request: Request<Body>,
    due: Instant,
) -> Result<Response<Body>, Lost> {
    let mut channel = channel.clone();
    let asked = async move {
        poll_fn(|context| channel.poll_ready(context)).await?;
        channel.call(request).await
    };
    let error = match timeout_at(due, asked).await {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(error)) => error,
        Err(_elapsed) => return Err(Lost::Silent),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<TimeoutExpired>() {
            return Err(Lost::Silent);
        }
        source = cause.source();
    }
    Err(Lost::Gone { begun: !never_begun(&error), chain: chain(&error) })
}

/// Waits before a call is made again, if it may be and its deadline is not over by then.
async fn pause(call: &Call, repeated: &mut u32, least: Duration, due: Instant) -> bool {
    if *repeated >= REPEATED || Instant::now() + least + deadline::LEAST >= due {
        return false;
    }
    let Some(wait) = call.repeat(*repeated) else { return false };
    let until = Instant::now() + wait.max(least);
    if until + deadline::LEAST >= due {
        return false;
    }
    *repeated += 1;
    tokio::time::sleep_until(until).await;
    true
}

fn unreachable(peer: &str, why: &str) -> Status {
    of_chassis(
        Code::Unavailable,
        PEER_UNAVAILABLE,
        &format!("peer `{peer}` {why}"),
        &[("peer", peer)],
        None,
    )
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("peer", &self.peer.name())
            .field("near", &self.is_near())
            .finish()
    }
}
