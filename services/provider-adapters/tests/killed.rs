//! The service killed in the middle, again and again: what was answered is kept, and nothing is done twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::bot_fleet_service_client::BotFleetServiceClient;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::serve_request::Said;
use proto::provider::v1::serve_response::Told;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use serde_json::json;
use signals::Secret;
use storage::StoreConfig;
use storage::testing::{Engine, engines};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

const SECRET: &str = "aGlkZGVuIGJlaGluZCB0aGUgbW9vbg";
/// How often it is killed.
const KILLS: usize = 4;
/// Orders, and calls that webhooks speak of, after each start.
const EACH: usize = 12;

/// The service as a process of its own.
struct Service {
    config: tempfile::TempDir,
    grpc: SocketAddr,
    hooks: SocketAddr,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Service {
    fn on(engine: &Engine) -> Self {
        let StoreConfig { url, schema, .. } = engine.config();
        let config = tempfile::tempdir().unwrap();
        let (grpc, hooks) = (free(), free());
        let secret = config.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let settings = format!(
            "[server]\nlisten = '{grpc}'\n[store]\nurl = '{url}'\nschema = '{schema}'\n\
             [fleets]\npoll = '50ms'\nheartbeat = '1s'\ngone = '30s'\noffer = '2s'\n\
             [inbox]\npoll = '50ms'\nlease = '1s'\n[work]\npoll = '50ms'\n[webhooks]\nlisten = '{hooks}'\n\
             [[connections]]\nname = 'dialer'\ncompany = 'acme'\nprovider = 'dialer'\nsecrets = ['file:{}']\n",
            secret.display()
        );
        std::fs::write(config.path().join("settings.toml"), settings).unwrap();
        Self { config, grpc, hooks }
    }

    fn start(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_provider-adapters"))
            .arg("--config")
            .arg(self.config.path().join("settings.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap();
        endpoint.timeout(Duration::from_secs(5)).connect_lazy()
    }

    async fn deliver(&self, body: &str) -> Option<u16> {
        let seconds = Utc::now().timestamp();
        let code = signals::dialer::sign(&Secret::new(SECRET).unwrap(), seconds, body.as_bytes());
        let mut stream = TcpStream::connect(self.hooks).await.ok()?;
        let head = format!(
            "POST /webhooks/dialer HTTP/1.1\r\nhost: hooks\r\nconnection: close\r\ncontent-length: {}\r\n\
             x-callsheet-signature: {code}\r\nx-callsheet-timestamp: {seconds}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }
}

fn attempt(n: usize) -> Attempt {
    let call_id = format!("c{n}");
    Attempt { company: "acme".into(), call_id, plan_revision: 1, run: 0 }
}

fn order(n: usize, now: DateTime<Utc>) -> Order {
    Order {
        attempt: Some(attempt(n)),
        adapter: Adapter::Teams.into(),
        method: Method::Bot.into(),
        conference: Some(Conference { provider: Provider::Teams.into(), id: format!("19:{n}") }),
        join_url: "https://teams.example/1".into(),
        start: Some(to_wire(now)),
        latest_join: Some(to_wire(now + TimeDelta::minutes(30))),
        ..Default::default()
    }
}

/// A fleet that comes back whenever its stream ends, and tells of each attempt until that is acknowledged.
async fn fleet(channel: Channel, took: Arc<Mutex<BTreeMap<String, usize>>>) {
    let mut running: Vec<Attempt> = Vec::new();
    let mut unheard: BTreeMap<String, Signal> = BTreeMap::new();
    loop {
        let (says, said) = mpsc::channel(64);
        let hello = Hello {
            fleet: "north".into(),
            company: "acme".into(),
            adapters: vec![Adapter::Teams.into()],
            capacity: 1000,
        };
        let say = async |said| says.send(ServeRequest { said: Some(said) }).await.is_ok();
        say(Said::Hello(hello)).await;
        let mut client = BotFleetServiceClient::new(channel.clone());
        let Ok(hears) = client.serve(ReceiverStream::new(said)).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let mut hears = hears.into_inner();
        let mut beat = tokio::time::interval(Duration::from_millis(300));
        loop {
            let told = tokio::select! {
                told = hears.message() => told,
                _ = beat.tick() => {
                    let running = running.clone();
                    let signals = unheard.values().take(100).cloned().collect();
                    let alive = say(Said::Heartbeat(Heartbeat { running, free: 1000 })).await
                        && say(Said::Signals(Signals { signals })).await;
                    if alive { continue } else { break }
                }
            };
            match told.ok().flatten().and_then(|one| one.told) {
                Some(Told::Offer(Offer { order: Some(order), .. })) => {
                    let attempt = order.attempt.unwrap();
                    if !running.contains(&attempt) {
                        *took.lock().unwrap().entry(attempt.call_id.clone()).or_default() += 1;
                        running.push(attempt.clone());
                        let key = format!("{}-in-call", attempt.call_id);
                        let signal = Signal {
                            attempt: Some(attempt.clone()),
                            signal: "in_call".into(),
                            at: Some(to_wire(Utc::now())),
                            key: key.clone(),
                            ..Default::default()
                        };
                        unheard.insert(key, signal);
                    }
                    say(Said::Accept(Accept { attempt: Some(attempt) })).await;
                }
                Some(Told::Acknowledgement(heard)) => {
                    for key in heard.keys {
                        unheard.remove(&key);
                    }
                }
                Some(Told::Withdrawal(left)) => panic!("told to leave {left:?}"),
                Some(_) => {}
                None => break,
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_nothing_is_lost_and_nothing_done_twice() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let service = Service::on(&engine);
        let took = Arc::new(Mutex::new(BTreeMap::new()));
        let fleet = tokio::spawn(fleet(service.channel(), Arc::clone(&took)));
        let mut client = ProviderAdapterServiceClient::new(service.channel());
        let mut kept_calls = BTreeSet::new();
        let mut process = service.start();
        for round in 0..=KILLS {
            // Killed at another point each time: while starting to answer, or long after.
            let life = Duration::from_millis(400 + 350 * round as u64);
            let last = round == KILLS;
            let dies = Instant::now() + if last { Duration::from_secs(120) } else { life };
            let numbers: Vec<usize> = (round * EACH..(round + 1) * EACH).collect();
            let mut killed = false;
            for n in numbers {
                let body = json!({
                    "id": format!("e{n}"), "event": "call.ringing", "at": "2026-11-22T10:00:00Z",
                    "call": { "id": format!("k{n}"), "direction": "outbound" },
                });
                let body = body.to_string();
                let (mut ordered, mut delivered) = (false, false);
                while !ordered || !delivered {
                    if !killed && Instant::now() > dies {
                        process.kill().unwrap();
                        process.wait().unwrap();
                        process = service.start();
                        killed = true;
                    }
                    if !ordered {
                        // Ordered until it is answered, as whoever decides does.
                        let request = DispatchRequest { orders: vec![order(n, Utc::now())] };
                        if let Ok(answer) = client.dispatch(request).await {
                            let receipt = answer.into_inner().receipts().next().unwrap();
                            assert!(matches!(receipt, Receipt::Accepted | Receipt::Repeated));
                            ordered = true;
                        }
                    }
                    if !delivered && service.deliver(&body).await == Some(200) {
                        kept_calls.insert(format!("k{n}"));
                        delivered = true;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            if !killed && !last {
                process.kill().unwrap();
                process.wait().unwrap();
                process = service.start();
            }
        }
        let everything = (KILLS + 1) * EACH;
        let mut told = (Vec::new(), Vec::new());
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            told = (Vec::new(), Vec::new());
            let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
            let mut stream = client.watch_signals(request).await.unwrap().into_inner();
            let mut place = 0;
            while let Some(one) = stream.message().await.unwrap() {
                place += 1;
                assert_eq!(one.cursor, place, "without gaps");
                match one.news.unwrap() {
                    News::Signal(signal) => {
                        assert_eq!(signal.signal, "in_call", "{signal:?}");
                        told.0.push(signal.attempt.unwrap().call_id);
                    }
                    News::PhoneCall(call) => told.1.push(call.external_id),
                    News::FactsChanged(_) => panic!(),
                }
            }
            if told.0.len() >= everything && told.1.len() >= everything {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (mut joined, mut calls) = told;
        joined.sort();
        calls.sort();
        let mut expected: Vec<String> = (0..everything).map(|n| format!("c{n}")).collect();
        expected.sort();
        assert_eq!(
            joined,
            expected,
            "each attempt was taken, and told of once, on {}",
            engine.name()
        );
        assert_eq!(
            calls,
            kept_calls.into_iter().collect::<Vec<_>>(),
            "each webhook that was answered"
        );
        let took = took.lock().unwrap().clone();
        assert!(took.values().all(|times| *times == 1) && took.len() == everything, "{took:?}");
        fleet.abort();
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
