//! Uploads imported over real sockets into real stores, with every kind of database.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use chassis::{House, Running};
use chrono::Utc;
use data_encoding::HEXLOWER;
use fakes::{Fault, Match, wav};
use futures::StreamExt as _;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use storage::StoreConfig;
use storage::testing::{Engine, engines};
use tonic::transport::Endpoint;

/// What opens the customer's links; nobody may see it.
const TOKEN: &str = "t0ken-of-a-customer";

/// When so much has arrived, that was noted.
const NOTED: u64 = 17 << 20;

/// A customer's server of files.
struct Customer {
    server: fakes::Server,
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl Customer {
    async fn with(files: &[(&str, Bytes)]) -> Self {
        let files: BTreeMap<String, Bytes> =
            files.iter().map(|(name, bytes)| (format!("/{name}"), bytes.clone())).collect();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&ranges);
        let routes = Router::new().fallback(move |request: Request| {
            let range = request.headers().get("range").map(|it| it.to_str().unwrap().to_owned());
            asked.lock().unwrap().push(range.clone());
            let reply = reply(&files, request.uri().path(), range.as_deref());
            async move { reply }
        });
        Self { server: fakes::Server::start(routes).await, ranges }
    }

    fn link(&self, file: &str) -> String {
        format!("http://{}/{file}?token={TOKEN}", self.server.address())
    }

    fn asked(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn reply(files: &BTreeMap<String, Bytes>, path: &str, range: Option<&str>) -> Response {
    let answer = |status: u16| Response::builder().status(status).header("etag", "\"v1\"");
    let empty = |status: u16| answer(status).body(Body::empty()).unwrap();
    match path {
        "/private" => {
            return answer(302).header("location", "http://10.0.0.1/").body(Body::empty()).unwrap();
        }
        "/endless" => {
            let block = Ok::<_, std::io::Error>(Bytes::from(vec![0_u8; 65_536]));
            let body = futures::stream::repeat_with(move || {
                Ok::<_, std::io::Error>(block.as_ref().unwrap().clone())
            });
            return answer(200).body(Body::from_stream(body)).unwrap();
        }
        "/forbidden" => return empty(403),
        _ => {}
    }
    let (path, stalls) = match path.strip_suffix("/stalling") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let Some(bytes) = files.get(path) else { return empty(404) };
    let total = bytes.len();
    let from: Option<usize> =
        range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) if from < total => answer(206)
            .header("content-range", format!("bytes {from}-{}/{total}", total - 1))
            .body(Body::from(bytes.slice(from..)))
            .unwrap(),
        // Half of it, and then nothing more.
        _ if stalls => {
            let half = futures::stream::iter([Ok::<_, std::io::Error>(bytes.slice(..total / 2))]);
            answer(200)
                .header("content-length", total)
                .body(Body::from_stream(half.chain(futures::stream::pending())))
                .unwrap()
        }
        _ => answer(200).body(Body::from(bytes.clone())).unwrap(),
    }
}

/// Settings for a laptop.
fn settings(engine: &Engine, folder: &Path) -> String {
    let StoreConfig { url, schema, .. } = engine.config();
    format!(
        "store.url = '{url}'\nstore.schema = '{schema}'\nwork.poll = '20ms'\n\
         imports.store.url = '{}'\nimports.plain_http = true\nimports.loopback = true\n\
         imports.poll = '20ms'\nimports.pause = '50ms'\nimports.lease = '1s'\nimports.largest = 60000000\n",
        folder.display()
    )
}

async fn open(engine: &Engine, folder: &Path) -> Running {
    let house = House::new().host::<provider_adapters::App>(settings(engine, folder));
    house.open().await.unwrap()
}

fn client(running: &Running) -> ProviderAdapterServiceClient<chassis::Link> {
    ProviderAdapterServiceClient::new(running.link("provider-adapters").unwrap())
}

fn attempt(call_id: &str) -> Attempt {
    Attempt { company: "acme".into(), call_id: call_id.into(), plan_revision: 1, run: 0 }
}

fn order(call_id: &str, url: String, sha256: &str) -> Order {
    Order {
        attempt: Some(attempt(call_id)),
        adapter: Adapter::Dialer.into(),
        method: Method::Upload.into(),
        start: Some(to_wire(Utc::now())),
        upload: Some(Upload { url, sha256: sha256.into() }),
        ..Default::default()
    }
}

fn instruction(call_id: &str, act: Act, number: u64) -> Instruction {
    let attempt = Some(attempt(call_id));
    Instruction { attempt, adapter: Adapter::Dialer.into(), act: act.into(), number }
}

/// Whoever decides, near or far.
struct Asker<T>(ProviderAdapterServiceClient<T>);

type Near = Asker<chassis::Link>;

impl Near {
    fn of(running: &Running) -> Self {
        Self(client(running))
    }

    async fn upload(&mut self, orders: Vec<Order>) {
        let fetch = orders
            .iter()
            .map(|order| instruction(&order.attempt.as_ref().unwrap().call_id, Act::Fetch, 1));
        let instructions = fetch.collect();
        self.0.dispatch(DispatchRequest { orders }).await.unwrap();
        self.0.instruct(InstructRequest { instructions }).await.unwrap();
    }

    async fn act(&mut self, call_id: &str, act: Act, number: u64) -> Receipt {
        let instructions = vec![instruction(call_id, act, number)];
        let answer = self.0.instruct(InstructRequest { instructions }).await.unwrap();
        answer.into_inner().receipts().next().unwrap()
    }

    /// What was told of each call: names, with the length of what was imported and the code of what was not.
    async fn told(&mut self) -> BTreeMap<String, Vec<String>> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.0.watch_signals(request).await.unwrap().into_inner();
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(one) = stream.message().await.unwrap() {
            let shown = format!("{one:?}");
            assert!(!shown.contains(TOKEN) && !shown.contains("http:"), "a link is told: {shown}");
            let Some(News::Signal(signal)) = one.news else { panic!("{shown}") };
            let length = signal.length.map(|long| format!(" {} s", long.seconds));
            let code = signal.raw.map(|raw| format!(" {}", raw.code));
            let text = format!("{}{}", signal.signal, length.or(code).unwrap_or_default());
            told.entry(signal.attempt.unwrap().call_id).or_default().push(text);
        }
        told
    }

    /// Waits until so many have been told of that came to an end.
    async fn ends(&mut self, count: usize) -> BTreeMap<String, Vec<String>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let told = self.told().await;
            let ended = told.values().filter(|told| told.iter().any(|one| one != "fetching"));
            if ended.count() >= count {
                return told;
            }
            assert!(Instant::now() < deadline, "{told:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Files in a folder and below, without those that say what was deleted or stored.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("manifest.json") {
            found.push(path);
        }
    }
    found
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

#[tokio::test]
async fn an_upload_is_fetched_looked_at_and_told_once() {
    let bytes = wav(60, false);
    for engine in engines().await {
        let customer = Customer::with(&[("call.wav", bytes.clone())]).await;
        let folder = tempfile::tempdir().unwrap();
        let running = open(&engine, folder.path()).await;
        let mut asker = Near::of(&running);
        let one = order("c1", customer.link("call.wav"), &sha256(&bytes));
        asker.upload(vec![one.clone(), one]).await;
        assert_eq!(asker.ends(1).await["c1"], ["fetching", "imported 60 s"]);
        assert_eq!(asker.act("c1", Act::Fetch, 1).await, Receipt::Repeated);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(asker.told().await["c1"].len(), 2, "on {}", engine.name());
        assert_eq!((customer.asked().len(), files(folder.path()).len()), (1, 1));
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_link_gives_is_told_for_what_it_is() {
    let sound = wav(60, false);
    for engine in engines().await {
        let customer = Customer::with(&[
            ("short", wav(10, false)),
            ("silent", wav(40, true)),
            ("text", Bytes::from_static(b"The minutes of the meeting, in words. Nothing to hear.")),
            ("empty", Bytes::new()),
            ("sound", sound.clone()),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let running = open(&engine, folder.path()).await;
        let mut asker = Near::of(&running);
        let wrong = sha256(b"something else");
        let link = |name: &str| customer.link(name);
        let orders = vec![
            order("short", link("short"), ""),
            order("silent", link("silent"), ""),
            order("text", link("text"), ""),
            order("empty", link("empty"), ""),
            order("absent", link("absent"), ""),
            order("forbidden", link("forbidden"), ""),
            order("checked", link("sound"), &wrong),
            order("private", link("private"), ""),
            order("endless", link("endless"), ""),
            order("no url", format!("call me {TOKEN}"), ""),
            order("ftp", format!("ftp://files.example/{TOKEN}"), ""),
        ];
        let count = orders.len();
        asker.upload(orders).await;
        let told = asker.ends(count).await;
        let is = |call: &str, expected: &[&str]| {
            assert_eq!(told[call][0], "fetching");
            assert_eq!(told[call][1..], *expected, "{call} on {}", engine.name());
        };
        is("short", &["imported 10 s"]);
        is("silent", &["media_silent silence", "imported 40 s"]);
        is("text", &["media_unknown unknown_media"]);
        is("empty", &["media_empty no_track"]);
        is("absent", &["url_import_failed http_404"]);
        is("forbidden", &["url_import_failed http_403"]);
        is("checked", &["url_import_failed not_as_announced"]);
        is("private", &["url_import_failed address_not_public"]);
        is("endless", &["url_import_failed too_large"]);
        is("no url", &["url_import_failed no_url"]);
        is("ftp", &["url_import_failed not_https"]);
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for engine in engines().await {
        let customer = Customer::with(&[("call.wav", wav(60, false))]).await;
        let faults = customer.server.faults();
        // More often than is tried in one go.
        faults.add(Match::all().times(6), Fault::failure(503));
        faults.add(Match::all().after(1).once(), Fault::Cut);
        let folder = tempfile::tempdir().unwrap();
        let running = open(&engine, folder.path()).await;
        let mut asker = Near::of(&running);
        asker.upload(vec![order("c1", customer.link("call.wav"), "")]).await;
        assert_eq!(asker.ends(1).await["c1"], ["fetching", "imported 60 s"]);
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_discarded_is_gone_for_good_even_while_it_is_fetched() {
    for engine in engines().await {
        let bytes = wav(60, false);
        let customer = Customer::with(&[("done", bytes.clone()), ("slow", bytes)]).await;
        let folder = tempfile::tempdir().unwrap();
        let running = open(&engine, folder.path()).await;
        let mut asker = Near::of(&running);
        let done = order("done", customer.link("done"), "");
        asker.upload(vec![done, order("slow", customer.link("slow/stalling"), "")]).await;
        assert_eq!(asker.ends(1).await["done"], ["fetching", "imported 60 s"]);
        while customer.asked().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!files(folder.path()).is_empty());
        for call in ["done", "slow"] {
            assert_eq!(asker.act(call, Act::Discard, 2).await, Receipt::Accepted);
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while !files(folder.path()).is_empty() {
            assert!(Instant::now() < deadline, "{:?}", files(folder.path()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for call in ["done", "slow"] {
            asker.act(call, Act::Fetch, 3).await;
        }
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());
        assert_eq!(asker.told().await["slow"], ["fetching"], "on {}", engine.name());
        assert_eq!(asker.told().await["done"].len(), 2);
        assert_eq!(customer.asked().len(), 2);
        running.shutdown().await.unwrap();
    }
}

fn start(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_provider-adapters"))
        .arg("--config")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_leaves_an_import_the_next_one_goes_on_with() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        // Half of it is so large that something is noted before it stalls.
        let bytes = wav(2400, false);
        let customer = Customer::with(&[("call.wav", bytes.clone())]).await;
        let folder = tempfile::tempdir().unwrap();
        let (config, address) = (folder.path().join("settings.toml"), free());
        let recordings = folder.path().join("recordings");
        let text = settings(&engine, &recordings);
        std::fs::write(&config, format!("server.listen = '{address}'\n{text}")).unwrap();
        let mut process = start(&config);
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut client = ProviderAdapterServiceClient::new(endpoint.connect_lazy());
        let orders = vec![order("c1", customer.link("call.wav/stalling"), &sha256(&bytes))];
        let request = DispatchRequest { orders };
        while client.dispatch(request.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let instructions = vec![instruction("c1", Act::Fetch, 1)];
        client.instruct(InstructRequest { instructions }).await.unwrap();
        let arrived = || -> u64 {
            files(&recordings).iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum()
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while arrived() < NOTED {
            assert!(Instant::now() < deadline, "{}", arrived());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        let mut process = start(&config);
        let mut told = Vec::new();
        while told.len() < 2 {
            assert!(Instant::now() < deadline, "{told:?} on {}", engine.name());
            tokio::time::sleep(Duration::from_millis(100)).await;
            told.clear();
            let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
            let Ok(answer) = client.watch_signals(request).await else { continue };
            let mut stream = answer.into_inner();
            while let Ok(Some(one)) = stream.message().await {
                let Some(News::Signal(signal)) = one.news else { panic!("{one:?}") };
                told.push((signal.signal, signal.length.map(|long| long.seconds)));
            }
        }
        let expected = [("fetching".to_owned(), None), ("imported".to_owned(), Some(2400))];
        assert_eq!(told, expected);
        let asked = customer.asked();
        // Once more from the start if it was killed between a part and the note of it.
        assert!(asked.len() <= 3 && asked[0].is_none(), "{asked:?}");
        let last = asked.last().unwrap().as_deref();
        let from = last.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-'));
        assert!(from.unwrap().parse::<u64>().unwrap() > 0, "{asked:?}");
        assert_eq!(files(&recordings).len(), 1);
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
