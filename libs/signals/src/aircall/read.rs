//! Aircall's webhooks.

use crate::event::Direction;
use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider, Recording};

/// Events a call has only one of: a second one is a second delivery, whatever its time.
const ONCE: [&str; 4] = ["call.created", "call.answered", "call.hungup", "call.ended"];

/// Reads a webhook of Aircall. `call.hungup` comes at once, `call.ended` half a minute later and with the recording, whose
/// address holds for a short time only.
///
/// # Errors
/// It is no JSON object, or has no `event`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let name = value.id(&["event"]).ok_or(Error::Missing("event"))?;
    let data = value.at(&["data"]).unwrap_or(&serde_json::Value::Null);
    let at = value.time(&["timestamp"]);
    let call = data.id(&["id"]);
    let direction = data.id(&["direction"]).and_then(|text| Direction::from_name(&text));
    // The other end's number, and ours.
    let (other, own) = (data.private(&["raw_digits"]), data.private(&["number", "digits"]));
    let (from, to) = match direction {
        Some(Direction::Inbound) => (other, own),
        Some(Direction::Outbound) | None => (own, other),
    };
    let about = About {
        call: call.clone().filter(|_| name.starts_with("call.")),
        session: data.id(&["sid"]),
        user: data.id(&["user", "id"]),
        direction,
        from,
        to,
        seconds: data.int(&["duration"]),
        ..About::default()
    };
    let participants: Vec<Participant> = data
        .items(&["user"])
        .iter()
        .map(|one| Participant {
            id: one.id(&["id"]),
            user: one.id(&["id"]),
            email: one.private(&["email"]),
            name: one.private(&["name"]),
            ..Participant::default()
        })
        .collect();
    let url = ["recording", "asset"].into_iter().find_map(|key| data.private(&[key]));
    let recordings: Vec<Recording> = url
        .map(|url| Recording {
            id: call.clone(),
            of: call.clone(),
            started: data.time(&["started_at"]),
            ended: data.time(&["ended_at"]),
            seconds: data.int(&["duration"]),
            url: Some(url),
            ..Recording::default()
        })
        .into_iter()
        .collect();
    let once = ONCE.contains(&name.as_str());
    let key = Maker::new(Provider::Aircall, &name)
        .maybe(data.id(&["number", "id"]))
        .maybe(call)
        .number(at.filter(|_| !once).map(|at| at.timestamp_millis()))
        .done();

    let of = |kind: Kind, code: &str| Meaning::of(Provider::Aircall, kind, code, None);
    let mut meanings = Vec::new();
    if let Some(reason) = data.id(&["missed_call_reason"]) {
        meanings.push(of(Kind::Reason, &reason));
    } else if ["call.hungup", "call.ended"].contains(&name.as_str())
        && data.at(&["ended_at"]).is_some()
        && data.at(&["answered_at"]).is_none()
    {
        // A call out that nobody answered has no reason.
        meanings.push(of(Kind::Reason, "not answered"));
    }
    if name == "call.ended" && !recordings.is_empty() {
        meanings.push(of(Kind::Recording, "attached"));
    }
    meanings.push(of(Kind::Event, &name));
    Ok(Event {
        at,
        about,
        participants,
        recordings,
        meanings,
        ..Event::new(Provider::Aircall, name, key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;
    use serde_json::{Value, json};

    fn event(name: &str, data: &Value, seconds: i64) -> Event {
        let value = json!({"resource": "call", "event": name, "timestamp": seconds, "token": "t", "data": data});
        read(value.to_string().as_bytes()).unwrap()
    }

    fn ended(recording: Value, answered: Value) -> Value {
        json!({"id": 812, "direction": "outbound", "raw_digits": "+1 555-0101", "number": {"id": 7, "digits": "+15550100"},
            "duration": 61, "recording": recording, "started_at": 1767261600, "answered_at": answered,
            "ended_at": 1767261661, "user": {"id": 3, "email": "ada@acme.example"}})
    }

    #[test]
    fn the_end_of_a_call_brings_its_recording() {
        let data = ended(json!("https://aircall.example/r.mp3"), json!(1767261605));
        let event = event("call.ended", &data, 1_767_261_690);
        assert_eq!(event.about.call.as_deref(), Some("812"));
        assert_eq!(event.about.to.as_ref().unwrap().expose(), "+1 555-0101");
        assert_eq!(event.about.seconds, Some(61));
        let signals = event.signals();
        assert_eq!(signals, [Signal::FilesReady, Signal::CallEnded]);
    }

    #[test]
    fn an_unanswered_call_out_has_no_reason() {
        let event = event("call.hungup", &ended(json!(null), json!(null)), 1_767_261_661);
        assert_eq!(event.signals().first().copied(), Some(Signal::CallUnanswered));
    }

    #[test]
    fn a_missed_call_has_a_reason() {
        let mut data = ended(json!(null), json!(null));
        data["missed_call_reason"] = json!("agents_did_not_answer");
        assert_eq!(
            event("call.ended", &data, 1).signals().first().copied(),
            Some(Signal::CallUnanswered)
        );
    }

    #[test]
    fn what_happens_once_has_one_key() {
        let data = ended(json!(null), json!(1));
        assert_eq!(event("call.ended", &data, 10).key, event("call.ended", &data, 20).key);
        let (one, two) = (1_767_261_600, 1_767_261_700);
        assert_ne!(
            event("call.transferred", &data, one).key,
            event("call.transferred", &data, two).key
        );
    }
}
