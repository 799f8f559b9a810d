//! Zoom Phone: calls, their webhooks, their recordings.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::state::time;
use super::{Inner, Zoom, events, rest};
use crate::Reply;

impl Zoom {
    /// A user calls a number: it rings. The id of the call is returned, which is a number written as a string.
    pub fn dial(&self, user: &str, from: &str, to: &str) -> String {
        let now = self.inner.now();
        let call = {
            let mut state = self.inner.state();
            let id = (6_000_000_000_000_000_000
                + state.random.number() % 1_000_000_000_000_000_000)
                .to_string();
            let call = json!({
                "call_id": id,
                "caller": {"extension_type": "user", "extension_number": 1002, "phone_number": from,
                    "user_id": user, "connection_type": "voip", "device_type": "Windows_Client(6.1.0)"},
                "callee": {"phone_number": to, "connection_type": "pstn_off_net"},
                "ringing_start_time": time(now),
            });
            state.calls.insert(id, call.clone());
            call
        };
        self.inner.tell("phone.caller_ringing", call.clone());
        call["call_id"].as_str().unwrap_or_default().to_owned()
    }

    /// The other end answers.
    pub fn answer(&self, call: &str) {
        let now = time(self.inner.now());
        self.inner.call("phone.caller_connected", call, json!({"connected_start_time": now}));
    }

    /// The other end declines.
    pub fn decline(&self, call: &str) {
        let now = time(self.inner.now());
        self.inner.call("phone.callee_rejected", call, json!({"call_end_time": now}));
    }

    /// The call is over, with a result in Zoom's words: `Call connected`, `No Answer`, `Busy`.
    pub fn hang_up(&self, call: &str, result: &str) {
        let more = json!({"call_end_time": time(self.inner.now()), "handup_result": result});
        self.inner.call("phone.caller_ended", call, more);
    }

    /// The call is recorded from now on; `OnDemand` if somebody pressed a button, `Automatic` if not. The id of the
    /// recording is returned.
    pub fn record_call(&self, call: &str, kind: &str) -> String {
        let id = self.inner.state().random.text(32).to_lowercase();
        let object = self.inner.call_recording(&id, call, kind, self.inner.now());
        self.inner.state().call_recordings.push(object.clone());
        self.inner.tell("phone.recording_started", object);
        id
    }

    /// The call is no longer recorded.
    ///
    /// # Panics
    /// There is no such recording.
    pub fn stop_recording_call(&self, recording: &str) {
        let object = self.inner.recording(recording, json!({"end_time": time(self.inner.now())}));
        self.inner.tell("phone.recording_stopped", object);
    }

    /// The recording is ready.
    ///
    /// # Panics
    /// There is no such recording.
    pub fn finish_call_recording(&self, recording: &str) {
        let (key, token, size) = {
            let mut state = self.inner.state();
            let (key, token) = (state.random.text(32), state.random.text(40));
            let stock = state.media.get("MP3").cloned();
            let bytes = stock.unwrap_or_else(|| state.random.bytes(2000).into());
            let size = bytes.len();
            state.files.insert(key.clone(), bytes);
            state.file_tokens.insert(token.clone());
            (key, token, size)
        };
        let link = self.inner.url(&format!("/rec/download/{key}"));
        let more = json!({"download_url": link, "duration": 115, "file_size": size});
        let object = self.inner.recording(recording, more);
        let payload =
            json!({"account_id": self.inner.options.account, "object": {"recordings": [object]}});
        let event = "phone.recording_completed";
        let millis = self.inner.millis();
        self.inner.outbox.send(events::notice(event, millis, payload, Some(&token)));
    }

    /// Zoom could not make the recording.
    ///
    /// # Panics
    /// There is no such recording.
    pub fn fail_call_recording(&self, recording: &str) {
        let object = self.inner.recording(recording, json!({}));
        self.inner.tell("phone.recording_failed", object);
    }

    /// Somebody deletes the recording.
    pub fn delete_call_recording(&self, recording: &str) {
        let removed: Vec<Value> = {
            let mut state = self.inner.state();
            let (gone, left) =
                state.call_recordings.drain(..).partition(|one| one["id"] == recording);
            state.call_recordings = left;
            gone
        };
        let named: Vec<Value> =
            removed.iter().map(|one| json!({"id": one["id"], "call_id": one["call_id"]})).collect();
        self.inner.tell("phone.recording_deleted", json!({ "recordings": named }));
    }
}

impl Inner {
    fn call(&self, event: &str, call: &str, more: Value) {
        let object = {
            let mut state = self.state();
            let object = state.calls.get_mut(call).expect("a call");
            super::state::merge(object, &more);
            object.clone()
        };
        self.tell(event, object);
    }

    fn call_recording(&self, id: &str, call: &str, kind: &str, at: DateTime<Utc>) -> Value {
        let state = self.state();
        let object = state.calls.get(call).expect("a call");
        let (caller, callee) = (&object["caller"], &object["callee"]);
        json!({
            "id": id, "call_id": call, "user_id": caller["user_id"], "direction": "outbound",
            "caller_number": caller["phone_number"], "callee_number": callee["phone_number"],
            "date_time": time(at), "recording_type": kind,
            "channel_id": "5c01a45b-53a8-4773-b244-beb670c13357",
            "owner": {"type": "user", "id": caller["user_id"], "name": "Ada Example", "extension_number": 1002},
        })
    }

    fn recording(&self, id: &str, more: Value) -> Value {
        let mut state = self.state();
        let object =
            state.call_recordings.iter_mut().find(|one| one["id"] == id).expect("a recording");
        super::state::merge(object, &more);
        object.clone()
    }
}

/// `GET /phone/recordings`
pub(super) async fn list(
    State(inner): State<Arc<Inner>>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Reply {
    let all = inner.state().call_recordings.clone();
    let ready: Vec<Value> = all.into_iter().filter(|one| one["download_url"].is_string()).collect();
    rest::page("recordings", &ready, &asked)
}

/// `GET /phone/call_logs/{call}/recordings`
pub(super) async fn of_call(State(inner): State<Arc<Inner>>, Path(call): Path<String>) -> Reply {
    let state = inner.state();
    let found = state
        .call_recordings
        .iter()
        .find(|one| one["call_id"] == call.as_str() && one["download_url"].is_string());
    match found {
        Some(recording) => Reply::json(200, recording),
        None => rest::error(404, 404, "The recording does not exist."),
    }
}
