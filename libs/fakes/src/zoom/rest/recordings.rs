//! Cloud recordings and their files.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Asked, Meant, error, meant, no_user, page};
use crate::Reply;
use crate::zoom::Inner;
use crate::zoom::files::recorded;
use crate::zoom::oauth::bearer;
use crate::zoom::state::State as Account;

type Of = (State<Arc<Inner>>, Path<String>);

/// `GET /meetings/{meeting}/recordings`
pub(super) async fn get((State(inner), Path(id)): Of, asked: Asked) -> Reply {
    let mut state = inner.state();
    let Some(mut object) = find(&state, &id).and_then(|uuid| recorded(&state, &uuid)) else {
        return none();
    };
    if asked.get("include_fields").is_some_and(|fields| fields.contains("download_access_token")) {
        let token = state.random.text(40);
        object["download_access_token"] = json!(token);
        state.file_tokens.insert(token);
    }
    Reply::json(200, &object)
}

/// `GET /users/{user}/recordings`: here numbers are strings.
pub(super) async fn list((State(inner), Path(id)): Of, asked: Asked) -> Reply {
    let state = inner.state();
    let Some((id, _)) = state.user(&id) else { return no_user(&id) };
    let day = |key: &str| asked.get(key).and_then(|day| day.parse::<chrono::NaiveDate>().ok());
    let (from, to) = (day("from"), day("to"));
    let all: Vec<Value> = state
        .runs
        .iter()
        .filter(|run| {
            let day = run.started.date_naive();
            run.ready
                && !run.removed
                && from.is_none_or(|from| day >= from)
                && to.is_none_or(|to| day <= to)
                && state.meetings.get(&run.meeting).is_some_and(|one| one["host_id"] == *id)
        })
        .filter_map(|run| {
            let mut object = recorded(&state, &run.uuid)?;
            object["id"] = json!(run.meeting.to_string());
            object["type"] = json!(object["type"].to_string());
            Some(object)
        })
        .collect();
    page("meetings", &all, &asked)
}

/// `DELETE /meetings/{meeting}/recordings`
pub(super) async fn remove((State(inner), Path(id)): Of, asked: Asked) -> Reply {
    let found = find(&inner.state(), &id);
    let trash = asked.get("action").is_none_or(|action| action == "trash");
    let event = if trash { "recording.trashed" } else { "recording.deleted" };
    match found {
        Some(uuid) if inner.remove(&uuid, event) => Reply::status(204),
        _ => none(),
    }
}

/// `DELETE /meetings/{meeting}/recordings/{file}`
pub(super) async fn remove_file(
    State(inner): State<Arc<Inner>>,
    Path((id, file)): Path<(String, String)>,
) -> Reply {
    let mut state = inner.state();
    let Some(uuid) = find(&state, &id) else { return none() };
    let run = state.runs.iter_mut().find(|run| run.uuid == uuid).expect("a run");
    let before = run.files.len();
    run.files.retain(|one| one["id"] != file.as_str());
    if run.files.len() == before { none() } else { Reply::status(204) }
}

/// `GET /rec/download/{key}`: for a token of the API, one that came with a webhook, or one that was asked for; from any
/// byte on.
pub(super) async fn download(
    (State(inner), Path(key)): Of,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    let token = bearer(&headers).or_else(|| asked.get("access_token").map(String::as_str));
    let known =
        token.is_some_and(|token| inner.knows(token) || inner.state().file_tokens.contains(token));
    if !known {
        let page = "<html><body>Sign in</body></html>";
        return Reply::status(401).body("text/html", page).into_response();
    }
    let Some(bytes) = inner.state().files.get(&key).cloned() else {
        return Reply::status(404).into_response();
    };
    let from: Option<usize> = headers.get(RANGE).and_then(|range| {
        range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    });
    let total = bytes.len();
    let mut response = match from {
        Some(from) if from >= total => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            response
        }
        Some(from) => {
            let mut response = Response::new(Body::from(bytes.slice(from..)));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {from}-{}/{total}", total - 1);
            let range = HeaderValue::from_str(&range).expect("the value of a header");
            response.headers_mut().insert(CONTENT_RANGE, range);
            response
        }
        None => Response::new(Body::from(bytes)),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn none() -> Reply {
    error(404, 3301, "This recording does not exist.")
}

/// The run that is meant, if Zoom has finished with it and nobody removed it. Of a meeting it is the last.
fn find(state: &Account, segment: &str) -> Option<String> {
    let which = meant(segment);
    let mut runs = state.runs.iter().rev().filter(|run| run.ready && !run.removed);
    let run = runs.find(|run| match &which {
        Meant::Number(number) => run.meeting == *number,
        Meant::Run(uuid) => run.uuid == *uuid,
        Meant::Nothing => false,
    })?;
    Some(run.uuid.clone())
}
