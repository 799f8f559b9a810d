//! Google Meet: a domain with spaces, whose events are pushed by Pub/Sub.
//!
//! A test moves it: [`Meet::add_space`], [`Meet::begin`], [`Meet::end`]. Documented: that a space is found by its id and by its
//! meeting code, that a conference record names its space, the attributes of an event (`ce-type`, `ce-subject`, `ce-time`), and
//! the token of a push. A guess: how often a push is tried again, here three times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State as Of};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use crate::graph::seal::Issuer;
use crate::{Clock, Faults, Log, Manner, Notice, Outbox, Random, Reply, Sender, Server, Sign};

/// The token it lets in.
const TOKEN: &str = "meet-token";
/// The service account that may fetch it.
const ACCOUNT: &str = "callsheet@domain.example";
/// The service account that pushes.
const PUSHER: &str = "push@domain.example";

/// Google Meet on a loopback port. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Meet {
    server: Arc<Server>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    outbox: Outbox,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Random,
    /// Spaces: their ids and their codes.
    spaces: Vec<(String, String)>,
    /// Conferences: the ids of their records and of their spaces, the last one last.
    records: Vec<(String, String)>,
}

/// The token of a push.
#[derive(Debug)]
struct Push {
    audience: String,
}

impl Sign for Push {
    fn headers(&self, _: &Url, _: &[u8], now: DateTime<Utc>) -> HeaderMap {
        let now = now.timestamp();
        let claims = json!({"iss": "https://accounts.google.com", "aud": self.audience, "email": PUSHER,
            "email_verified": true, "iat": now, "exp": now + 3600});
        let token = format!("Bearer {}", Issuer::get().sign(&claims));
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&token).expect("the value of a header");
        headers.insert(AUTHORIZATION, value);
        headers
    }
}

/// Pub/Sub's manner as it is played.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(10),
        waits: vec![Duration::from_secs(10), Duration::from_secs(60)],
        content: |status| matches!(status, 102 | 200 | 201 | 202 | 204),
        retries: |status| !matches!(status, 102 | 200 | 201 | 202 | 204),
        signs_anew: true,
    }
}

impl Meet {
    /// A domain without spaces.
    pub async fn start(clock: Clock) -> Self {
        let (spaces, records) = (Vec::new(), Vec::new());
        let state = Mutex::new(State { random: Random::new(7), spaces, records });
        let inner = Arc::new(Inner { clock, outbox: Outbox::new(), state });
        let api = Router::new()
            .route("/spaces/{id}", get(space))
            .route("/conferenceRecords/{id}", get(record))
            .layer(from_fn(admit));
        let routes = Router::new()
            .nest("/v2", api)
            .route("/token", post(token))
            .route("/certs", get(|| async { Reply::json(200, &Issuer::get().keys()) }))
            .with_state(Arc::clone(&inner));
        Self { server: Arc::new(Server::start(routes).await), inner }
    }

    /// What the paths of the API begin with.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.server.url("/v2")
    }

    /// Where tokens come from.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.server.url("")
    }

    /// The service account that may ask, and the one that pushes.
    #[must_use]
    pub fn accounts(&self) -> (&'static str, &'static str) {
        (ACCOUNT, PUSHER)
    }

    /// The public keys of Google's tokens, as a JWKS document.
    #[must_use]
    pub fn keys(&self) -> Value {
        Issuer::get().keys()
    }

    /// Where these keys are published.
    #[must_use]
    pub fn keys_url(&self) -> String {
        self.server.url("/certs")
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// What it was asked.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.server.log()
    }

    /// What is pushed, on its way.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        self.inner.outbox.clone()
    }

    /// Pushes to an address from now on, with tokens made for `audience`.
    pub fn push_to(&self, url: &str, audience: &str) {
        let sign = Arc::new(Push { audience: audience.to_owned() });
        let sender = Sender::new(url, sign, manner().faster(100), self.inner.clock.clone());
        self.inner.outbox.subscribe(sender);
    }

    /// Waits until nothing is on its way.
    pub async fn settled(&self) {
        self.inner.outbox.settled().await;
    }

    /// There is a space that is joined by a code. Its id is returned.
    pub fn add_space(&self, code: &str) -> String {
        let mut state = self.inner.state();
        let id = state.random.text(12);
        state.spaces.push((id.clone(), code.to_owned()));
        id
    }

    /// A conference begins in a space. The id of its record is returned.
    pub fn begin(&self, space: &str) -> String {
        let id = {
            let mut state = self.inner.state();
            let id = state.random.text(20);
            state.records.push((id.clone(), space.to_owned()));
            id
        };
        let subject = format!("//meet.googleapis.com/spaces/{space}");
        self.inner.tell("conference.v2.started", &subject, &of_record(&id));
        id
    }

    /// A conference ends, as it is told to whoever subscribed to a user and not to a space.
    pub fn end(&self, record: &str) {
        let subject = "//cloudidentity.googleapis.com/users/1234";
        self.inner.tell("conference.v2.ended", subject, &of_record(record));
    }
}

fn of_record(id: &str) -> Value {
    json!({"conferenceRecord": {"name": format!("conferenceRecords/{id}")}})
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, kind: &str, subject: &str, data: &Value) {
        let id = self.state().random.text(16);
        let now = self.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let kind = format!("google.workspace.meet.{kind}");
        let body = json!({"subscription": "projects/p/subscriptions/s", "message": {
            "messageId": id, "publishTime": now, "data": BASE64.encode(data.to_string().as_bytes()),
            "attributes": {"ce-id": id, "ce-type": kind, "ce-time": now, "ce-subject": subject,
                "ce-source": "//workspaceevents.googleapis.com/subscriptions/s", "ce-specversion": "1.0"}}});
        self.outbox.send(Notice::json(&kind, &body));
    }
}

async fn admit(request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given == Some(&format!("Bearer {TOKEN}")) {
        return next.run(request).await;
    }
    error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.").into_response()
}

/// A token for what a service account signed for itself.
async fn token(body: String) -> Reply {
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let claims = form.get("assertion").and_then(|token| {
        let claims = token.split('.').nth(1)?;
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        serde_json::from_slice::<Value>(&claims).ok()
    });
    let is_grant = form.get("grant_type").is_some_and(|it| it.ends_with(":jwt-bearer"));
    if is_grant && claims.is_some_and(|claims| claims["iss"] == ACCOUNT) {
        let body = json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"});
        return Reply::json(200, &body);
    }
    let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    Reply::json(400, &body)
}

async fn space(Of(inner): Of<Arc<Inner>>, Path(wanted): Path<String>) -> Reply {
    let state = inner.state();
    let found = state.spaces.iter().find(|(id, code)| *id == wanted || *code == wanted);
    found.map_or_else(missing, |(id, code)| {
        let link = format!("https://meet.google.com/{code}");
        let name = format!("spaces/{id}");
        Reply::json(200, &json!({"name": name, "meetingUri": link, "meetingCode": code}))
    })
}

async fn record(Of(inner): Of<Arc<Inner>>, Path(wanted): Path<String>) -> Reply {
    let state = inner.state();
    let found = state.records.iter().find(|(id, _)| *id == wanted);
    found.map_or_else(missing, |(id, space)| {
        let (name, space) = (format!("conferenceRecords/{id}"), format!("spaces/{space}"));
        Reply::json(200, &json!({"name": name, "space": space}))
    })
}

fn missing() -> Reply {
    error(404, "NOT_FOUND", "Requested entity was not found.")
}

fn error(status: u16, code: &str, text: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": status, "message": text, "status": code}}))
}
