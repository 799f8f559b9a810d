//! Serves a provider's routes on a loopback port, with faults.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::log::Seen;
use crate::{Fault, Faults, Log};

/// An answer that is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

impl Reply {
    /// A status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status).body("application/json;charset=UTF-8", body.to_string())
    }

    /// Another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body.
    #[must_use]
    pub fn body(mut self, kind: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), kind)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a status");
        for (name, value) in self.headers {
            let name: HeaderName = name.parse().expect("the name of a header");
            let value: HeaderValue = value.parse().expect("the value of a header");
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// A provider on a loopback port. When it is dropped, it and all its connections are gone.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    // Aborts what is in it when it is dropped.
    _running: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    routes: Router,
    faults: Faults,
    log: Log,
}

impl Server {
    /// Serves routes on a free port, within the runtime that is running.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start(routes: Router) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), routes).await
    }

    /// Serves routes at an address, for instance that of a server that is gone.
    ///
    /// # Panics
    /// The address is taken.
    pub async fn start_at(address: SocketAddr, routes: Router) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { routes, faults: Faults::default(), log: Log::default() });
        let mut running = JoinSet::new();
        running.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _running: running }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, as `http://127.0.0.1:4711` with a path behind it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What it was asked.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.shared.log
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { shared.answer(request).await }
            });
            // An error of the service ends the connection, which is what it is for.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The connection is to break.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped")
    }
}

impl std::error::Error for Dropped {}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Dropped> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        let path = parts.uri.path().to_owned();
        let place = self.log.push(Seen {
            method: parts.method.clone(),
            path: path.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            body: body.clone(),
            status: None,
            carried_out: false,
        });
        let fault = self.faults.strike(&parts.method, &path);
        let before = match &fault {
            Some(Fault::DropBefore) => return Err(Dropped),
            Some(Fault::Answer(reply)) => Some(reply.clone().into_response()),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(*time).await;
                None
            }
            _ => None,
        };
        let response = if let Some(response) = before {
            response
        } else {
            self.log.note(place, |seen| seen.carried_out = true);
            let request = Request::from_parts(parts, Body::from(body));
            self.routes
                .clone()
                .oneshot(request)
                .await
                .unwrap_or_else(|never: Infallible| match never {})
        };
        let response = match fault {
            Some(Fault::AnswerAfter(reply)) => reply.into_response(),
            Some(Fault::DropAfter) => return Err(Dropped),
            Some(Fault::SlowAfter(time)) => {
                tokio::time::sleep(time).await;
                response
            }
            Some(Fault::Cut) => cut(response).await,
            Some(Fault::Page) => {
                let page = "<html><body>Please come back later.</body></html>";
                Reply::status(200).body("text/html", page).into_response()
            }
            Some(Fault::Answer(_) | Fault::Slow(_) | Fault::DropBefore) | None => response,
        };
        self.log.note(place, |seen| seen.status = Some(response.status().as_u16()));
        Ok(response)
    }
}

/// The answer, promised whole and broken off in the middle.
async fn cut(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    let half = whole.slice(..whole.len() / 2);
    Response::from_parts(parts, Body::new(Broken(Some(half))))
}

/// A body that fails after its first piece.
#[derive(Debug)]
struct Broken(Option<Bytes>);

impl hyper::body::Body for Broken {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        Poll::Ready(Some(self.0.take().map(Frame::data).ok_or(Dropped)))
    }
}
