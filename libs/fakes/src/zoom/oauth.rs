//! Tokens: `POST /oauth/token`, and who is let in with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use data_encoding::BASE64;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::json;

use super::{Inner, rest};
use crate::Reply;

/// How long a token lives, in seconds.
const LIFETIME: i64 = 3600;

/// Gives a token to who knows the application's secret.
pub(super) async fn token(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> Reply {
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let asked = |key: &str| query.get(key).or_else(|| form.get(key)).map(String::as_str);
    let options = &inner.options;
    let pair = format!("{}:{}", options.client_id, options.client_secret);
    let expected = format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let refuse =
        |reason: &str, error: &str| Reply::json(400, &json!({"reason": reason, "error": error}));
    if shown != Some(&expected) {
        return refuse("Invalid client_id or client_secret", "invalid_client");
    }
    if asked("grant_type") != Some("account_credentials") {
        return refuse("unsupported grant type", "unsupported_grant_type");
    }
    if asked("account_id") != Some(&options.account) {
        return refuse("Bad Request", "invalid_request");
    }
    let now = inner.now();
    let mut state = inner.state();
    if state.deauthorized {
        return refuse(
            "The application has been disabled by account administrators",
            "invalid_client",
        );
    }
    if state.one_token {
        state.tokens.clear();
    }
    let token = format!("eyJzdiI6{}", state.random.text(60));
    state.minted += 1;
    state.tokens.insert(token.clone(), now + TimeDelta::seconds(LIFETIME));
    Reply::json(
        200,
        &json!({"access_token": token, "token_type": "bearer", "expires_in": LIFETIME - 1,
            "scope": "user:read:admin meeting:write:admin recording:write:admin", "api_url": inner.url("")}),
    )
}

impl Inner {
    /// Whether a token is good.
    pub(super) fn knows(&self, token: &str) -> bool {
        let now = self.now();
        self.state().tokens.get(token).is_some_and(|until| *until > now)
    }
}

/// The token in the headers.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Lets nobody in without a token, and counts on every answer.
pub(super) async fn guard(
    State(inner): State<Arc<Inner>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(token) = bearer(request.headers()) else {
        return rest::error(401, 124, "Invalid access token.").into_response();
    };
    if !inner.knows(token) {
        return rest::error(401, 124, "Access token is expired.").into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        ("x-ratelimit-category", "Light"),
        ("x-ratelimit-limit", "6000"),
        ("x-ratelimit-remaining", "5893"),
    ] {
        let value = http::HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
