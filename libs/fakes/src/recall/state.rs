//! Recall's bots and recordings.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::{Clock, Random, Reply, media};

/// A bot is sent so long before it joins.
pub(super) const AHEAD: TimeDelta = TimeDelta::minutes(10);
/// Answers are remembered for so long.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

#[derive(Debug)]
pub(super) struct State {
    pub(super) bots: Vec<Bot>,
    pub(super) random: Random,
    pub(super) free: u32,
    pub(super) linger: Duration,
    pub(super) blind: u32,
    pub(super) seen: usize,
    pub(super) page: usize,
    pub(super) link: Duration,
    last: Option<DateTime<Utc>>,
    answers: HashMap<String, (DateTime<Utc>, Option<Reply>)>,
}

#[derive(Debug)]
pub(super) struct Bot {
    pub(super) id: String,
    pub(super) order: Value,
    pub(super) join_at: Option<DateTime<Utc>>,
    pub(super) statuses: Vec<Value>,
    pub(super) recordings: Vec<Recording>,
    pub(super) paused: bool,
    pub(super) played: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Recording {
    pub(super) id: String,
    started_at: String,
    completed_at: Option<String>,
    code: String,
    sub_code: Option<String>,
    updated_at: String,
    pub(super) file: Option<Bytes>,
}

/// What is known of an `Idempotency-Key`.
pub(super) enum Known {
    /// Nothing: whoever asks is to carry it out.
    First,
    /// Somebody is carrying it out.
    UnderWay,
    /// It was answered so.
    Answered(Reply),
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            bots: Vec::new(),
            random: Random::new(7),
            free: u32::MAX,
            linger: Duration::ZERO,
            blind: 0,
            seen: 0,
            page: 100,
            link: Duration::from_secs(6 * 3600),
            last: None,
            answers: HashMap::new(),
        }
    }

    /// What time it is: never the same one twice.
    pub(super) fn tick(&mut self, clock: &Clock) -> String {
        let next = self.last.map(|last| last + TimeDelta::microseconds(1));
        let at = next.map_or(clock.now(), |next| next.max(clock.now()));
        self.last = Some(at);
        instant(at)
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

    /// What is known of a key; from now on, that it is under way.
    pub(super) fn begin(&mut self, key: &str, now: DateTime<Utc>) -> Known {
        match self.answers.get(key) {
            Some((at, Some(reply))) if now - at < REMEMBERED => Known::Answered(reply.clone()),
            Some((_, None)) => Known::UnderWay,
            Some(_) | None => {
                self.answers.insert(key.to_owned(), (now, None));
                Known::First
            }
        }
    }

    /// What a key was answered with.
    pub(super) fn end(&mut self, key: &str, now: DateTime<Utc>, reply: &Reply) {
        self.answers.insert(key.to_owned(), (now, Some(reply.clone())));
    }
}

impl Bot {
    pub(super) fn code(&self) -> Option<&str> {
        self.statuses.last()?["code"].as_str()
    }

    /// Whether it was sent, so that it is neither changed nor deleted.
    pub(super) fn sent(&self, now: DateTime<Utc>) -> bool {
        !self.statuses.is_empty() || self.join_at.is_none_or(|at| at - AHEAD <= now)
    }

    pub(super) fn over(&self) -> bool {
        matches!(self.code(), Some("call_ended" | "recording_done" | "done" | "fatal"))
    }

    pub(super) fn in_call(&self) -> bool {
        let inside = [
            "in_call_not_recording",
            "recording_permission_allowed",
            "recording_permission_denied",
            "in_call_recording",
        ];
        self.code().is_some_and(|code| inside.contains(&code))
    }

    pub(super) fn metadata(&self) -> Value {
        self.order.get("metadata").cloned().unwrap_or_else(|| json!({}))
    }

    pub(super) fn named(&self) -> Value {
        json!({"id": self.id, "metadata": self.metadata()})
    }

    /// The recording under way.
    pub(super) fn running(&self) -> Option<usize> {
        let last = self.recordings.len().checked_sub(1)?;
        self.recordings[last].completed_at.is_none().then_some(last)
    }

    /// The recording under way ends. That it is ready is told later.
    pub(super) fn complete(&mut self, at: &str) {
        if let Some(running) = self.running() {
            self.recordings[running].completed_at = Some(at.to_owned());
        }
        self.paused = false;
    }

    pub(super) fn settle(
        &mut self,
        place: usize,
        code: &str,
        sub_code: Option<&str>,
        at: &str,
        file: Option<Bytes>,
    ) {
        let recording = &mut self.recordings[place];
        recording.completed_at.get_or_insert_with(|| at.to_owned());
        code.clone_into(&mut recording.code);
        recording.sub_code = sub_code.map(str::to_owned);
        at.clone_into(&mut recording.updated_at);
        recording.file = file;
    }

    /// What webhooks tell of a recording.
    pub(super) fn told(&self, place: usize) -> Value {
        let recording = &self.recordings[place];
        json!({"data": recording.status(), "bot": self.named(),
            "recording": {"id": recording.id, "metadata": self.order["recording_config"]["metadata"]}})
    }

    /// How the API shows it, with links that hold from now on.
    pub(super) fn shown(&self, base: &str, now: DateTime<Utc>, link: Duration) -> Value {
        let recordings: Vec<Value> =
            self.recordings.iter().map(|one| one.shown(self, base, now, link)).collect();
        json!({
            "id": self.id, "bot_name": self.order["bot_name"], "metadata": self.metadata(),
            "meeting_url": {"meeting_id": "85393847045", "platform": "zoom"},
            "join_at": self.join_at.map(instant), "status_changes": self.statuses,
            "recordings": recordings, "recording_config": self.order["recording_config"],
            "automatic_leave": self.order["automatic_leave"],
        })
    }
}

impl Recording {
    pub(super) fn new(id: String, at: String) -> Self {
        Self {
            id,
            completed_at: None,
            code: "processing".to_owned(),
            sub_code: None,
            updated_at: at.clone(),
            started_at: at,
            file: None,
        }
    }

    fn status(&self) -> Value {
        json!({"code": self.code, "sub_code": self.sub_code, "updated_at": self.updated_at})
    }

    fn shown(&self, bot: &Bot, base: &str, now: DateTime<Utc>, link: Duration) -> Value {
        json!({
            "id": self.id, "created_at": self.started_at, "started_at": self.started_at,
            "completed_at": self.completed_at, "expires_at": null, "bot": bot.named(),
            "status": self.status(), "metadata": bot.order["recording_config"]["metadata"],
            "media_shortcuts": {"video_mixed": self.medium("mp4", base, now, link)},
        })
    }

    /// A file of it, as the API shows it: null where there is none.
    pub(super) fn medium(
        &self,
        format: &str,
        base: &str,
        now: DateTime<Utc>,
        link: Duration,
    ) -> Value {
        if self.file.is_none() {
            return Value::Null;
        }
        let until = now + TimeDelta::from_std(link).unwrap_or_default();
        json!({"id": format!("{format}-{}", self.id), "recording_id": self.id, "format": format,
            "status": self.status(), "data": {"download_url": media::link(base, &self.id, until)}})
    }
}

/// Whether one state can follow another (docs: bot status change events).
pub(super) fn follows(from: Option<&str>, to: &str) -> bool {
    let rooms = |to: &str| to.starts_with("breakout_room_");
    match from {
        None => matches!(to, "joining_call" | "fatal"),
        Some("joining_call") => {
            matches!(to, "in_waiting_room" | "in_call_not_recording" | "call_ended" | "fatal")
        }
        Some("in_waiting_room") => {
            matches!(to, "joining_call" | "in_call_not_recording" | "call_ended" | "fatal")
        }
        Some("call_ended" | "recording_done") => matches!(to, "recording_done" | "done" | "fatal"),
        Some("done" | "fatal") => to == "media_expired",
        Some(_) => {
            let inside = [
                "in_waiting_room",
                "in_call_not_recording",
                "recording_permission_allowed",
                "recording_permission_denied",
                "in_call_recording",
                "call_ended",
                "fatal",
            ];
            inside.contains(&to) || rooms(to)
        }
    }
}

/// Whether what is recorded ends with this state.
pub(super) fn ends_recording(code: &str) -> bool {
    matches!(
        code,
        "in_call_not_recording" | "in_waiting_room" | "call_ended" | "fatal" | "recording_done"
    )
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
