//! What Recall tells of a bot.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::bots::{Happened, Medium, instant};
use crate::{Error, Look, Private};

/// States after which nothing more comes but the deletion of what was recorded.
const OVER: [&str; 5] = ["done", "fatal", "media_expired", "analysis_done", "analysis_failed"];

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// Its id.
    pub id: String,
    /// The attempt it belongs to.
    pub attempt: Option<String>,
    /// When it joins.
    pub join_at: Option<DateTime<Utc>>,
    /// All it went through, oldest first.
    pub changes: Vec<Status>,
    /// What it recorded.
    pub recordings: Vec<Recording>,
    metadata: Value,
}

/// A state of a bot or a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The state, in Recall's word. New ones occur.
    pub code: String,
    /// Why, in Recall's word. New ones occur.
    pub sub_code: Option<String>,
    /// When it began.
    pub at: Option<DateTime<Utc>>,
    message: Option<String>,
}

/// Something recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// `processing`, `done`, `failed` or `deleted`.
    pub status: Option<Status>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// When Recall deletes it.
    pub expires_at: Option<DateTime<Utc>>,
    /// Picture and sound.
    pub video: Option<Medium>,
    /// The sound, where it is named here; else it is [asked for](super::Recall::audio).
    pub audio: Option<Medium>,
    metadata: Value,
}

impl Bot {
    /// Reads a bot.
    ///
    /// # Errors
    /// It has no id.
    pub(super) fn read(value: &Value) -> Result<Self, Error> {
        Ok(Self {
            id: value.id(&["id"]).ok_or(Error::Unreadable("a bot without an id"))?,
            attempt: value.id(&["metadata", "callsheet"]),
            join_at: value.time(&["join_at"]),
            changes: value.items(&["status_changes"]).iter().filter_map(status).collect(),
            recordings: value.items(&["recordings"]).iter().filter_map(recording).collect(),
            metadata: metadata(value),
        })
    }

    /// The state it is in; none before it is sent.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.changes.last().map(|status| status.code.as_str())
    }

    /// Whether it is past its meeting, all of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.changes.iter().any(|status| OVER.contains(&status.code.as_str()))
    }

    /// All that happened to it and to its recordings, in order, as its webhooks told it or should have.
    ///
    /// Of a recording only the state it is in now is known. `ready` comes without a webhook.
    #[must_use]
    pub fn events(&self) -> Vec<Happened> {
        let bot = json!({"id": self.id, "metadata": self.metadata});
        let of_bot = self.changes.iter().map(|status| {
            let event = format!("bot.{}", status.code);
            let webhook = json!({"event": event, "data": {"data": status.told(), "bot": bot}});
            status.happened(&webhook)
        });
        let of_recordings = self.recordings.iter().filter_map(|recording| {
            let status = recording.status.as_ref()?;
            let webhook = json!({"event": format!("recording.{}", status.code), "data": {
                "data": status.told(), "bot": bot,
                "recording": {"id": recording.id, "metadata": recording.metadata}}});
            let code = format!("recording.{}", status.code);
            Some(Happened::new(&code, status.sub_code.clone(), status.at, &webhook))
        });
        let mut events: Vec<Happened> = of_bot.chain(of_recordings).collect();
        // Stable: what happened at the same time stays as Recall has it.
        events.sort_by_key(|one| one.at);
        events
    }
}

impl Status {
    fn told(&self) -> Value {
        json!({"code": self.code, "sub_code": self.sub_code, "updated_at": self.at.map(instant),
            "message": self.message})
    }

    fn happened(&self, webhook: &Value) -> Happened {
        Happened::new(&self.code, self.sub_code.clone(), self.at, webhook)
    }
}

fn metadata(value: &Value) -> Value {
    value.at(&["metadata"]).cloned().unwrap_or_else(|| json!({}))
}

fn status(value: &Value) -> Option<Status> {
    Some(Status {
        code: value.id(&["code"])?,
        sub_code: value.id(&["sub_code"]),
        at: value.time(&["created_at"]).or_else(|| value.time(&["updated_at"])),
        message: value.id(&["message"]),
    })
}

fn recording(value: &Value) -> Option<Recording> {
    let shortcut = |name: &str| value.at(&["media_shortcuts", name]).and_then(medium);
    Some(Recording {
        id: value.id(&["id"])?,
        status: value.at(&["status"]).and_then(status),
        started_at: value.time(&["started_at"]),
        completed_at: value.time(&["completed_at"]),
        expires_at: value.time(&["expires_at"]),
        video: shortcut("video_mixed"),
        audio: shortcut("audio_mixed"),
        metadata: metadata(value),
    })
}

/// A file, if it is ready to be fetched.
pub(super) fn medium(value: &Value) -> Option<Medium> {
    let url = value.id(&["data", "download_url"])?;
    Some(Medium { url: Private::new(url), format: value.id(&["format"]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot() -> Bot {
        Bot::read(&json!({
            "id": "b1", "metadata": {"callsheet": "a1"}, "join_at": "2026-01-01T10:00:00Z",
            "status_changes": [
                {"code": "joining_call", "message": null, "created_at": "2026-01-01T10:00:00.5Z", "sub_code": null},
                {"code": "call_ended", "message": "x", "created_at": "2026-01-01T11:00:00Z", "sub_code": "call_ended_by_host"},
                {"code": "done", "created_at": "2026-01-01T11:02:00Z"}],
            "recordings": [{"id": "r1", "status": {"code": "done", "sub_code": null, "updated_at": "2026-01-01T11:01:00Z"},
                "media_shortcuts": {"video_mixed": {"format": "mp4", "data": {"download_url": "https://files.example/1?sig=2"}},
                    "audio_mixed": {"data": {"download_url": null}}}}]
        }))
        .unwrap()
    }

    #[test]
    fn a_bot_is_read() {
        let bot = bot();
        assert_eq!((bot.code(), bot.is_over()), (Some("done"), true));
        assert_eq!(bot.attempt.as_deref(), Some("a1"));
        let recording = &bot.recordings[0];
        assert_eq!(recording.video.as_ref().unwrap().format.as_deref(), Some("mp4"));
        assert_eq!(recording.audio, None);
        assert!(!format!("{bot:?}").contains("sig"));
    }

    #[test]
    fn what_happened_stands_in_order() {
        let events = bot().events();
        let codes: Vec<_> =
            events.iter().map(|one| (one.code.as_str(), one.sub_code.as_deref())).collect();
        let expected = [
            ("joining_call", None),
            ("call_ended", Some("call_ended_by_host")),
            ("recording.done", None),
            ("done", None),
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_bot_that_lacks_everything_but_its_id_is_one() {
        let bot = Bot::read(&json!({"id": "b1", "status_changes": [{}, {"code": 7}]})).unwrap();
        assert_eq!((bot.changes.len(), bot.is_over()), (1, false));
        assert!(Bot::read(&json!({})).is_err());
    }
}
