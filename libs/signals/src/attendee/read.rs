//! Attendee's webhooks.

use serde_json::Value;

use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider};

/// The state of a participant who removed the bot.
pub(crate) const REMOVED: &str = "bot_removed_by";

/// Reads a webhook of Attendee. What a bot's metadata call `callsheet` or `reference` is our own reference.
///
/// # Errors
/// It is no JSON object, or has no `trigger`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let name = value.id(&["trigger"]).ok_or(Error::Missing("trigger"))?;
    let data = value.at(&["data"]).unwrap_or(&Value::Null);
    let about = About {
        bot: value.id(&["bot_id"]),
        reference: value.id_of(&[&["bot_metadata", "callsheet"], &["bot_metadata", "reference"]]),
        ..About::default()
    };
    let at = data
        .time(&["created_at"])
        .or_else(|| data.time(&["timestamp_ms"]))
        .or_else(|| data.time(&["last_attempted_sync_at"]));
    let participants: Vec<Participant> = participant(data).into_iter().collect();
    let state = data.id(&["new_state"]);
    let happened = data.id(&["event_type"]);
    let reason = data.id(&["event_sub_type"]);
    let mut key = Maker::new(Provider::Attendee, &name)
        .maybe(about.bot.as_deref())
        .maybe(value.id(&["calendar_id"]))
        .maybe(state.as_deref())
        .maybe(happened.as_deref())
        .maybe(reason.as_deref())
        .maybe(data.id(&["id"]))
        .set(participants.iter().filter_map(|one| one.id.as_deref()))
        .number(at.map(|at| at.timestamp_micros()));
    // A delivery has an id of its own, which says more only where the event says nothing.
    if at.is_none() {
        key = key.maybe(value.id(&["idempotency_key"]));
    }
    let key = key.done();

    let mut meanings = Vec::new();
    let zoom = data.id(&["event_metadata", "zoom_result_code"]);
    if let Some(code) = zoom {
        meanings.push(Meaning::of(Provider::Zoom, Kind::SdkNative, &code, None));
    }
    let of = |kind: Kind, code: &str| Meaning::of(Provider::Attendee, kind, code, None);
    if let Some(reason) = &reason {
        meanings.push(of(Kind::Reason, reason));
    }
    // Whoever removed the bot is named in an event that otherwise only tells that the meeting is over.
    if remover(data).is_some() && reason.is_none() {
        meanings.push(of(Kind::Reason, REMOVED));
    }
    if let Some(happened) = &happened {
        meanings.push(of(Kind::Event, happened));
    }
    if let Some(state) = &state {
        meanings.push(of(Kind::State, state));
    }
    if meanings.is_empty() {
        meanings.push(of(Kind::Event, &name));
    }
    Ok(Event { at, about, participants, meanings, ..Event::new(Provider::Attendee, name, key) })
}

/// Who joined, left, or removed the bot.
fn participant(data: &Value) -> Option<Participant> {
    if let Some(id) = data.id(&["participant_uuid"]) {
        return Some(Participant {
            id: Some(id),
            user: data.id(&["participant_user_uuid"]),
            name: data.private(&["participant_name"]),
            host: data.flag(&["participant_is_host"]),
            ..Participant::default()
        });
    }
    remover(data)
}

/// Who removed the bot or turned it away, where Attendee knows: in meetings of Teams. It stands in fields beside each other
/// (`remover_name`, `remover_uuid`, …), or in an object of its own.
fn remover(data: &Value) -> Option<Participant> {
    let told = data.at(&["event_metadata"])?;
    let nested = told.at(&["bot_removed_by"]).unwrap_or(&Value::Null);
    let remover = Participant {
        id: told.id(&["remover_uuid"]).or_else(|| nested.id_of(&[&["uuid"], &["id"]])),
        user: told.id(&["remover_user_uuid"]).or_else(|| nested.id(&["user_uuid"])),
        name: told.private(&["remover_name"]).or_else(|| nested.private(&["name"])),
        host: told.flag(&["remover_is_host"]).or_else(|| nested.flag(&["is_host"])),
        state: Some(REMOVED.to_owned()),
        ..Participant::default()
    };
    (remover.id.is_some() || remover.name.is_some()).then_some(remover)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn state(data: &Value) -> Event {
        let value = json!({"idempotency_key": "k", "bot_id": "bot_1", "bot_metadata": {"callsheet": "plan-7"},
            "trigger": "bot.state_change", "data": data});
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_change_of_state_is_read() {
        let event = state(
            &json!({"new_state": "joined_recording", "old_state": "joining", "event_type": "recording_permission_granted",
            "event_sub_type": null, "created_at": "2026-01-01T10:00:00.123456Z"}),
        );
        assert_eq!(event.about.bot.as_deref(), Some("bot_1"));
        assert_eq!(event.about.reference.as_deref(), Some("plan-7"));
        let signals = event.signals();
        assert_eq!(signals, [Signal::PermissionGranted, Signal::RecordingStarted]);
    }

    #[test]
    fn why_a_bot_could_not_join_is_told_first() {
        let first = |reason: &str| {
            let data = json!({"new_state": "fatal_error", "event_type": "could_not_join_meeting", "event_sub_type": reason,
                "created_at": "2026-01-01T10:00:00Z"});
            state(&data).signals().first().copied()
        };
        assert_eq!(first("waiting_room_timeout_exceeded"), Some(Signal::LobbyTimeout));
        assert_eq!(first("request_to_join_denied"), Some(Signal::Denied));
        assert_eq!(first("blocked_by_captcha"), Some(Signal::Captcha));
        assert_eq!(first("eaten_by_dog"), Some(Signal::FailedUnexplained));
    }

    #[test]
    fn what_zoom_said_is_told_first_of_all() {
        let data = json!({"new_state": "fatal_error", "event_type": "could_not_join_meeting",
            "event_sub_type": "zoom_meeting_status_failed", "event_metadata": {"zoom_result_code": "12"}});
        assert_eq!(state(&data).signals().first().copied(), Some(Signal::Locked));
    }

    #[test]
    fn a_bot_that_was_removed_did_not_see_the_end() {
        let data = json!({"new_state": "post_processing", "event_type": "meeting_ended", "event_sub_type": null,
            "created_at": "2026-01-01T10:00:00Z",
            "event_metadata": {"bot_removed_by": {"id": "par_1", "name": "Ada", "uuid": "8:orgid:1", "is_host": true}}});
        let event = state(&data);
        assert_eq!(event.signals().first().copied(), Some(Signal::Removed));
        assert_eq!(event.participants[0].host, Some(true));
    }

    #[test]
    fn whoever_removed_the_bot_is_told_also_where_it_stands_in_single_fields() {
        let removed = |kind: &str, reason: Option<&str>, host: &Value| {
            let data = json!({"new_state": "post_processing", "old_state": "joined_recording", "event_type": kind,
                "event_sub_type": reason, "created_at": "2026-01-01T10:00:00Z", "event_metadata": {
                "remover_name": "Ada", "remover_uuid": "8:orgid:1", "remover_user_uuid": null, "remover_is_host": host}});
            state(&data)
        };
        for (host, known) in
            [(json!(true), Some(true)), (json!(false), Some(false)), (Value::Null, None)]
        {
            let event = removed("meeting_ended", None, &host);
            assert_eq!(event.signals().first().copied(), Some(Signal::Removed));
            let who = &event.participants[0];
            assert_eq!((who.id.as_deref(), who.host), (Some("8:orgid:1"), known));
            assert_eq!(who.name.as_ref().map(crate::Private::expose), Some("Ada"));
            assert_eq!(who.state.as_deref(), Some(REMOVED));
            assert_eq!(event.remover().and_then(|one| one.host), known);
        }
        // At the door it is a refusal, whoever it was.
        let event = removed("could_not_join_meeting", Some("request_to_join_denied"), &json!(true));
        assert_eq!(event.signals().first().copied(), Some(Signal::Denied));
        assert_eq!(event.remover().unwrap().host, Some(true));
        let ended = state(&json!({"new_state": "post_processing", "event_type": "meeting_ended",
            "created_at": "2026-01-01T10:00:00Z", "event_metadata": {}}));
        assert!(!ended.says(Signal::Removed) && ended.remover().is_none());
    }

    #[test]
    fn a_delivery_through_another_webhook_is_the_same_event() {
        let deliver = |key: &str| {
            let value = json!({"idempotency_key": key, "bot_id": "b", "trigger": "bot.state_change",
                "data": {"new_state": "ended", "event_type": "post_processing_completed", "created_at": "2026-01-01T10:00:00Z"}});
            read(value.to_string().as_bytes()).unwrap()
        };
        assert_eq!(deliver("k1").key, deliver("k2").key);
        assert!(deliver("k1").says(Signal::FilesReady));
    }

    #[test]
    fn participants_are_read() {
        let value = json!({"idempotency_key": "k", "bot_id": "b", "trigger": "participant_events.join_leave", "data": {
            "id": "pe_1", "participant_name": "Ada", "participant_uuid": "u1", "participant_is_host": false,
            "event_type": "join", "event_data": {}, "timestamp_ms": 1767261600123_i64}});
        let event = read(value.to_string().as_bytes()).unwrap();
        assert!(event.tells(News::ParticipantJoined));
        assert_eq!(event.participants[0].id.as_deref(), Some("u1"));
        assert!(event.at.is_some());
    }
}
