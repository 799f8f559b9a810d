//! The core against a server with every fault.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use fakes::{Fault, Match, Reply, Server};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use remote::{
    Api, Base, Budget, Call, Complaint, Credentials, Dialect, Effect, Error, Fault as Failure,
    Http, Limit, Look, Mint, Minted, Settings, Tokens,
};
use serde_json::{Value, json};

/// A provider whose errors are `{code, message}`.
#[derive(Debug)]
struct Plain;

impl Dialect for Plain {
    fn complaint(&self, _: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = value.id(&["message"]).unwrap_or_default();
        Complaint { code: value.id(&["code"]), text, ..Complaint::default() }
    }
}

/// Brings `token-1`, `token-2` and so on.
#[derive(Debug, Default)]
struct Counting(AtomicU32);

#[async_trait]
impl Mint for Counting {
    async fn mint(&self) -> Result<Minted, Error> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Minted { token: format!("token-{number}").into(), lifetime: Duration::from_secs(3600) })
    }
}

struct World {
    server: Server,
    api: Api,
    mint: Arc<Counting>,
    /// Tokens up to this number have lapsed.
    lapsed: Arc<AtomicU32>,
}

impl World {
    async fn get(&self) -> Result<Value, Error> {
        self.api.json(&Call::get(["things", "1"])).await
    }

    async fn post(&self) -> Result<(), Error> {
        self.api.done(&Call::new(Method::POST, ["things"]).json(&json!({"a": 1}))).await
    }

    fn fails(&self, fault: Fault) {
        self.server.faults().add(Match::all(), fault);
    }
}

async fn guarded(State(lapsed): State<Arc<AtomicU32>>, headers: HeaderMap) -> Reply {
    let number = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer token-")?.parse().ok());
    if number.is_some_and(|number: u32| number > lapsed.load(Ordering::SeqCst)) {
        Reply::json(200, &json!({"id": 1}))
    } else {
        Reply::json(401, &json!({"code": 124, "message": "Access token is expired."}))
    }
}

async fn world_with(settings: &Settings, budget: Budget) -> World {
    let lapsed = Arc::new(AtomicU32::new(0));
    let routes = Router::new()
        .route("/v2/things/1", get(guarded))
        .route("/v2/things", post(guarded))
        .with_state(Arc::clone(&lapsed));
    let server = Server::start(routes).await;
    let mint = Arc::new(Counting::default());
    let api = Api::new(
        Http::new(settings).unwrap(),
        Base::new(&server.url("/v2")).unwrap(),
        "acme",
        Credentials::Tokens(Tokens::new(Arc::clone(&mint) as Arc<dyn Mint>)),
        Arc::new(Plain),
        budget,
    );
    World { server, api, mint, lapsed }
}

async fn world() -> World {
    let settings = Settings { timeout: Duration::from_secs(2), ..Settings::default() };
    world_with(&settings, Budget::unbounded()).await
}

#[tokio::test]
async fn an_answer_is_read() {
    let world = world().await;
    assert_eq!(world.get().await.unwrap()["id"], 1);
    let seen = &world.server.log().all()[0];
    assert_eq!((seen.path.as_str(), seen.status), ("/v2/things/1", Some(200)));
    assert_eq!(seen.header("authorization"), Some("Bearer token-1"));
    assert!(seen.header("user-agent").unwrap().starts_with("callsheet/"));
}

#[tokio::test]
async fn a_failure_is_not_hidden_by_asking_again() {
    for (fault, failure) in [
        (Fault::DropBefore, Failure::Broken),
        (Fault::DropAfter, Failure::Broken),
        (Fault::Cut, Failure::Broken),
        (Fault::Slow(Duration::from_secs(60)), Failure::Timeout),
        (Fault::SlowAfter(Duration::from_secs(60)), Failure::Timeout),
        (Fault::failure(500), Failure::Status(500)),
        (Fault::AnswerAfter(Reply::status(502)), Failure::Status(502)),
    ] {
        let world = world().await;
        world.fails(fault.clone());
        let error = world.post().await.unwrap_err();
        let expected =
            Error::Unavailable { fault: failure, effect: Effect::Unknown, retry_after: None };
        assert_eq!(error, expected, "{fault:?}");
        assert!(error.may_have_been_done());
        assert_eq!(world.server.log().all().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_never_arrived_was_not_done() {
    let mut world = world().await;
    world.get().await.unwrap();
    let address = world.server.address();
    world.server = Server::start(Router::new()).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = world.post().await.unwrap_err();
    assert!(!error.may_have_been_done() && error.is_transient(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(&address.port().to_string()));
}

#[tokio::test]
async fn a_page_instead_of_an_answer_is_told() {
    let world = world().await;
    world.fails(Fault::Page);
    let error = world.get().await.unwrap_err();
    assert_eq!(error, Error::Unreadable("it is not JSON"));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_short() {
    let settings = Settings { largest_answer: 1000, ..Settings::default() };
    let world = world_with(&settings, Budget::unbounded()).await;
    let long = Reply::status(200).body("application/json", " ".repeat(1001));
    world.fails(Fault::Answer(long));
    assert_eq!(world.get().await, Err(Error::Unreadable("it is too large")));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(Router::new()).await;
    let world = world().await;
    let away = Reply::status(307).header("location", &elsewhere.url("/v2/things"));
    world.fails(Fault::Answer(away));
    assert!(matches!(world.post().await, Err(Error::Refused { status: 307, .. })));
    assert!(elsewhere.log().all().is_empty());
}

#[tokio::test]
async fn after_429_nothing_is_sent_until_its_time_is_over() {
    let world = world().await;
    world.server.faults().add(Match::all().once(), Fault::busy(1));
    let busy = |limit, wait| Error::Busy { limit, retry_after: Some(wait) };
    assert_eq!(world.get().await, Err(busy(Limit::Rate, Duration::from_secs(1))));
    let error = world.get().await.unwrap_err();
    assert!(matches!(error, Error::Busy { limit: Limit::OurRate, .. }), "{error:?}");
    assert_eq!(world.server.log().all().len(), 1);
    tokio::time::sleep(error.retry_after().unwrap()).await;
    assert!(world.get().await.is_ok());
}

#[tokio::test]
async fn a_lapsed_token_is_replaced_once() {
    let world = world().await;
    world.get().await.unwrap();
    world.lapsed.store(1, Ordering::SeqCst);
    world.post().await.unwrap();
    let tokens: Vec<_> = world.server.log().all().iter().map(|seen| seen.status).collect();
    assert_eq!(tokens, [Some(200), Some(401), Some(200)]);
    assert_eq!(world.mint.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn credentials_that_stay_refused_are_told_after_one_more_try() {
    let world = world().await;
    world.lapsed.store(1000, Ordering::SeqCst);
    let error = world.get().await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), (Some("124"), false));
    assert!(matches!(error, Error::Unauthorised { .. }));
    assert_eq!(world.server.log().all().len(), 2);
}

#[tokio::test]
async fn many_calls_whose_token_lapsed_fetch_one() {
    let world = world().await;
    world.get().await.unwrap();
    world.lapsed.store(1, Ordering::SeqCst);
    let all = (0..20).map(|_| {
        let api = world.api.clone();
        tokio::spawn(async move { api.json(&Call::get(["things", "1"])).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    assert_eq!(world.mint.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_and_costs_nothing() {
    let world = world().await;
    let error = world.api.json(&Call::get(["things", ".."])).await.unwrap_err();
    assert!(matches!(error, Error::Argument(_)));
    assert_eq!(world.mint.0.load(Ordering::SeqCst), 0);
    assert!(world.server.log().all().is_empty());
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let world = world().await;
    world.get().await.unwrap();
    let basic = Credentials::basic("id", &"opensesame".to_owned().into());
    let shown = format!("{:?} {basic:?}", world.api);
    assert!(!shown.contains("token-1") && !shown.contains("opensesame"));
    let encoded = data_encoding::BASE64.encode(b"id:opensesame");
    assert!(!shown.contains(&encoded));
}
