//! Vonage's events.

use crate::event::Direction;
use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Provider, Recording, sip};

/// Reads an event of a call, or of a recording, which has no `status`. Carriers relay a busy line as `rejected` at times,
/// so that `detail` and `sip_code` come before the status where they are there.
///
/// # Errors
/// It is no JSON object, or about no call.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let recording = value.id(&["recording_uuid"]);
    let status = value.id(&["status"]);
    let call = value.id_of(&[&["uuid"], &["call_uuid"]]);
    let session = value.id_of(&[&["conversation_uuid"], &["conversation_uuid_from"]]);
    if call.is_none() && session.is_none() && recording.is_none() {
        return Err(Error::Missing("uuid"));
    }
    let name = match (&status, &recording) {
        (Some(status), _) => status.clone(),
        (None, Some(_)) => "record".to_owned(),
        (None, None) => value.id(&["type"]).unwrap_or_else(|| "event".to_owned()),
    };
    let at = value.time(&["timestamp"]);
    let key = Maker::new(Provider::Vonage, &name)
        .maybe(session.as_deref())
        .maybe(call.as_deref())
        .maybe(recording.as_deref())
        .maybe(value.id(&["sub_state"]))
        .number(at.map(|at| at.timestamp_millis()))
        .done();
    let about = About {
        call: call.clone(),
        session: session.clone(),
        leg: call,
        direction: value.id(&["direction"]).and_then(|text| Direction::from_name(&text)),
        from: value.private(&["from"]),
        to: value.private(&["to"]),
        seconds: value.int(&["duration"]),
        ..About::default()
    };
    let recordings: Vec<Recording> = recording
        .map(|id| Recording {
            id: Some(id),
            of: session,
            started: value.time(&["start_time"]),
            ended: value.time(&["end_time"]),
            bytes: value.int(&["size"]),
            url: value.private(&["recording_url"]),
            ..Recording::default()
        })
        .into_iter()
        .collect();

    let of = |kind: Kind, code: &str| Meaning::of(Provider::Vonage, kind, code, None);
    let mut meanings = Vec::new();
    if let Some(code) = value.id(&["sip_code"])
        && let Some(meaning) = sip::meaning(&code, None, None)
    {
        meanings.push(meaning);
    }
    for field in ["detail", "reason"] {
        if let Some(detail) = value.id(&[field]) {
            meanings.push(of(Kind::Reason, &detail));
        }
    }
    meanings.push(of(Kind::State, &name));
    Ok(Event { at, about, recordings, meanings, ..Event::new(Provider::Vonage, name, key) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;
    use serde_json::{Value, json};

    fn event(more: &Value) -> Event {
        let mut value = json!({"uuid": "aa-bb", "conversation_uuid": "CON-1", "from": "15550100", "to": "15550101",
            "direction": "outbound", "timestamp": "2026-01-01T10:00:00.123Z"});
        for (name, inner) in more.as_object().unwrap() {
            value[name] = inner.clone();
        }
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_status_is_read() {
        let event = event(&json!({"status": "completed", "duration": "42"}));
        assert_eq!(event.about.session.as_deref(), Some("CON-1"));
        assert_eq!(event.about.seconds, Some(42));
        assert_eq!(event.about.direction, Some(Direction::Outbound));
        assert!(event.says(Signal::CallEnded));
    }

    #[test]
    fn details_say_more_than_the_status() {
        let first = |more: Value| event(&more).signals().first().copied();
        assert_eq!(
            first(json!({"status": "rejected", "detail": "remote_busy"})),
            Some(Signal::LineBusy)
        );
        assert_eq!(
            first(json!({"status": "failed", "detail": "number_out_of_service"})),
            Some(Signal::NumberInvalid)
        );
        assert_eq!(
            first(json!({"status": "failed", "sip_code": 608})),
            Some(Signal::CarrierBlocked)
        );
        assert_eq!(first(json!({"status": "unanswered"})), Some(Signal::CallUnanswered));
        assert!(event(&json!({"status": "teleported"})).meanings[0].is_unknown());
    }

    #[test]
    fn a_recording_is_read() {
        let event = event(
            &json!({"recording_uuid": "r1", "recording_url": "https://vonage.example/r1", "size": 17,
            "start_time": "2026-01-01T09:59:00Z", "end_time": "2026-01-01T10:00:00Z"}),
        );
        assert_eq!(event.name, "record");
        assert_eq!(event.recordings[0].bytes, Some(17));
        assert!(event.says(Signal::FilesReady));
    }

    #[test]
    fn what_is_about_no_call_is_refused() {
        assert_eq!(read(br#"{"status":"busy"}"#), Err(Error::Missing("uuid")));
    }
}
