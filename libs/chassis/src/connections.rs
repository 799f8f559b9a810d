//! Connections: taken in, told to go when they are old or the server ends, cut when there is no more time.
//!
//! Telling to go is HTTP/2's GOAWAY: the peer sends new requests over a new connection, which a balancer may lead to another
//! server; those on this connection are answered.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tower::Service;
use tracing::debug;

use crate::chance::chance;
use crate::link::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::stack::Ending;

/// How long a new connection may say nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// And how long when the server ends: what was sent before is there by then.
const LAST_WORD: Duration = Duration::from_millis(250);
/// How long to wait after a connection could not be taken in: there are too many, or it is gone already.
const BREATH: Duration = Duration::from_millis(20);

/// How long connections live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    /// After this, a tenth more or less by chance, a connection is told to go.
    pub(crate) most: Duration,
    /// After this long again, streams on it that wait for something to say end.
    pub(crate) grace: Duration,
}

/// Serves until `stop` and until every connection has been answered. `cut` ends those that are not by then.
pub(crate) async fn serve<S>(
    service: S,
    mut incoming: TcpIncoming,
    age: Age,
    stop: CancellationToken,
    cut: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let connections = TaskTracker::new();
    let take = |stream| {
        connections.spawn(connection(stream, service.clone(), age, stop.clone(), cut.clone()));
    };
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = incoming.next() => next,
        };
        match next {
            Some(Ok(stream)) => take(stream),
            Some(Err(error)) => {
                debug!(%error, "a connection could not be taken in");
                sleep(BREATH).await;
            }
            None => break,
        }
    }
    // Those the system has greeted already: closing the socket would reset them, with requests on them.
    while let Some(Some(Ok(stream))) = incoming.next().now_or_never() {
        take(stream);
    }
    drop(incoming);
    connections.close();
    connections.wait().await;
}

async fn connection<S>(
    stream: TcpStream,
    service: S,
    age: Age,
    stop: CancellationToken,
    cut: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    if !speaks(&stream, &stop).await {
        return;
    }
    let ending = stop.child_token();
    let requests = service_fn({
        let ending = ending.clone();
        move |request: Request<hyper::body::Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Ending(ending.clone()));
            service.clone().call(request)
        }
    });
    let mut serving = pin!(
        Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(1024)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10))
            .serve_connection(TokioIo::new(stream), requests)
    );
    let most = age.most.mul_f64(0.9 + 0.2 * chance());
    tokio::select! {
        ended = serving.as_mut() => return tell(ended),
        () = stop.cancelled() => {}
        () = sleep(most) => {}
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        ended = serving.as_mut() => return tell(ended),
        () = stop.cancelled() => {}
        () = sleep(age.grace) => ending.cancel(),
    }
    tokio::select! {
        ended = serving.as_mut() => tell(ended),
        () = cut.cancelled() => {}
    }
}

/// Waits for the first byte. Who connects and says nothing holds up no end.
async fn speaks(stream: &TcpStream, stop: &CancellationToken) -> bool {
    let mut first = [0];
    let mut word = pin!(stream.peek(&mut first));
    let spoken = tokio::select! {
        spoken = timeout(SILENCE, word.as_mut()) => spoken,
        () = stop.cancelled() => timeout(LAST_WORD, word).await,
    };
    matches!(spoken, Ok(Ok(1)))
}

fn tell(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(%error, "a connection ended in disorder");
    }
}
