//! Events of our own event API.

use crate::event::Direction;
use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Provider, Recording, sip};

/// Reads an event.
///
/// # Errors
/// It is no JSON object, or one of `id`, `event` and `call.id` is missing.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let id = value.id(&["id"]).ok_or(Error::Missing("id"))?;
    let name = value.id(&["event"]).ok_or(Error::Missing("event"))?;
    let call = value.id(&["call", "id"]).ok_or(Error::Missing("call.id"))?;
    let account = value.id(&["account"]);
    let about = About {
        session: value.id(&["call", "session"]).or_else(|| Some(call.clone())),
        leg: Some(call.clone()),
        user: value.id(&["call", "user"]),
        direction: value.id(&["call", "direction"]).and_then(|text| Direction::from_name(&text)),
        from: value.private(&["call", "from"]),
        to: value.private(&["call", "to"]),
        seconds: value.int(&["call", "seconds"]),
        call: Some(call),
        ..About::default()
    };
    let key = Maker::new(Provider::Dialer, &name)
        .maybe(account.as_deref())
        .maybe(about.call.as_deref())
        .and(&id)
        .done();
    let recordings: Vec<Recording> = value
        .items(&["recording"])
        .iter()
        .map(|one| Recording {
            id: one.id(&["id"]),
            of: about.call.clone(),
            content: None,
            by_hand: one.flag(&["pressed"]),
            format: one.id(&["format"]),
            state: one.id(&["state"]),
            started: one.time(&["started"]),
            ended: one.time(&["ended"]),
            bytes: one.int(&["bytes"]),
            seconds: one.int(&["seconds"]),
            url: one.private(&["url"]),
        })
        .collect();

    let of = |kind: Kind, code: &str| Meaning::of(Provider::Dialer, kind, code, None);
    let mut meanings = Vec::new();
    if let Some(code) = value.id(&["sip", "code"]) {
        let phrase = value.id(&["sip", "phrase"]);
        let reason = value.id(&["sip", "reason"]);
        meanings.extend(sip::meaning(&code, phrase.as_deref(), reason.as_deref()));
    }
    if let Some(outcome) = value.id(&["outcome"]) {
        // What the dialer itself makes of it is worth more than what we make of its SIP.
        meanings.insert(0, of(Kind::Reason, &outcome));
    }
    meanings.push(of(Kind::Event, &name));
    Ok(Event {
        account,
        at: value.time(&["at"]),
        sequence: value.int(&["sequence"]),
        about,
        recordings,
        meanings,
        ..Event::new(Provider::Dialer, name, key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;
    use serde_json::{Value, json};

    fn event(more: &Value) -> Event {
        let mut value = json!({"id": "e1", "event": "call.ended", "at": "2026-01-01T10:00:00Z", "sequence": 4,
            "account": "acme", "call": {"id": "c1", "direction": "outbound", "to": "+15550101"}});
        for (name, inner) in more.as_object().unwrap() {
            value[name] = inner.clone();
        }
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn every_outcome_of_a_call_can_be_told() {
        for (outcome, signal) in [
            ("busy", Signal::LineBusy),
            ("declined", Signal::CallDeclined),
            ("no_answer", Signal::CallUnanswered),
            ("carrier_blocked", Signal::CarrierBlocked),
            ("high_risk", Signal::NumberHighRisk),
            ("invalid_number", Signal::NumberInvalid),
            ("destination_unavailable", Signal::DestinationUnavailable),
            ("completed", Signal::CallEnded),
        ] {
            let event = event(&json!({ "outcome": outcome }));
            assert_eq!(event.signals().first().copied(), Some(signal), "{outcome}");
        }
        assert!(event(&json!({"outcome": "abducted"})).meanings[0].is_unknown());
    }

    #[test]
    fn sip_speaks_where_the_dialer_is_silent() {
        let event = event(&json!({"sip": {"code": 480, "reason": "Q.850;cause=20"}}));
        assert_eq!(event.signals().first().copied(), Some(Signal::DestinationUnavailable));
        assert_eq!(event.sequence, Some(4));
    }

    #[test]
    fn a_recording_is_read() {
        let event = event(
            &json!({"event": "recording.ready", "recording": {"id": "r1", "seconds": 61, "pressed": true,
            "url": "https://dialer.example/r1"}}),
        );
        assert_eq!(event.recordings[0].by_hand, Some(true));
        assert_eq!(event.recordings[0].seconds, Some(61));
        assert!(event.says(Signal::FilesReady));
    }

    #[test]
    fn the_documented_example_is_read() {
        let lines = include_str!("../dialer.rs").lines();
        let example: String = lines
            .skip_while(|line| !line.ends_with("```json"))
            .skip(1)
            .take_while(|line| !line.ends_with("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let event = read(example.as_bytes()).unwrap();
        assert!(event.meanings.iter().all(|one| !one.is_unknown()));
        assert_eq!(event.signals().first().copied(), Some(Signal::LineBusy));
        assert_eq!((event.recordings.len(), event.about.seconds), (1, Some(61)));
    }

    #[test]
    fn what_is_required_is_asked_for() {
        assert_eq!(read(b"{}"), Err(Error::Missing("id")));
        assert_eq!(read(br#"{"id":1}"#), Err(Error::Missing("event")));
        assert_eq!(read(br#"{"id":1,"event":"x"}"#), Err(Error::Missing("call.id")));
    }
}
