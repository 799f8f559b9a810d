//! Workspace events of Google Meet.

use data_encoding::BASE64;
use serde_json::Value;

use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider, Recording};

/// What every type of event begins with.
const PREFIX: &str = "google.workspace.meet.";

/// Reads a push of Pub/Sub: the type of the event stands in the attributes of the message (CloudEvents), the names of what
/// it is about in its data.
///
/// # Errors
/// It is no JSON object, or its message has no `ce-type`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let message = value.at(&["message"]).ok_or(Error::Missing("message"))?;
    let attribute = |name: &str| message.id(&["attributes", name]);
    let name = attribute("ce-type").ok_or(Error::Missing("ce-type"))?;
    let data = message
        .id(&["data"])
        .and_then(|text| BASE64.decode(text.as_bytes()).ok())
        .and_then(|bytes| json::object(&bytes).ok())
        .unwrap_or(Value::Null);
    let resource = |kind: &str| data.id(&[kind, "name"]);
    let recording = resource("recording");
    let session = resource("participantSession");
    let transcript = resource("transcript");
    let named =
        [resource("conferenceRecord"), recording.clone(), session.clone(), transcript.clone()];
    let instance = named.iter().flatten().find_map(|name| conference(name));
    let space = attribute("ce-subject").map(|subject| {
        subject
            .split_once("//meet.googleapis.com/")
            .map_or(subject.clone(), |(_, rest)| rest.to_owned())
    });
    let at = attribute("ce-time")
        .and_then(|text| crate::time::text(&text))
        .or_else(|| message.time(&["publishTime"]));
    let key = Maker::new(Provider::GoogleMeet, &name)
        .maybe(space.as_deref())
        .set(named.iter().flatten().map(String::as_str))
        // Without a name in its data, an event has only its own id.
        .maybe(attribute("ce-id").filter(|_| named.iter().all(Option::is_none)))
        .number(at.map(|at| at.timestamp_micros()))
        .done();
    let recordings: Vec<Recording> = recording
        .map(|id| Recording {
            id: Some(id),
            of: instance.clone(),
            state: data.id(&["recording", "state"]),
            started: data.time(&["recording", "startTime"]),
            ended: data.time(&["recording", "endTime"]),
            url: data.private(&["recording", "driveDestination", "exportUri"]),
            ..Recording::default()
        })
        .into_iter()
        .collect();
    let participants: Vec<Participant> = session
        .map(|id| Participant { id: Some(id), ..Participant::default() })
        .into_iter()
        .collect();
    let code = name.strip_prefix(PREFIX).unwrap_or(&name);
    let meanings = vec![Meaning::of(Provider::GoogleMeet, Kind::Event, code, None)];
    Ok(Event {
        at,
        about: About {
            conference: space,
            instance,
            subscription: value.id(&["subscription"]),
            ..About::default()
        },
        participants,
        recordings,
        meanings,
        ..Event::new(Provider::GoogleMeet, name, key)
    })
}

/// `conferenceRecords/{id}` of a name below it.
fn conference(name: &str) -> Option<String> {
    let mut parts = name.split('/');
    match (parts.next(), parts.next()) {
        (Some("conferenceRecords"), Some(id)) => Some(format!("conferenceRecords/{id}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn event(kind: &str, data: &Value) -> Event {
        let value = json!({"subscription": "projects/p/subscriptions/s", "message": {"messageId": "1",
            "data": BASE64.encode(data.to_string().as_bytes()), "attributes": {
                "ce-type": format!("google.workspace.meet.{kind}"), "ce-id": "spaces/x:1", "ce-time": "2026-01-01T10:00:00Z",
                "ce-subject": "//meet.googleapis.com/spaces/abc"}}});
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_conference_that_started_is_read() {
        let event = event(
            "conference.v2.started",
            &json!({"conferenceRecord": {"name": "conferenceRecords/c1"}}),
        );
        assert_eq!(event.about.conference.as_deref(), Some("spaces/abc"));
        assert_eq!(event.about.instance.as_deref(), Some("conferenceRecords/c1"));
        assert!(event.says(Signal::MeetingStarted));
    }

    #[test]
    fn a_recording_names_its_conference() {
        let name = "conferenceRecords/c1/recordings/r1";
        let event = event("recording.v2.fileGenerated", &json!({"recording": {"name": name}}));
        assert_eq!(event.recordings[0].id.as_deref(), Some(name));
        assert_eq!(event.about.instance.as_deref(), Some("conferenceRecords/c1"));
        assert!(event.says(Signal::FilesReady));
    }

    #[test]
    fn people_who_join_at_once_are_told_apart() {
        let joined = |id: &str| {
            let name = format!("conferenceRecords/c1/participants/p/participantSessions/{id}");
            event("participant.v2.joined", &json!({"participantSession": {"name": name}}))
        };
        assert_ne!(joined("1").key, joined("2").key);
        assert!(joined("1").tells(News::ParticipantJoined));
    }

    #[test]
    fn what_is_no_push_is_refused() {
        assert_eq!(read(b"{}"), Err(Error::Missing("message")));
        assert_eq!(read(br#"{"message":{}}"#), Err(Error::Missing("ce-type")));
    }
}
