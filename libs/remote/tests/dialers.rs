//! Clients of smaller providers of telephony against them as they are played, and their webhooks against what reads them.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use fakes::dialers::{self as played, Dialers};
use fakes::{Clock, Fault, Match, Notice, Server, Sign};
use http::HeaderMap;
use remote::{
    Base, Budget, Download, Error, Http, Mint, Minted, Tokens, aircall, ringcentral, telnyx, vonage,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use signals::{Delivery, Secret, Signal, Tolerance};

#[derive(Debug)]
struct Fixed(SecretString);

#[async_trait]
impl Mint for Fixed {
    async fn mint(&self) -> Result<Minted, Error> {
        Ok(Minted { token: self.0.clone(), lifetime: Duration::from_secs(3600) })
    }
}

struct World {
    fake: Dialers,
    clock: Clock,
    hook: Server,
    http: Http,
}

/// Echoes a token of RingCentral's handshake; takes everything else.
async fn answer(headers: HeaderMap, body: bytes::Bytes) -> axum::response::Response {
    let secrets = [Secret::new("ours").unwrap()];
    match signals::ringcentral::receive(&headers, &body, &secrets) {
        Ok(Delivery::Handshake(reply)) => {
            let (name, value) = reply.headers[0].clone();
            [(name, value)].into_response()
        }
        Ok(Delivery::Event) | Err(_) => "".into_response(),
    }
}

fn noon() -> DateTime<Utc> {
    "2026-01-06T12:00:00Z".parse().unwrap()
}

async fn world() -> World {
    let clock = Clock::held(noon());
    let fake = Dialers::start(clock.clone()).await;
    let hook = Server::start(Router::new().route("/hook", post(answer))).await;
    let http = Http::new(&remote::Settings::default()).unwrap();
    World { fake, clock, hook, http }
}

impl World {
    fn base(&self, path: &str) -> Base {
        Base::new(&self.fake.url(path)).unwrap()
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(Arc::new(Fixed(self.fake.token().to_owned().into())))
    }

    /// Sends a webhook, which is not taken the first time, and gives what arrived the second time.
    async fn send(&self, sign: Arc<dyn Sign>, notice: Notice) -> fakes::Seen {
        let sender = played::sender(&self.hook.url("/hook"), sign, &self.clock);
        self.hook.faults().add(Match::path("/hook").once(), Fault::failure(503));
        let delivery = sender.deliver(&notice).await;
        assert_eq!((delivery.attempts.len(), delivery.delivered), (2, true));
        self.hook.log().all().pop().unwrap()
    }
}

async fn fetch(file: &Download) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(file.url.expose());
    if let Some((name, value)) = &file.header {
        request = request.header(name, value.expose_secret());
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn recordings_of_telnyx_are_listed_fetched_and_deleted() {
    let world = world().await;
    let client = |key: &str| {
        let key = key.to_owned().into();
        telnyx::Client::new(&world.http, world.base("/v2"), "acme", &key, Budget::unbounded())
    };
    let telnyx = client(world.fake.token());
    for id in ["r1", "r2", "r3"] {
        world.fake.record(id, "session-1", fakes::wav(2, false));
    }
    let all = telnyx.recordings("session-1").await.unwrap();
    assert!(all.iter().map(|one| one.id.as_str()).eq(["r1", "r2", "r3"]));
    let one = telnyx.recording("r1").await.unwrap();
    assert_eq!((one.session.as_deref(), one.started.is_some()), (Some("session-1"), true));
    let file = one.download().unwrap();
    assert_eq!(fetch(&file).await.bytes().await.unwrap(), fakes::wav(2, false));
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(fetch(&file).await.status().as_u16(), 403);
    telnyx.delete_recording("r1").await.unwrap();
    let gone = telnyx.delete_recording("r1").await.unwrap_err();
    assert!(matches!(&gone, Error::NotFound { code, .. } if code == "10005"), "{gone:?}");
    assert!(matches!(client("x").recording("r2").await, Err(Error::Unauthorised { .. })));
    world.fake.faults().add(Match::path("/v2/recordings").once(), Fault::DropAfter);
    let lost = telnyx.delete_recording("r2").await.unwrap_err();
    assert!(lost.may_have_been_done());
    assert!(matches!(telnyx.recording("r2").await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_recording_of_aircall_is_fetched_while_its_link_holds() {
    let world = world().await;
    let token = world.fake.token().to_owned().into();
    let base = world.base("/aircall");
    let aircall = aircall::Client::new(&world.http, base, "acme", &token, Budget::unbounded());
    assert!(aircall.call("812").await.unwrap().download().is_none());
    world.fake.record("r1", "812", fakes::wav(1, false));
    let call = aircall.call("812").await.unwrap();
    assert_eq!((call.id.as_str(), call.status.as_deref()), ("812", Some("done")));
    assert!(call.ended > call.answered);
    let file = call.download().unwrap();
    assert_eq!(fetch(&file).await.bytes().await.unwrap(), fakes::wav(1, false));
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(fetch(&file).await.status().as_u16(), 403);
    aircall.delete_recording("812").await.unwrap();
    assert!(matches!(aircall.delete_recording("812").await, Err(Error::NotFound { .. })));
    world.fake.faults().add(Match::path("/aircall").once(), Fault::busy(4));
    let busy = aircall.call("812").await.unwrap_err();
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(4)));
}

#[tokio::test]
async fn recordings_of_ringcentral_and_vonage_want_a_token() {
    let world = world().await;
    world.fake.record("r1", "s-1", fakes::wav(3, false));
    let (base, budget) = (world.base(""), Budget::unbounded());
    let ringcentral =
        ringcentral::Client::new(&world.http, base.clone(), "acme", world.tokens(), budget);
    let one = ringcentral.recording("r1").await.unwrap();
    assert_eq!((one.seconds, one.content_type.as_deref()), (Some(3), Some("audio/x-wav")));
    let gone = ringcentral.recording("r2").await.unwrap_err();
    assert!(matches!(&gone, Error::NotFound { code, .. } if code == "CMN-102"), "{gone:?}");
    world.fake.faults().add(Match::path("/recording/").once(), Fault::Cut);
    assert!(ringcentral.recording("r1").await.unwrap_err().is_transient());
    let vonage = vonage::Client::new(base, world.tokens());
    let files = [
        ringcentral.download("r1").await.unwrap(),
        // The host of the event is not asked.
        vonage.download("https://api-us.nexmo.example/v1/files/r1").await.unwrap(),
    ];
    for file in files {
        assert!(file.url.expose().starts_with(&world.fake.url("")));
        assert_eq!(fetch(&file).await.bytes().await.unwrap(), fakes::wav(3, false));
        let open = Download { url: file.url, header: None };
        assert_eq!(fetch(&open).await.status().as_u16(), 401);
    }
    let wrong = vonage.download("https://evil.example/x").await.unwrap_err();
    assert!(matches!(wrong, Error::Argument(_)));
}

#[tokio::test]
async fn ringcentral_gives_a_token_for_a_jwt_and_tells_what_was_recorded_of_a_session() {
    let world = world().await;
    for id in ["r2", "r1"] {
        world.fake.record(id, "s-1", fakes::wav(1, false));
    }
    world.fake.record("r3", "s-2", fakes::wav(1, false));
    let client = |jwt: &str| {
        let (http, secret) = (world.http.clone(), world.fake.token().to_owned().into());
        let grant = ringcentral::JwtGrant::new(
            http,
            world.base(""),
            "acme",
            &secret,
            jwt.to_owned().into(),
        );
        let tokens = Tokens::new(Arc::new(grant));
        let budget = Budget::unbounded();
        ringcentral::Client::new(&world.http, world.base(""), "acme", tokens, budget)
    };
    assert_eq!(client("a-jwt").recordings("s-1", noon()).await.unwrap(), ["r1", "r2"]);
    assert_eq!(client("a-jwt").recordings("s-9", noon()).await.unwrap(), Vec::<String>::new());
    let refused = client("another").recordings("s-1", noon()).await.unwrap_err();
    assert!(matches!(&refused, Error::Unauthorised { .. }), "{refused:?}");
    let media = Server::start(Router::new().fallback(async || "sound")).await;
    let elsewhere = client("a-jwt").with_media(Base::new(&media.url("")).unwrap());
    let file = elsewhere.download("r1").await.unwrap();
    assert!(file.url.expose().starts_with(&media.url("")));
}

#[tokio::test]
async fn ringcentral_is_echoed_once_and_shows_our_token_from_then_on() {
    let world = world().await;
    assert!(played::validate(&world.hook.url("/hook"), "abc-123").await);
    assert!(!played::validate(&world.fake.url("/nowhere"), "abc-123").await);
    let body = json!({"uuid": "n1", "event": "/restapi/v1.0/account/1/telephony/sessions", "ownerId": "1",
        "timestamp": "2026-01-06T12:00:00.123Z", "subscriptionId": "s1", "body": {"sequence": 5,
        "telephonySessionId": "s-1", "parties": [{"id": "p-1", "accountId": "1", "direction": "Outbound",
            "status": {"code": "Disconnected", "reason": "TargetBusy"}}]}});
    let notice = Notice::json("telephony", &body);
    let seen = world.send(Arc::new(played::RingCentral("ours".to_owned())), notice).await;
    let check = |secret: &str| {
        let secrets = [Secret::new(secret).unwrap()];
        signals::ringcentral::receive(&seen.headers, &seen.body, &secrets)
    };
    assert_eq!(check("ours"), Ok(Delivery::Event));
    assert!(check("theirs").is_err());
    let event = signals::ringcentral::read(&seen.body).unwrap().remove(0);
    assert_eq!((event.signals().first(), event.sequence), (Some(&Signal::LineBusy), Some(5)));
}

#[tokio::test]
async fn a_webhook_of_aircall_has_its_token_in_the_body() {
    let world = world().await;
    let data = json!({"id": 812, "direction": "outbound", "raw_digits": "+1 555-0101",
        "number": {"id": 7, "digits": "+15550100"}, "duration": 61, "recording": "https://aircall.example/r1",
        "started_at": 1_767_261_600, "answered_at": 1_767_261_605, "ended_at": 1_767_261_661});
    let notice = played::aircall("t0k3n", "call.ended", 1_767_261_691, &data);
    let seen = world.send(Arc::new(played::RingCentral("unused".to_owned())), notice).await;
    let check =
        |secret: &str| signals::aircall::verify(&seen.body, &[Secret::new(secret).unwrap()]);
    assert!(check("t0k3n").is_ok() && check("other").is_err());
    assert!(signals::aircall::read(&seen.body).unwrap().says(Signal::FilesReady));
}

#[tokio::test]
async fn a_webhook_of_vonage_is_believed_for_its_body_and_its_time() {
    let world = world().await;
    let body = json!({"uuid": "aa-bb", "conversation_uuid": "CON-1", "status": "rejected", "detail": "remote_busy",
        "direction": "outbound", "timestamp": "2026-01-06T12:00:00.123Z"});
    let sign = Arc::new(played::Vonage("signature secret".to_owned()));
    let seen = world.send(sign, Notice::json("rejected", &body)).await;
    let secrets = [Secret::new("signature secret").unwrap()];
    let check = |body: &[u8], now| {
        signals::vonage::verify(&seen.headers, body, &secrets, Tolerance::STRICT, now)
    };
    assert_eq!(check(&seen.body, noon()), Ok(()));
    assert!(check(b"{}", noon()).is_err());
    assert!(check(&seen.body, noon() + TimeDelta::minutes(6)).is_err());
    let event = signals::vonage::read(&seen.body).unwrap();
    assert_eq!(event.signals().first(), Some(&Signal::LineBusy));
}

#[tokio::test]
async fn a_webhook_of_telnyx_is_signed_with_the_key_of_the_account() {
    let world = world().await;
    let sign = Arc::new(played::Telnyx::new(1));
    let keys = [signals::telnyx::PublicKey::new(&sign.public_key()).unwrap()];
    let other = [signals::telnyx::PublicKey::new(&played::Telnyx::new(2).public_key()).unwrap()];
    let body = json!({"data": {"record_type": "event", "event_type": "call.recording.saved", "id": "e1",
        "occurred_at": "2026-01-06T12:00:00.521992Z", "payload": {"recording_id": "r1", "call_session_id": "s1",
        "call_leg_id": "l1", "recording_urls": {"wav": "https://telnyx.example/r1"}}}, "meta": {"attempt": 1}});
    let seen = world.send(sign, Notice::json("call.recording.saved", &body)).await;
    let check = |body: &[u8], keys: &[signals::telnyx::PublicKey]| {
        signals::telnyx::verify(&seen.headers, body, keys, Tolerance::STRICT, noon())
    };
    assert_eq!(check(&seen.body, &keys), Ok(()));
    assert!(check(&seen.body, &other).is_err() && check(b"{}", &keys).is_err());
    assert!(signals::telnyx::read(&seen.body).unwrap().says(Signal::FilesReady));
}

#[tokio::test]
async fn a_dialer_of_ones_own_signs_as_our_event_api_wants() {
    let world = world().await;
    let body = json!({"id": "e1", "event": "call.ended", "at": "2026-01-06T12:00:00Z", "sequence": 4,
        "account": "acme", "call": {"id": "c1", "direction": "outbound", "to": "+15550101"}, "outcome": "declined"});
    let seen =
        world.send(Arc::new(played::Generic("k".to_owned())), Notice::json("e", &body)).await;
    let secret = Secret::new("k").unwrap();
    let stamp = noon().timestamp();
    let ours = signals::dialer::sign(&secret, stamp, &seen.body);
    assert_eq!(seen.header("x-callsheet-signature"), Some(ours.as_str()));
    let check = |body: &[u8], now| {
        signals::dialer::verify(
            &seen.headers,
            body,
            std::slice::from_ref(&secret),
            Tolerance::STRICT,
            now,
        )
    };
    assert_eq!(check(&seen.body, noon()), Ok(()));
    assert!(check(b"{}", noon()).is_err());
    assert!(check(&seen.body, noon() + TimeDelta::minutes(6)).is_err());
    let event = signals::dialer::read(&seen.body).unwrap();
    assert_eq!(event.signals().first(), Some(&Signal::CallDeclined));
}
