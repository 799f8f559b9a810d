//! What is laid once over the routes of every service: principal, limit, deadline, panics, trace.
//!
//! A handler mentions none of it. Over a socket and within the process the same stack answers, so both behave alike.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as _;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use self::call::Call;
use self::limit::Limit;
use self::trace::{Methods, Record};
use crate::principal::Principal;

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod deadline;
pub(crate) mod limit;
pub(crate) mod panics;
pub(crate) mod trace;

/// Told to the stack with a request: cancelled when streams on its connection are to end.
#[derive(Debug, Clone)]
pub(crate) struct Ending(pub(crate) CancellationToken);

/// The routes of one service with the stack over them. Clones share the limit.
///
/// One type and one boxed future instead of a tower of layers: each part is a function in its own file, and what is laid
/// over a call costs it one allocation for the head and one for the body.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    routes: Routes,
    limit: Limit,
    methods: Methods,
    ceiling: Duration,
    draining: CancellationToken,
}

impl Stack {
    /// Lays the stack over the `routes` of `service`: at most `places` requests at once, each for at most `ceiling` until the head of its
    /// answer; a stream that waits when `draining` is cancelled, or its connection ends, ends, too.
    pub(crate) fn new(
        service: &'static str,
        routes: Routes,
        places: usize,
        ceiling: Duration,
        draining: CancellationToken,
    ) -> Self {
        Self {
            routes: routes.prepare(),
            limit: Limit::new(service, places),
            methods: Methods::default(),
            ceiling,
            draining,
        }
    }

    async fn answer(mut self, mut request: Request<Body>) -> Response<Body> {
        let started = Instant::now();
        let method = request.uri().path_and_query().cloned();
        let mut record = Record::start(method.clone(), self.methods, started);
        let admitted = deadline::of(request.headers(), self.ceiling, started)
            .and_then(|due| Ok((due, self.limit.admit()?)));
        let (due, _place) = match admitted {
            Ok(admitted) => admitted,
            Err(status) => return refuse(status, &mut record),
        };
        record.begin();
        let ending = request.extensions_mut().remove::<Ending>();
        request.extensions_mut().insert(Principal::Local);
        let routes = &mut self.routes;
        let handling = panics::caught(async move { routes.call(request).await });
        let call = Call { method, deadline: due };
        let response = match timeout_at(due, call::within(call, handling)).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panicked)) => return refuse(panicked, &mut record),
            Err(_elapsed) => return refuse(deadline::exceeded(None), &mut record),
        };
        if response.body().is_end_stream() {
            record.finish(body::code(response.headers()));
            return response;
        }
        let ending = ending.map_or(self.draining, |Ending(ending)| ending);
        response.map(|body| Body::new(body::Answer::new(body, record, ending)))
    }
}

fn refuse(status: Status, record: &mut Record) -> Response<Body> {
    record.finish(status.code());
    status.into_http()
}

impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let stack = self.clone();
        Box::pin(async move { Ok(stack.answer(request).await) })
    }
}
