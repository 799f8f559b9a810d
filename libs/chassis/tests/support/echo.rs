//! Two small services for tests: `echo` does as it is told, `relay` tells `echo`.

#![allow(dead_code, unreachable_pub, reason = "every test uses a part of it")]

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use chassis::{App, Built, Context, Link, Principal, ServiceError};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use http::uri::PathAndQuery;
use serde::Deserialize;
use tonic::body::Body;
use tonic::codec::Streaming;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

pub const ECHO: &str = "test.v1.EchoService";
pub const RELAY: &str = "test.v1.RelayService";

/// What to do.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Ask {
    #[prost(string, tag = "1")]
    pub what: String,
    #[prost(uint64, tag = "2")]
    pub amount: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub payload: Vec<u8>,
}

/// What came of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Answer {
    #[prost(uint64, tag = "1")]
    pub amount: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub payload: Vec<u8>,
}

pub fn ask(what: &str, amount: u64) -> Ask {
    Ask { what: what.to_owned(), amount, payload: Vec::new() }
}

#[derive(Debug, thiserror::Error)]
#[error("no such meeting `{name}`")]
pub struct Refusal {
    name: String,
    source: std::io::Error,
}

impl ServiceError for Refusal {
    fn code(&self) -> Code {
        Code::NotFound
    }
    fn reason(&self) -> &'static str {
        "ERROR_REASON_NO_MEETING"
    }
    fn violations(&self) -> Vec<chassis::FieldViolation> {
        vec![chassis::FieldViolation::new("what", "names nothing")]
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("shelf", "7".to_owned())]
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(3))
    }
}

/// Answers itself, or asks `peer`.
#[derive(Clone)]
pub struct Server<const RELAYS: bool> {
    state: Arc<State>,
}

struct State {
    peer: Option<Link>,
    service: String,
    max_message: usize,
    greeting: String,
}

impl NamedService for Server<false> {
    const NAME: &'static str = ECHO;
}

impl NamedService for Server<true> {
    const NAME: &'static str = RELAY;
}

async fn answer(state: &State, request: Request<Ask>) -> Result<Response<Answer>, Status> {
    let principal = request.extensions().get::<Principal>().cloned();
    let foreign = request.extensions().get::<&'static str>().copied();
    let ask = request.into_inner();
    if let Some(peer) = &state.peer {
        return tell(peer.clone(), &state.service, Request::new(ask), state.max_message)
            .await
            .map(Response::new);
    }
    let mut amount = 0;
    let mut payload = Vec::new();
    match ask.what.as_str() {
        "echo" => payload = ask.payload,
        "greet" => payload = state.greeting.clone().into_bytes(),
        "sleep" => tokio::time::sleep(Duration::from_millis(ask.amount)).await,
        "panic" => panic!("the title of a meeting"),
        "left" => {
            let due = chassis::deadline().ok_or_else(|| Status::internal("no deadline"))?;
            amount = u64::try_from((due - tokio::time::Instant::now()).as_millis()).unwrap_or(0);
        }
        "fill" => payload = vec![7; usize::try_from(ask.amount).unwrap_or(0)],
        "principal" => amount = u64::from(principal == Some(Principal::Local)),
        "foreign" => amount = u64::from(foreign.is_some()),
        "refuse" => {
            return Err(chassis::status(&Refusal {
                name: "x".to_owned(),
                source: std::io::Error::other("a secret of the database"),
            }));
        }
        other => return Err(Status::invalid_argument(format!("cannot `{other}`"))),
    }
    Ok(Response::new(Answer { amount, payload }))
}

struct Unary(Arc<State>);

impl UnaryService<Ask> for Unary {
    type Response = Answer;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Status>> + Send>>;
    fn call(&mut self, request: Request<Ask>) -> Self::Future {
        let state = Arc::clone(&self.0);
        async move { answer(&state, request).await }.boxed()
    }
}

/// One answer, and then nothing for ever, or a panic.
struct Watch;

impl ServerStreamingService<Ask> for Watch {
    type Response = Answer;
    type ResponseStream = BoxStream<'static, Result<Answer, Status>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;
    fn call(&mut self, request: Request<Ask>) -> Self::Future {
        let first = futures::stream::iter([Ok(Answer { amount: 1, payload: Vec::new() })]);
        let stream = match request.into_inner().what.as_str() {
            "panic" => first
                .chain(futures::stream::once(async {
                    // What is ready at once travels in one frame; the panic shall come after it.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    panic!("in a stream")
                }))
                .boxed(),
            "tick" => first
                .chain(futures::stream::iter(2..=21).then(|amount| async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(Answer { amount, payload: Vec::new() })
                }))
                .boxed(),
            _ => first.chain(futures::stream::pending()).boxed(),
        };
        async move { Ok(Response::new(stream)) }.boxed()
    }
}

impl<const RELAYS: bool> Service<http::Request<Body>> for Server<RELAYS> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let state = Arc::clone(&self.state);
        async move {
            let max = state.max_message;
            let mut grpc = Grpc::new(ProstCodec::<Answer, Ask>::default())
                .max_decoding_message_size(max)
                .max_encoding_message_size(max);
            Ok(if request.uri().path().ends_with("/Watch") {
                grpc.server_streaming(Watch, request).await
            } else if request.uri().path().ends_with("/Do") {
                grpc.unary(Unary(state), request).await
            } else {
                Status::unimplemented("no such method").into_http()
            })
        }
        .boxed()
    }
}

fn client(link: Link, max: usize) -> tonic::client::Grpc<Link> {
    tonic::client::Grpc::new(link).max_decoding_message_size(max).max_encoding_message_size(max)
}

/// Asks a service over a link.
pub async fn tell(
    link: Link,
    service: &str,
    request: Request<Ask>,
    max: usize,
) -> Result<Answer, Status> {
    let mut client = client(link, max);
    client.ready().await?;
    let path =
        PathAndQuery::try_from(format!("/{service}/Do")).map_err(|_| Status::internal("path"))?;
    let codec = ProstCodec::<Ask, Answer>::default();
    Ok(client.unary(request, path, codec).await?.into_inner())
}

/// Watches a service over a link.
pub async fn watch(link: Link, what: &str) -> Result<Streaming<Answer>, Status> {
    let mut client = client(link, 1 << 20);
    client.ready().await?;
    let path =
        PathAndQuery::try_from(format!("/{ECHO}/Watch")).map_err(|_| Status::internal("path"))?;
    let codec = ProstCodec::<Ask, Answer>::default();
    Ok(client.server_streaming(Request::new(ask(what, 0)), path, codec).await?.into_inner())
}

#[derive(Debug, Deserialize)]
pub struct Config {
    pub greeting: Greeting,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    pub text: String,
    pub times: usize,
    #[serde(with = "chassis::period")]
    pub pause: Duration,
    #[serde(default)]
    pub reply: Option<Reply>,
}

#[derive(Debug, Deserialize)]
pub struct Reply {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub times: usize,
}

#[derive(Debug)]
pub struct EchoApp;

impl App for EchoApp {
    const NAME: &'static str = "echo";
    const SERVICES: &'static [&'static str] = &[ECHO];
    const DESCRIPTORS: &'static [&'static [u8]] = &[tonic_health::pb::FILE_DESCRIPTOR_SET];
    const DEFAULTS: &'static str = r#"
[server]
listen = "127.0.0.1:7999"
[greeting]
text = "hello"
times = 1
pause = "10ms"
"#;
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(config.greeting.times > 0, "`greeting.times` must be at least 1");
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let Greeting { text, times, pause: _, reply: _ } = config.greeting;
        let state = State {
            peer: None,
            service: String::new(),
            max_message: context.max_message,
            greeting: text.repeat(times),
        };
        let shutdown = context.shutdown.clone();
        Ok(Built::new(Routes::new(Server::<false> { state: Arc::new(state) }))
            .task("wait", async move { shutdown.cancelled().await }))
    }
}

#[derive(Debug)]
pub struct RelayApp;

/// Which service of its peer it asks.
#[derive(Debug, Deserialize)]
pub struct Relaying {
    pub service: String,
}

#[derive(Debug, Deserialize)]
pub struct Nothing {}

impl App for RelayApp {
    const NAME: &'static str = "re-lay";
    const SERVICES: &'static [&'static str] = &[RELAY];
    const DESCRIPTORS: &'static [&'static [u8]] = &[];
    const DEFAULTS: &'static str =
        "service = \"test.v1.EchoService\"\n[peers]\nfriend = \"echo\"\n";
    type Config = Relaying;

    async fn build(config: Relaying, context: Context) -> anyhow::Result<Built> {
        let state = State {
            peer: Some(context.peer("friend")?),
            service: config.service,
            max_message: context.max_message,
            greeting: String::new(),
        };
        Ok(Built::new(Routes::new(Server::<true> { state: Arc::new(state) })))
    }
}

/// A service whose task falls over.
#[derive(Debug)]
pub struct FallingApp;

impl App for FallingApp {
    const NAME: &'static str = "falling";
    const SERVICES: &'static [&'static str] = &["test.v1.FallingService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[];
    const DEFAULTS: &'static str = "";
    type Config = Nothing;

    async fn build(_: Nothing, _: Context) -> anyhow::Result<Built> {
        Ok(Built::new(Routes::default()).task("fall", async { panic!("on purpose") }))
    }
}
