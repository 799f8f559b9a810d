//! Zoom's types against public payloads, where the folder of them is at hand.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

use std::path::{Path, PathBuf};

use remote::zoom::{
    Audio, AutoRecording, File, Locks, Meeting, MeetingKind, PhoneRecording, Recordings, Status,
    User, UserSettings,
};
use remote::{Look, object};
use serde_json::Value;

/// A payload; none where there is no folder.
fn read(name: &str) -> Option<Value> {
    let root = std::env::var_os("CALLSHEET_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let Ok(bytes) = std::fs::read(root.join("providers/zoom").join(name)) else {
        println!("skipped: no {name}");
        return None;
    };
    Some(object(&bytes).unwrap())
}

#[test]
fn users_are_read() {
    let Some(value) = read("api.users-userId_GET.json") else { return };
    let user = User::read(&value).unwrap();
    assert_eq!((user.licensed(), user.status), (Some(false), Some(Status::Pending)));
    assert_eq!(user.pmi.as_deref(), Some("3542471135"));
    assert!(user.last_login.is_some() && user.groups.len() == 1);
    // This one names a key twice.
    let user = User::read(&read("api-zoom_rb.user.get.json").unwrap()).unwrap();
    assert_eq!((user.licensed(), user.status), (Some(true), Some(Status::Active)));
    for one in read("api.users_GET.json").unwrap().items(&["users"]) {
        assert!(User::read(one).is_some());
    }
}

#[test]
fn settings_and_locks_are_read() {
    let Some(value) = read("api.users-userId-settings_GET.json") else { return };
    let settings = UserSettings::read(&value);
    assert_eq!(settings.auto_recording, Some(AutoRecording::Cloud));
    assert_eq!((settings.cloud_recording, settings.local_recording), (Some(true), Some(true)));
    assert_eq!((settings.audio, settings.address_control), (Some(Audio::Telephony), Some(true)));
    assert_eq!((settings.deleted_after_days, settings.capacity), (Some(90), Some(500)));
    let old = UserSettings::read(&read("api-zoom_rb.user.settings_get.json").unwrap());
    assert_eq!(old.audio, Some(Audio::Other("cloud".into())));
    assert_eq!((old.personal_room, old.deleted_after_days), (Some(true), Some(42)));
    let locks = Locks::read(&read("api.groups-groupId-lock_settings_GET.json").unwrap());
    assert_eq!(locks.auto_recording, Some(true));
}

#[test]
fn meetings_are_read() {
    let Some(value) = read("api.meetings-meetingId_GET.json") else { return };
    let meeting = Meeting::read(&value).unwrap();
    assert_eq!(meeting.id, "97763643886");
    assert_eq!(meeting.settings.auto_recording, Some(AutoRecording::Cloud));
    assert_eq!(meeting.settings.alternative_hosts.len(), 2);
    assert_eq!(meeting.settings.end_to_end, Some(false));
    assert_eq!((meeting.occurrences.len(), meeting.settings.countries), (1, Some(true)));
    assert!(meeting.assistant.is_some());
    let list = read("api.users-userId-meetings_GET.json").unwrap();
    let listed = Meeting::read(&list.items(&["meetings"])[0]).unwrap();
    assert_eq!(listed.kind, Some(MeetingKind::Scheduled));
    assert_eq!((listed.uuid, listed.host), (meeting.uuid, meeting.host));
}

#[test]
fn recordings_are_read() {
    let Some(value) = read("api-zoom_rb.recording.get.json") else { return };
    let recordings = Recordings::read(&value);
    assert_eq!((recordings.meeting.as_deref(), recordings.files.len()), (Some("933560800"), 3));
    assert!(recordings.ready());
    let list = read("api.users-userId-recordings_GET.json").unwrap();
    let listed = Recordings::read(&list.items(&["meetings"])[0]);
    assert_eq!(listed.meeting.as_deref(), Some("6840331990"));
    let transcript = read("webhook.recording.transcript_completed.json").unwrap();
    let file = File::read(&transcript.items(&["payload", "object", "recording_files"])[0]);
    assert_eq!((file.kind.as_deref(), file.bytes), (Some("TRANSCRIPT"), Some(142)));
    let phone = PhoneRecording::read(&read("api.phone-call_logs-id-recordings_GET.json").unwrap());
    let phone = phone.unwrap();
    assert_eq!(
        (phone.call.as_deref(), phone.kind.as_deref()),
        (Some("7069775907364530379"), Some("OnDemand"))
    );
    assert!(phone.started < phone.ended);
}
