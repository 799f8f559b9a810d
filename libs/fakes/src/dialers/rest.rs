//! The recordings of smaller providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::{File, Inner, TOKEN};
use crate::{Reply, media};

type From = State<Arc<Inner>>;

pub(super) fn routes(inner: Arc<Inner>) -> Router {
    let api = Router::new()
        .route("/restapi/oauth/token", post(token))
        .route("/restapi/v1.0/account/~/call-log", get(log))
        .route("/restapi/v1.0/account/~/recording/{id}", get(ringcentral))
        .route("/restapi/v1.0/account/~/recording/{id}/content", get(content))
        .route("/v1/files/{id}", get(content))
        .route("/v2/recordings", get(telnyx_list))
        .route("/v2/recordings/{id}", get(telnyx).delete(telnyx_remove))
        .route("/aircall/calls/{call}", get(aircall))
        .route("/aircall/calls/{call}/recording", delete(aircall_remove))
        .layer(from_fn(admit));
    Router::new().route("/media/{file}", get(fetch)).merge(api).with_state(inner)
}

async fn admit(request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let pair = format!("acme:{TOKEN}");
    let basic = format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let vonage = request.uri().path().starts_with("/v1/files/") && given.is_some_and(is_signed);
    if vonage || given == Some(&basic) || given == Some(&format!("Bearer {TOKEN}")) {
        return next.run(request).await;
    }
    refusal(401).into_response()
}

/// Whether a token is one an application signed for itself. The signature is not looked at.
fn is_signed(given: &str) -> bool {
    let claims = given.strip_prefix("Bearer ").and_then(|token| token.split('.').nth(1));
    let claims = claims.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    let claims: Option<Value> = claims.and_then(|text| serde_json::from_slice(&text).ok());
    claims.is_some_and(|claims| {
        claims["application_id"] == "app-1" && claims["jti"].is_string() && claims["exp"].is_i64()
    })
}

/// A token for a JWT.
async fn token(body: String) -> Reply {
    let pairs: BTreeMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let granted = pairs.get("grant_type").is_some_and(|it| it.ends_with("grant-type:jwt-bearer"))
        && pairs.get("assertion").is_some_and(|it| it == "a-jwt");
    if granted {
        let body = json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600});
        return Reply::json(200, &body);
    }
    Reply::json(400, &json!({"error": "invalid_grant", "error_description": "Invalid assertion"}))
}

/// The log of calls of RingCentral, of those that were recorded.
async fn log(State(inner): From, Query(asked): Query<BTreeMap<String, String>>) -> Reply {
    let wanted = asked.get("telephonySessionId");
    let files = inner.files();
    let of = files.iter().filter(|(_, file)| wanted == Some(&file.call));
    let records: Vec<Value> = of
        .map(|(id, file)| {
            json!({"telephonySessionId": file.call, "type": "Voice", "result": "Call connected",
                "recording": {"id": id, "type": "Automatic"}, "legs": [{"recording": {"id": id}}]})
        })
        .collect();
    Reply::json(200, &json!({ "records": records }))
}

async fn ringcentral(State(inner): From, Path(id): Path<String>) -> Reply {
    let Some(file) = inner.files().get(&id).cloned() else { return refusal(404) };
    let seconds = file.body.len() / 16_000;
    Reply::json(
        200,
        &json!({"id": id, "contentType": "audio/x-wav", "duration": seconds,
            "contentUri": format!("https://media.ringcentral.example/recording/{id}/content")}),
    )
}

async fn content(State(inner): From, Path(id): Path<String>) -> Reply {
    let file = inner.files().get(&id).cloned();
    file.map_or_else(|| refusal(404), |file| Reply::status(200).body("audio/x-wav", file.body))
}

async fn telnyx_list(State(inner): From, Query(asked): Query<BTreeMap<String, String>>) -> Reply {
    let wanted = asked.get("filter[call_session_id]");
    let number: usize = asked.get("page[number]").and_then(|text| text.parse().ok()).unwrap_or(1);
    let files = inner.files();
    let all: Vec<Value> = files
        .iter()
        .filter(|(_, file)| wanted == Some(&file.call))
        .map(|(id, file)| inner.shown(id, file))
        .collect();
    // Two on a page, whatever is asked for: a client has to turn pages.
    let page: Vec<&Value> = all.iter().skip((number - 1) * 2).take(2).collect();
    let pages = all.len().div_ceil(2);
    Reply::json(200, &json!({"data": page, "meta": {"page_number": number, "total_pages": pages}}))
}

async fn telnyx(State(inner): From, Path(id): Path<String>) -> Reply {
    let files = inner.files();
    let found = files.get(&id);
    found.map_or_else(
        || refusal(404),
        |file| Reply::json(200, &json!({"data": inner.shown(&id, file)})),
    )
}

async fn telnyx_remove(State(inner): From, Path(id): Path<String>) -> Reply {
    let gone = inner.files().remove(&id);
    gone.map_or_else(
        || refusal(404),
        |file| Reply::json(200, &json!({"data": inner.shown(&id, &file)})),
    )
}

async fn aircall(State(inner): From, Path(call): Path<String>) -> Reply {
    let files = inner.files();
    let found = files.iter().find(|(_, file)| file.call == call);
    let link = found.map(|(id, _)| inner.link(id));
    let id: u64 = call.parse().unwrap_or_default();
    Reply::json(
        200,
        &json!({"call": {"id": id, "status": "done", "direction": "outbound", "missed_call_reason": null,
            "answered_at": 1_767_261_600, "ended_at": 1_767_261_661, "recording": link}}),
    )
}

async fn aircall_remove(State(inner): From, Path(call): Path<String>) -> Reply {
    let mut files = inner.files();
    let before = files.len();
    files.retain(|_, file| file.call != call);
    if files.len() < before { Reply::status(204) } else { refusal(404) }
}

async fn fetch(State(inner): From, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Reply {
    let file = inner.files().get(&id).map(|file| file.body.clone());
    media::fetch(file, &id, uri.query().unwrap_or_default(), &headers, inner.clock.now())
}

impl Inner {
    /// A link that holds for ten minutes.
    fn link(&self, id: &str) -> String {
        let base = self.url.get().map_or("", String::as_str);
        media::link(base, id, self.clock.now() + TimeDelta::minutes(10))
    }

    /// How Telnyx shows a recording.
    fn shown(&self, id: &str, file: &File) -> Value {
        json!({"id": id, "record_type": "recording", "call_session_id": file.call, "call_leg_id": "leg-1",
            "status": "completed", "channels": "single", "duration_millis": file.body.len() / 16,
            "recording_started_at": "2026-01-01T10:00:00Z", "download_urls": {"wav": self.link(id)}})
    }
}

/// A refusal in the words of all four at once.
fn refusal(status: u16) -> Reply {
    let (code, words) = if status == 404 { ("CMN-102", "Not Found") } else { ("CMN-101", "No") };
    Reply::json(
        status,
        &json!({"errorCode": code, "message": words, "error": words, "troubleshoot": "none",
            "errors": [{"code": "10005", "title": words, "detail": words}]}),
    )
}
