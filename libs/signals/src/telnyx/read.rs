//! Telnyx's events.

use serde_json::Value;

use crate::event::Direction;
use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Provider, Recording, sip};

/// Reads an event. `meta.attempt` counts its deliveries and is no part of it.
///
/// # Errors
/// It is no JSON object, or has no `data.event_type`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let data = value.at(&["data"]).unwrap_or(&value);
    let name = data.id(&["event_type"]).ok_or(Error::Missing("event_type"))?;
    let payload = data.at(&["payload"]).unwrap_or(&Value::Null);
    let at = data.time(&["occurred_at"]).or_else(|| payload.time(&["occurred_at"]));
    let about = About {
        call: payload.id_of(&[&["call_leg_id"], &["call_control_id"]]),
        session: payload.id(&["call_session_id"]),
        leg: payload.id(&["call_leg_id"]),
        direction: payload.id(&["direction"]).and_then(|text| Direction::from_name(&text)),
        from: payload.private(&["from"]),
        to: payload.private(&["to"]),
        reference: payload.id(&["client_state"]),
        ..About::default()
    };
    let recordings = recordings(&name, payload);
    let key = Maker::new(Provider::Telnyx, &name)
        .maybe(payload.id(&["connection_id"]))
        .maybe(about.call.as_deref())
        .maybe(payload.id(&["recording_id"]))
        .number(at.map(|at| at.timestamp_micros()))
        // An event without a time has at least an id.
        .maybe(data.id(&["id"]).filter(|_| at.is_none()))
        .done();

    let of = |kind: Kind, code: &str| Meaning::of(Provider::Telnyx, kind, code, None);
    let mut meanings = Vec::new();
    let cause = payload.id(&["hangup_cause"]);
    // A response of SIP knows blocked from declined; after a call went well it says nothing.
    let response =
        payload.id(&["sip_hangup_cause"]).filter(|_| cause.as_deref() != Some("normal_clearing"));
    if let Some(code) = response
        && let Some(meaning) = sip::meaning(&code, None, None)
    {
        meanings.push(meaning);
    }
    if let Some(cause) = &cause {
        meanings.push(of(Kind::Reason, cause));
    }
    if let Some(result) = payload.id(&["result"]).filter(|_| name.contains("machine")) {
        meanings.push(of(Kind::AnsweredBy, &result));
    }
    meanings.push(of(Kind::Event, &name));
    Ok(Event {
        account: payload.id(&["connection_id"]),
        at,
        about,
        recordings,
        meanings,
        ..Event::new(Provider::Telnyx, name, key)
    })
}

fn recordings(name: &str, payload: &Value) -> Vec<Recording> {
    if !name.starts_with("call.recording.") {
        return Vec::new();
    }
    let url = ["mp3", "wav"].into_iter().find_map(|format| {
        let urls = ["recording_urls", "public_recording_urls"];
        let url = urls.into_iter().find_map(|list| payload.private(&[list, format]))?;
        Some((format, url))
    });
    vec![Recording {
        id: payload.id(&["recording_id"]),
        of: payload.id(&["call_session_id"]),
        content: payload.id(&["channels"]),
        format: url.as_ref().map(|(format, _)| (*format).to_owned()),
        state: name.rsplit('.').next().map(str::to_owned),
        started: payload.time(&["recording_started_at"]),
        ended: payload.time(&["recording_ended_at"]),
        url: url.map(|(_, url)| url),
        ..Recording::default()
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn event(name: &str, payload: &Value, attempt: i64) -> Event {
        let value = json!({"data": {"record_type": "event", "event_type": name, "id": "e1",
            "occurred_at": "2026-01-01T10:00:00.521992Z", "payload": payload}, "meta": {"attempt": attempt}});
        read(value.to_string().as_bytes()).unwrap()
    }

    fn hangup(cause: &str, response: Option<&str>) -> Event {
        let payload = json!({"call_leg_id": "l1", "call_session_id": "s1", "from": "+15550100", "to": "+15550101",
            "hangup_cause": cause, "hangup_source": "callee", "sip_hangup_cause": response});
        event("call.hangup", &payload, 1)
    }

    #[test]
    fn why_a_call_ended_is_told_first() {
        let first = |cause, response| hangup(cause, response).signals().first().copied();
        assert_eq!(first("user_busy", Some("486")), Some(Signal::LineBusy));
        assert_eq!(first("call_rejected", Some("603")), Some(Signal::CallDeclined));
        assert_eq!(first("call_rejected", Some("608")), Some(Signal::CarrierBlocked));
        assert_eq!(first("normal_clearing", Some("200")), Some(Signal::CallEnded));
        assert_eq!(first("not_found", None), Some(Signal::NumberInvalid));
        assert_eq!(first("unspecified", Some("503")), Some(Signal::DestinationUnavailable));
        assert_eq!(hangup("user_busy", None).about.session.as_deref(), Some("s1"));
    }

    #[test]
    fn a_second_attempt_is_the_same_event() {
        let payload = json!({"call_leg_id": "l1"});
        assert_eq!(
            event("call.answered", &payload, 1).key,
            event("call.answered", &payload, 2).key
        );
        let other = json!({"call_leg_id": "l2"});
        assert_ne!(event("call.answered", &payload, 1).key, event("call.answered", &other, 1).key);
    }

    #[test]
    fn recordings_and_machines_are_read() {
        let saved = event(
            "call.recording.saved",
            &json!({"recording_id": "r1", "call_session_id": "s1", "recording_urls": {"mp3": "https://telnyx.example/r1"}}),
            1,
        );
        assert!(saved.says(Signal::FilesReady));
        assert_eq!(saved.recordings[0].format.as_deref(), Some("mp3"));
        let machine = event("call.machine.detection.ended", &json!({"result": "machine"}), 1);
        assert!(machine.tells(News::MachineAnswered));
    }
}
