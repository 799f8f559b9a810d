//! Zoom's REST API.

mod meetings;
mod recordings;
mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::routing::{delete, get, patch, post};
use axum::{Router, middleware};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Inner, oauth, phone};
use crate::Reply;

/// What a query holds.
type Asked = axum::extract::Query<BTreeMap<String, String>>;

/// Everything that is answered.
pub(super) fn routes(inner: Arc<Inner>) -> Router {
    let api = Router::new()
        .route("/users", get(users::list))
        .route("/users/{user}", get(users::user))
        .route("/users/{user}/settings", get(users::settings))
        .route("/users/{user}/schedulers", get(users::schedulers))
        .route("/users/{user}/assistants", get(users::assistants))
        .route("/users/{user}/token", get(users::token))
        .route("/users/{user}/meetings", get(meetings::list))
        .route("/users/{user}/recordings", get(recordings::list))
        .route("/accounts/{account}/lock_settings", get(users::account_locks))
        .route("/groups/{group}/lock_settings", get(users::group_locks))
        .route("/meetings/{meeting}", get(meetings::meeting).patch(meetings::change))
        .route("/meetings/{meeting}/recordings", get(recordings::get).delete(recordings::remove))
        .route("/meetings/{meeting}/recordings/{file}", delete(recordings::remove_file))
        .route("/meetings/{meeting}/jointoken/local_recording", get(meetings::join_token))
        .route("/live_meetings/{meeting}/events", patch(meetings::control))
        .route("/past_meetings/{meeting}", get(meetings::past))
        .route("/past_meetings/{meeting}/instances", get(meetings::instances))
        .route("/phone/recordings", get(phone::list))
        .route("/phone/call_logs/{call}/recordings", get(phone::of_call))
        .layer(middleware::from_fn_with_state(Arc::clone(&inner), oauth::guard));
    Router::new()
        .nest("/v2", api)
        .route("/oauth/token", post(oauth::token))
        .route("/rec/download/{key}", get(recordings::download))
        .with_state(inner)
}

/// An error as Zoom words it.
pub(super) fn error(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, &json!({"code": code, "message": message}))
}

/// No such user.
fn no_user(id: &str) -> Reply {
    error(404, 1001, &format!("User does not exist: {id}."))
}

/// No such meeting.
fn no_meeting(id: &str) -> Reply {
    error(404, 3001, &format!("Meeting does not exist: {id}."))
}

/// A part of a list, with where it goes on.
pub(super) fn page(list: &str, items: &[Value], asked: &BTreeMap<String, String>) -> Reply {
    let number = |key: &str| asked.get(key).and_then(|text| text.parse::<usize>().ok());
    let size = number("page_size").unwrap_or(30).clamp(1, 300);
    let token = asked.get("next_page_token").map(String::as_str).unwrap_or_default();
    let from = match token.strip_prefix("next-") {
        Some(place) => place.parse().unwrap_or_default(),
        None if token.is_empty() => 0,
        None => return error(400, 300, "The next page token is invalid or expired."),
    };
    let until = (from + size).min(items.len());
    let next = if until < items.len() { format!("next-{until}") } else { String::new() };
    let part = items.get(from..until).unwrap_or_default();
    Reply::json(
        200,
        &json!({"page_size": size, "page_count": items.len().div_ceil(size),
            "total_records": items.len(), "next_page_token": next, list: part}),
    )
}

/// What a segment of a path means.
enum Meant {
    /// The number of a meeting.
    Number(u64),
    /// The uuid of a run.
    Run(String),
    /// A uuid that was not escaped as it has to be, or no number.
    Nothing,
}

/// Reads a segment that was unescaped once: of a uuid that begins with `/` or holds `//`, it must still be escaped.
fn meant(segment: &str) -> Meant {
    if let Ok(number) = segment.parse() {
        return Meant::Number(number);
    }
    if segment.starts_with('/') || segment.contains("//") {
        return Meant::Nothing;
    }
    match percent_decode_str(segment).decode_utf8() {
        Ok(uuid) => Meant::Run(uuid.into_owned()),
        Err(_) => Meant::Nothing,
    }
}
