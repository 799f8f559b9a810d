//! What becomes of recordings: files, transcripts, the bin.

use serde_json::{Value, json};

use super::script::about;
use super::state::{State, time};
use super::{Inner, Zoom, events};

impl Zoom {
    /// Zoom has finished with what was recorded of a run.
    ///
    /// # Panics
    /// There is no such run.
    pub fn finish(&self, uuid: &str) {
        self.inner.finish(uuid);
    }

    /// Zoom has written down what was said in a run.
    ///
    /// # Panics
    /// There is no such run.
    pub fn transcribe(&self, uuid: &str) {
        let (object, token) = {
            let mut state = self.inner.state();
            let (key, token) = (state.random.text(32), state.random.text(40));
            let text = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nAda: hello\n";
            let file = json!({
                "id": format!("{}-{}", state.random.text(8), state.random.text(12)), "meeting_id": uuid,
                "file_type": "TRANSCRIPT", "file_extension": "VTT", "file_size": text.len(),
                "recording_type": "audio_transcript", "status": "completed",
                "download_url": self.inner.url(&format!("/rec/download/{key}")),
            });
            state.files.insert(key, text.into());
            state.file_tokens.insert(token.clone());
            let mut object = recorded(&state, uuid).expect("a run");
            object["recording_files"] = json!([file]);
            let run = state.runs.iter_mut().find(|run| run.uuid == uuid).expect("a run");
            run.files.push(file);
            (object, token)
        };
        let payload = json!({"account_id": self.inner.options.account, "object": object});
        let (event, millis) = ("recording.transcript_completed", self.inner.millis());
        self.inner.outbox.send(events::notice(event, millis, payload, Some(&token)));
    }

    /// Somebody moves what was recorded of a run into the bin.
    ///
    /// # Panics
    /// There is no such run.
    pub fn trash(&self, uuid: &str) {
        assert!(self.inner.remove(uuid, "recording.trashed"), "a run");
    }

    /// Somebody takes what was recorded of a run out of the bin.
    ///
    /// # Panics
    /// There is no such run.
    pub fn recover(&self, uuid: &str) {
        let object = {
            let mut state = self.inner.state();
            let run = state.runs.iter_mut().find(|run| run.uuid == uuid).expect("a run");
            run.removed = false;
            recorded(&state, uuid).expect("a run")
        };
        self.inner.tell_of("recording.recovered", json!({}), object);
    }
}

impl Inner {
    pub(super) fn finish(&self, uuid: &str) {
        let (object, tokens) = {
            let mut state = self.state();
            self.make_files(&mut state, uuid);
            let twice = state.tell_twice;
            let mut tokens = vec![state.random.text(40)];
            if twice {
                tokens.push(state.random.text(40));
            }
            state.file_tokens.extend(tokens.iter().cloned());
            (recorded(&state, uuid).expect("a run"), tokens)
        };
        // Both copies are of one moment.
        let millis = self.millis();
        for (index, token) in tokens.iter().enumerate() {
            let mut object = object.clone();
            if index > 0 {
                for file in object["recording_files"].as_array_mut().into_iter().flatten() {
                    let other = format!(
                        "{}?copy={index}",
                        file["download_url"].as_str().unwrap_or_default()
                    );
                    file["download_url"] = json!(other);
                }
            }
            let payload = json!({"account_id": self.options.account, "object": object});
            let event = "recording.completed";
            self.outbox.send(events::notice(event, millis, payload, Some(token)));
        }
    }

    /// A picture and a sound for each piece, and a timeline without an id.
    fn make_files(&self, state: &mut State, uuid: &str) {
        let run = state.runs.iter().find(|run| run.uuid == uuid).expect("a run");
        let pieces = run.pieces.clone();
        let mut files = Vec::new();
        for (start, end) in pieces {
            let kinds = [
                ("MP4", "shared_screen_with_speaker_view"),
                ("M4A", "audio_only"),
                ("TIMELINE", "timeline"),
            ];
            for (kind, content) in kinds {
                let key = state.random.text(32);
                let stock = state.media.get(kind).cloned();
                let bytes = stock.unwrap_or_else(|| state.random.bytes(4000).into());
                let mut file = json!({
                    "id": format!("{}-{}", state.random.text(8), state.random.text(12)),
                    "meeting_id": uuid, "recording_start": time(start), "recording_end": time(end),
                    "file_type": kind, "file_extension": if kind == "TIMELINE" { "JSON" } else { kind },
                    "file_size": bytes.len(), "recording_type": content, "status": "completed",
                    "play_url": self.url(&format!("/rec/play/{key}")),
                    "download_url": self.url(&format!("/rec/download/{key}")),
                });
                if kind == "TIMELINE" {
                    for absent in ["id", "status", "file_size"] {
                        file.as_object_mut().expect("an object").remove(absent);
                    }
                }
                state.files.insert(key, bytes);
                files.push(file);
            }
        }
        let run = state.runs.iter_mut().find(|run| run.uuid == uuid).expect("a run");
        run.files = files;
        run.ready = true;
    }

    /// Removes what was recorded of a run, and tells of it; whether there was something.
    pub(super) fn remove(&self, uuid: &str, event: &str) -> bool {
        let object = {
            let mut state = self.state();
            let Some(object) = recorded(&state, uuid) else { return false };
            let run = state.runs.iter_mut().find(|run| run.uuid == uuid).expect("a run");
            run.removed = true;
            object
        };
        self.tell_of(event, json!({}), object);
        true
    }
}

/// What REST and webhooks hold of what was recorded of a run.
pub(super) fn recorded(state: &State, uuid: &str) -> Option<Value> {
    let run = state.runs.iter().find(|run| run.uuid == uuid)?;
    let meeting = state.meetings.get(&run.meeting).cloned().unwrap_or_default();
    let mut object = about(&meeting, uuid, run.started);
    let minutes = run.ended.map_or(0, |end| (end - run.started).num_minutes());
    let sizes = run.files.iter().filter_map(|file| file["file_size"].as_u64());
    object["duration"] = json!(minutes);
    // Not the account's: the examples have the host here.
    object["account_id"] = meeting["host_id"].clone();
    object["host_email"] = meeting["host_email"].clone();
    object["share_url"] = json!("https://acme.zoom.example/rec/share/hush");
    object["password"] = json!("123456");
    object["total_size"] = json!(sizes.sum::<u64>());
    object["recording_count"] = json!(run.files.len());
    object["recording_files"] = json!(run.files);
    Some(object)
}
