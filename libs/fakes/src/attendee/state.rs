//! Attendee's bots.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::{Clock, Outbox, Random};

#[derive(Debug)]
pub(super) struct State {
    pub(super) bots: Vec<Bot>,
    pub(super) random: Random,
    pub(super) capacity: usize,
    pub(super) linger: Duration,
    pub(super) page: usize,
    pub(super) link: Duration,
    last: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub(super) struct Bot {
    pub(super) id: String,
    pub(super) order: Value,
    pub(super) join_at: Option<DateTime<Utc>>,
    pub(super) state: &'static str,
    /// Where it was before it went between rooms.
    before: &'static str,
    events: Vec<Value>,
    recording: &'static str,
    started_ms: Option<i64>,
    pub(super) file: Option<Bytes>,
    pub(super) played: Vec<Vec<u8>>,
    pub(super) outbox: Option<Outbox>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            bots: Vec::new(),
            random: Random::new(17),
            capacity: usize::MAX,
            linger: Duration::ZERO,
            page: 25,
            link: Duration::from_secs(1800),
            last: None,
        }
    }

    /// What time it is: never the same one twice.
    pub(super) fn tick(&mut self, clock: &Clock) -> DateTime<Utc> {
        let next = self.last.map(|last| last + TimeDelta::microseconds(1));
        let at = next.map_or(clock.now(), |next| next.max(clock.now()));
        self.last = Some(at);
        at
    }

    pub(super) fn find(&self, id: &str) -> Option<&Bot> {
        self.bots.iter().find(|bot| bot.id == id)
    }

    pub(super) fn bot(&self, id: &str) -> &Bot {
        self.find(id).expect("a bot")
    }

    pub(super) fn bot_mut(&mut self, id: &str) -> &mut Bot {
        self.bots.iter_mut().find(|bot| bot.id == id).expect("a bot")
    }

    pub(super) fn uuid(&mut self) -> String {
        let hex = HEXLOWER.encode(&self.random.bytes(16));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// States in which a bot is in a meeting, and neither on its way in nor out.
const INSIDE: [&str; 4] = [
    "joined_not_recording",
    "joined_recording",
    "joined_recording_paused",
    "joined_recording_permission_denied",
];
/// States between rooms.
const BETWEEN: [&str; 2] = ["joining_breakout_room", "leaving_breakout_room"];

impl Bot {
    pub(super) fn new(
        id: String,
        order: Value,
        join_at: Option<DateTime<Utc>>,
        outbox: Option<Outbox>,
    ) -> Self {
        let state = if join_at.is_some() { "scheduled" } else { "ready" };
        Self {
            id,
            order,
            join_at,
            state,
            before: state,
            events: Vec::new(),
            recording: "not_started",
            started_ms: None,
            file: None,
            played: Vec::new(),
            outbox,
        }
    }

    /// Whether it is past its meeting.
    pub(super) fn over(&self) -> bool {
        matches!(self.state, "fatal_error" | "ended" | "data_deleted")
    }

    pub(super) fn inside(&self) -> bool {
        INSIDE.contains(&self.state)
    }

    /// Whether its own webhooks are for this.
    pub(super) fn wants(&self, trigger: &str) -> bool {
        let webhooks = self.order["webhooks"].as_array().into_iter().flatten();
        webhooks.flat_map(|one| one["triggers"].as_array()).flatten().any(|one| one == trigger)
    }

    /// Something happens to it: what its webhook tells of that.
    ///
    /// # Errors
    /// It cannot, in Attendee's words.
    pub(super) fn happen(
        &mut self,
        event: &str,
        sub_type: Option<&str>,
        mut metadata: Value,
        at: DateTime<Utc>,
    ) -> Result<Value, String> {
        let old = self.state;
        let (from, to) = transition(event, self.before)
            .ok_or_else(|| format!("No valid transitions defined for event type {event}"))?;
        if !from.iter().any(|states| states.contains(&old)) {
            return Err(format!("Event {event} not allowed when bot is in state {old}."));
        }
        if event.starts_with("began_") {
            self.before = old;
        }
        self.state = to;
        match to {
            "joined_recording" => {
                self.recording = "in_progress";
                self.started_ms.get_or_insert(at.timestamp_millis());
            }
            "joined_recording_paused" | "joined_recording_permission_denied"
                if self.recording == "in_progress" =>
            {
                self.recording = "paused";
            }
            "ended" | "fatal_error" if self.recording != "not_started" => {
                self.recording = "complete"
            }
            "data_deleted" => self.file = None,
            _ => {}
        }
        if self.over() {
            metadata["bot_duration_seconds"] = 60.into();
        }
        let at = at.to_rfc3339_opts(SecondsFormat::Micros, false);
        let mut told = json!({"type": event, "created_at": at.replace("+00:00", "Z")});
        if let Some(sub_type) = sub_type {
            told["sub_type"] = sub_type.into();
        }
        self.events.push(told);
        Ok(json!({"event_type": event, "event_sub_type": sub_type, "event_metadata": metadata,
            "old_state": old, "new_state": to, "created_at": at}))
    }

    /// How the API shows it.
    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id, "metadata": self.order["metadata"], "meeting_url": self.order["meeting_url"],
            "state": self.state, "events": self.events, "transcription_state": "not_started",
            "recording_state": self.recording, "deduplication_key": self.order["deduplication_key"],
            "join_at": self.join_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        })
    }

    /// When its recording begins.
    pub(super) fn started_ms(&self) -> Option<i64> {
        self.started_ms
    }
}

/// Where an event is possible, and where it leads (Attendee: transitions of bots).
fn transition(
    event: &str,
    before: &'static str,
) -> Option<(&'static [&'static [&'static str]], &'static str)> {
    const JOINING: &[&str] = &["joining", "waiting_room"];
    Some(match event {
        "staged" => (&[&["scheduled"]], "staged"),
        "join_requested" => (&[&["ready", "staged"]], "joining"),
        "could_not_join_meeting" => (&[JOINING], "fatal_error"),
        "fatal_error" => (
            &[JOINING, &INSIDE, &BETWEEN, &["leaving", "post_processing", "staged", "scheduled"]],
            "fatal_error",
        ),
        "put_in_waiting_room" => (&[&["joining"]], "waiting_room"),
        "joined_meeting" => (&[JOINING], "joined_not_recording"),
        "recording_permission_granted" => {
            (&[&["joined_not_recording", "joined_recording_permission_denied"]], "joined_recording")
        }
        "recording_permission_denied" => (&[&INSIDE], "joined_recording_permission_denied"),
        "recording_paused" => (&[&["joined_recording"]], "joined_recording_paused"),
        "recording_resumed" => (&[&["joined_recording_paused"]], "joined_recording"),
        "meeting_ended" => (&[JOINING, &INSIDE, &BETWEEN, &["leaving"]], "post_processing"),
        "leave_requested" => (&[JOINING, &INSIDE, &BETWEEN], "leaving"),
        "left_meeting" => (&[&["leaving"]], "post_processing"),
        "post_processing_completed" => (&[&["post_processing"]], "ended"),
        "data_deleted" => (&[&["fatal_error", "ended"]], "data_deleted"),
        "began_joining_breakout_room" => (&[&INSIDE], "joining_breakout_room"),
        "began_leaving_breakout_room" => (&[&INSIDE], "leaving_breakout_room"),
        "joined_breakout_room" => (&[&["joining_breakout_room"]], before),
        "left_breakout_room" => (&[&["leaving_breakout_room"]], before),
        _ => return None,
    })
}
