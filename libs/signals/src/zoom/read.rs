//! Zoom's webhooks.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{leave, phone, uuid};
use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider, Recording};

/// How deep the changes of a settings event are looked at.
const DEPTH: usize = 4;

/// Reads a webhook of Zoom, Zoom Phone included. An event of a name nobody knows is read as far as it goes.
///
/// What occurs: ids as numbers and as strings; `app_deauthorized` without `event_ts` and `object`, with a date as text
/// inside its payload; `meeting.rtms_*` without account and `object`; `meeting.updated` with `old_object` and without
/// `uuid`; batches that name meetings in a list; `recording_end: null`.
///
/// # Errors
/// It is no JSON object, or has no `event`.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    let value = json::object(body)?;
    let name = value.id(&["event"]).ok_or(Error::Missing("event"))?;
    if name.starts_with("phone.") {
        return Ok(phone::read(&value, name));
    }
    Ok(meeting(&value, name))
}

/// When it happened: `event_ts` in milliseconds, or one of the dates that stand in its place.
pub(super) fn happened(value: &Value) -> Option<DateTime<Utc>> {
    let dates: [&[&str]; 4] = [
        &["event_ts"],
        &["payload", "event_ts"],
        &["payload", "time_stamp"],
        &["payload", "deauthorization_time"],
    ];
    dates.into_iter().find_map(|path| value.time(path))
}

/// Anything that is not about telephone calls.
fn meeting(value: &Value, name: String) -> Event {
    let payload = value.at(&["payload"]).unwrap_or(&Value::Null);
    let object = payload.at(&["object"]).unwrap_or(&Value::Null);
    let of_users = name.starts_with("user.");
    let of_settings = name.starts_with("account.") || name.starts_with("group.");
    let own = object.id(&["id"]).or_else(|| payload.id(&["old_object", "id"]));
    let of_meeting = own.clone().filter(|_| !of_users && !of_settings);
    let about = About {
        conference: of_meeting.or_else(|| payload.id(&["meeting_id"])),
        instance: object
            .id_of(&[&["uuid"], &["meeting_uuid"]])
            .or_else(|| payload.id(&["meeting_uuid"]))
            .map(|text| uuid::plain(&text)),
        conference_type: object.int(&["type"]).filter(|_| !of_users),
        planned_start: object.time(&["start_time"]),
        planned_before: payload.time(&["old_object", "start_time"]),
        host: object.id(&["host_id"]),
        user: if of_users { own.clone() } else { payload.id(&["user_id"]) },
        user_email: object.private(&["email"]).filter(|_| of_users),
        operator: payload.id(&["operator_id"]),
        session: payload.id(&["rtms_stream_id"]),
        seconds: object.int(&["duration"]).and_then(|minutes| minutes.checked_mul(60)),
        ..About::default()
    };
    let people = object.items(&["participant"]);
    let participants: Vec<Participant> = people.iter().map(participant).collect();
    let recordings = recordings(object);
    let at = happened(value);
    let account = payload.id(&["account_id"]).or_else(|| object.id(&["account_id"]));
    let changed = changed(payload);
    let key = Maker::new(Provider::Zoom, &name)
        .maybe(account.as_deref())
        .maybe(own.as_deref())
        .maybe(about.instance.as_deref())
        .maybe(about.user.as_deref())
        .maybe(about.session.as_deref())
        .number(at.map(|at| at.timestamp_millis()))
        .set(participants.iter().filter_map(|one| one.id.as_deref()))
        .set(recordings.iter().filter_map(|one| one.id.as_deref()))
        .set(recordings.iter().filter_map(|one| one.of.as_deref()))
        .set(changed.iter().map(String::as_str))
        .done();

    let left = people.iter().find_map(|one| leave::reason(&one.id(&["leave_reason"])?));
    let mut meanings: Vec<Meaning> =
        left.iter().map(|reason| Meaning::of_text(Provider::Zoom, reason)).collect();
    meanings.push(Meaning::of(Provider::Zoom, Kind::Event, &name, None));

    Event {
        account,
        at,
        about,
        participants,
        recordings,
        meanings,
        download_token: value.private(&["download_token"]),
        ..Event::new(Provider::Zoom, name, key)
    }
}

/// What a change is about, as paths and values: of two changes of one user in one millisecond, each is an event.
fn changed(payload: &Value) -> Vec<String> {
    fn walk(prefix: &str, value: &Value, depth: usize, into: &mut Vec<String>) {
        let Some(map) = value.as_object().filter(|_| depth > 0) else {
            into.push(format!("{prefix}={value}"));
            return;
        };
        for (key, inner) in map {
            walk(&format!("{prefix}.{key}"), inner, depth.saturating_sub(1), into);
        }
    }
    let mut paths = Vec::new();
    // Only changes carry what was there before.
    if payload.at(&["old_object"]).is_some()
        && let Some(object) = payload.at(&["object"])
    {
        walk("", object, DEPTH, &mut paths);
    }
    paths
}

fn participant(one: &Value) -> Participant {
    Participant {
        id: one.id_of(&[&["participant_uuid"], &["user_id"], &["id"]]),
        user: one.id_of(&[&["participant_user_id"], &["id"]]),
        reference: one.id(&["customer_key"]),
        email: one.private(&["email"]),
        name: one.private(&["user_name"]),
        phone: one.private(&["phone_number"]),
        joined: one.time(&["join_time"]),
        left: one.time(&["leave_time"]),
        state: one.id_of(&[&["new_role"], &["role"]]),
        ..Participant::default()
    }
}

/// Recordings: a running one without an id, finished files, or those of many meetings in a batch.
fn recordings(object: &Value) -> Vec<Recording> {
    let file = |file: &Value| Recording {
        id: file.id(&["id"]),
        of: None,
        content: file.id(&["recording_type"]),
        by_hand: None,
        format: file.id_of(&[&["file_type"], &["file_extension"]]),
        state: file.id(&["status"]),
        started: file.time(&["recording_start"]),
        ended: file.time(&["recording_end"]),
        bytes: file.int(&["file_size"]),
        seconds: None,
        url: file.private(&["download_url"]),
    };
    let lists = ["recording_file", "recording_files", "participant_audio_files"];
    let mut found: Vec<Recording> =
        lists.into_iter().flat_map(|list| object.items(&[list])).map(file).collect();
    for meeting in object.items(&["meetings"]) {
        let of = meeting.id_of(&[&["meeting_uuid"], &["uuid"]]).map(|text| uuid::plain(&text));
        let named = meeting.items(&["recording_file_ids"]).iter().filter_map(|id| id.id(&[]));
        let before = found.len();
        found.extend(named.map(|id| Recording {
            id: Some(id),
            of: of.clone(),
            ..Recording::default()
        }));
        if found.len() == before {
            found.push(Recording { of, ..Recording::default() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    const MILLIS: i64 = 1_767_261_600_123;

    fn event(value: &Value) -> Event {
        read(value.to_string().as_bytes()).unwrap()
    }

    fn started(id: &Value) -> Value {
        json!({"event": "meeting.started", "event_ts": MILLIS, "payload": {"account_id": "acc", "object": {
            "id": id, "uuid": "aa//bb==", "host_id": "h", "type": 4, "start_time": "2026-01-01T10:00:00Z"}}})
    }

    #[test]
    fn a_meeting_that_started_is_read() {
        let event = event(&started(&json!(85393847045_u64)));
        assert_eq!(event.name, "meeting.started");
        assert_eq!(event.account.as_deref(), Some("acc"));
        assert_eq!(event.about.conference.as_deref(), Some("85393847045"));
        assert_eq!(event.about.instance.as_deref(), Some("aa//bb=="));
        assert_eq!(event.about.conference_type, Some(4));
        assert_eq!(event.about.host.as_deref(), Some("h"));
        assert_eq!(event.at.unwrap().timestamp_millis(), MILLIS);
        assert!(event.says(Signal::MeetingStarted));
    }

    #[test]
    fn whose_settings_changed_is_read() {
        let change = |name: &str, object: &Value| {
            let payload = json!({"account_id": "acc", "operator": "root@acme.example", "operator_id": "r", "object": object});
            event(&json!({"event": name, "event_ts": MILLIS, "payload": payload})).about
        };
        let gone = change(
            "user.deactivated",
            &json!({"id": "u1", "email": "ada@acme.example", "type": 2}),
        );
        assert_eq!(gone.user.as_deref(), Some("u1"));
        assert_eq!(gone.user_email.unwrap().expose(), "ada@acme.example", "not the operator's");
        let changed = change("user.settings_updated", &json!({"id": "u1", "settings": {}}));
        assert_eq!((changed.user.as_deref(), changed.user_email), (Some("u1"), None));
    }

    #[test]
    fn an_id_as_number_or_string_gives_the_same_key() {
        let number = event(&started(&json!(85393847045_u64)));
        let string = event(&started(&json!("85393847045")));
        assert_eq!(number.key, string.key);
        assert_ne!(number.key, event(&started(&json!("85393847046"))).key);
    }

    fn completed(token: &str, url: &str, ids: [&str; 2], millis: i64) -> Value {
        let file = |id: &str| {
            json!({"id": id, "file_type": "MP4", "file_size": 17, "status": "completed", "download_url": url,
                "recording_start": "2026-01-01T10:00:00Z", "recording_end": null})
        };
        json!({"event": "recording.completed", "event_ts": millis, "download_token": token, "payload": {
            "account_id": "acc", "object": {"id": 1, "uuid": "u", "recording_files": [file(ids[0]), file(ids[1])]}}})
    }

    #[test]
    fn deliveries_of_one_recording_have_one_key() {
        let first = event(&completed("t1", "https://zoom.example/1", ["f1", "f2"], MILLIS));
        let again = event(&completed("t2", "https://zoom.example/2", ["f2", "f1"], MILLIS));
        assert_eq!(first.key, again.key);
        assert_eq!(again.download_token.unwrap().expose(), "t2");
        let other = event(&completed("t1", "https://zoom.example/1", ["f1", "f3"], MILLIS));
        assert_ne!(first.key, other.key);
        let later = event(&completed("t1", "https://zoom.example/1", ["f1", "f2"], MILLIS + 1));
        assert_ne!(first.key, later.key);
    }

    #[test]
    fn files_of_a_recording_are_read() {
        let event = event(&completed("t", "https://zoom.example/x", ["f1", "f2"], MILLIS));
        assert_eq!(event.recordings.len(), 2);
        assert_eq!(event.recordings[0].bytes, Some(17));
        assert_eq!(event.recordings[0].ended, None);
        assert_eq!(event.recordings[0].url.as_ref().unwrap().expose(), "https://zoom.example/x");
        assert!(event.says(Signal::FilesReady));
    }

    #[test]
    fn two_people_who_join_at_once_are_two_events() {
        let joined = |uuid: &str| {
            event(
                &json!({"event": "meeting.participant_joined", "event_ts": MILLIS, "payload": {"object": {
                "id": "1", "uuid": "u", "participant": {"participant_uuid": uuid, "user_name": "Ada", "email": "",
                "id": "", "customer_key": "ours"}}}}),
            )
        };
        let ada = joined("p1");
        assert_ne!(ada.key, joined("p2").key);
        assert_eq!(ada.participants[0].id.as_deref(), Some("p1"));
        assert_eq!(ada.participants[0].user, None);
        assert_eq!(ada.participants[0].email, None);
        assert_eq!(ada.participants[0].reference.as_deref(), Some("ours"));
    }

    #[test]
    fn why_somebody_left_is_told_without_a_name() {
        let left = |reason: &str| {
            event(
                &json!({"event": "meeting.participant_left", "event_ts": MILLIS, "payload": {"object": {
                "id": "1", "participant": {"user_id": "7", "leave_reason": reason}}}}),
            )
        };
        let removed = left("Ada left the meeting.<br>Reason: Removed by host.");
        assert_eq!(removed.news().next(), Some(News::ParticipantRemoved));
        assert!(!format!("{removed:?}").contains("Ada"));
        assert!(removed.tells(News::ParticipantLeft));
        let odd = left("Ada left the meeting.<br>Reason: Meteorite.");
        assert!(odd.meanings[0].is_unknown());
        assert_eq!(odd.meanings[0].raw_code(), "Meteorite");
    }

    #[test]
    fn withdrawn_access_has_another_envelope() {
        let event = event(
            &json!({"event": "app_deauthorized", "payload": {"account_id": "acc", "user_id": "u",
            "event_ts": "2026-01-01 10:00:00", "deauthorization_time": "2026-01-01T09:59:59.632Z"}}),
        );
        assert_eq!(event.at.unwrap().to_rfc3339(), "2026-01-01T10:00:00+00:00");
        assert_eq!(event.about.user.as_deref(), Some("u"));
        assert!(event.tells(News::AccessLost));
    }

    #[test]
    fn changes_of_one_user_at_once_are_told_apart() {
        let change = |flag: bool| {
            event(
                &json!({"event": "user.settings_updated", "event_ts": MILLIS, "payload": {"account_id": "acc",
                "object": {"id": "u", "settings": {"recording": {"cloud_recording": flag}}},
                "old_object": {"id": "u", "settings": {"recording": {"cloud_recording": !flag}}}}}),
            )
        };
        assert_ne!(change(true).key, change(false).key);
        assert_eq!(change(true).about.user.as_deref(), Some("u"));
        assert_eq!(change(true).about.conference, None);
        assert!(change(true).tells(News::SettingsChanged));
    }

    #[test]
    fn a_changed_meeting_without_uuid_is_read() {
        let event = event(
            &json!({"event": "meeting.updated", "event_ts": MILLIS, "payload": {"account_id": "acc", "scope": "all",
            "object": {"id": 17, "start_time": "2026-01-02T10:00:00Z"}, "old_object": {"id": 17, "type": 2}}}),
        );
        assert_eq!(event.about.conference.as_deref(), Some("17"));
        assert!(event.about.planned_start.is_some());
        assert!(event.tells(News::MeetingChanged));
    }

    #[test]
    fn a_batch_names_the_meetings_it_deletes() {
        let event = event(
            &json!({"event": "recording.batch_deleted", "event_ts": MILLIS, "payload": {"object": {
            "meetings": [{"meeting_uuid": "a==", "recording_file_ids": ["f1", "f2"]}, {"meeting_uuid": "b=="}]}}}),
        );
        let of: Vec<_> =
            event.recordings.iter().map(|one| (one.of.as_deref(), one.id.as_deref())).collect();
        assert_eq!(of, [(Some("a=="), Some("f1")), (Some("a=="), Some("f2")), (Some("b=="), None)]);
        assert!(event.says(Signal::FilesDeleted));
    }

    #[test]
    fn an_event_nobody_knows_is_data() {
        let event = event(
            &json!({"event": "meeting.abducted", "event_ts": "1767261600000", "payload": []}),
        );
        assert!(event.meanings[0].is_unknown());
        assert!(event.at.is_some());
    }

    #[test]
    fn what_is_no_event_is_refused() {
        assert_eq!(read(b"{}"), Err(Error::Missing("event")));
        assert_eq!(read(b"17"), Err(Error::Shape("an object")));
    }
}
