//! What Attendee tells of a bot.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::bots::{Happened, instant};
use crate::{Error, Look};

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// Its id.
    pub id: String,
    /// The attempt it belongs to.
    pub attempt: Option<String>,
    /// The state it is in, in Attendee's word. New ones occur.
    pub state: Option<String>,
    /// When it joins.
    pub join_at: Option<DateTime<Utc>>,
    /// `not_started`, `in_progress`, `paused`, `complete` or `failed`.
    pub recording_state: Option<String>,
    /// All that happened to it, oldest first.
    pub happened: Vec<Event>,
    metadata: Value,
}

/// Something that happened to a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What, in Attendee's word. New ones occur.
    pub code: String,
    /// Why, in Attendee's word. New ones occur.
    pub sub_code: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

impl Bot {
    /// Reads a bot.
    ///
    /// # Errors
    /// It has no id.
    pub(super) fn read(value: &Value) -> Result<Self, Error> {
        Ok(Self {
            id: value.id(&["id"]).ok_or(Error::Unreadable("a bot without an id"))?,
            attempt: value
                .id(&["deduplication_key"])
                .or_else(|| value.id(&["metadata", "callsheet"])),
            state: value.id(&["state"]),
            join_at: value.time(&["join_at"]),
            recording_state: value.id(&["recording_state"]),
            happened: value.items(&["events"]).iter().filter_map(event).collect(),
            metadata: value.at(&["metadata"]).cloned().unwrap_or_else(|| json!({})),
        })
    }

    /// Whether it is past its meeting, all of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_deref(), Some("ended" | "fatal_error" | "data_deleted"))
    }

    /// Whether it is on its way out.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.state.as_deref(), Some("leaving" | "post_processing"))
    }

    /// All that happened to it, in order, as its webhooks told it or should have.
    ///
    /// Attendee tells which event led to a state, and not the state itself: that follows from the event, except for the
    /// way into and out of breakout rooms. Metadata of events (what Zoom answered, who removed the bot) come with webhooks
    /// alone.
    #[must_use]
    pub fn events(&self) -> Vec<Happened> {
        let mut state = if self.join_at.is_some() { "scheduled" } else { "ready" };
        // Where it was before it went between rooms, which is where it is afterwards.
        let mut before = state;
        let mut events = Vec::with_capacity(self.happened.len());
        for event in &self.happened {
            let old = state;
            let new = match event.code.as_str() {
                "joined_breakout_room" | "left_breakout_room" => Some(before),
                code => leads_to(code),
            };
            if event.code.starts_with("began_") {
                before = old;
            }
            state = new.unwrap_or(old);
            let webhook = json!({
                "trigger": "bot.state_change", "bot_id": self.id, "bot_metadata": self.metadata,
                "data": {"old_state": old, "new_state": new, "event_type": event.code,
                    "event_sub_type": event.sub_code, "created_at": event.at.map(instant)}});
            let happened = Happened::new(&event.code, event.sub_code.clone(), event.at, &webhook);
            events.push(happened);
        }
        events
    }
}

/// The state an event leads to (Attendee: state machine of bots).
fn leads_to(event: &str) -> Option<&'static str> {
    Some(match event {
        "staged" => "staged",
        "join_requested" => "joining",
        "put_in_waiting_room" => "waiting_room",
        "joined_meeting" => "joined_not_recording",
        "recording_permission_granted" | "recording_resumed" => "joined_recording",
        "recording_permission_denied" => "joined_recording_permission_denied",
        "recording_paused" => "joined_recording_paused",
        "began_joining_breakout_room" => "joining_breakout_room",
        "began_leaving_breakout_room" => "leaving_breakout_room",
        "leave_requested" => "leaving",
        "meeting_ended" | "left_meeting" => "post_processing",
        "post_processing_completed" => "ended",
        "could_not_join_meeting" | "fatal_error" => "fatal_error",
        "data_deleted" => "data_deleted",
        _ => return None,
    })
}

fn event(value: &Value) -> Option<Event> {
    Some(Event {
        code: value.id(&["type"])?,
        sub_code: value.id(&["sub_type"]),
        at: value.time(&["created_at"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(events: &[&str]) -> Vec<Value> {
        let events: Vec<Value> = events.iter().map(|one| json!({"type": one})).collect();
        let bot = Bot::read(&json!({"id": "bot_1", "events": events})).unwrap();
        let state = |one: Happened| {
            let body: Value = serde_json::from_slice(&one.webhook()).unwrap();
            body["data"]["new_state"].clone()
        };
        bot.events().into_iter().map(state).collect()
    }

    #[test]
    fn a_bot_is_read() {
        let bot = Bot::read(&json!({
            "id": "bot_1", "metadata": {"callsheet": "a1"}, "state": "leaving", "join_at": null,
            "events": [{"type": "join_requested", "created_at": "2024-01-18T12:34:56Z"},
                {"type": "leave_requested", "sub_type": "user_requested", "created_at": "2024-01-18T13:34:56.123456Z"}],
            "recording_state": "in_progress", "deduplication_key": null}))
        .unwrap();
        assert_eq!(bot.attempt.as_deref(), Some("a1"));
        assert!(!bot.is_over() && bot.is_leaving());
        let last = bot.events().pop().unwrap();
        assert_eq!(
            (last.code.as_str(), last.sub_code.as_deref()),
            ("leave_requested", Some("user_requested"))
        );
        assert_eq!(last.at.unwrap().timestamp_subsec_micros(), 123_456);
        assert!(Bot::read(&json!({})).is_err());
    }

    #[test]
    fn a_bot_that_changes_rooms_is_where_it_was() {
        let way = [
            "join_requested",
            "joined_meeting",
            "recording_permission_granted",
            "began_joining_breakout_room",
            "joined_breakout_room",
            "recording_paused",
            "began_leaving_breakout_room",
            "left_breakout_room",
        ];
        let expected = [
            "joining",
            "joined_not_recording",
            "joined_recording",
            "joining_breakout_room",
            "joined_recording",
            "joined_recording_paused",
            "leaving_breakout_room",
            "joined_recording_paused",
        ];
        assert_eq!(states(&way), expected);
    }

    #[test]
    fn a_new_event_has_no_state() {
        assert_eq!(states(&["join_requested", "sunburnt"]), [json!("joining"), Value::Null]);
    }
}
