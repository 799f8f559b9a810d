//! Webex's API.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::{CLIENT, CLIENT_SECRET, GRANT, Inner, LINKS, TOKEN, stamp};
use crate::{Reply, media};

type From = State<Arc<Inner>>;
type Asked = Query<BTreeMap<String, String>>;

pub(super) fn routes(inner: Arc<Inner>) -> Router {
    let api = Router::new()
        .route("/webhooks", get(hooks).post(make))
        .route("/webhooks/{id}", put(change).delete(unmake))
        .route("/meetings", get(meetings))
        .route("/meetings/join", post(join))
        .route("/meetings/{id}", get(meeting))
        .route("/meetingParticipants", get(participants))
        .route("/recordings", get(recordings))
        .route("/recordings/{id}", get(recording).delete(remove))
        .layer(from_fn(admit));
    Router::new()
        .nest("/v1", api)
        .route("/v1/access_token", post(token))
        .route("/media/{file}", get(fetch))
        .with_state(inner)
}

async fn admit(request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given == Some(&format!("Bearer {TOKEN}")) {
        return next.run(request).await;
    }
    error(401, "The request requires a valid access token set in the Authorization request header.")
        .into_response()
}

/// The token of a grant.
async fn token(body: String) -> Reply {
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let is = |key: &str, wanted: &str| form.get(key).is_some_and(|value| value == wanted);
    let fits = is("grant_type", "refresh_token")
        && is("client_id", CLIENT)
        && is("client_secret", CLIENT_SECRET)
        && is("refresh_token", GRANT);
    if fits {
        let body = json!({"access_token": TOKEN, "expires_in": 1_209_599, "refresh_token": GRANT,
            "refresh_token_expires_in": 7_775_999, "token_type": "Bearer"});
        return Reply::json(200, &body);
    }
    error(401, "The request was missing or had an invalid credential.")
}

async fn make(State(inner): From, Json(wanted): Json<Value>) -> Reply {
    if ["name", "targetUrl", "resource", "event"].iter().any(|key| !wanted[*key].is_string()) {
        return error(400, "name, targetUrl, resource and event are required");
    }
    let id = inner.state().random.text(40);
    let hook = inner.hook(id, wanted);
    let reply = Reply::json(200, &shown(&hook));
    inner.state().hooks.push(hook);
    reply
}

async fn hooks(State(inner): From, Query(asked): Asked, uri: Uri) -> Reply {
    let state = inner.state();
    let org = asked.get("ownedBy").is_some_and(|owner| owner == "org");
    let of = |hook: &&super::Hook| (hook.wanted["ownedBy"] == "org") == org;
    let all: Vec<Value> = state.hooks.iter().filter(of).map(shown).collect();
    page(&all, &asked, state.page, uri.path())
}

async fn change(State(inner): From, Path(id): Path<String>, Json(change): Json<Value>) -> Reply {
    if !change["name"].is_string() || !change["targetUrl"].is_string() {
        return error(400, "name and targetUrl are required");
    }
    let Some(old) = inner.state().hooks.iter().find(|one| one.id == id).cloned() else {
        return missing();
    };
    let mut wanted = old.wanted;
    for (key, value) in change.as_object().into_iter().flatten() {
        wanted[key] = value.clone();
    }
    let mut hook = inner.hook(id.clone(), wanted);
    hook.active = change["status"] == "active" || (old.active && change["status"].is_null());
    let reply = Reply::json(200, &shown(&hook));
    let mut state = inner.state();
    if let Some(one) = state.hooks.iter_mut().find(|one| one.id == id) {
        *one = hook;
    }
    reply
}

async fn unmake(State(inner): From, Path(id): Path<String>) -> Reply {
    let mut state = inner.state();
    let before = state.hooks.len();
    state.hooks.retain(|one| one.id != id);
    if state.hooks.len() < before { Reply::status(204) } else { missing() }
}

async fn meetings(State(inner): From, Query(asked): Asked, uri: Uri) -> Reply {
    let state = inner.state();
    let link = asked.get("webLink");
    let found = state.meetings.iter().filter(|one| link.is_none_or(|link| *link == one.link));
    let all: Vec<Value> = found.map(super::Meeting::shown).collect();
    if all.is_empty() && link.is_some() {
        missing()
    } else {
        page(&all, &asked, state.page, uri.path())
    }
}

/// A meeting, by its id or by that of its run.
async fn meeting(State(inner): From, Path(id): Path<String>) -> Reply {
    let state = inner.state();
    let is = |one: &&super::Meeting| one.id == id || one.run.as_ref() == Some(&id);
    let found = state.meetings.iter().find(is);
    found.map_or_else(missing, |one| Reply::json(200, &one.shown()))
}

async fn join(State(inner): From, Json(wanted): Json<Value>) -> Reply {
    let state = inner.state();
    let found = state.meetings.iter().find(|one| wanted["webLink"] == one.link.as_str());
    let Some(meeting) = found else { return missing() };
    if meeting.password.as_deref().is_some_and(|password| wanted["password"] != password) {
        return error(403, "The meeting password is incorrect.");
    }
    if meeting.more["unlockedMeetingJoinSecurity"] == "blockFromJoin" {
        return error(403, "Guests cannot join this meeting.");
    }
    let link = format!("https://acme.webex.example/wbxmjs/joinservice/{}?token=hush", meeting.id);
    if wanted["joinDirectly"] != false {
        return Reply::status(302).header("location", &link);
    }
    let expiration = stamp(inner.now() + chrono::TimeDelta::minutes(5));
    Reply::json(200, &json!({"startLink": link, "joinLink": link, "expiration": expiration}))
}

async fn participants(State(inner): From, Query(asked): Asked, uri: Uri) -> Reply {
    let state = inner.state();
    let run = asked.get("meetingId");
    match state.meetings.iter().find(|one| run.is_some() && one.run.as_ref() == run) {
        Some(meeting) => page(&meeting.people, &asked, state.page, uri.path()),
        None => missing(),
    }
}

async fn recordings(State(inner): From, Query(asked): Asked, uri: Uri) -> Reply {
    let state = inner.state();
    let wanted = asked.get("meetingId");
    let of = |one: &&super::Recording| wanted.is_none_or(|id| *id == one.run || *id == one.meeting);
    let all: Vec<Value> = state.recordings.iter().filter(of).map(|one| one.shown(None)).collect();
    page(&all, &asked, state.page, uri.path())
}

async fn recording(State(inner): From, Path(id): Path<String>) -> Reply {
    let base = inner.url.get().map_or("", String::as_str);
    let links = Some((base, inner.now() + LINKS));
    let state = inner.state();
    let found = state.recordings.iter().find(|one| one.id == id);
    found.map_or_else(missing, |one| Reply::json(200, &one.shown(links)))
}

async fn remove(State(inner): From, Path(id): Path<String>) -> Reply {
    let data = {
        let mut state = inner.state();
        let Some(place) = state.recordings.iter().position(|one| one.id == id) else {
            return missing();
        };
        let mut data = state.recordings.remove(place).shown(None);
        data["status"] = json!("deleted");
        data
    };
    inner.tell("recordings", "deleted", &data);
    Reply::status(204)
}

async fn fetch(State(inner): From, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Reply {
    let file = inner.state().recordings.iter().find(|one| one.id == id).map(|one| one.file.clone());
    media::fetch(file, &id, uri.query().unwrap_or_default(), &headers, inner.now())
}

pub(super) fn shown(hook: &super::Hook) -> Value {
    let mut value = hook.wanted.clone();
    value["id"] = json!(hook.id);
    value["status"] = json!(if hook.active { "active" } else { "inactive" });
    value
}

/// A part of a list, with where it goes on in the header `Link`.
fn page(all: &[Value], asked: &BTreeMap<String, String>, most: usize, path: &str) -> Reply {
    let number = |key: &str| asked.get(key).and_then(|text| text.parse::<usize>().ok());
    let size = number("max").unwrap_or(10).min(most);
    let from = number("offset").unwrap_or_default();
    let part: Vec<&Value> = all.iter().skip(from).take(size).collect();
    let reply = Reply::json(200, &json!({ "items": part }));
    if from + size < all.len() {
        let link = format!(
            "<https://webex.example{path}?max={size}&offset={}>; rel=\"next\"",
            from + size
        );
        return reply.header("link", &link);
    }
    reply
}

fn missing() -> Reply {
    error(404, "The requested resource could not be found.")
}

/// An error as Webex words it.
fn error(status: u16, words: &str) -> Reply {
    let tracking = "ROUTERGW_00000000-0000-4000-8000-000000000000";
    let body =
        json!({"message": words, "errors": [{"description": words}], "trackingId": tracking});
    Reply::json(status, &body)
}
