//! Numbers: as the chassis takes them, as a test reads them, and as a collector gets them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chassis::metrics::{self, testing};
use chassis::{House, Link};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use tonic::{Request, Response, Status};

#[path = "support/echo.rs"]
mod echo;

use echo::{ECHO, EchoApp, ask, tell};

const MAX: usize = 1 << 20;

async fn near() -> (chassis::Running, Link) {
    let running = House::new().host::<EchoApp>("").open().await.unwrap();
    let link = running.link("echo").unwrap();
    (running, link)
}

fn served(method: &str, code: &str) -> u64 {
    let labels = [("rpc.method", method), ("rpc.response.status_code", code)];
    testing::figures("rpc.server.call.duration", &labels).map_or(0, |figures| figures.count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_measured_by_method_and_code() {
    testing::start();
    let (_running, link) = near().await;
    let before =
        [served("test.v1.EchoService/Do", "OK"), served("test.v1.EchoService/Do", "NOT_FOUND")];
    tell(link.clone(), ECHO, Request::new(ask("sleep", 30)), MAX).await.unwrap();
    tell(link, ECHO, Request::new(ask("refuse", 0)), MAX).await.unwrap_err();
    let after =
        [served("test.v1.EchoService/Do", "OK"), served("test.v1.EchoService/Do", "NOT_FOUND")];
    assert_eq!(after, before.map(|count| count + 1));
    let labels = [("rpc.system.name", "grpc"), ("rpc.response.status_code", "OK")];
    let figures = testing::figures("rpc.server.call.duration", &labels).unwrap();
    assert!(figures.max >= 0.03 && figures.max < 10.0, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_somebody_made_up_is_no_label() {
    testing::start();
    let (_running, link) = near().await;
    let mut client = tonic::client::Grpc::new(link);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/test.v1.EchoService/AcmeSecret");
    let codec = tonic_prost::ProstCodec::<echo::Ask, echo::Answer>::default();
    client.unary(Request::new(ask("echo", 0)), path, codec).await.unwrap_err();
    assert_eq!(served("test.v1.EchoService/AcmeSecret", "UNIMPLEMENTED"), 0);
    assert_eq!(served("_OTHER", "UNIMPLEMENTED"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_is_shown() {
    testing::start();
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", probe.local_addr().unwrap());
    drop(probe);
    let link = Link::far("shown", &address, Duration::from_secs(5)).unwrap();
    let labels = [("peer", "shown")];
    assert_eq!(testing::value("callsheet.peer.circuit", &labels), Some(0.0));
    for _ in 0..21 {
        let mut request = Request::new(ask("echo", 0));
        request.set_timeout(Duration::from_millis(20));
        tell(link.clone(), ECHO, request, MAX).await.unwrap_err();
    }
    assert_eq!(testing::value("callsheet.peer.circuit", &labels), Some(2.0));
    assert_eq!(testing::value("callsheet.peer.refused", &labels), Some(1.0));
}

#[test]
fn handles_of_one_name_count_together_and_labels_apart() {
    testing::start();
    let (one, other) = (metrics::counter("test.things"), metrics::counter("test.things"));
    one.add(2, &[("kind", "a"), ("place", "x")]);
    other.clone().add(3, &[("place", "x"), ("kind", "a")]);
    other.add(10, &[("kind", "b")]);
    assert_eq!(testing::value("test.things", &[("kind", "a")]), Some(5.0));
    assert_eq!(testing::value("test.things", &[]), Some(15.0));
    assert_eq!(testing::value("test.things", &[("kind", "c")]), None);
    let gauge = metrics::gauge("test.level", "{thing}");
    gauge.record(4.0, &[]);
    gauge.record(3.0, &[]);
    assert_eq!(testing::value("test.level", &[]), Some(3.0));
    let histogram = metrics::histogram("test.lateness", "s");
    histogram.record(0.5, &[]);
    histogram.record(1.5, &[]);
    let figures = testing::figures("test.lateness", &[]).unwrap();
    assert_eq!((figures.count, figures.sum, figures.min, figures.max), (2, 2.0, 0.5, 1.5));
}

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportMetricsServiceRequest>>>);

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl Collector {
    async fn serve() -> (Self, SocketAddr) {
        let collector = Self::default();
        let incoming =
            tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let service = MetricsServiceServer::new(collector.clone());
        tokio::spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        (collector, address)
    }

    /// Everything received, as text.
    fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

/// The example service, which exports once an hour and when it ends.
fn program(
    collector: &str,
) -> (Child, SocketAddr, std::io::Lines<BufReader<std::process::ChildStderr>>) {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut child = Command::new(path.join("examples/echo"))
        .env_clear()
        .args(["--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("CALLSHEET_ECHO__TELEMETRY__OTLP_INTERVAL", "1h")
        .env("CALLSHEET_ECHO__TELEMETRY__FORMAT", "json")
        .env("CALLSHEET_ECHO__SERVER__LAME_DUCK", "0s")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            Some(line.unwrap().split("\"address\":\"127.").nth(1)?.split('"').next()?.to_owned())
        })
        .unwrap();
    (child, format!("127.{address}").parse().unwrap(), lines)
}

fn terminate(mut child: Child) -> Duration {
    let begun = Instant::now();
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success() && child.wait().unwrap().success());
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_numbers_before_the_process_ends() {
    let (collector, at) = Collector::serve().await;
    let (child, address, _lines) = program(&format!("http://{at}"));
    let link = Link::far("echo", &format!("http://{address}"), Duration::from_secs(5)).unwrap();
    let mut request = Request::new(ask("refuse", 0));
    request.metadata_mut().insert("authorization", "Bearer canary".parse().unwrap());
    tell(link, ECHO, request, MAX).await.unwrap_err();
    tokio::task::spawn_blocking(move || terminate(child)).await.unwrap();
    let received = collector.text();
    for part in [
        "rpc.server.call.duration",
        "test.v1.EchoService/Do",
        "NOT_FOUND",
        "service.instance.id",
        "\"echo\"",
        "service.namespace",
    ] {
        assert!(received.contains(part), "{part}: {received}");
    }
    assert!(!received.contains("canary"), "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_silent_disturbs_nothing() {
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = away.local_addr().unwrap();
    drop(away);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for collector in [refused, silent.local_addr().unwrap()] {
        let (child, address, lines) = program(&format!("http://{collector}"));
        let link = Link::far("echo", &format!("http://{address}"), Duration::from_secs(5)).unwrap();
        tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
        let took = tokio::task::spawn_blocking(move || terminate(child)).await.unwrap();
        assert!(took < Duration::from_secs(4), "{took:?}");
        let said: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(
            said.iter().any(|line| line.contains("last metrics were not exported")),
            "{said:?}"
        );
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for address in ["collector:4317", "https://collector:4317", "http://", "grpc://x:1"] {
        let house = House::alone::<EchoApp>().set(format!("telemetry.otlp = \"{address}\""));
        let problem = format!("{:#}", house.check().unwrap_err());
        assert!(problem.contains("telemetry.otlp") && problem.contains(address), "{problem}");
    }
    let house = House::alone::<EchoApp>().set("telemetry.otlp_interval = \"10ms\"");
    assert!(format!("{:#}", house.check().unwrap_err()).contains("otlp_interval"));
}
