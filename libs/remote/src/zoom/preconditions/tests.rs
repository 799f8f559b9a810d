//! Facts, and what they come to.

use super::*;
use serde_json::{Value, json};

/// Everything is in order.
#[derive(Clone)]
struct World {
    user: Value,
    settings: Value,
    account: Value,
    group: Value,
    meeting: Value,
    related: Vec<Related>,
}

impl World {
    fn new() -> Self {
        Self {
            user: json!({"id": "ada", "type": 2, "status": "active", "pmi": 111}),
            settings: json!({
                "recording": {"cloud_recording": true, "local_recording": true, "auto_recording": "none"},
                "schedule_meeting": {"audio_type": "both"}}),
            account: json!({"recording":
                {"cloud_recording": false, "local_recording": false, "auto_recording": false}}),
            group: json!({"recording":
                {"cloud_recording": false, "local_recording": false, "auto_recording": false}}),
            meeting: json!({"id": 9, "host_id": "ada", "type": 2, "settings": {"auto_recording": "none"}}),
            related: Vec::new(),
        }
    }

    fn assessed(&self) -> Assessment {
        let user = User::read(&self.user);
        let settings = UserSettings::read(&self.settings);
        let (account, group) = (Locks::read(&self.account), Locks::read(&self.group));
        let meeting = Meeting::read(&self.meeting);
        assess(&Facts {
            host: user.as_ref(),
            settings: (!self.settings.is_null()).then_some(&settings),
            account: (!self.account.is_null()).then_some(&account),
            groups: &[group],
            meeting: meeting.as_ref(),
            related: &self.related,
            number: Some("9"),
        })
    }
}

/// What comes of the world when it differs in this.
fn with(change: impl FnOnce(&mut World)) -> Assessment {
    let mut world = World::new();
    change(&mut world);
    world.assessed()
}

use Obstacle as O;
use Possibility::{Impossible, Possible, Unknown};

#[test]
fn with_all_in_order_both_methods_work() {
    let assessment = World::new().assessed();
    assert_eq!((assessment.native, assessment.local), (Possible, Possible));
    assert_eq!((assessment.armed, assessment.computer_audio), (Some(false), Some(true)));
    assert_eq!(assessment.risks, []);
}

#[test]
fn an_inactive_host_stops_both() {
    let assessment = with(|world| world.user["status"] = json!("inactive"));
    assert_eq!(assessment.native, Impossible(O::HostInactive));
    assert_eq!(assessment.local, Impossible(O::HostInactive));
    let pending = with(|world| world.user["status"] = json!("pending"));
    assert_eq!((pending.native, pending.local), (Impossible(O::HostPending), Unknown));
}

#[test]
fn native_needs_a_licence_and_local_does_not() {
    let assessment = with(|world| world.user["type"] = json!(1));
    assert_eq!((assessment.native, assessment.local), (Impossible(O::NoLicence), Possible));
    let strange = with(|world| world.user["type"] = json!(55));
    assert_eq!(strange.native, Unknown);
}

#[test]
fn a_meeting_of_somebody_else_is_not_recorded_natively() {
    let assessment = with(|world| world.meeting["host_id"] = json!("bob"));
    assert_eq!(assessment.native, Impossible(O::HostMismatch));
    let assistant = with(|world| {
        world.meeting["host_id"] = json!("bob");
        world.related = vec![Related { id: "bob".into(), email: None }];
    });
    assert_eq!(assistant.native, Impossible(O::HostMismatchByAssistant));
}

#[test]
fn cloud_recording_that_is_off_is_told_from_one_that_is_locked_off() {
    let off = |world: &mut World| world.settings["recording"]["cloud_recording"] = json!(false);
    assert_eq!(with(off).native, Impossible(O::CloudRecordingOff));
    for place in ["account", "group"] {
        let locked = with(|world| {
            off(world);
            let locks = if place == "account" { &mut world.account } else { &mut world.group };
            locks["recording"]["cloud_recording"] = json!(true);
        });
        assert_eq!(locked.native, Impossible(O::CloudRecordingLockedOff), "{place}");
    }
    // Locked on is no obstacle.
    let on = with(|world| world.account["recording"]["cloud_recording"] = json!(true));
    assert_eq!(on.native, Possible);
}

#[test]
fn recording_by_itself_can_be_armed_unless_another_choice_is_locked() {
    let lock = |world: &mut World| world.account["recording"]["auto_recording"] = json!(true);
    assert_eq!(with(lock).native, Impossible(O::AutoRecordingOff));
    let cloud = with(|world| {
        lock(world);
        world.settings["recording"]["auto_recording"] = json!("cloud");
        world.meeting["settings"]["auto_recording"] = json!("cloud");
    });
    assert_eq!((cloud.native, cloud.armed), (Possible, Some(true)));
    let local = with(|world| {
        lock(world);
        world.settings["recording"]["auto_recording"] = json!("local");
    });
    assert_eq!(local.native, Impossible(O::AutoRecordingOff));
    // Nobody knows the locks: it might be locked.
    assert_eq!(with(|world| world.account = Value::Null).native, Unknown);
}

#[test]
fn recording_to_computer_files_needs_its_setting() {
    let off = |world: &mut World| world.settings["recording"]["local_recording"] = json!(false);
    assert_eq!(with(off).local, Impossible(O::LocalRecordingOff));
    let locked = with(|world| {
        off(world);
        world.group["recording"]["local_recording"] = json!(true);
    });
    assert_eq!((locked.local, locked.native), (Impossible(O::LocalRecordingLockedOff), Possible));
}

#[test]
fn what_is_unknown_is_not_impossible() {
    assert_eq!(assess(&Facts::default()).native, Unknown);
    assert_eq!(assess(&Facts::default()).local, Unknown);
    assert_eq!(with(|world| world.settings = Value::Null).native, Unknown);
    assert_eq!(with(|world| world.meeting = Value::Null).native, Unknown);
    assert_eq!(with(|world| world.user = Value::Null).native, Unknown);
    // What is known against it decides all the same.
    let assessment = with(|world| {
        world.settings = Value::Null;
        world.user["type"] = json!(1);
    });
    assert_eq!(assessment.native, Impossible(O::NoLicence));
}

#[test]
fn end_to_end_encryption_stops_both() {
    let assessment = with(|world| world.meeting["settings"]["encryption_type"] = json!("e2ee"));
    assert_eq!(assessment.native, Impossible(O::EndToEndEncrypted));
    assert_eq!(assessment.local, Impossible(O::EndToEndEncrypted));
}

#[test]
fn a_conference_by_telephone_cannot_be_heard() {
    let telephone = with(|world| world.meeting["settings"]["audio"] = json!("telephony"));
    assert_eq!(telephone.computer_audio, Some(false));
    let other = with(|world| {
        world.settings["schedule_meeting"]["audio_type"] = json!("thirdParty");
        world.meeting["settings"]["audio"] = json!("voip");
    });
    assert_eq!(other.computer_audio, Some(true));
    let none = with(|world| world.settings["schedule_meeting"] = json!({}));
    assert_eq!(none.computer_audio, None);
}

#[test]
fn risks_are_named() {
    let names = |change: fn(&mut World)| {
        with(change).risks.into_iter().map(Risk::as_str).collect::<Vec<_>>()
    };
    assert_eq!(names(|world| world.user["pmi"] = json!("9")), ["pmi"]);
    assert_eq!(names(|world| world.meeting["type"] = json!(4)), ["pmi"]);
    assert_eq!(
        names(|world| {
            world.meeting["settings"] = json!({"use_pmi": true, "internal_meeting": true,
                "waiting_room": true, "meeting_authentication": true, "approval_type": 1,
                "approved_or_denied_countries_or_regions": {"enable": true}});
            world.settings["in_meeting"] = json!({"show_a_join_from_your_browser_link": false});
        }),
        [
            "pmi",
            "internal_meeting",
            "waiting_room",
            "signed_in_only",
            "approved_by_hand",
            "no_browser",
            "countries"
        ]
    );
    // The meeting's own choice hides the user's.
    assert_eq!(
        names(|world| {
            world.settings["in_meeting"] = json!({"waiting_room": true});
            world.meeting["settings"]["waiting_room"] = json!(false);
        }),
        [""; 0]
    );
}
