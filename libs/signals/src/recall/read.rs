//! Recall's webhooks.

use serde_json::Value;

use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider, Recording};

/// Reads a webhook of Recall, in the form with one event per state (`bot.in_call_recording`) and in the one before it
/// (`bot.status_change`). What a bot's metadata call `callsheet` or `reference` is our own reference.
///
/// # Errors
/// It is no JSON object, or has no `event`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let name = value.id(&["event"]).ok_or(Error::Missing("event"))?;
    let data = value.at(&["data"]).unwrap_or(&Value::Null);
    // What happened stands in `data.data`, or in `data.status` of the older form.
    let inner = data.at(&["data"]).or_else(|| data.at(&["status"])).unwrap_or(&Value::Null);
    // `done` of a bot and `done` of a recording are different news: only a bot's states go by their code alone.
    let code = match name.strip_prefix("bot.") {
        Some(state) => inner.id(&["code"]).unwrap_or_else(|| state.to_owned()),
        None => name.clone(),
    };
    let reason = inner.id(&["sub_code"]);
    let metadata =
        |key: &str| data.id(&["bot", "metadata", key]).or_else(|| data.id(&["metadata", key]));
    let about = About {
        bot: data.id_of(&[&["bot", "id"], &["bot_id"]]),
        reference: metadata("callsheet").or_else(|| metadata("reference")),
        ..About::default()
    };
    let at = ["updated_at", "created_at"]
        .into_iter()
        .find_map(|key| inner.time(&[key]))
        .or_else(|| inner.time(&["timestamp", "absolute"]).or_else(|| inner.time(&["timestamp"])));
    let participants: Vec<Participant> =
        inner.items(&["participant"]).iter().map(participant).collect();
    let recordings = recordings(data, inner, &code);
    let key = Maker::new(Provider::Recall, &name)
        .maybe(about.bot.as_deref())
        .and(&code)
        .maybe(reason.as_deref())
        .number(at.map(|at| at.timestamp_micros()))
        .set(participants.iter().filter_map(|one| one.id.as_deref()))
        .set(recordings.iter().filter_map(|one| one.id.as_deref()))
        .done();

    let mut meanings = Vec::new();
    if let Some(reason) = &reason {
        meanings.push(Meaning::of(
            Provider::Recall,
            Kind::Reason,
            reason,
            message(inner).as_deref(),
        ));
    }
    meanings.push(Meaning::of(Provider::Recall, Kind::State, &code, None));
    Ok(Event {
        at,
        about,
        participants,
        recordings,
        meanings,
        ..Event::new(Provider::Recall, name, key)
    })
}

/// What Recall says in words. Its messages name codes and settings, not people.
fn message(inner: &Value) -> Option<String> {
    inner.id(&["message"])
}

fn participant(one: &Value) -> Participant {
    Participant {
        id: one.id(&["id"]),
        name: one.private(&["name"]),
        email: one.private(&["email"]),
        host: one.flag(&["is_host"]),
        ..Participant::default()
    }
}

/// The recording an event names: by itself, or by an id beside the state.
fn recordings(data: &Value, inner: &Value, code: &str) -> Vec<Recording> {
    let id = data.id(&["recording", "id"]).or_else(|| inner.id(&["recording_id"]));
    id.map(|id| Recording {
        id: Some(id),
        of: data.id_of(&[&["bot", "id"], &["bot_id"]]),
        state: Some(code.to_owned()),
        ..Recording::default()
    })
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn event(value: &Value) -> Event {
        read(value.to_string().as_bytes()).unwrap()
    }

    fn state(code: &str, reason: Option<&str>) -> Event {
        event(&json!({"event": format!("bot.{code}"), "data": {
            "data": {"code": code, "sub_code": reason, "updated_at": "2026-01-01T10:00:00.741790Z"},
            "bot": {"id": "b1", "metadata": {"callsheet": "plan-7"}}}}))
    }

    #[test]
    fn a_state_of_a_bot_is_read() {
        let event = state("in_waiting_room", None);
        assert_eq!(event.about.bot.as_deref(), Some("b1"));
        assert_eq!(event.about.reference.as_deref(), Some("plan-7"));
        assert_eq!(event.at.unwrap().timestamp_subsec_micros(), 741_790);
        assert_eq!(event.signals(), [Signal::InLobby]);
    }

    #[test]
    fn the_reason_comes_before_the_state() {
        let first = |code, reason| state(code, Some(reason)).signals().first().copied();
        assert_eq!(first("call_ended", "bot_kicked_from_waiting_room"), Some(Signal::Denied));
        assert_eq!(
            first("call_ended", "timeout_exceeded_waiting_room"),
            Some(Signal::LobbyTimeout)
        );
        assert_eq!(first("fatal", "meeting_password_incorrect"), Some(Signal::PasswordWrong));
        assert_eq!(
            first("recording_permission_denied", "zoom_local_recording_grant_not_supported"),
            Some(Signal::LocalRecordingOff)
        );
    }

    #[test]
    fn a_new_reason_is_data() {
        let event = state("fatal", Some("zoom_sunspots"));
        assert!(event.meanings[0].is_unknown());
        assert_eq!(event.meanings[0].raw_code(), "zoom_sunspots");
        assert!(event.says(Signal::FailedUnexplained));
    }

    #[test]
    fn the_older_form_is_read() {
        let event = event(
            &json!({"event": "bot.status_change", "data": {"bot_id": "b1", "status": {"code": "in_call_recording",
            "created_at": "2026-01-01T10:00:00Z", "sub_code": null, "message": null, "recording_id": "r1"}}}),
        );
        assert_eq!(event.about.bot.as_deref(), Some("b1"));
        assert!(event.says(Signal::RecordingStarted));
        assert_eq!(event.recordings[0].id.as_deref(), Some("r1"));
    }

    #[test]
    fn a_state_entered_twice_is_two_events_and_one_delivered_twice_is_one() {
        let at = |time: &str| {
            event(&json!({"event": "bot.in_waiting_room", "data": {"bot": {"id": "b1"},
                "data": {"code": "in_waiting_room", "updated_at": time}}}))
            .key
        };
        assert_eq!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:00:00.000Z"));
        assert_ne!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:05:00Z"));
    }

    #[test]
    fn recordings_and_participants_are_read() {
        let done = event(
            &json!({"event": "recording.done", "data": {"recording": {"id": "r1"}, "bot": {"id": "b1"},
            "data": {"code": "done", "updated_at": "2026-01-01T11:00:00Z"}}}),
        );
        assert!(done.says(Signal::FilesReady), "{done:?}");
        let join = event(
            &json!({"event": "participant_events.join", "data": {"bot": {"id": "b1"}, "data": {"action": "join",
            "participant": {"id": 100, "name": "Ada", "is_host": true}, "timestamp": {"absolute": "2026-01-01T10:00:00Z"}}}}),
        );
        assert!(join.tells(News::ParticipantJoined));
        assert_eq!(join.participants[0].host, Some(true));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        assert_eq!(read(b"{}"), Err(Error::Missing("event")));
    }
}
