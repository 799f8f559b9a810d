//! RingCentral's notifications about telephone sessions.

use serde_json::Value;

use crate::event::Direction;
use crate::json::Look;
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, MAX_BODY, Meaning, Participant, Provider, Recording};

/// Reads a notification: an event for each party it names, as each has a state of its own. `sequence` counts the
/// notifications of a session. A notification about something else (presence, messages) gives one event.
///
/// It may come bare, as a session is read through the API, or in the frame of a web socket.
///
/// # Errors
/// It is not JSON, or neither a notification nor a session.
pub fn read(body: &[u8]) -> Result<Vec<Event>, Error> {
    if body.len() > MAX_BODY {
        return Err(Error::TooLarge(body.len()));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Error::Json { line: error.line(), column: error.column() })?;
    let value = match &value {
        Value::Array(frame) => frame.iter().find(|one| one.get("body").is_some()),
        Value::Object(_) => Some(&value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    let envelope = value.ok_or(Error::Shape("a notification"))?;
    let session = envelope.at(&["body"]).unwrap_or(envelope);
    let parties = session.items(&["parties"]);
    if parties.is_empty() {
        return other(envelope, session).map(|event| vec![event]);
    }
    Ok(parties.iter().map(|party| of_party(envelope, session, party)).collect())
}

fn of_party(envelope: &Value, session: &Value, party: &Value) -> Event {
    let id = session.id_of(&[&["telephonySessionId"], &["id"]]);
    let state = party.id(&["status", "code"]).unwrap_or_else(|| "unknown".to_owned());
    let reason = party.id(&["status", "reason"]);
    let name = format!("telephony.session.{state}");
    let sequence = session.int(&["sequence"]);
    let at = session.time(&["eventTime"]).or_else(|| envelope.time(&["timestamp"]));
    let leg = party.id(&["id"]);
    let about = About {
        call: id.clone(),
        session: id.clone(),
        leg: leg.clone(),
        user: party.id_of(&[&["extensionId"], &["owner", "extensionId"]]),
        subscription: envelope.id(&["subscriptionId"]),
        direction: party.id(&["direction"]).and_then(|text| Direction::from_name(&text)),
        from: party.private(&["from", "phoneNumber"]),
        to: party.private(&["to", "phoneNumber"]),
        ..About::default()
    };
    let account = party.id(&["accountId"]).or_else(|| envelope.id(&["ownerId"]));
    let recordings: Vec<Recording> = party
        .items(&["recordings"])
        .iter()
        .map(|one| Recording {
            id: one.id(&["id"]),
            of: id.clone(),
            state: one
                .flag(&["active"])
                .map(|active| if active { "active" } else { "paused" }.to_owned()),
            ..Recording::default()
        })
        .collect();
    let states: Vec<String> =
        recordings.iter().map(|one| format!("{:?}/{:?}", one.id, one.state)).collect();
    let key = Maker::new(Provider::RingCentral, &name)
        .maybe(account.as_deref())
        .maybe(id)
        .maybe(leg.as_deref())
        .maybe(reason.as_deref())
        .number(sequence)
        .number(at.filter(|_| sequence.is_none()).map(|at| at.timestamp_millis()))
        .set(states.iter().map(String::as_str))
        .done();

    let of = |kind: Kind, code: &str| Meaning::of(Provider::RingCentral, kind, code, None);
    let mut meanings = Vec::new();
    if let Some(reason) = &reason {
        meanings.push(of(Kind::Reason, reason));
    }
    if party.flag(&["missedCall"]) == Some(true) && state == "Disconnected" {
        meanings.push(of(Kind::Reason, "missedCall"));
    }
    meanings.push(of(Kind::State, &state));
    for one in &recordings {
        if let Some(state) = &one.state {
            meanings.push(of(Kind::Recording, state));
        }
    }
    let participant = Participant {
        id: leg,
        user: about.user.clone(),
        name: party.private(&["from", "name"]),
        phone: about.from.clone(),
        state: Some(state),
        ..Participant::default()
    };
    Event {
        account,
        at,
        sequence,
        about,
        participants: vec![participant],
        recordings,
        meanings,
        ..Event::new(Provider::RingCentral, name, key)
    }
}

/// A notification that names no party.
fn other(envelope: &Value, body: &Value) -> Result<Event, Error> {
    let path = envelope.id_of(&[&["event"], &["uri"]]).or_else(|| body.id(&["uri"]));
    let path = path.ok_or(Error::Missing("event"))?;
    let last = path.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let name = if last.is_empty() { "notification".to_owned() } else { last.to_owned() };
    let at = envelope.time(&["timestamp"]);
    let key = Maker::new(Provider::RingCentral, &name)
        .and(&path)
        .maybe(envelope.id(&["uuid"]))
        .number(body.int(&["sequence"]))
        .number(at.map(|at| at.timestamp_millis()))
        .done();
    let about = About {
        user: body.id_of(&[&["extensionId"], &["extension", "id"]]),
        subscription: envelope.id(&["subscriptionId"]),
        ..About::default()
    };
    let meaning = Meaning::of(Provider::RingCentral, Kind::Event, &name, None);
    Ok(Event {
        account: envelope.id(&["ownerId"]),
        at,
        sequence: body.int(&["sequence"]),
        about,
        meanings: vec![meaning],
        ..Event::new(Provider::RingCentral, name, key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;
    use serde_json::json;

    fn party(status: &Value) -> Event {
        let value = json!({"uuid": "n1", "event": "/restapi/v1.0/account/1/telephony/sessions", "ownerId": "1",
            "timestamp": "2026-01-01T10:00:00.123Z", "subscriptionId": "s1", "body": {"sequence": 5,
            "telephonySessionId": "s-1", "parties": [{"id": "p-1", "accountId": "1", "extensionId": "7",
                "direction": "Outbound", "from": {"phoneNumber": "+15550100"}, "to": {"phoneNumber": "+15550101"},
                "status": status, "missedCall": false, "recordings": [{"id": "r1", "active": true}]}]}});
        read(value.to_string().as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn a_party_is_read() {
        let event = party(&json!({"code": "Answered"}));
        assert_eq!(event.about.session.as_deref(), Some("s-1"));
        assert_eq!(event.about.leg.as_deref(), Some("p-1"));
        assert_eq!(event.about.direction, Some(Direction::Outbound));
        assert_eq!(event.sequence, Some(5));
        let signals = event.signals();
        assert_eq!(signals, [Signal::Answered, Signal::RecordingStarted]);
    }

    #[test]
    fn why_a_call_ended_is_told_first() {
        let first = |reason: &str| {
            party(&json!({"code": "Disconnected", "reason": reason})).signals().first().copied()
        };
        assert_eq!(first("TargetBusy"), Some(Signal::LineBusy));
        assert_eq!(first("NoAnswer"), Some(Signal::CallUnanswered));
        assert_eq!(first("InvalidNumber"), Some(Signal::NumberInvalid));
        assert_eq!(first("DestinationBlocked"), Some(Signal::NumberHighRisk));
        assert_eq!(first("Eclipse"), Some(Signal::CallEnded));
    }

    #[test]
    fn each_party_is_an_event_of_its_own() {
        let value = json!({"id": "s-1", "parties": [{"id": "p-1", "status": {"code": "Answered"}},
            {"id": "p-2", "status": {"code": "Gone"}}]});
        let events = read(value.to_string().as_bytes()).unwrap();
        assert_eq!(events.len(), 2);
        assert_ne!(events[0].key, events[1].key);
    }

    #[test]
    fn the_frame_of_a_socket_is_taken_off() {
        let value = json!([{"type": "ServerNotification"}, {"event": "/restapi/v1.0/account/1/extension/2/presence?x=1",
            "uuid": "u", "timestamp": "2026-01-01T10:00:00Z", "body": {"extensionId": 2, "sequence": 3}}]);
        let events = read(value.to_string().as_bytes()).unwrap();
        assert_eq!(events[0].name, "presence");
        assert_eq!(events[0].about.user.as_deref(), Some("2"));
    }

    #[test]
    fn what_is_no_notification_is_refused() {
        assert_eq!(read(b"{}"), Err(Error::Missing("event")));
        assert_eq!(read(b"[]"), Err(Error::Shape("a notification")));
        assert_eq!(read(b"17"), Err(Error::Shape("a notification")));
    }
}
