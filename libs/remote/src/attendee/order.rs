//! What Attendee is told when a bot is ordered.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::bots::{Attempt, Extras, Leave, instant, put};
use crate::{Error, Private};

/// Webhooks of one bot, at most.
const WEBHOOKS: usize = 2;

/// A bot to be created.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which attempt it is for.
    pub attempt: Attempt,
    /// The link to join by.
    pub meeting_url: Private,
    /// What it is called in the meeting.
    pub bot_name: String,
    /// When it joins; at once if absent. Two minutes ahead or more it is on time.
    pub join_at: Option<DateTime<Utc>>,
    /// More that comes back with its webhooks.
    pub metadata: BTreeMap<String, String>,
    /// When it leaves by itself.
    pub leave: Leave,
    /// Whether the picture is recorded, and not the sound alone.
    pub video: bool,
    /// Where its webhooks go; where those of the project go if there are none. At most two.
    pub webhooks: Vec<Webhook>,
    /// Where it fetches tokens for Zoom (ZAK, OBF, join tokens) when it joins.
    pub zoom_tokens_url: Option<Private>,
    /// More, as Attendee names it: `google_meet_settings`, `teams_settings`, `zoom_settings`, …
    pub extras: Extras,
}

/// Somebody who is told what happens to a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The address; `https` unless the server allows otherwise.
    pub url: Private,
    /// What is told: `bot.state_change`, `participant_events.join_leave`, …
    pub triggers: Vec<String>,
}

impl Webhook {
    /// States, and who comes and goes.
    #[must_use]
    pub fn new(url: Private) -> Self {
        let triggers = ["bot.state_change", "participant_events.join_leave"];
        Self { url, triggers: triggers.map(str::to_owned).into() }
    }
}

/// A voice of Google's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// `en-US`.
    pub language: String,
    /// `en-US-Casual-K`.
    pub name: String,
}

impl Order {
    /// An order with nothing but what is needed.
    #[must_use]
    pub fn new(attempt: Attempt, meeting_url: Private, bot_name: impl Into<String>) -> Self {
        Self {
            attempt,
            meeting_url,
            bot_name: bot_name.into(),
            join_at: None,
            metadata: BTreeMap::new(),
            leave: Leave::default(),
            video: true,
            webhooks: Vec::new(),
            zoom_tokens_url: None,
            extras: Extras::none(),
        }
    }

    /// The body of the create.
    ///
    /// # Errors
    /// Attendee would not take it.
    pub(super) fn body(&self) -> Result<Value, Error> {
        if self.bot_name.trim().is_empty() {
            return Err(Error::Argument("a name of a bot that cannot be one"));
        }
        if self.webhooks.len() > WEBHOOKS {
            return Err(Error::Argument("more webhooks than a bot can have"));
        }
        let mut metadata = self.metadata.clone();
        metadata.insert("callsheet".to_owned(), self.attempt.as_str().to_owned());
        let mut body = json!({
            "meeting_url": self.meeting_url.expose(),
            "bot_name": self.bot_name,
            "deduplication_key": self.attempt.as_str(),
            "metadata": metadata,
            "recording_settings": {"format": if self.video { "mp4" } else { "mp3" }},
            "automatic_leave_settings": leave(&self.leave),
        });
        if let Some(at) = self.join_at {
            put(&mut body, "join_at", instant(at));
        }
        if !self.webhooks.is_empty() {
            let told = |one: &Webhook| json!({"url": one.url.expose(), "triggers": one.triggers});
            put(&mut body, "webhooks", self.webhooks.iter().map(told).collect::<Value>());
        }
        if let Some(url) = &self.zoom_tokens_url {
            put(&mut body, "callback_settings", json!({"zoom_tokens_url": url.expose()}));
        }
        self.extras.add_to(&mut body);
        Ok(body)
    }
}

/// `automatic_leave_settings`, in whole seconds. It refuses names it does not know.
fn leave(leave: &Leave) -> Value {
    let mut told = Map::new();
    for (name, time) in [
        ("waiting_room_timeout_seconds", leave.lobby),
        ("wait_for_host_to_start_meeting_timeout_seconds", leave.host),
        ("only_participant_in_meeting_timeout_seconds", leave.everybody_left),
        ("silence_timeout_seconds", leave.silence),
        ("silence_activate_after_seconds", leave.silence_after),
        ("max_uptime_seconds", leave.longest),
    ] {
        if let Some(time) = time.as_ref().map(Duration::as_secs) {
            told.insert(name.to_owned(), time.max(1).into());
        }
    }
    Value::Object(told)
}

/// What changes of a bot that waits for its time. What is absent stays.
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
                host: minutes(10),
                nobody_came: minutes(20),
                longest: minutes(360),
                ..Leave::default()
            },
            video: false,
            webhooks: vec![Webhook::new(Private::new("https://hooks.example/bots"))],
            zoom_tokens_url: Some(Private::new("https://hooks.example/tokens")),
            extras: Extras::none().with("teams_settings", json!({"use_login": true})),
            ..order()
        };
        let expected = json!({
            "meeting_url": "https://zoom.example/j/1?pwd=2", "bot_name": "Notes",
            "deduplication_key": "a1", "join_at": "2026-01-01T10:00:00.000000Z",
            "metadata": {"callsheet": "a1", "company": "c1"},
            "recording_settings": {"format": "mp3"},
            "automatic_leave_settings": {"waiting_room_timeout_seconds": 900,
                "wait_for_host_to_start_meeting_timeout_seconds": 600, "max_uptime_seconds": 21600},
            "webhooks": [{"url": "https://hooks.example/bots",
                "triggers": ["bot.state_change", "participant_events.join_leave"]}],
            "callback_settings": {"zoom_tokens_url": "https://hooks.example/tokens"},
            "teams_settings": {"use_login": true},
        });
        assert_eq!(order.body().unwrap(), expected);
    }

    #[test]
    fn what_attendee_would_not_take_is_not_sent() {
        assert!(Order { bot_name: " ".to_owned(), ..order() }.body().is_err());
        let webhooks = vec![Webhook::new(Private::new("https://hooks.example")); 3];
        assert!(Order { webhooks, ..order() }.body().is_err());
    }
}
