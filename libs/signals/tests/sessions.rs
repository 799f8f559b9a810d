//! Webhooks told to a session, from their bytes to the code it ends in.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use chrono::{DateTime, Utc};
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::{Means, Order, Outcome, Session, Settings};
use serde_json::{Value, json};
use signals::{Event, Participant, attendee, graph, recall, telnyx, twilio, webex, zoom};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_261_600 + seconds, 0).unwrap()
}

fn order(means: Means) -> Order {
    if means == Means::Dialer {
        return Order::call(at(0), NumberMode::Automatic);
    }
    Order {
        means: vec![means],
        start: at(0),
        end: at(1_800),
        join_at: at(-120),
        latest_join: at(600),
        announcement: false,
        personal_room: false,
        numbers: NumberMode::Automatic,
    }
}

/// What comes of a session that is told these events, each as it happens, and then nothing any more.
fn outcome(means: Means, events: &[Event]) -> Outcome {
    let settings = Settings { join_retries: Vec::new(), ..Settings::default() };
    let mut session = Session::new(&order(means));
    let mut now = at(-3_600);
    let pass = |session: &mut Session, now: &mut DateTime<Utc>, then: DateTime<Utc>| {
        session.wake(&settings, *now);
        while let Some(due) = session.timers().map(|(_, due)| due).min().filter(|due| *due <= then)
        {
            *now = due.max(*now);
            session.wake(&settings, *now);
        }
        *now = then.max(*now);
    };
    let ours = |one: &Participant| one.reference.as_deref() == Some("ours");
    for event in events {
        for heard in event.heard(means, now, ours) {
            pass(&mut session, &mut now, heard.at);
            session.hear(&settings, &heard, now);
        }
    }
    pass(&mut session, &mut now, at(1_000_000));
    session.outcome().unwrap()
}

fn skips(means: Means, events: &[Event], code: SkipCode) {
    assert_eq!(outcome(means, events), Outcome::Skipped(code), "{events:#?}");
}

/// A status of a bot of Recall.
fn bot(second: i64, state: &str, reason: Option<&str>) -> Event {
    let value = json!({"event": format!("bot.{state}"), "data": {"bot": {"id": "b1"},
        "data": {"code": state, "sub_code": reason, "updated_at": at(second).to_rfc3339()}}});
    recall::read(value.to_string().as_bytes()).unwrap()
}

/// A bot of Recall that came this far, and then met this end.
fn bot_ends(states: &[&str], state: &str, reason: Option<&str>) -> Vec<Event> {
    let mut second = -110;
    let mut events: Vec<Event> = Vec::new();
    for state in states {
        second += 5;
        events.push(bot(second, state, None));
    }
    // Who is inside stays a while.
    second = if states.contains(&"in_call_not_recording") { 400 } else { second + 20 };
    events.push(bot(second, state, reason));
    events.push(bot(second + 1, "done", None));
    events
}

#[test]
fn how_a_bot_ends_is_told_to_the_end() {
    let lobby = ["joining_call", "in_waiting_room"];
    let inside = ["joining_call", "in_waiting_room", "in_call_not_recording"];
    for (states, state, reason, code) in [
        (&lobby[..], "call_ended", Some("bot_kicked_from_waiting_room"), SkipCode::DeniedEntry),
        (
            &lobby,
            "call_ended",
            Some("timeout_exceeded_waiting_room"),
            SkipCode::ConnectorWasNotApproved,
        ),
        // Thrown out without ever having been in: refused.
        (&lobby, "call_ended", Some("bot_kicked_from_call"), SkipCode::DeniedEntry),
        (&lobby[..1], "fatal", Some("meeting_password_incorrect"), SkipCode::PasswordError),
        (
            &lobby[..1],
            "fatal",
            Some("zoom_captcha_required"),
            SkipCode::CaptchaVerificationBlockedBot,
        ),
        (&lobby[..1], "fatal", Some("meeting_locked"), SkipCode::MeetingLocked),
        (&lobby[..1], "fatal", Some("zoom_connection_failed"), SkipCode::TempCannotConnectError),
        (&lobby[..1], "fatal", Some("meeting_not_started"), SkipCode::DidNotStart),
        (
            &lobby[..1],
            "fatal",
            Some("zoom_another_meeting_in_progress"),
            SkipCode::PmiUnmatchedTimes,
        ),
        (&lobby[..1], "fatal", Some("eaten_by_dog"), SkipCode::UnknownState),
        (&lobby[..1], "fatal", None, SkipCode::NotApplicable),
        (&inside, "call_ended", Some("timeout_exceeded_noone_joined"), SkipCode::NoAttendees),
        (&inside, "call_ended", Some("bot_kicked_from_call"), SkipCode::KickedOut),
        (&inside, "call_ended", Some("call_ended_by_host"), SkipCode::Ended),
        (&inside, "call_ended", Some("timeout_exceeded_everyone_left"), SkipCode::Ended),
    ] {
        skips(Means::Bot, &bot_ends(states, state, reason), code);
    }
}

#[test]
fn a_host_who_refused_is_told_from_one_who_did_not_answer() {
    let inside = ["joining_call", "in_call_not_recording"];
    for (reason, code) in [
        ("zoom_local_recording_request_denied_by_host", SkipCode::HostDeniedLocalRecording),
        ("zoom_local_recording_denied", SkipCode::HostNotAnswered),
        ("zoom_local_recording_disabled", SkipCode::LocalRecordingNotSupported),
    ] {
        let mut events = bot_ends(&inside, "recording_permission_denied", Some(reason));
        events.push(bot(430, "call_ended", Some("timeout_exceeded_recording_permission_denied")));
        skips(Means::LocalBot, &events, code);
    }
}

#[test]
fn a_bot_of_attendee_ends_in_the_code_of_its_reason() {
    let event = |second: i64, state: &str, kind: &str, reason: Option<&str>| {
        let value = json!({"trigger": "bot.state_change", "bot_id": "b", "data": {"new_state": state,
            "event_type": kind, "event_sub_type": reason, "created_at": at(second).to_rfc3339()}});
        attendee::read(value.to_string().as_bytes()).unwrap()
    };
    for (reason, code) in [
        (Some("waiting_room_timeout_exceeded"), SkipCode::ConnectorWasNotApproved),
        (Some("request_to_join_denied"), SkipCode::DeniedEntry),
        (Some("login_required"), SkipCode::OnlySignedInAttendees),
        (Some("meeting_not_started_waiting_for_host"), SkipCode::HostNeverShowed),
        (Some("eaten_by_dog"), SkipCode::UnknownState),
        (None, SkipCode::NotApplicable),
    ] {
        let events = [
            event(-110, "joining", "join_requested", None),
            event(-100, "waiting_room", "put_in_waiting_room", None),
            event(300, "fatal_error", "could_not_join_meeting", reason),
            event(310, "ended", "post_processing_completed", None),
        ];
        // That all is processed makes no recording of what was never recorded.
        skips(Means::Bot, &events, code);
    }
}

fn of_zoom(second: i64, name: &str, object: &Value) -> Event {
    let value = json!({"event": name, "event_ts": at(second).timestamp_millis(),
        "payload": {"account_id": "acc", "object": object}});
    zoom::read(value.to_string().as_bytes()).unwrap()
}

#[test]
fn a_cloud_recording_goes_its_way() {
    let meeting = json!({"id": "1", "uuid": "u", "host_id": "h", "type": 2});
    let files =
        json!({"id": "1", "uuid": "u", "recording_files": [{"id": "f", "file_type": "MP4"}]});
    let all = [
        of_zoom(5, "meeting.started", &meeting),
        of_zoom(10, "recording.started", &meeting),
        of_zoom(1_700, "recording.stopped", &meeting),
        of_zoom(1_701, "meeting.ended", &meeting),
        of_zoom(3_000, "recording.completed", &files),
    ];
    let deleted = of_zoom(3_500, "recording.trashed", &files);
    let lost: Vec<Event> = all.iter().take(4).cloned().chain([deleted]).collect();
    skips(Means::Cloud, &lost, SkipCode::MissingRecording);
    // Ready, and nobody fetches it: the import is what fails.
    skips(Means::Cloud, &all, SkipCode::MissingRecording);
    // Nobody told of a recording, and the meeting goes on.
    skips(Means::Cloud, &all[..1], SkipCode::OnAirTooLongWithoutRecording);
}

#[test]
fn people_in_a_meeting_do_not_end_a_session() {
    let person = |reference: &str| {
        json!({"id": "1", "uuid": "u", "participant": {"participant_uuid": "p", "customer_key": reference,
            "leave_reason": "Ada left the meeting.<br>Reason: Removed by host."}})
    };
    let until = |reference: &str| {
        [
            bot(-110, "joining_call", None),
            bot(-100, "in_call_not_recording", None),
            of_zoom(200, "meeting.participant_left", &person(reference)),
        ]
    };
    skips(Means::Bot, &until("ours"), SkipCode::KickedOut);
    skips(Means::Bot, &until("somebody"), SkipCode::OnAirTooLongWithoutRecording);
}

#[test]
fn a_bot_that_teams_removed_was_kicked_out() {
    let call = |state: &str, code: i64, subcode: i64| {
        let value = json!({"value": [{"changeType": "updated", "resourceUrl": "/communications/calls/c1",
            "resourceData": {"@odata.type": "#microsoft.graph.call", "state": state,
                "resultInfo": {"code": code, "subcode": subcode}}}]});
        let mut event = graph::calls(value.to_string().as_bytes()).unwrap().remove(0);
        event.at = Some(at(if state == "terminated" { 200 } else { -100 }));
        event
    };
    let ends = |code, subcode| [call("established", 0, 0), call("terminated", code, subcode)];
    skips(Means::Bot, &ends(0, 5000), SkipCode::KickedOut);
    skips(Means::Bot, &ends(0, 4097), SkipCode::Ended);
    skips(Means::Bot, &ends(410, 3100), SkipCode::TempCannotConnectError);
}

#[test]
fn a_telephone_call_ends_in_its_code() {
    let twilio = |more: &str| {
        let body = format!("AccountSid=A&CallSid=C&SequenceNumber=3&{more}");
        [twilio::read(body.as_bytes()).unwrap()]
    };
    for (more, code) in [
        ("CallStatus=busy", SkipCode::BusyLine),
        ("CallStatus=no-answer", SkipCode::CallDeclined),
        ("CallStatus=failed&SipResponseCode=404", SkipCode::InvalidPhoneNumber),
        ("CallStatus=failed&SipResponseCode=608", SkipCode::CarrierBlocked),
        ("CallStatus=failed&SipResponseCode=503", SkipCode::DestinationTemporarilyUnavailable),
        ("CallStatus=failed&ErrorCode=21215", SkipCode::HighRisk),
    ] {
        skips(Means::Dialer, &twilio(more), code);
    }
    let hangup = json!({"data": {"event_type": "call.hangup", "payload": {"call_leg_id": "l",
        "hangup_cause": "call_rejected", "sip_hangup_cause": "608"}}});
    let hangup = telnyx::read(hangup.to_string().as_bytes()).unwrap();
    skips(Means::Dialer, &[hangup], SkipCode::CarrierBlocked);
}

#[test]
fn a_recording_of_a_call_is_deleted_by_its_user_or_fails() {
    let call = |more: &str| twilio::read(format!("CallSid=C&{more}").as_bytes()).unwrap();
    let answered =
        |last: Event| [call("CallStatus=in-progress"), call("CallStatus=completed"), last];
    let deleted = call("RecordingSid=R&RecordingStatus=deleted");
    skips(Means::Dialer, &answered(deleted), SkipCode::RecordingDeletedByUser);
    let failed = call("RecordingSid=R&RecordingStatus=failed");
    skips(Means::Dialer, &answered(failed), SkipCode::ImportFromDialerFailed);
}

#[test]
fn a_meeting_of_webex_that_was_planned_is_no_position_of_a_bot() {
    let value = json!({"id": "w", "resource": "meetings", "event": "updated", "orgId": "o", "data":
        {"id": "m", "state": "scheduled", "updated": at(-600).to_rfc3339()}});
    let event = webex::read(value.to_string().as_bytes()).unwrap();
    // The bot never showed a sign of life, which must not be taken for waiting.
    skips(Means::Bot, &[event], SkipCode::TempCannotConnectError);
}
