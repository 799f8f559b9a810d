//! Attendee's endpoints.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State as From};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::state::Bot;
use super::{KEY, Shared};
use crate::{Outbox, Reply, media};

/// Repetitions of a bot's own webhooks come so many times faster than Attendee makes them.
const FASTER: u32 = 100;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/api/v1/bots", get(list).post(create))
        .route("/api/v1/bots/{id}", get(retrieve).patch(update).delete(destroy))
        .route("/api/v1/bots/{id}/recording", get(recording))
        .route("/api/v1/bots/{id}/{command}", post(command))
        .fallback(async || error(404, "Not found"))
        .layer(from_fn(admit));
    Router::new().route("/media/{file}", get(fetch)).merge(api).with_state(shared)
}

async fn admit(request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let words = match given.map(|given| given.split_once(' ')) {
        Some(Some(("Token" | "token", KEY))) => return next.run(request).await,
        Some(Some(("Token" | "token", _))) => "Invalid or disabled API key",
        Some(_) => "Invalid Authorization header. Should have this format: Token <api_key>",
        None => "Missing Authorization header",
    };
    Reply::json(401, &json!({"detail": words})).into_response()
}

async fn create(From(shared): From<Arc<Shared>>, body: Bytes) -> Reply {
    // Carried out whether or not the connection lasts.
    let work = tokio::spawn(async move {
        let linger = shared.state().linger;
        tokio::time::sleep(linger).await;
        shared.create(&body)
    });
    work.await.expect("a create")
}

async fn list(From(shared): From<Arc<Shared>>, uri: Uri) -> Reply {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let of = |wanted: &str| query.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
    let state = shared.state();
    let fits = |bot: &&Bot| {
        of("deduplication_key")
            .is_none_or(|key| bot.order["deduplication_key"].as_str() == Some(key.as_str()))
            && of("meeting_url")
                .is_none_or(|url| bot.order["meeting_url"].as_str() == Some(url.as_str()))
    };
    let from: usize = of("cursor").and_then(|text| text.parse().ok()).unwrap_or_default();
    let all: Vec<&Bot> = state.bots.iter().filter(fits).collect();
    let page: Vec<Value> = all.iter().skip(from).take(state.page).map(|bot| bot.shown()).collect();
    let until = from + page.len();
    // The link names a host of its own: nobody is to follow it.
    let next = (until < all.len())
        .then(|| format!("https://app.attendee.example/api/v1/bots?cursor={until}"));
    Reply::json(200, &json!({"next": next, "previous": null, "results": page}))
}

async fn retrieve(From(shared): From<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    shared.show(200, &id)
}

async fn update(From(shared): From<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let Some(change) = parsed(&body) else { return error(400, "JSON parse error") };
    let now = shared.clock.now();
    let mut state = shared.state();
    let Some(bot) = state.find(&id) else { return missing() };
    if bot.state != "scheduled" {
        let words = format!(
            "Bot is in state {} but join_at, meeting_url, bot_name, bot_image and recording_settings can only be updated \
             when in the scheduled state",
            bot.state
        );
        return error(400, &words);
    }
    let join_at = time(&change["join_at"]);
    if join_at.is_some_and(|at| at < now) {
        return Reply::json(400, &json!({"join_at": ["join_at cannot be in the past"]}));
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
    let mut state = shared.state();
    match state.find(&id) {
        None => missing(),
        Some(bot) if bot.state != "scheduled" => {
            let words = format!(
                "Bot is in state {} but can only be deleted when in scheduled state",
                bot.state
            );
            error(400, &words)
        }
        Some(_) => {
            state.bots.retain(|bot| bot.id != id);
            Reply::status(200)
        }
    }
}

async fn recording(From(shared): From<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let state = shared.state();
    let Some(bot) = state.find(&id) else { return missing() };
    if bot.file.is_none() {
        return error(404, "No recording file found for bot");
    }
    let until = shared.clock.now() + TimeDelta::from_std(state.link).unwrap_or_default();
    let link = media::link(shared.base(), &id, until);
    Reply::json(200, &json!({"url": link, "start_timestamp_ms": bot.started_ms()}))
}

async fn command(
    From(shared): From<Arc<Shared>>,
    Path((id, command)): Path<(String, String)>,
    body: Bytes,
) -> Reply {
    let Some((state, inside)) = shared.state().find(&id).map(|bot| (bot.state, bot.inside()))
    else {
        return missing();
    };
    let told = parsed(&body).unwrap_or_default();
    let happen = |event: &str, sub_type| match shared.happen(&id, event, sub_type, json!({})) {
        Ok(()) => shared.show(200, &id),
        Err(words) => error(400, &words),
    };
    match command.as_str() {
        "leave" => happen("leave_requested", Some("user_requested")),
        "pause_recording" => happen("recording_paused", None),
        "resume_recording" => happen("recording_resumed", None),
        "delete_data" => happen("data_deleted", None),
        "output_audio" | "speech" if !inside => {
            error(400, &format!("Bot is in state {state} and cannot play media"))
        }
        "output_audio" => {
            let clip = told["data"].as_str().and_then(|text| BASE64.decode(text.as_bytes()).ok());
            match clip {
                Some(clip) if told["type"] == "audio/mp3" => {
                    shared.state().bot_mut(&id).played.push(clip);
                    Reply::status(200)
                }
                Some(_) | None => error(400, "Invalid audio"),
            }
        }
        "speech" => {
            let voice = &told["text_to_speech_settings"]["google"];
            match (told["text"].as_str(), voice["voice_language_code"].as_str()) {
                (Some(text), Some(_)) => {
                    shared.state().bot_mut(&id).played.push(text.as_bytes().to_vec());
                    Reply::status(200)
                }
                (Some(_) | None, _) => {
                    Reply::json(400, &json!({"text": ["This field is required."]}))
                }
            }
        }
        _ => error(404, "Not found"),
    }
}

async fn fetch(
    From(shared): From<Arc<Shared>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    let file = shared.state().find(&name).and_then(|bot| bot.file.clone());
    media::fetch(file, &name, uri.query().unwrap_or_default(), &headers, shared.clock.now())
}

impl Shared {
    fn create(&self, body: &[u8]) -> Reply {
        let Some(mut order) = parsed(body) else { return error(400, "JSON parse error") };
        for field in ["meeting_url", "bot_name"] {
            if order[field].as_str().is_none_or(str::is_empty) {
                return Reply::json(400, &json!({field: ["This field is required."]}));
            }
        }
        let join_at = time(&order["join_at"]);
        if join_at.is_some_and(|at| at < self.clock.now()) {
            return Reply::json(400, &json!({"join_at": ["join_at cannot be in the past"]}));
        }
        if order["metadata"].is_null() {
            order["metadata"] = json!({});
        }
        let mut state = self.state();
        let busy = state.bots.iter().filter(|bot| !bot.over() && bot.state != "scheduled").count();
        if busy >= state.capacity {
            return error(
                400,
                "You have exceeded the maximum number of concurrent bots for your account.",
            );
        }
        let key = order["deduplication_key"].clone();
        let taken = |bot: &Bot| !bot.over() && bot.order["deduplication_key"] == key;
        if !key.is_null() && state.bots.iter().any(taken) {
            let words = "Deduplication key already in use. A bot in a non-terminal state with this deduplication key \
                         already exists. Please use a different deduplication key or wait for that bot to terminate.";
            return error(400, words);
        }
        let targets: Vec<&str> = order["webhooks"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["url"].as_str())
            .collect();
        let outbox = (!targets.is_empty()).then(|| {
            let outbox = Outbox::new();
            for target in targets {
                outbox.subscribe(self.sender(target, FASTER));
            }
            outbox
        });
        let id = format!("bot_{}", state.random.text(16));
        state.bots.push(Bot::new(id.clone(), order, join_at, outbox));
        drop(state);
        if join_at.is_none() {
            let source = json!({"source": "api"});
            self.happen(&id, "join_requested", None, source).expect("a bot that is ready");
        }
        self.show(201, &id)
    }

    fn show(&self, status: u16, id: &str) -> Reply {
        let state = self.state();
        state.find(id).map_or_else(missing, |bot| Reply::json(status, &bot.shown()))
    }
}

fn parsed(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(Value::is_object)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}

fn missing() -> Reply {
    error(404, "Bot not found")
}

fn error(status: u16, words: &str) -> Reply {
    Reply::json(status, &json!({"error": words}))
}
