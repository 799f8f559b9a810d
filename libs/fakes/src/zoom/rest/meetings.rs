//! Meetings, their runs, and what is done to them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Asked, Meant, error, meant, no_meeting, no_user, page};
use crate::Reply;
use crate::zoom::state::time;
use crate::zoom::{Control, Inner};

/// Calls that may change the meetings of one user in one day.
const UPDATES: u32 = 100;

type Of = (State<Arc<Inner>>, Path<String>);

/// `GET /users/{user}/meetings`
pub(super) async fn list((State(inner), Path(id)): Of, asked: Asked) -> Reply {
    let state = inner.state();
    let Some((id, _)) = state.user(&id) else { return no_user(&id) };
    let live = asked.get("type").is_some_and(|kind| kind == "live");
    let mut all: Vec<Value> = state
        .meetings
        .values()
        .filter(|one| one["host_id"] == *id && (!live || one["status"] == "started"))
        .map(|one| {
            let mut one = one.clone();
            for absent in ["settings", "host_email", "password", "status"] {
                one.as_object_mut().expect("a meeting").remove(absent);
            }
            one
        })
        .collect();
    all.sort_by_cached_key(|one| one["start_time"].to_string());
    page("meetings", &all, &asked)
}

/// `GET /meetings/{meeting}`
pub(super) async fn meeting((State(inner), Path(id)): Of) -> Reply {
    match meant(&id) {
        Meant::Number(number) => match inner.state().meetings.get(&number) {
            Some(meeting) => Reply::json(200, meeting),
            None => no_meeting(&id),
        },
        Meant::Run(_) | Meant::Nothing => error(400, 300, "Invalid meeting id."),
    }
}

/// `PATCH /meetings/{meeting}`, a hundred times per user and day.
pub(super) async fn change((State(inner), Path(id)): Of, body: Bytes) -> Reply {
    let Meant::Number(number) = meant(&id) else { return error(400, 300, "Invalid meeting id.") };
    let Ok(mut patch) = serde_json::from_slice::<Value>(&body) else {
        return error(400, 300, "Request Body should be a valid JSON object.");
    };
    let today = inner.now().date_naive();
    {
        let mut state = inner.state();
        let Some(host) = state.meetings.get(&number).map(|one| one["host_id"].clone()) else {
            return no_meeting(&id);
        };
        let locked = state.account_locks["recording"]["auto_recording"] == true;
        if let Some(user) = state.users.get_mut(host.as_str().unwrap_or_default()) {
            let updates = user.updates.entry(today).or_default();
            if *updates >= UPDATES {
                // Seen without any header that tells which limit it is.
                return error(
                    429,
                    429,
                    "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests \
                     permitted for this particular user. You may resume these requests at GMT 00:00:00.",
                );
            }
            *updates += 1;
        }
        let wanted = patch["settings"]["auto_recording"].as_str();
        if wanted.is_some_and(|wanted| !["cloud", "local", "none"].contains(&wanted)) {
            return Reply::json(
                400,
                &json!({"code": 300, "message": "Validation Failed.",
                    "errors": [{"field": "settings.auto_recording", "message": "Invalid field."}]}),
            );
        }
        if locked && let Some(settings) = patch["settings"].as_object_mut() {
            settings.remove("auto_recording");
        }
    }
    inner.change_meeting(number, &patch);
    Reply::status(204)
}

/// `PATCH /live_meetings/{meeting}/events`
pub(super) async fn control((State(inner), Path(id)): Of, body: Bytes) -> Reply {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let control = match body["method"].as_str() {
        Some("recording.start") => Control::Start,
        Some("recording.stop") => Control::Stop,
        Some("recording.pause") => Control::Pause,
        Some("recording.resume") => Control::Resume,
        _ => return error(400, 300, "Validation Failed."),
    };
    let Meant::Number(number) = meant(&id) else { return error(400, 300, "Invalid meeting id.") };
    if !inner.state().meetings.contains_key(&number) {
        return no_meeting(&id);
    }
    if inner.record(number, control) {
        Reply::status(202)
    } else {
        error(400, 300, "The meeting is not live, or its recording is in another state.")
    }
}

/// `GET /past_meetings/{meeting}`: a run that is over, or the last one of a meeting.
pub(super) async fn past((State(inner), Path(id)): Of) -> Reply {
    let which = meant(&id);
    let state = inner.state();
    let mut over = state.runs.iter().rev().filter(|run| run.ended.is_some());
    let run = over.find(|run| match &which {
        Meant::Number(number) => run.meeting == *number,
        Meant::Run(uuid) => run.uuid == *uuid,
        Meant::Nothing => false,
    });
    let Some((run, end)) = run.and_then(|run| Some((run, run.ended?))) else {
        return no_meeting(&id);
    };
    let meeting = state.meetings.get(&run.meeting).cloned().unwrap_or_default();
    let minutes = (end - run.started).num_minutes();
    Reply::json(
        200,
        &json!({"uuid": run.uuid, "id": run.meeting, "host_id": meeting["host_id"],
            "type": meeting["type"], "topic": meeting["topic"], "user_name": "Ada Example",
            "start_time": time(run.started), "end_time": time(end), "duration": minutes,
            "total_minutes": minutes * 2, "participants_count": 2}),
    )
}

/// `GET /past_meetings/{meeting}/instances`
pub(super) async fn instances((State(inner), Path(id)): Of) -> Reply {
    let Meant::Number(number) = meant(&id) else { return error(400, 300, "Invalid meeting id.") };
    let state = inner.state();
    if !state.meetings.contains_key(&number) {
        return no_meeting(&id);
    }
    let over = state.runs.iter().filter(|run| run.meeting == number && run.ended.is_some());
    let all: Vec<Value> =
        over.map(|run| json!({"uuid": run.uuid, "start_time": time(run.started)})).collect();
    Reply::json(200, &json!({ "meetings": all }))
}

/// `GET /meetings/{meeting}/jointoken/local_recording`
pub(super) async fn join_token((State(inner), Path(id)): Of) -> Reply {
    let Meant::Number(number) = meant(&id) else { return error(400, 300, "Invalid meeting id.") };
    let mut state = inner.state();
    let Some(host) = state.meetings.get(&number).map(|one| one["host_id"].clone()) else {
        return no_meeting(&id);
    };
    let host = state.users.get(host.as_str().unwrap_or_default());
    if host.is_some_and(|host| host.settings["recording"]["local_recording"] == false) {
        return error(400, 300, "Local recording is not enabled for the host.");
    }
    Reply::json(200, &json!({"expire_in": 120, "token": state.random.text(24)}))
}
