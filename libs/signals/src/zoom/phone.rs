//! Zoom Phone's webhooks.

use serde_json::Value;

use super::read::happened;
use crate::event::Direction;
use crate::json::Look;
use crate::key::Maker;
use crate::{About, Event, Kind, Meaning, Participant, Provider, Recording};

/// Reads an event of Zoom Phone.
pub(super) fn read(value: &Value, name: String) -> Event {
    let payload = value.at(&["payload"]).unwrap_or(&Value::Null);
    let object = payload.at(&["object"]).unwrap_or(&Value::Null);
    let logs = object.items(&["call_logs"]);
    let log = |key: &str| logs.iter().find_map(|one| one.id(&[key]));
    let either = |key: &str| object.id(&[key]).or_else(|| log(key));
    let recordings = recordings(object, &name);
    let about = About {
        call: object
            .id(&["call_id"])
            .or_else(|| recordings.iter().find_map(|one| one.of.clone()))
            .or_else(|| log("call_id")),
        leg: object.id(&["channel_id"]),
        user: object.id_of(&[&["user_id"], &["owner", "id"]]),
        direction: either("direction").and_then(|text| Direction::from_name(&text)),
        from: object
            .private(&["caller", "phone_number"])
            .or_else(|| object.private(&["caller_number"])),
        to: object
            .private(&["callee", "phone_number"])
            .or_else(|| object.private(&["callee_number"])),
        seconds: object.int(&["duration"]),
        ..About::default()
    };
    let participants: Vec<Participant> = ["caller", "callee"]
        .into_iter()
        .filter_map(|role| {
            let one = object.at(&[role])?;
            Some(Participant {
                id: Some(role.to_owned()),
                user: one.id_of(&[&["user_id"], &["extension_id"]]),
                name: one.private(&["name"]),
                phone: one.private(&["phone_number"]),
                state: one.id(&["connection_type"]),
                ..Participant::default()
            })
        })
        .collect();
    let at = happened(value);
    let account = payload.id(&["account_id"]);
    let log_ids: Vec<String> = logs.iter().filter_map(|one| one.id(&["id"])).collect();
    let key = Maker::new(Provider::ZoomPhone, &name)
        .maybe(account.as_deref())
        .maybe(about.call.as_deref())
        .maybe(about.leg.as_deref())
        .maybe(about.user.as_deref())
        .number(at.map(|at| at.timestamp_millis()))
        .set(recordings.iter().filter_map(|one| one.id.as_deref()))
        .set(log_ids.iter().map(String::as_str))
        .done();

    let mut meanings: Vec<Meaning> = ["handup_result", "result"]
        .into_iter()
        .filter_map(either)
        .map(|text| Meaning::of(Provider::ZoomPhone, Kind::Reason, &text, None))
        .collect();
    meanings.push(Meaning::of(Provider::ZoomPhone, Kind::Event, &name, None));
    Event {
        account,
        at,
        about,
        participants,
        recordings,
        meanings,
        download_token: value.private(&["download_token"]),
        ..Event::new(Provider::ZoomPhone, name, key)
    }
}

/// Recordings: a list of them, or the object itself in an event about one.
fn recordings(object: &Value, name: &str) -> Vec<Recording> {
    let read = |one: &Value| Recording {
        id: one.id(&["id"]),
        of: one.id(&["call_id"]),
        content: one.id(&["recording_type"]),
        by_hand: one.id(&["recording_type"]).map(|kind| kind.eq_ignore_ascii_case("OnDemand")),
        format: None,
        state: one.id_of(&[&["status"], &["disposition"]]),
        started: one.time(&["date_time"]),
        ended: one.time(&["end_time"]),
        bytes: one.int(&["file_size"]),
        seconds: one.int(&["duration"]),
        url: one.private(&["download_url"]),
    };
    let listed = object.items(&["recordings"]);
    if listed.is_empty() && name.starts_with("phone.recording_") && object.is_object() {
        return vec![read(object)];
    }
    listed.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;
    use serde_json::json;

    fn event(name: &str, object: &Value) -> Event {
        let value = json!({"event": name, "event_ts": 1767261600000_i64,
            "payload": {"account_id": "acc", "object": object}});
        crate::zoom::read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_rejected_call_is_declined() {
        let event = event(
            "phone.callee_rejected",
            &json!({"call_id": "69982", "caller": {"phone_number": "+15550100"},
                "callee": {"phone_number": "+15550101", "user_id": "u"}, "ringing_start_time": "2026-01-01T10:00:00Z"}),
        );
        assert_eq!(event.provider, Provider::ZoomPhone);
        assert_eq!(event.about.call.as_deref(), Some("69982"));
        assert_eq!(event.about.to.as_ref().unwrap().expose(), "+15550101");
        assert_eq!(event.participants.len(), 2);
        assert!(event.says(Signal::CallDeclined));
    }

    #[test]
    fn a_pressed_button_is_told_from_a_recording_that_runs_by_itself() {
        let start = |kind: &str| {
            let object = json!({"id": "r", "call_id": "c", "recording_type": kind});
            event("phone.recording_started", &object)
        };
        assert_eq!(start("OnDemand").recordings[0].by_hand, Some(true));
        assert_eq!(start("Automatic").recordings[0].by_hand, Some(false));
        assert_eq!(start("OnDemand").recordings[0].id.as_deref(), Some("r"));
    }

    #[test]
    fn deleted_recordings_name_their_call() {
        let event =
            event("phone.recording_deleted", &json!({"recordings": [{"id": "r", "call_id": "c"}]}));
        assert_eq!(event.about.call.as_deref(), Some("c"));
        assert!(event.says(Signal::FilesDeleted));
    }
}
