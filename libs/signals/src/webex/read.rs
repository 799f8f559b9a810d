//! Webex's webhooks, and the codes its clients are answered with.

use serde_json::Value;

use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider, Recording};

/// Reads a webhook of Webex: an event named `{resource}.{event}`, as `meetings.started`.
///
/// The envelope describes the webhook, not the event: its `created` is the day the webhook was made. What time there is
/// stands in `data`.
///
/// # Errors
/// It is no JSON object, or has no `resource` or `event`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let resource = value.id(&["resource"]).ok_or(Error::Missing("resource"))?;
    let event = value.id(&["event"]).ok_or(Error::Missing("event"))?;
    let name = format!("{resource}.{event}");
    let data = value.at(&["data"]).unwrap_or(&Value::Null);
    let id = data.id(&["id"]);
    let state = data.id_of(&[&["state"], &["status"]]);
    let of_meeting = resource == "meetings";
    let about = About {
        // A run of a meeting names the meeting it is of; the meeting itself has only its id.
        conference: data
            .id_of(&[&["scheduledMeetingId"], &["meetingSeriesId"], &["meetingId"]])
            .or_else(|| id.clone().filter(|_| of_meeting)),
        instance: id.clone().filter(|_| of_meeting).or_else(|| data.id(&["meetingId"])),
        link: data.private(&["webLink"]),
        planned_start: data.time(&["start"]).filter(|_| of_meeting),
        host: data.id_of(&[&["hostUserId"], &["hostId"], &["hostEmail"]]),
        operator: value.id(&["actorId"]),
        subscription: value.id(&["id"]),
        call: data.id_of(&[&["callId"], &["callSessionId"]]),
        ..About::default()
    };
    let participants: Vec<Participant> =
        if resource == "meetingParticipants" { vec![participant(data)] } else { Vec::new() };
    let recordings: Vec<Recording> =
        if resource == "recordings" || resource == "convergedRecordings" {
            vec![recording(data)]
        } else {
            Vec::new()
        };
    let times: &[&str] = match event.as_str() {
        "joined" => &["joinedTime"],
        "left" => &["leftTime"],
        "ended" => &["end", "endTime"],
        "started" => &["actualStart", "start", "startTime"],
        "updated" | "deleted" => &["updateTime", "updated", "deleteTime"],
        _ => &["createTime", "created", "timeRecorded"],
    };
    let at = times.iter().find_map(|key| data.time(&[*key]));
    let mut key = Maker::new(Provider::Webex, &name)
        .maybe(value.id(&["orgId"]))
        .maybe(id)
        .maybe(state.as_deref())
        .number(at.map(|at| at.timestamp_millis()));
    if of_meeting && event == "updated" && at.is_none() {
        // Two changes of one meeting differ in what it was changed to.
        for name in ["start", "end", "title", "hostUserId", "webLink"] {
            key = key.maybe(data.at(&[name]).map(Value::to_string));
        }
    }
    let key = key.done();

    let of = |kind: Kind, code: &str| Meaning::of(Provider::Webex, kind, code, None);
    // The event is the news; the state it left behind comes second.
    let mut meanings = vec![of(Kind::Event, &name)];
    match (resource.as_str(), &state) {
        ("recordings" | "convergedRecordings", Some(state)) => {
            meanings.push(of(Kind::Recording, state));
        }
        ("meetings", Some(state)) => meanings.push(of(Kind::State, state)),
        // Who comes to the lobby is said to have joined as well.
        ("meetingParticipants", Some(state)) if state.eq_ignore_ascii_case("lobby") => {
            meanings = vec![of(Kind::State, "participant/lobby")];
        }
        ("meetingParticipants", Some(state)) => {
            meanings.push(of(Kind::State, &format!("participant/{state}")));
        }
        _ => {}
    }
    Ok(Event {
        account: value.id(&["orgId"]),
        at,
        about,
        participants,
        recordings,
        meanings,
        ..Event::new(Provider::Webex, name, key)
    })
}

fn participant(data: &Value) -> Participant {
    Participant {
        id: data.id(&["id"]),
        user: data.id_of(&[&["userId"], &["hostUserId"]]),
        tenant: data.id(&["orgId"]),
        email: data.private(&["email"]),
        name: data.private(&["displayName"]),
        host: data.flag(&["host"]),
        in_lobby: data.id(&["state"]).map(|state| state.eq_ignore_ascii_case("lobby")),
        state: data.id(&["state"]),
        joined: data.time(&["joinedTime"]),
        left: data.time(&["leftTime"]),
        ..Participant::default()
    }
}

fn recording(data: &Value) -> Recording {
    Recording {
        id: data.id(&["id"]),
        of: data.id(&["meetingId"]),
        content: data.id(&["serviceType"]),
        by_hand: None,
        format: data.id(&["format"]),
        state: data.id(&["status"]),
        started: data.time(&["timeRecorded"]),
        ended: None,
        bytes: data.int(&["sizeBytes"]),
        seconds: data.int(&["durationSeconds"]),
        url: data
            .private(&["temporaryDirectDownloadLinks", "recordingDownloadLink"])
            .or_else(|| data.private(&["downloadUrl"])),
    }
}

/// The meaning of a code on the wire: families of six digits share their first three, 403 for passwords and 423 for
/// captchas. `text` is what stands beside it.
#[must_use]
pub fn wire(code: &str, text: Option<&str>) -> Meaning {
    let code = code.trim();
    let exact = Meaning::of(Provider::Webex, Kind::Rest, code, text);
    let digits = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    match code.get(..3) {
        Some(family) if digits && exact.is_unknown() => {
            let family =
                Meaning::of(Provider::Webex, Kind::Rest, &format!("{family}xxx"), Some(code));
            if family.is_unknown() { exact } else { family }
        }
        _ => exact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn event(resource: &str, event: &str, data: &Value) -> Event {
        let value = json!({"id": "w1", "name": "ours", "resource": resource, "event": event, "orgId": "o1",
            "actorId": "a1", "created": "2020-01-01T00:00:00Z", "data": data});
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_meeting_that_ended_is_read() {
        let event = event(
            "meetings",
            "ended",
            &json!({"id": "m1_I_17", "meetingSeriesId": "m1", "state": "ended",
            "start": "2026-01-01T10:00:00+01:00", "end": "2026-01-01T11:00:00+01:00", "hostUserId": "h1",
            "webLink": "https://acme.webex.example/acme/j.php?MTID=m0aB"}),
        );
        let link = event.about.link.as_ref().map(crate::Private::expose);
        assert_eq!(link, Some("https://acme.webex.example/acme/j.php?MTID=m0aB"));
        assert!(!format!("{event:?}").contains("m0aB"), "whoever has it may join");
        assert_eq!(event.name, "meetings.ended");
        assert_eq!(event.about.conference.as_deref(), Some("m1"));
        assert_eq!(event.about.instance.as_deref(), Some("m1_I_17"));
        assert_eq!(event.at.unwrap().to_rfc3339(), "2026-01-01T10:00:00+00:00");
        assert!(event.says(Signal::MeetingEnded));
    }

    #[test]
    fn the_age_of_the_webhook_is_not_the_time_of_the_event() {
        assert_eq!(event("meetings", "created", &json!({"id": "m1"})).at, None);
    }

    #[test]
    fn two_states_of_one_meeting_are_two_events() {
        let key =
            |state: &str| event("meetings", "updated", &json!({"id": "m1", "state": state})).key;
        assert_ne!(key("ready"), key("missed"));
        assert_eq!(key("ready"), key("ready"));
    }

    #[test]
    fn two_changes_of_one_meeting_are_two_events() {
        let key = |start: &str, link: &str| {
            event("meetings", "updated", &json!({"id": "m1", "start": start, "webLink": link})).key
        };
        let first = key("2026-01-01T10:00:00Z", "https://acme.webex.example/a");
        assert_eq!(first, key("2026-01-01T10:00:00Z", "https://acme.webex.example/a"));
        assert_ne!(first, key("2026-01-01T11:00:00Z", "https://acme.webex.example/a"));
        assert_ne!(first, key("2026-01-01T10:00:00Z", "https://acme.webex.example/b"));
    }

    #[test]
    fn somebody_in_the_lobby_is_not_inside() {
        let event = event(
            "meetingParticipants",
            "joined",
            &json!({"id": "p1", "meetingId": "m1_I_17", "state": "lobby", "host": false,
            "email": "ada@acme.example", "joinedTime": "2026-01-01T10:00:00Z"}),
        );
        assert_eq!(event.participants[0].in_lobby, Some(true));
        assert_eq!(event.news().collect::<Vec<_>>(), [News::LobbyEntered]);
        assert_eq!(event.about.instance.as_deref(), Some("m1_I_17"));
    }

    #[test]
    fn a_purged_recording_is_gone() {
        let event = event(
            "recordings",
            "deleted",
            &json!({"id": "r1", "meetingId": "m1", "status": "purged", "durationSeconds": 60}),
        );
        assert_eq!(event.recordings[0].seconds, Some(60));
        assert!(event.says(Signal::FilesDeleted));
    }

    #[test]
    fn codes_on_the_wire_come_in_families() {
        assert_eq!(wire("403004", None).signal(), Some(Signal::PasswordWrong));
        assert_eq!(wire("423005", None).signal(), Some(Signal::Captcha));
        assert_eq!(wire("302", None).signal(), Some(Signal::Redirected));
        assert!(wire("987654", None).is_unknown());
        assert_eq!(wire("987654", None).raw_code(), "987654");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        assert_eq!(read(b"{}"), Err(Error::Missing("resource")));
        assert_eq!(read(br#"{"resource":"meetings"}"#), Err(Error::Missing("event")));
    }
}
