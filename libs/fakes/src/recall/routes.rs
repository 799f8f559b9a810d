//! Recall's endpoints.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State as From};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::state::{AHEAD, Bot, Known};
use super::{KEY, Shared};
use crate::{Reply, media};

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/api/v1/bot/", get(list).post(create))
        .route("/api/v1/bot/{id}/", get(retrieve).patch(update).delete(destroy))
        .route("/api/v1/bot/{id}/{command}/", post(command))
        .route("/api/v1/audio_mixed/", get(audio_mixed))
        .fallback(slash)
        .layer(from_fn(admit));
    Router::new().route("/media/{file}", get(fetch)).merge(api).with_state(shared)
}

async fn admit(request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| given.trim_start_matches("Token ") == KEY) {
        next.run(request).await
    } else {
        error(401, Some("authentication_failed"), "Invalid API token").into_response()
    }
}

/// As Django does: what lacks a slash is elsewhere, and what has one is nowhere.
async fn slash(uri: Uri) -> Reply {
    if uri.path().ends_with('/') {
        error(404, Some("not_found"), "Not found.")
    } else {
        Reply::status(301).header("location", &format!("{}/", uri.path()))
    }
}

async fn create(From(shared): From<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Reply {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    if let Some(key) = &key {
        match shared.state().begin(key, shared.clock.now()) {
            Known::First => {}
            Known::UnderWay => {
                return error(409, None, "Another request with this key is under way");
            }
            Known::Answered(reply) => return reply,
        }
    }
    // Carried out whether or not the connection lasts.
    let work = tokio::spawn(async move {
        let linger = shared.state().linger;
        tokio::time::sleep(linger).await;
        let reply = shared.create(&body);
        if let Some(key) = key {
            shared.state().end(&key, shared.clock.now(), &reply);
        }
        reply
    });
    work.await.expect("a create")
}

async fn list(From(shared): From<Arc<Shared>>, uri: Uri) -> Reply {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let now = shared.clock.now();
    let mut state = shared.state();
    let visible = if state.blind > 0 {
        state.blind -= 1;
        state.seen
    } else {
        state.bots.len()
    };
    let metadata: Vec<(&str, &str)> = query
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("metadata__")?, value.as_str())))
        .collect();
    let fits = |bot: &&Bot| {
        metadata.iter().all(|(key, value)| bot.order["metadata"][*key].as_str() == Some(*value))
    };
    let from = query.iter().find(|(key, _)| key == "cursor");
    let from: usize = from.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    let all: Vec<&Bot> = state.bots.iter().take(visible).filter(fits).collect();
    let page: Vec<Value> = all
        .iter()
        .skip(from)
        .take(state.page)
        .map(|bot| bot.shown(shared.base(), now, state.link))
        .collect();
    let until = from + page.len();
    // The link names a host of its own: nobody is to follow it.
    let next = (until < all.len())
        .then(|| format!("https://us-east-1.recall.example/api/v1/bot/?cursor={until}"));
    Reply::json(200, &json!({"next": next, "previous": null, "results": page}))
}

async fn retrieve(From(shared): From<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    shared.show(200, &id)
}

async fn update(From(shared): From<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let Some(change) = parsed(&body) else { return error(400, None, "JSON parse error") };
    let now = shared.clock.now();
    let mut state = shared.state();
    let Some(bot) = state.find(&id) else { return missing() };
    if bot.sent(now) {
        let words = "Only non-dispatched bots can be updated";
        return error(400, Some("update_bot_failed"), words);
    }
    let join_at = time(&change["join_at"]);
    if join_at.is_some_and(|at| at - AHEAD <= now) {
        let words = "Not enough time to launch new bot. Please create a new bot.";
        return error(400, Some("update_bot_failed"), words);
    }
    let bot = state.bot_mut(&id);
    for (key, value) in change.as_object().into_iter().flatten() {
        bot.order[key] = value.clone();
    }
    bot.join_at = join_at.or(bot.join_at);
    drop(state);
    shared.show(200, &id)
}

async fn destroy(From(shared): From<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let now = shared.clock.now();
    let mut state = shared.state();
    match state.find(&id) {
        None => missing(),
        Some(bot) if bot.sent(now) => {
            error(405, Some("method_not_allowed"), "Method \"DELETE\" not allowed.")
        }
        Some(_) => {
            state.bots.retain(|bot| bot.id != id);
            Reply::status(204)
        }
    }
}

async fn command(
    From(shared): From<Arc<Shared>>,
    Path((id, command)): Path<(String, String)>,
    body: Bytes,
) -> Reply {
    let now = shared.clock.now();
    let Some((sent, over, in_call, running)) = shared
        .state()
        .find(&id)
        .map(|bot| (bot.sent(now), bot.over(), bot.in_call(), bot.running().is_some()))
    else {
        return missing();
    };
    if command == "delete_media" {
        shared.delete_media(&id);
        return shared.show(200, &id);
    }
    if over {
        let words = "Cannot send a command to a bot which has completed.";
        return error(400, Some("cannot_command_completed_bot"), words);
    }
    if !sent || (!in_call && command != "leave_call") {
        let words = "Cannot send a command to a bot which has not been started.";
        return error(400, Some("cannot_command_unstarted_bot"), words);
    }
    match command.as_str() {
        "request_recording_permission" => {}
        "leave_call" => shared.enter(&id, "call_ended", Some("bot_received_leave_call")),
        "start_recording" => {
            if running {
                shared.enter(&id, "in_call_not_recording", None);
            }
            shared.enter(&id, "in_call_recording", None);
        }
        "stop_recording" => {
            if !running {
                return error(400, None, "The bot is not recording.");
            }
            shared.enter(&id, "in_call_not_recording", None);
        }
        "pause_recording" | "resume_recording" => {
            if !running {
                return error(400, None, "The bot is not recording.");
            }
            shared.state().bot_mut(&id).paused = command == "pause_recording";
        }
        "output_audio" => {
            let told = parsed(&body).unwrap_or_default();
            let mut state = shared.state();
            let bot = state.bot_mut(&id);
            if bot.order["automatic_audio_output"].is_null() {
                return error(400, None, "automatic_audio_output is required in Create Bot.");
            }
            let clip =
                told["b64_data"].as_str().and_then(|text| BASE64.decode(text.as_bytes()).ok());
            match clip {
                Some(clip) if told["kind"] == "mp3" => bot.played.push(clip),
                Some(_) | None => return Reply::json(400, &json!({"b64_data": ["Not valid."]})),
            }
        }
        _ => return error(404, Some("not_found"), "Not found."),
    }
    shared.show(200, &id)
}

async fn audio_mixed(From(shared): From<Arc<Shared>>, uri: Uri) -> Reply {
    let mut query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let wanted = query.find(|(key, _)| key == "recording_id").map(|(_, value)| value);
    let now = shared.clock.now();
    let state = shared.state();
    let results: Vec<Value> = state
        .bots
        .iter()
        .filter(|bot| !bot.order["recording_config"]["audio_mixed_mp3"].is_null())
        .flat_map(|bot| &bot.recordings)
        .filter(|one| wanted.as_deref().is_none_or(|wanted| wanted == one.id))
        .map(|one| one.medium("mp3", shared.base(), now, state.link))
        .filter(|medium| !medium.is_null())
        .collect();
    Reply::json(200, &json!({"next": null, "previous": null, "results": results}))
}

async fn fetch(
    From(shared): From<Arc<Shared>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    let state = shared.state();
    let mut recordings = state.bots.iter().flat_map(|bot| &bot.recordings);
    let file = recordings.find(|one| one.id == name).and_then(|one| one.file.clone());
    media::fetch(file, &name, uri.query().unwrap_or_default(), &headers, shared.clock.now())
}

impl Shared {
    fn create(&self, body: &[u8]) -> Reply {
        let Some(order) = parsed(body) else { return error(400, None, "JSON parse error") };
        if order["meeting_url"].as_str().is_none_or(|url| !url.starts_with("https://")) {
            return Reply::json(400, &json!({"meeting_url": ["This field is required."]}));
        }
        let metadata = order["metadata"].as_object();
        let plain = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() <= 500);
        if metadata.is_some_and(|metadata| !metadata.values().all(plain)) {
            return Reply::json(400, &json!({"metadata": ["Values must be strings."]}));
        }
        let join_at = time(&order["join_at"]);
        let now = self.clock.now();
        let mut state = self.state();
        if join_at.is_none_or(|at| at - AHEAD <= now) {
            if state.free == 0 {
                let words = "All adhoc bots are currently in use, please try again later.";
                return error(507, None, words).header("retry-after", "30");
            }
            state.free -= u32::from(state.free != u32::MAX);
        }
        let id = state.uuid();
        let bot = Bot {
            id: id.clone(),
            order,
            join_at,
            statuses: Vec::new(),
            recordings: Vec::new(),
            paused: false,
            played: Vec::new(),
        };
        state.bots.push(bot);
        drop(state);
        self.show(201, &id)
    }

    fn show(&self, status: u16, id: &str) -> Reply {
        let state = self.state();
        let shown = state.find(id).map(|bot| bot.shown(self.base(), self.clock.now(), state.link));
        shown.map_or_else(missing, |bot| Reply::json(status, &bot))
    }

    fn delete_media(&self, id: &str) {
        let mut state = self.state();
        let at = state.tick(&self.clock);
        let bot = state.bot_mut(id);
        for place in 0..bot.recordings.len() {
            bot.settle(place, "deleted", None, &at, None);
            self.tell("recording.deleted", &bot.told(place));
        }
    }
}

fn parsed(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(Value::is_object)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}

fn missing() -> Reply {
    error(404, Some("not_found"), "Not found.")
}

fn error(status: u16, code: Option<&str>, detail: &str) -> Reply {
    let mut body = json!({"detail": detail});
    if let Some(code) = code {
        body["code"] = code.into();
    }
    Reply::json(status, &body)
}
