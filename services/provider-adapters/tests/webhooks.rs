//! Webhooks over a real socket: signed as each provider signs them, kept once, and told as what they mean.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

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
use storage::testing::{Engine, engines};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "aGlkZGVuIGJlaGluZCB0aGUgbW9vbg==";
const PUBLIC: &str = "https://hooks.acme.example";

/// The start of the meeting of the tests.
fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

struct World {
    running: Running,
    clock: SimulatedClock,
    engine: Engine,
    address: SocketAddr,
    secrets: tempfile::TempDir,
    key: Ed25519KeyPair,
}

async fn open(
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
    for provider in [
        "zoom",
        "teams",
        "webex",
        "twilio",
        "ringcentral",
        "aircall",
        "vonage",
        "telnyx",
        "dialer",
        "recall",
        "attendee",
    ] {
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
    async fn on(engine: Engine) -> Self {
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

    async fn restarted(self) -> Self {
        let Self { running, clock, engine, address, secrets, key } = self;
        running.shutdown().await.unwrap();
        let running = open(&engine, &clock, address, secrets.path()).await;
        Self { running, clock, engine, address, secrets, key }
    }

    fn client(&self) -> ProviderAdapterServiceClient<Link> {
        ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap())
    }

    async fn send(&self, path: &str, headers: &[(String, String)], body: &str) -> (u16, String) {
        request(self.address, "POST", path, headers, body.as_bytes()).await
    }

    /// Sends what is signed as its provider does.
    async fn deliver(&self, provider: &str, body: &str) -> u16 {
        let headers = self.signed(provider, body);
        self.send(&format!("/webhooks/{provider}"), &headers, body).await.0
    }

    fn signed(&self, provider: &str, body: &str) -> Vec<(String, String)> {
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
    async fn kept(&self) -> i64 {
        let store = storage::connect(&self.engine.config()).await.unwrap();
        let sql = "SELECT count(*) FROM provider_adapters_inbox";
        let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await;
        let kept = row.unwrap().unwrap().try_get_by_index(0).unwrap();
        store.close().await.unwrap();
        kept
    }

    async fn dispatch(&self, order: Order) -> Receipt {
        let request = DispatchRequest { orders: vec![order] };
        let answer = self.client().dispatch(request).await.unwrap().into_inner();
        answer.receipts().next().unwrap()
    }

    async fn news(&self) -> Vec<News> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().watch_signals(request).await.unwrap().into_inner();
        let mut news = Vec::new();
        while let Some(one) = stream.message().await.unwrap() {
            news.extend(one.news);
        }
        news
    }

    /// What was told, each piece in a word; the roster with who is in it.
    async fn told(&self) -> Vec<String> {
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

    async fn until_told(&self, expected: &[&str]) {
        for _ in 0..200 {
            if self.told().await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(self.told().await, expected, "on {}", self.engine.name());
    }

    async fn health(&self, adapter: Adapter) -> Vec<ConnectionHealth> {
        let request = DescribeAdapterRequest { company: "acme".into(), adapter: adapter.into() };
        let answer = self.client().describe_adapter(request).await.unwrap().into_inner();
        answer.adapters.into_iter().next().unwrap().connections
    }
}

fn mac(algorithm: hmac::Algorithm, secret: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

async fn request(
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

/// A body of each provider, with `{n}` where ids go.
fn body(provider: &str, n: &str) -> String {
    let millis = now().timestamp_millis();
    match provider {
        "zoom" => zoom("meeting.started", n, "u1", 0, json!({})),
        "teams" => json!({ "value": [{
            "subscriptionId": "s1", "clientState": SECRET, "changeType": "created", "tenantId": "A1",
            "resource": format!("communications/callRecords/{n}"), "resourceData": { "id": n },
        }] })
        .to_string(),
        "webex" => json!({
            "id": "hook", "resource": "meetings", "event": "started", "orgId": "A1",
            "data": { "id": n, "state": "inProgress" },
        })
        .to_string(),
        "twilio" => format!("CallSid=CA{n}&CallStatus=ringing&Direction=inbound&SequenceNumber=1"),
        "ringcentral" => json!({
            "uuid": n, "event": "/restapi/v1.0/account/A1/telephony/sessions",
            "timestamp": "2026-11-22T10:00:00.000Z", "subscriptionId": "s", "ownerId": "A1",
            "body": { "sequence": 1, "sessionId": n, "telephonySessionId": n, "parties": [{
                "id": "p-1", "direction": "Inbound", "from": { "phoneNumber": "+15550100" },
                "to": { "phoneNumber": "+15550101" }, "status": { "code": "Proceeding" },
            }] },
        })
        .to_string(),
        "aircall" => json!({
            "event": "call.created", "resource": "call", "timestamp": millis / 1000, "token": SECRET,
            "data": { "id": n, "direction": "inbound", "raw_digits": "+15550100" },
        })
        .to_string(),
        "vonage" => json!({
            "uuid": n, "conversation_uuid": format!("CON-{n}"), "status": "ringing",
            "direction": "outbound", "timestamp": "2026-11-22T10:00:00.000Z",
            "from": "15550100", "to": "15550101",
        })
        .to_string(),
        "telnyx" => json!({ "data": {
            "event_type": "call.initiated", "id": n, "occurred_at": "2026-11-22T10:00:00.000Z",
            "payload": { "call_session_id": n, "call_leg_id": n, "direction": "incoming",
                "from": "+15550100", "to": "+15550101", "state": "parked" },
        } })
        .to_string(),
        "dialer" => dialer("call.ringing", n),
        "recall" => json!({ "event": "bot.in_waiting_room", "data": {
            "bot": { "id": n, "metadata": {} },
            "data": { "code": "in_waiting_room", "sub_code": null, "updated_at": "2026-11-22T10:00:00Z" },
        } })
        .to_string(),
        "attendee" => {
            format!(
                r#"{{"bot_id":"{n}","data":{{"created_at":"2026-11-22T10:00:00Z","event_type":"joined_meeting","new_state":"joined_not_recording"}},"idempotency_key":"{n}","trigger":"bot.state_change"}}"#
            )
        }
        _ => unreachable!(),
    }
}

/// An event of a meeting of Zoom, so many minutes after its start.
fn zoom(event: &str, meeting: &str, uuid: &str, minutes: i64, more: serde_json::Value) -> String {
    let at = now() + TimeDelta::minutes(minutes);
    let mut object = json!({ "id": meeting, "uuid": uuid, "host_id": "host-1", "type": 2 });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let payload = json!({ "account_id": "A1", "object": object });
    json!({ "event": event, "event_ts": at.timestamp_millis(), "payload": payload }).to_string()
}

fn dialer(event: &str, call: &str) -> String {
    json!({
        "id": format!("{call}-{event}"), "event": event, "at": "2026-11-22T10:00:00Z", "account": "A1",
        "call": { "id": call, "direction": "outbound", "from": "+15550100", "to": "+15550101", "user": "ada" },
    })
    .to_string()
}

const PROVIDERS: [&str; 11] = [
    "zoom",
    "teams",
    "webex",
    "twilio",
    "ringcentral",
    "aircall",
    "vonage",
    "telnyx",
    "dialer",
    "recall",
    "attendee",
];

/// An order for the meeting of the tests, to be recorded by Zoom itself.
fn native(call_id: &str, meeting: &str) -> Order {
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

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_believed_by_its_own_proof_and_kept_once() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        for (before, provider) in (0..).zip(PROVIDERS) {
            let sent = body(provider, "77");
            let well = if provider == "teams" { 202 } else { 200 };
            assert_eq!(world.deliver(provider, &sent).await, well, "{provider}");
            assert_eq!(world.kept().await, before + 1, "{provider}");
            assert_eq!(world.deliver(provider, &sent).await, well, "{provider} again");
            assert_eq!(world.kept().await, before + 1, "{provider} again");
            // The bytes are others than those that were signed.
            let proof = world.signed(provider, &sent);
            let tampered = sent.replace("77", "78").replace(SECRET, "aGlkZGVuIGJlaGluZCB0aGUgc3Vu");
            let proof = if provider == "ringcentral" {
                vec![("verification-token".to_owned(), "another".to_owned())]
            } else {
                proof
            };
            let path = format!("/webhooks/{provider}");
            let refused = if provider == "teams" { 202 } else { 401 };
            assert_eq!(
                world.send(&path, &proof, &tampered).await.0,
                refused,
                "{provider} tampered"
            );
            if !["teams", "aircall"].contains(&provider) {
                assert_eq!(world.send(&path, &[], &sent).await.0, 401, "{provider} without proof");
            }
            assert_eq!(world.kept().await, before + 1, "{provider} tampered");
        }
        let store = storage::connect(&world.engine.config()).await.unwrap();
        let sql = "SELECT body FROM provider_adapters_inbox";
        let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await;
        for row in rows.unwrap() {
            let body: Vec<u8> = row.try_get_by_index(0).unwrap();
            assert!(!String::from_utf8_lossy(&body).contains(SECRET), "no secret is kept");
        }
        let refused: u64 =
            world.health(Adapter::Dialer).await.iter().map(|one| one.refused_webhooks).sum();
        assert!(refused >= 12, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_to_whom_it_should_be() {
    let world = World::on(Engine::file()).await;
    let question = |token: &str| {
        json!({ "event": "endpoint.url_validation", "payload": { "plainToken": token }, "event_ts": 1 })
            .to_string()
    };
    let asked = question("qgg8vlvZRS6UYooatFL8Aw");
    let path = "/webhooks/zoom";
    assert_eq!(world.send(path, &[], &asked).await.0, 401, "whoever asks must have signed");
    let (status, answer) = world.send(path, &world.signed("zoom", &asked), &asked).await;
    let code = mac(hmac::HMAC_SHA256, SECRET.as_bytes(), "qgg8vlvZRS6UYooatFL8Aw");
    assert!(status == 200 && answer.contains(&HEXLOWER.encode(&code)), "{status} {answer}");
    let oracle = question(&format!("v0:{}:{{}}", now().timestamp()));
    let (status, answer) = world.send(path, &world.signed("zoom", &oracle), &oracle).await;
    assert!(
        status == 401 && answer.is_empty(),
        "nothing is signed for a forger: {status} {answer}"
    );

    let (status, answer) = world.send("/webhooks/teams?validationToken=a%20b", &[], "").await;
    assert!(status == 200 && answer == "a b", "{status} {answer}");
    let token = [("validation-token".to_owned(), "t0k3n".to_owned())];
    assert_eq!(world.send("/webhooks/ringcentral", &token, "").await.0, 200);
    assert_eq!(world.kept().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_webhook_or_not_ours_is_not_kept() {
    let world = World::on(Engine::file()).await;
    let sent = body("zoom", "77");
    let proof = world.signed("zoom", &sent);
    assert_eq!(world.send("/webhooks/nobody", &proof, &sent).await.0, 404);
    assert_eq!(request(world.address, "GET", "/webhooks/zoom", &proof, b"").await.0, 405);
    assert_eq!(world.send("/webhooks/unset", &proof, &sent).await.0, 503, "it may be set soon");
    let large = "x".repeat(signals::MAX_BODY + 1);
    assert_eq!(world.send("/webhooks/zoom", &proof, &large).await.0, 413);
    // A retry that comes very late is answered well, or it would come again.
    world.clock.advance(TimeDelta::minutes(91));
    assert_eq!(world.send("/webhooks/zoom", &proof, &sent).await.0, 200);
    // Nobody else could have signed: our own clock is wrong.
    world.clock.advance(TimeDelta::minutes(-100));
    assert_eq!(world.send("/webhooks/zoom", &proof, &sent).await.0, 503);
    let foreign = sent.replace("\"A1\"", "\"B2\"");
    assert_eq!(world.deliver("zoom", &foreign).await, 200, "it is another account's");
    assert_eq!(world.kept().await, 0);
    assert_eq!(world.deliver("zoom", &sent).await, 200);
    assert_eq!(world.kept().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_many_times_at_once_is_kept_once() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let bodies: Vec<String> = (0..60).map(|n| body("dialer", &(n % 20).to_string())).collect();
        let sent = bodies.iter().map(|body| world.deliver("dialer", body));
        let answers = futures::future::join_all(sent).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        assert_eq!(world.kept().await, 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_trouble_is_told_so_that_it_comes_again() {
    let world = World::on(Engine::file()).await;
    let store = storage::connect(&world.engine.config()).await.unwrap();
    let rename = |from: &'static str, to: &'static str| {
        let store = store.clone();
        async move {
            store
                .write(|tx| async move {
                    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
                    Ok::<_, storage::Error>(tx.execute_unprepared(&sql).await?)
                })
                .await
                .unwrap()
        }
    };
    rename("provider_adapters_inbox", "gone").await;
    let sent = body("zoom", "77");
    assert_eq!(world.deliver("zoom", &sent).await, 503);
    rename("gone", "provider_adapters_inbox").await;
    assert_eq!(world.deliver("zoom", &sent).await, 200);
    assert_eq!(world.kept().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_told_as_it_goes_whatever_the_order() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let ada = json!({ "participant": { "user_name": "Ada", "participant_uuid": "p1",
            "email": "ada@acme.example", "participant_user_id": "host-1" } });
        let bot = json!({ "participant": { "user_name": "Recorder", "participant_uuid": "p2",
            "participant_user_id": "bot-account" } });
        // It begins before anybody ordered anything.
        let began = zoom("meeting.started", "77", "u1", 1, json!({}));
        assert_eq!(world.deliver("zoom", &began).await, 200);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(world.told().await.is_empty());
        assert_eq!(world.dispatch(native("c1", "77")).await, Receipt::Accepted);
        world.clock.advance(TimeDelta::seconds(5));
        world.until_told(&["native_impossible", "meeting_started"]).await;
        let mut all = vec!["native_impossible", "meeting_started"];
        world
            .deliver("zoom", &zoom("meeting.participant_joined", "77", "u1", 2, bot.clone()))
            .await;
        all.extend(["in_call", "roster: recorder"]);
        world.until_told(&all).await;
        world
            .deliver("zoom", &zoom("meeting.participant_joined", "77", "u1", 3, ada.clone()))
            .await;
        all.extend(["host_joined", "roster: ada@acme.example, recorder"]);
        world.until_told(&all).await;
        // That the recorder left is told before somebody else came, who came earlier.
        let bob = json!({ "participant": { "user_name": "Bob", "participant_uuid": "p3" } });
        for event in [
            zoom("meeting.participant_left", "77", "u1", 9, bot),
            zoom("meeting.participant_joined", "77", "u1", 8, bob),
            zoom("meeting.participant_joined", "77", "u1", 3, ada),
        ] {
            world.deliver("zoom", &event).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        all.extend(["left", "roster: ada@acme.example", "roster: ada@acme.example, somebody"]);
        world.until_told(&all).await;
        // An older word on somebody changes nothing of who is there.
        let bot = json!({ "participant": { "user_name": "Recorder", "participant_uuid": "p2",
            "participant_user_id": "bot-account" } });
        world.deliver("zoom", &zoom("meeting.participant_joined", "77", "u1", 4, bot)).await;
        all.extend(["in_call", "roster: ada@acme.example, somebody"]);
        world.until_told(&all).await;
        // Another run of the same meeting, long after: no session of ours.
        world.deliver("zoom", &zoom("meeting.started", "77", "u9", 600, json!({}))).await;
        let world = world.restarted().await;
        world.until_told(&all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_after_our_own_is_ours() {
    let world = World::on(Engine::file()).await;
    for (call, meeting) in [("c1", "77"), ("c2", "78")] {
        world.dispatch(native(call, meeting)).await;
    }
    world.clock.advance(TimeDelta::minutes(4));
    let withdrawal = Withdrawal { attempt: native("c1", "77").attempt, ..Default::default() };
    let request = WithdrawRequest { withdrawals: vec![withdrawal] };
    world.client().withdraw(request).await.unwrap();
    world.deliver("zoom", &zoom("recording.stopped", "77", "u1", 5, json!({}))).await;
    let impossible = "native_impossible";
    world.until_told(&[impossible, impossible, "own_stop", "recording_stopped"]).await;
    world.deliver("zoom", &zoom("recording.stopped", "78", "u2", 5, json!({}))).await;
    let all = [impossible, impossible, "own_stop", "recording_stopped", "recording_stopped"];
    world.until_told(&all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_registered_is_told_and_its_signals_follow_its_order() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        world.deliver("dialer", &dialer("call.ringing", "k1")).await;
        world.deliver("dialer", &dialer("call.answered", "k1")).await;
        world.until_told(&["call k1"]).await;
        let News::PhoneCall(call) = world.news().await.remove(0) else { panic!() };
        assert_eq!((call.connection.as_str(), call.user.as_str()), ("dialer", "ada"));
        assert_eq!(
            (call.own_number.as_str(), call.other_number.as_str()),
            ("+15550100", "+15550101")
        );
        let order = Order {
            adapter: Adapter::Dialer.into(),
            method: Method::DialerImport.into(),
            conference: None,
            phone_call: Some(call),
            ..native("c1", "")
        };
        assert_eq!(world.dispatch(order).await, Receipt::Accepted);
        world.clock.advance(TimeDelta::seconds(5));
        world.until_told(&["call k1", "dialer_import_failed", "ringing", "answered"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_accounts_are_for_whoever_plans_and_whoever_administers() {
    let world = World::on(Engine::file()).await;
    let problems = async || {
        let health = world.health(Adapter::ZoomNative).await;
        let zoom = health.into_iter().find(|one| one.name == "zoom").unwrap();
        let codes: Vec<String> = zoom.problems.into_iter().map(|problem| problem.code).collect();
        (codes, zoom.last_webhook_at)
    };
    assert_eq!(problems().await, (vec!["webhooks_silent".to_owned()], None));
    let changed = json!({ "event": "user.settings_updated", "event_ts": now().timestamp_millis(),
        "payload": { "account_id": "A1", "object": { "id": "u1", "settings": { "recording": { "cloud_recording": false } } },
            "old_object": { "id": "u1" } } });
    world.deliver("zoom", &changed.to_string()).await;
    world.until_told(&["facts changed"]).await;
    assert_eq!(problems().await, (vec![], Some(to_wire(now()))));
    let gone = json!({ "event": "app_deauthorized", "payload": { "account_id": "A1", "user_id": "u1",
        "deauthorization_time": "2026-11-22T10:00:00Z", "client_id": "c" } });
    world.deliver("zoom", &gone.to_string()).await;
    world.until_told(&["facts changed", "facts changed"]).await;
    assert_eq!(problems().await.0, ["app_deauthorized"]);
    // It is told of meetings again.
    world.deliver("zoom", &zoom("meeting.started", "5", "u5", 1, json!({}))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(problems().await.0, Vec::<String>::new());
    let unset = world.health(Adapter::ZoomNative).await.into_iter().find(|one| one.name == "unset");
    assert_eq!(unset.unwrap().problems[0].code, "secret_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_names_a_user_concerns_the_calls_of_that_member() {
    let world = World::on(Engine::file()).await;
    let host = |member: &str, email: &str, zoom: &str| HostFacts {
        member: member.into(),
        emails: vec![email.into()],
        zoom: Some(proto::eligibility::v1::ZoomFacts {
            email: Some(zoom.to_owned()).filter(|zoom| !zoom.is_empty()),
            ..Default::default()
        }),
    };
    let hosts = vec![
        host("ada", "Ada@acme.example", ""),
        host("bob", "bob@acme.example", "robert@zoom.acme.example"),
    ];
    let request = ApplyProviderFactsRequest {
        company: "acme".into(),
        policy_version: 1,
        hosts,
        ..Default::default()
    };
    world.client().apply_provider_facts(request).await.unwrap();
    let mut expected: Vec<Vec<String>> = Vec::new();
    for (n, (event, user, email, concerned)) in (0..).zip([
        ("user.deactivated", "u1", "ada@acme.example", Some(vec!["ada"])),
        ("user.updated", "u2", "robert@zoom.acme.example", Some(vec!["bob"])),
        // Of no member, so that no plan rests on it.
        ("user.deactivated", "u3", "guest@acme.example", None),
        // Whose it is nobody can tell: there is no address, and nobody to ask.
        ("user.settings_updated", "u4", "", Some(vec![])),
        ("account.settings_updated", "", "", Some(vec![])),
    ]) {
        let at = now().timestamp_millis() + n;
        let mut object =
            json!({ "id": user, "settings": { "recording": { "cloud_recording": n } } });
        if !email.is_empty() {
            object["email"] = json!(email);
        }
        let payload = json!({ "account_id": "A1", "operator": "ada@acme.example",
            "operator_id": "u1", "object": object });
        let body = json!({ "event": event, "event_ts": at, "payload": payload });
        assert_eq!(world.deliver("zoom", &body.to_string()).await, 200);
        expected.extend(concerned.map(|all| all.into_iter().map(str::to_owned).collect()));
        let told = expected.iter().map(|_| "facts changed").collect::<Vec<_>>();
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.until_told(&told).await;
    }
    let members = world.news().await.into_iter().filter_map(|news| match news {
        News::FactsChanged(facts) => Some(facts.members),
        News::Signal(_) | News::PhoneCall(_) => None,
    });
    assert_eq!(members.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_ordered_is_given_up_and_forgotten() {
    let world = World::on(Engine::file()).await;
    world.deliver("zoom", &zoom("meeting.started", "77", "u1", 1, json!({}))).await;
    let waiting = async || {
        let health = world.health(Adapter::ZoomNative).await;
        health.into_iter().find(|one| one.name == "zoom").unwrap().waiting_webhooks
    };
    assert_eq!(waiting().await, 1);
    world.clock.advance(TimeDelta::minutes(21));
    for _ in 0..100 {
        if waiting().await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(waiting().await, 0);
    world.dispatch(native("c1", "77")).await;
    world.until_told(&["native_impossible"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_keeps_nobody_waiting() {
    let world = World::on(Engine::file()).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(b"POST /webhooks/zoom HTTP/1.1\r\nhost: ").await.unwrap();
        idle.push(stream);
    }
    assert_eq!(world.deliver("zoom", &body("zoom", "77")).await, 200);
    let began = std::time::Instant::now();
    world.running.shutdown().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "nor when it is time to end");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_plans_otherwise_is_looked_at_again() {
    let world = World::on(Engine::file()).await;
    let order = Order { organizer: "ada".into(), owner: "bob".into(), ..native("c1", "77") };
    world.dispatch(order).await;
    world.until_told(&["native_impossible"]).await;
    let before_now = (now() - TimeDelta::days(2)).timestamp_millis();
    let changed = |uuid: i64, before: DateTime<Utc>, after: DateTime<Utc>| {
        json!({ "event": "meeting.updated", "event_ts": before_now + uuid,
            "payload": { "account_id": "A1", "scope": "single",
                "object": { "id": 77, "start_time": after }, "old_object": { "id": 77, "start_time": before } } })
        .to_string()
    };
    // It was moved by an hour, two days before.
    let (start, hour) = (now(), TimeDelta::hours(1));
    world.clock.advance(TimeDelta::days(-2));
    world.deliver("zoom", &changed(1, start, start + hour)).await;
    world.until_told(&["native_impossible", "facts changed", "rescheduled"]).await;
    // Another one of the series was moved.
    world.deliver("zoom", &changed(2, start + hour * 3, start + hour * 5)).await;
    let mut all = vec!["native_impossible", "facts changed", "rescheduled", "facts changed"];
    world.until_told(&all).await;
    let cancelled = zoom("meeting.deleted", "77", "u1", -600, json!({ "start_time": start }));
    world.deliver("zoom", &cancelled).await;
    all.push("facts changed");
    world.until_told(&all).await;
    let members = world.news().await.into_iter().filter_map(|news| match news {
        News::FactsChanged(facts) => Some(facts.members),
        News::Signal(_) | News::PhoneCall(_) => None,
    });
    assert!(members.into_iter().all(|members| members == ["ada"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_right_again_in_the_order_in_which_it_happened() {
    let world = World::on(Engine::file()).await;
    let problems = async || {
        let health = world.health(Adapter::ZoomNative).await;
        let zoom = health.into_iter().find(|one| one.name == "zoom").unwrap();
        zoom.problems.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    let storage = |minutes: i64| {
        let at = now() + TimeDelta::minutes(minutes);
        json!({ "event": "recording.cloud_storage_usage_updated", "event_ts": at.timestamp_millis(),
            "payload": { "account_id": "A1", "object": { "free_storage": "0 GB", "storage_exceed": "on",
                "subscription_plan_name": "pro", "plan_storage": "1 GB", "plan_type": "monthly", "used_storage": "1 GB",
                "used_percentage": 100, "exceed_date": "2026-11-22" } } })
        .to_string()
    };
    world.deliver("zoom", &storage(1)).await;
    let is = async |expected: &[&str]| {
        for _ in 0..200 {
            if problems().await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(problems().await, expected);
    };
    is(&["storage_full"]).await;
    let files = json!({ "recording_files": [{ "id": "f1", "file_type": "MP4", "status": "completed",
        "recording_start": now(), "recording_end": now() + TimeDelta::minutes(5) }] });
    world.deliver("zoom", &zoom("recording.completed", "5", "u5", 9, files)).await;
    is(&[]).await;
}
