//! Batches of Microsoft Graph over a real socket: what cannot be checked or opened refuses nothing beside it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use chassis::{House, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use fakes::Clock;
use fakes::graph::{Graph, Options};
use proto::provider::v1::DescribeAdapterRequest;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use serde_json::{Value, json};
use storage::StoreConfig;
use storage::sea_orm::{ConnectionTrait as _, Statement};
use storage::testing::{Engine, engines};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const STATE: &str = "the state we gave";

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

struct World {
    graph: Graph,
    address: SocketAddr,
    engine: Engine,
    files: tempfile::TempDir,
    clock: SimulatedClock,
    running: Running,
}

impl World {
    /// A connection to a tenant, whose tokens are believed by these keys.
    async fn with(keys: impl FnOnce(&Graph) -> Value) -> Self {
        Self::on(Engine::file(), keys).await
    }

    async fn on(engine: Engine, keys: impl FnOnce(&Graph) -> Value) -> Self {
        let options = Options { clock: Clock::held(now()), ..Options::default() };
        let graph = Graph::start_with(options).await;
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("keys"), keys(&graph).to_string()).unwrap();
        std::fs::write(files.path().join("state"), STATE).unwrap();
        let file = |name: &str| format!("file:{}", files.path().join(name).display());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let StoreConfig { url, schema, .. } = engine.config();
        let settings = format!(
            "store.url = '{url}'\nstore.schema = '{schema}'\nwebhooks.listen = '{address}'\n\
             [[connections]]\nname = 'teams'\ncompany = 'acme'\nprovider = 'teams'\nsecrets = ['{}']\n\
             keys = '{}'\naudiences = ['{}']\n\
             [[connections]]\nname = 'zoom'\ncompany = 'acme'\nprovider = 'zoom'\nsecrets = ['{}']\n",
            file("state"),
            file("keys"),
            graph.options().application,
            file("state"),
        );
        let clock = SimulatedClock::at(now());
        let house = House::new().clock(clock.clone());
        let house = house.host::<provider_adapters::App>(settings);
        let running = house.open().await.unwrap();
        Self { graph, address, engine, files, clock, running }
    }

    fn basic(&self, n: usize) -> Value {
        json!({ "subscriptionId": "s1", "clientState": STATE, "changeType": "created",
            "tenantId": self.graph.options().tenant, "resource": format!("communications/callRecords/{n}"),
            "resourceData": { "id": n.to_string() } })
    }

    /// Encrypted to a certificate that nobody has.
    fn sealed(&self) -> Value {
        let part = BASE64.encode(&[7; 256]);
        json!({ "subscriptionId": "s2", "clientState": STATE, "changeType": "updated",
            "tenantId": self.graph.options().tenant, "resource": "communications/onlineMeetings/?$filter=JoinWebUrl eq 'x'",
            "encryptedContent": { "data": part, "dataSignature": part, "dataKey": part,
                "encryptionCertificateId": "taken out" } })
    }

    async fn deliver(&self, items: &[Value]) -> u16 {
        let body = json!({ "value": items, "validationTokens": [self.graph.vouch()] }).to_string();
        self.post("teams", &body).await
    }

    async fn post(&self, connection: &str, body: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST /webhooks/{connection} HTTP/1.1\r\nhost: hooks\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Whoever turns a body away may not read it to its end.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// Whether somebody is told that keys are missing.
    async fn lacks_keys(&self) -> bool {
        let mut client =
            ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap());
        let request = DescribeAdapterRequest { company: "acme".into(), ..Default::default() };
        let answer = client.describe_adapter(request).await.unwrap().into_inner();
        let connections = answer.adapters.iter().flat_map(|one| &one.connections);
        connections.flat_map(|one| &one.problems).any(|one| one.code == "keys_unknown")
    }

    /// Rows of the inbox.
    async fn kept(&self) -> i64 {
        let store = storage::connect(&self.engine.config()).await.unwrap();
        let sql = "SELECT count(*) FROM provider_adapters_inbox";
        let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await;
        let kept = row.unwrap().unwrap().try_get_by_index(0).unwrap();
        store.close().await.unwrap();
        kept
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_refuses_no_batch() {
    let world = World::with(Graph::keys).await;
    assert_eq!(world.deliver(&[world.basic(1), world.sealed(), world.basic(2)]).await, 202);
    assert_eq!(world.kept().await, 3, "that something changed is known without what is inside");
    assert_eq!(world.deliver(&[world.basic(1), world.sealed(), world.basic(2)]).await, 202);
    assert_eq!(world.kept().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_comes_again_and_the_rest_is_kept_at_once() {
    let world = World::with(|graph| {
        let mut keys = graph.keys();
        keys["keys"][0]["kid"] = json!("of last month");
        keys
    })
    .await;
    assert!(!world.lacks_keys().await);
    assert_eq!(world.deliver(&[world.basic(1), world.sealed(), world.basic(2)]).await, 503);
    assert_eq!(world.kept().await, 2);
    assert!(world.lacks_keys().await);
    // What needs no token is no trouble, and mends none.
    assert_eq!(world.deliver(&[world.basic(3)]).await, 202);
    assert_eq!(world.kept().await, 3);
    assert!(world.lacks_keys().await);
    // Forged is forged, whatever stands beside it.
    let mut forged = world.basic(4);
    forged["clientState"] = json!("another");
    assert_eq!(world.deliver(&[forged, world.basic(5)]).await, 202);
    assert_eq!(world.kept().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_replaced_are_read_again() {
    let world = World::with(|graph| {
        let mut keys = graph.keys();
        keys["keys"][0]["kid"] = json!("of last month");
        keys
    })
    .await;
    std::fs::write(world.files.path().join("keys"), world.graph.keys().to_string()).unwrap();
    assert_eq!(world.deliver(&[world.sealed()]).await, 202);
    assert_eq!(world.kept().await, 1);
    assert!(!world.lacks_keys().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_is_told_until_a_token_is_believed_again() {
    let world = World::with(Graph::keys).await;
    let token = world.graph.vouch();
    let (_, rest) = token.split_once('.').unwrap();
    let head = json!({ "alg": "RS256", "typ": "JWT", "kid": "nobody's" }).to_string();
    let unknown = format!("{}.{rest}", BASE64URL_NOPAD.encode(head.as_bytes()));
    let body = json!({ "value": [world.sealed()], "validationTokens": [unknown] }).to_string();
    assert_eq!(world.post("teams", &body).await, 503);
    assert!(world.lacks_keys().await);
    assert_eq!(world.deliver(&[world.sealed()]).await, 202);
    assert!(!world.lacks_keys().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_is_answered_in_time() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine, Graph::keys).await;
        let many: Vec<Value> = (0..1000).map(|n| world.basic(n)).collect();
        for _ in 0..2 {
            let began = Instant::now();
            assert_eq!(world.deliver(&many).await, 202);
            assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
            assert_eq!(world.kept().await, 1000);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_twice_is_told_twice() {
    let world = World::with(Graph::keys).await;
    let missed = json!({ "subscriptionId": "s1", "clientState": STATE, "lifecycleEvent": "missed",
        "subscriptionExpirationDateTime": "2026-11-24T10:00:00Z", "tenantId": world.graph.options().tenant });
    for (minutes, kept) in [(0, 1), (0, 1), (2, 2)] {
        world.clock.advance(TimeDelta::minutes(minutes));
        assert_eq!(world.deliver(std::slice::from_ref(&missed)).await, 202);
        assert_eq!(world.kept().await, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_graph_sends_large_bodies() {
    let world = World::with(Graph::keys).await;
    let large = "x".repeat(300 * 1024);
    assert_eq!(world.post("zoom", &large).await, 413);
    let mut padded = world.basic(1);
    padded["padding"] = json!(large);
    assert_eq!(world.deliver(&[padded]).await, 202);
    assert_eq!(world.post("teams", &"x".repeat(signals::MAX_BODY + 1)).await, 413);
}
