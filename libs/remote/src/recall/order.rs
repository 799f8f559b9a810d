//! What Recall is told when a bot is ordered.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::clip;
use crate::bots::{Attempt, Extras, Leave, instant, put};
use crate::{Error, Private};

/// Letters of a value in metadata, at most.
const VALUE: usize = 500;
/// Letters of a name, at most.
const NAME: usize = 100;

/// A bot to be created.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which attempt it is for.
    pub attempt: Attempt,
    /// How often Recall settled that this attempt has no bot. [`ensure_bot`](super::Recall::ensure_bot) counts it.
    pub refusals: u32,
    /// The link to join by.
    pub meeting_url: Private,
    /// What it is called in the meeting; at most 100 letters.
    pub bot_name: String,
    /// When it joins; at once if absent. Ten minutes ahead a bot is certain, within them it may be
    /// [refused](super::is_out_of_bots).
    pub join_at: Option<DateTime<Utc>>,
    /// More that comes back with its webhooks. Values have at most 500 letters.
    pub metadata: BTreeMap<String, String>,
    /// When it leaves by itself.
    pub leave: Leave,
    /// Whether the picture is recorded.
    pub video: bool,
    /// Whether there is a file with the sound alone.
    pub audio: bool,
    /// When it starts to record.
    pub start: Start,
    /// How long Recall keeps the recording.
    pub keep: Keep,
    /// An MP3 it plays when it starts to record. Only a bot that has one can [play](super::Recall::play) others.
    pub announcement: Option<Bytes>,
    /// More, as Recall names it: `zoom`, `google_meet`, `microsoft_teams`, `variant`, …
    pub extras: Extras,
}

/// When a bot starts to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// When it is in the meeting.
    #[default]
    Joined,
    /// When somebody else is in the meeting.
    Participant,
    /// When it is told to.
    Told,
}

/// How long Recall keeps a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// As the workspace is set up.
    #[default]
    Default,
    /// So many hours.
    Hours(u32),
    /// Until it is deleted.
    Forever,
}

impl Order {
    /// An order with nothing but what is needed.
    #[must_use]
    pub fn new(attempt: Attempt, meeting_url: Private, bot_name: impl Into<String>) -> Self {
        Self {
            attempt,
            refusals: 0,
            meeting_url,
            bot_name: bot_name.into(),
            join_at: None,
            metadata: BTreeMap::new(),
            leave: Leave::default(),
            video: true,
            audio: false,
            start: Start::default(),
            keep: Keep::default(),
            announcement: None,
            extras: Extras::none(),
        }
    }

    /// The body of the create.
    ///
    /// # Errors
    /// Recall would not take it.
    pub(super) fn body(&self) -> Result<Value, Error> {
        if self.bot_name.trim().is_empty() || self.bot_name.chars().count() > NAME {
            return Err(Error::Argument("a name of a bot that cannot be one"));
        }
        if self.metadata.values().any(|value| value.chars().count() > VALUE) {
            return Err(Error::Argument("metadata that are too long"));
        }
        let mut metadata = self.metadata.clone();
        metadata.insert("callsheet".to_owned(), self.attempt.as_str().to_owned());
        let mut body = json!({
            "meeting_url": self.meeting_url.expose(),
            "bot_name": self.bot_name,
            "metadata": metadata,
            "recording_config": self.recording(),
            "automatic_leave": leave(&self.leave),
        });
        if let Some(at) = self.join_at {
            put(&mut body, "join_at", instant(at));
        }
        if let Some(mp3) = &self.announcement {
            put(
                &mut body,
                "automatic_audio_output",
                json!({"in_call_recording": {"data": clip(mp3)}}),
            );
        }
        self.extras.add_to(&mut body);
        Ok(body)
    }

    fn recording(&self) -> Value {
        // Recall records the picture unless told otherwise.
        let mut config = json!({
            "video_mixed_mp4": if self.video { json!({}) } else { Value::Null },
            "participant_events": {},
            "start_recording_on": match self.start {
                Start::Joined => "call_join",
                Start::Participant => "participant_join",
                Start::Told => "manual",
            },
            "metadata": {"callsheet": self.attempt.as_str()},
        });
        if self.audio {
            put(&mut config, "audio_mixed_mp3", json!({}));
        }
        match self.keep {
            Keep::Default => {}
            Keep::Hours(hours) => {
                put(&mut config, "retention", json!({"type": "timed", "hours": hours}))
            }
            Keep::Forever => put(&mut config, "retention", json!({"type": "forever"})),
        }
        config
    }
}

/// `automatic_leave`, in whole seconds.
fn leave(leave: &Leave) -> Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs().max(1));
    let mut told = Map::new();
    for (name, time) in [
        ("waiting_room_timeout", leave.lobby),
        ("noone_joined_timeout", leave.nobody_came),
        ("in_call_not_recording_timeout", leave.not_recording),
        ("recording_permission_denied_timeout", leave.refused),
        ("in_call_recording_timeout", leave.longest),
    ] {
        if let Some(seconds) = seconds(time) {
            told.insert(name.to_owned(), seconds.into());
        }
    }
    if let Some(timeout) = seconds(leave.everybody_left) {
        told.insert("everyone_left_timeout".to_owned(), json!({"timeout": timeout}));
    }
    if let Some(timeout) = seconds(leave.silence) {
        let mut silence = json!({"timeout": timeout});
        if let Some(after) = leave.silence_after {
            put(&mut silence, "activate_after", after.as_secs());
        }
        told.insert("silence_detection".to_owned(), silence);
    }
    Value::Object(told)
}

/// What changes of a bot that was not sent yet. What is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Another time.
    pub join_at: Option<DateTime<Utc>>,
    /// Another link.
    pub meeting_url: Option<Private>,
    /// Another name.
    pub bot_name: Option<String>,
}

impl Change {
    /// The body of the update.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(at) = self.join_at {
            body.insert("join_at".to_owned(), instant(at).into());
        }
        if let Some(url) = &self.meeting_url {
            body.insert("meeting_url".to_owned(), url.expose().into());
        }
        if let Some(name) = &self.bot_name {
            body.insert("bot_name".to_owned(), name.as_str().into());
        }
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        let url = Private::new("https://zoom.example/j/1?pwd=2");
        Order::new(Attempt::new("a1").unwrap(), url, "Notes")
    }

    #[test]
    fn an_order_tells_all_it_holds() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let order = Order {
            join_at: Some("2026-01-01T10:00:00Z".parse().unwrap()),
            metadata: [("company".to_owned(), "c1".to_owned())].into(),
            leave: Leave {
                lobby: minutes(15),
                nobody_came: minutes(20),
                everybody_left: minutes(1),
                silence: minutes(10),
                silence_after: minutes(20),
                not_recording: minutes(30),
                refused: Some(Duration::from_millis(10)),
                longest: minutes(360),
                ..Leave::default()
            },
            audio: true,
            video: false,
            start: Start::Told,
            keep: Keep::Hours(72),
            announcement: Some(Bytes::from_static(b"mp3")),
            ..order()
        };
        let body = order.body().unwrap();
        let expected = json!({
            "meeting_url": "https://zoom.example/j/1?pwd=2", "bot_name": "Notes",
            "join_at": "2026-01-01T10:00:00.000000Z",
            "metadata": {"callsheet": "a1", "company": "c1"},
            "recording_config": {"video_mixed_mp4": null, "audio_mixed_mp3": {}, "participant_events": {},
                "start_recording_on": "manual", "retention": {"type": "timed", "hours": 72},
                "metadata": {"callsheet": "a1"}},
            "automatic_leave": {"waiting_room_timeout": 900, "noone_joined_timeout": 1200,
                "in_call_not_recording_timeout": 1800, "recording_permission_denied_timeout": 1,
                "everyone_left_timeout": {"timeout": 60}, "in_call_recording_timeout": 21600,
                "silence_detection": {"timeout": 600, "activate_after": 1200}},
            "automatic_audio_output": {"in_call_recording": {"data": {"kind": "mp3", "b64_data": "bXAz"}}},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn what_is_not_set_is_left_to_recall() {
        let body = order().body().unwrap();
        assert_eq!(body["automatic_leave"], json!({}));
        assert!(
            body.get("join_at").is_none() && body["recording_config"].get("retention").is_none()
        );
    }

    #[test]
    fn nobody_takes_the_place_of_the_attempt() {
        let metadata = [("callsheet".to_owned(), "other".to_owned())].into();
        let body = Order { metadata, ..order() }.body().unwrap();
        assert_eq!(body["metadata"]["callsheet"], "a1");
    }

    #[test]
    fn what_recall_would_not_take_is_not_sent() {
        for bot_name in [String::new(), "x".repeat(101)] {
            assert!(Order { bot_name, ..order() }.body().is_err());
        }
        let metadata = [("a".to_owned(), "x".repeat(501))].into();
        assert!(Order { metadata, ..order() }.body().is_err());
    }

    #[test]
    fn more_is_told_without_taking_the_place_of_anything() {
        let tokens = json!({"zak_url": "https://tokens.example/?key=opensesame"});
        let extras = Extras::none().with("zoom", tokens.clone()).with("metadata", json!({}));
        let order = Order { extras, ..order() };
        let body = order.body().unwrap();
        assert_eq!((&body["zoom"], &body["metadata"]["callsheet"]), (&tokens, &json!("a1")));
        assert!(!format!("{order:?}").contains("opensesame"));
    }

    #[test]
    fn an_order_shows_no_link() {
        assert!(!format!("{:?}", order()).contains("pwd"));
    }
}
