//! A company with a connection to each provider, and what is sent to it as each of them signs.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use serde_json::json;
use signals::Secret;
use storage::StoreConfig;
use storage::sea_orm::{ConnectionTrait as _, Statement};
use storage::testing::Engine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bodies::PROVIDERS;

pub(crate) const SECRET: &str = "aGlkZGVuIGJlaGluZCB0aGUgbW9vbg==";
pub(crate) const PUBLIC: &str = "https://hooks.acme.example";

/// The start of the meeting of the tests.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) clock: SimulatedClock,
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    secrets: tempfile::TempDir,
    key: Ed25519KeyPair,
}

pub(crate) async fn open(
    engine: &Engine,
    clock: &SimulatedClock,
    address: SocketAddr,
    secrets: &Path,
) -> Running {
    let StoreConfig { url, schema, .. } = engine.config();
    let mut settings = format!(
        "store.url = '{url}'\nstore.schema = '{schema}'\ninbox.poll = '20ms'\n\
         webhooks.listen = '{address}'\nwebhooks.public_url = '{PUBLIC}'\n"
    );
    let secret = |name: &str| format!("file:{}", secrets.join(name).display());
    for provider in PROVIDERS {
        let file = if provider == "telnyx" { secret("public") } else { secret("secret") };
        settings += &format!(
            "[[connections]]\nname = '{provider}'\ncompany = 'acme'\nprovider = '{provider}'\n\
             secrets = ['{file}']\nown = ['A1']\nrecorders = ['bot-account']\n"
        );
    }
    settings += "[[connections]]\nname = 'unset'\ncompany = 'acme'\nprovider = 'zoom'\n";
    House::new().clock(clock.clone()).host::<provider_adapters::App>(settings).open().await.unwrap()
}

impl World {
    pub(crate) async fn on(engine: Engine) -> Self {
        let clock = SimulatedClock::at(now());
        let key = Ed25519KeyPair::generate().unwrap();
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("secret"), SECRET).unwrap();
        let public = BASE64.encode(key.public_key().as_ref());
        std::fs::write(secrets.path().join("public"), public).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let running = open(&engine, &clock, address, secrets.path()).await;
        Self { running, clock, engine, address, secrets, key }
    }

    pub(crate) async fn restarted(self) -> Self {
        let Self { running, clock, engine, address, secrets, key } = self;
        running.shutdown().await.unwrap();
        let running = open(&engine, &clock, address, secrets.path()).await;
        Self { running, clock, engine, address, secrets, key }
    }

    pub(crate) fn client(&self) -> ProviderAdapterServiceClient<Link> {
        ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap())
    }

    pub(crate) async fn send(
        &self,
        path: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> (u16, String) {
        request(self.address, "POST", path, headers, body.as_bytes()).await
    }

    /// Sends what is signed as its provider does.
    pub(crate) async fn deliver(&self, provider: &str, body: &str) -> u16 {
        let headers = self.signed(provider, body);
        self.send(&format!("/webhooks/{provider}"), &headers, body).await.0
    }

    pub(crate) fn signed(&self, provider: &str, body: &str) -> Vec<(String, String)> {
        let seconds = chassis::Clock::now(&self.clock).timestamp();
        let one = |name: &str, value: String| vec![(name.to_owned(), value)];
        let decoded = BASE64.decode(SECRET.as_bytes()).unwrap();
        match provider {
            "zoom" => {
                let code =
                    mac(hmac::HMAC_SHA256, SECRET.as_bytes(), &format!("v0:{seconds}:{body}"));
                let mut headers = one("x-zm-signature", format!("v0={}", HEXLOWER.encode(&code)));
                headers.extend(one("x-zm-request-timestamp", seconds.to_string()));
                headers
            }
            "webex" => {
                let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
                one("x-spark-signature", HEXLOWER.encode(&mac(algorithm, SECRET.as_bytes(), body)))
            }
            "twilio" => {
                let mut pairs: Vec<(&str, &str)> =
                    body.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
                pairs.sort_unstable();
                let pairs: String =
                    pairs.into_iter().flat_map(|(name, value)| [name, value]).collect();
                let text = format!("{PUBLIC}/webhooks/twilio{pairs}");
                let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
                one("x-twilio-signature", BASE64.encode(&mac(algorithm, SECRET.as_bytes(), &text)))
            }
            "ringcentral" => one("verification-token", SECRET.to_owned()),
            "vonage" => {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
                let claims =
                    json!({ "iat": seconds, "payload_hash": HEXLOWER.encode(hash.as_ref()) });
                let part = |json: String| BASE64URL_NOPAD.encode(json.as_bytes());
                let signed = format!(
                    "{}.{}",
                    part(json!({ "alg": "HS256" }).to_string()),
                    part(claims.to_string())
                );
                let code = mac(hmac::HMAC_SHA256, SECRET.as_bytes(), &signed);
                one("authorization", format!("Bearer {signed}.{}", BASE64URL_NOPAD.encode(&code)))
            }
            "telnyx" => {
                let code = self.key.sign(format!("{seconds}|{body}").as_bytes());
                let mut headers = one("telnyx-signature-ed25519", BASE64.encode(code.as_ref()));
                headers.extend(one("telnyx-timestamp", seconds.to_string()));
                headers
            }
            "dialer" => {
                let secret = Secret::new(SECRET).unwrap();
                let code = signals::dialer::sign(&secret, seconds, body.as_bytes());
                let mut headers = one("x-callsheet-signature", code);
                headers.extend(one("x-callsheet-timestamp", seconds.to_string()));
                headers
            }
            "recall" => {
                let code = mac(hmac::HMAC_SHA256, &decoded, &format!("msg_1.{seconds}.{body}"));
                let mut headers = one("webhook-signature", format!("v1,{}", BASE64.encode(&code)));
                headers.extend(one("webhook-id", "msg_1".to_owned()));
                headers.extend(one("webhook-timestamp", seconds.to_string()));
                headers
            }
            "attendee" => {
                // Keys of the bodies here are in order, and without spaces.
                let code = mac(hmac::HMAC_SHA256, &decoded, body);
                one("x-webhook-signature", BASE64.encode(&code))
            }
            // The proof is in the body.
            _ => Vec::new(),
        }
    }

    /// Rows of the inbox.
    pub(crate) async fn kept(&self) -> i64 {
        let store = storage::connect(&self.engine.config()).await.unwrap();
        let sql = "SELECT count(*) FROM provider_adapters_inbox";
        let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await;
        let kept = row.unwrap().unwrap().try_get_by_index(0).unwrap();
        store.close().await.unwrap();
        kept
    }

    pub(crate) async fn dispatch(&self, order: Order) -> Receipt {
        let request = DispatchRequest { orders: vec![order] };
        let answer = self.client().dispatch(request).await.unwrap().into_inner();
        answer.receipts().next().unwrap()
    }

    pub(crate) async fn news(&self) -> Vec<News> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().watch_signals(request).await.unwrap().into_inner();
        let mut news = Vec::new();
        while let Some(one) = stream.message().await.unwrap() {
            news.extend(one.news);
        }
        news
    }

    /// What was told, each piece in a word; the roster with who is in it.
    pub(crate) async fn told(&self) -> Vec<String> {
        let word = |news: News| match news {
            News::Signal(signal) if signal.signal == "roster" => {
                let who = |one: &Person| match (one.is_recorder, one.address.as_str()) {
                    (true, _) => "recorder".to_owned(),
                    (false, "") => "somebody".to_owned(),
                    (false, address) => address.to_owned(),
                };
                let mut who: Vec<String> = signal.roster.iter().map(who).collect();
                who.sort();
                format!("roster: {}", who.join(", "))
            }
            News::Signal(signal) => signal.signal,
            News::PhoneCall(call) => format!("call {}", call.external_id),
            News::FactsChanged(_) => "facts changed".to_owned(),
        };
        self.news().await.into_iter().map(word).collect()
    }

    pub(crate) async fn until_told(&self, expected: &[&str]) {
        for _ in 0..200 {
            if self.told().await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(self.told().await, expected, "on {}", self.engine.name());
    }

    pub(crate) async fn health(&self, adapter: Adapter) -> Vec<ConnectionHealth> {
        let request = DescribeAdapterRequest { company: "acme".into(), adapter: adapter.into() };
        let answer = self.client().describe_adapter(request).await.unwrap().into_inner();
        answer.adapters.into_iter().next().unwrap().connections
    }
}

pub(crate) fn mac(algorithm: hmac::Algorithm, secret: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: hooks\r\nconnection: close\r\n");
    head += &format!("content-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    // Whoever turns a body away may not read it to its end.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status, body.unwrap_or_default())
}

/// An order for the meeting of the tests, to be recorded by Zoom itself.
pub(crate) fn native(call_id: &str, meeting: &str) -> Order {
    let attempt =
        Attempt { company: "acme".into(), call_id: call_id.into(), plan_revision: 1, run: 0 };
    Order {
        attempt: Some(attempt),
        adapter: Adapter::ZoomNative.into(),
        method: Method::Native.into(),
        conference: Some(Conference { provider: Provider::Zoom.into(), id: meeting.into() }),
        start: Some(to_wire(now())),
        end: Some(to_wire(now() + TimeDelta::minutes(30))),
        ..Default::default()
    }
}
