//! The tables held against the lists of codes they were made from, so that no line is lost.

use signals::course::before_entry;
use signals::{Kind, Meaning, News, Provider, Sense, Signal, graph, sip, table, webex};

/// Every one of these codes (parted by blanks) has this meaning.
fn all(provider: Provider, kind: Kind, sense: impl Into<Sense>, codes: &str) {
    let sense = sense.into();
    for code in codes.split_whitespace() {
        let row = table::lookup(provider, kind, code);
        let found = row.unwrap_or_else(|| panic!("{provider} has no {} `{code}`", kind.as_str()));
        assert_eq!(found.sense, sense, "{provider} {} `{code}`", kind.as_str());
    }
}

/// Every one of these codes is known, whatever it means.
fn known(provider: Provider, kind: Kind, codes: &str) {
    for code in codes.split_whitespace() {
        let row = table::lookup(provider, kind, code);
        assert!(row.is_some(), "{provider} has no {} `{code}`", kind.as_str());
    }
}

fn native(signal: impl Into<Sense>, codes: &str) {
    all(Provider::Zoom, Kind::SdkNative, signal, codes);
}

fn web(signal: impl Into<Sense>, codes: &str) {
    all(Provider::Zoom, Kind::SdkWeb, signal, codes);
}

fn recall(signal: impl Into<Sense>, codes: &str) {
    all(Provider::Recall, Kind::Reason, signal, codes);
}

fn says(provider: Provider, signal: Signal, text: &str) {
    assert_eq!(Meaning::of_text(provider, text).signal(), Some(signal), "{text}");
}

#[test]
fn what_keeps_a_bot_out_of_zoom_is_complete() {
    native(Signal::UrlUnusable, "8 27");
    native(Signal::PasswordWrong, "4");
    native(Signal::SignedInOnly, "23 82 504");
    native(Signal::InternalOnly, "60");
    native(Signal::NotAllowed, "13 14 62 64 63 22 20 21");
    native(Signal::Locked, "12");
    native(Signal::Full, "9 19");
    native(Signal::ClientIncompatible, "10 24 15 500 502 503 505 506");
    native(Signal::ConnectionFailed, "1 2 3 5 11 16 17 18");
    native(Signal::IdentityOwnerAbsent, "501");
    web(Signal::UrlUnusable, "3001 3610");
    web(Signal::PasswordWrong, "3004");
    web(Signal::SignedInOnly, "3100 4012");
    web(Signal::InternalOnly, "4007 4011");
    web(Signal::NotAllowed, "3620 6603 3099");
    web(Signal::BrowserJoinOff, "3603 3611");
    web(Signal::Locked, "4006");
    web(Signal::Full, "4005");
    web(Signal::NoAudio, "3608");
    web(Signal::HostInactive, "3625 3702 3709");
    web(Signal::ClientIncompatible, "10000 3704 3705 3708 3710 3712 3713 4013");
    web(Signal::ConnectionFailed, "3621 4000 4001 4009");
    web(Signal::Denied, "3009");
    web(Signal::IdentityOwnerAbsent, "4017");
    assert_eq!(
        table::lookup(Provider::Zoom, Kind::EndReason, "1")
            .unwrap()
            .sense
            .signal()
            .map(before_entry),
        Some(Signal::Denied)
    );
    assert_eq!(
        table::lookup(Provider::Zoom, Kind::SdkNative, "61")
            .unwrap()
            .sense
            .signal()
            .map(before_entry),
        Some(Signal::Denied)
    );
}

#[test]
fn every_number_of_zoom_is_known() {
    let numbers = "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 27 28 29 50 60 61 62 63 64 82 88 89 \
        500 501 502 503 504 505 506 1143 65535 0xffff";
    known(Provider::Zoom, Kind::SdkNative, numbers);
    let numbers = "3000 3001 3610 3003 3004 3005 3008 3009 3099 3100 3265 3623 3603 3611 3608 3620 3621 3624 3625 3702 \
        3709 3704 3705 3708 3710 3712 3713 3711 4000 4001 4003 4004 4005 4006 4007 4008 4009 4011 4012 4013 4017 6603 10000";
    known(Provider::Zoom, Kind::SdkWeb, numbers);
    known(Provider::Zoom, Kind::EndReason, "1 2 3 4 5 6 7 8");
    known(Provider::Zoom, Kind::Rest, "300 1001 3001 3301 4700 124 200 1010 4711 429");
    let states = "idle connecting waitingforhost inmeeting disconnecting reconnecting failed ended unknown locked unlocked \
        in_waiting_room webinar_promote webinar_depromote join_breakout_room leave_breakout_room";
    known(Provider::Zoom, Kind::State, states);
}

#[test]
fn one_number_means_different_things_on_different_platforms() {
    all(Provider::Zoom, Kind::SdkAndroid, Signal::AlreadyOver, "8");
    all(Provider::Zoom, Kind::SdkAndroid, Signal::UrlUnusable, "9");
    all(Provider::Zoom, Kind::SdkAndroid, Signal::Full, "10");
    all(Provider::Zoom, Kind::SdkAndroid, Signal::Locked, "12");
    native(Signal::UrlUnusable, "8");
    native(Signal::Full, "9");
}

#[test]
fn every_event_of_zoom_that_is_used_is_known() {
    let events = "meeting.created meeting.updated meeting.deleted meeting.permanently_deleted meeting.recovered \
        meeting.started meeting.ended meeting.alert meeting.risk_alert meeting.converted_to_webinar \
        meeting.participant_joined meeting.participant_left meeting.participant_admitted \
        meeting.participant_joined_waiting_room meeting.participant_left_waiting_room \
        meeting.participant_put_in_waiting_room meeting.participant_jbh_waiting meeting.participant_jbh_waiting_left \
        meeting.participant_jbh_joined meeting.participant_role_changed recording.started recording.stopped \
        recording.paused recording.resumed recording.completed recording.transcript_completed recording.trashed \
        recording.deleted recording.recovered recording.batch_trashed recording.batch_deleted recording.batch_recovered \
        recording.cloud_storage_usage_updated user.activated user.deactivated user.deleted user.disassociated \
        user.updated user.settings_updated account.settings_updated account.lock_settings_updated \
        group.settings_updated group.lock_settings_updated app_deauthorized meeting.rtms_started meeting.rtms_stopped \
        meeting.rtms_interrupted";
    known(Provider::Zoom, Kind::Event, events);
    let events = "phone.caller_ended phone.callee_missed phone.callee_rejected phone.recording_started \
        phone.recording_stopped phone.recording_completed phone.recording_failed phone.recording_deleted";
    known(Provider::ZoomPhone, Kind::Event, events);
}

#[test]
fn what_becomes_of_a_bot_in_zoom_is_complete() {
    native(Signal::NeverStarted, "7");
    web(Signal::NeverStarted, "3008");
    native(Signal::AlreadyOver, "6");
    web(Signal::AlreadyOver, "4004");
    let reason = |signal, codes| all(Provider::Zoom, Kind::EndReason, signal, codes);
    reason(Signal::HostNeverCame, "3");
    reason(Signal::NobodyJoined, "4");
    reason(Signal::Removed, "1");
    reason(Signal::IdentityOwnerGone, "8");
    let ended =
        table::lookup(Provider::Zoom, Kind::EndReason, "2").unwrap().sense.signal().unwrap();
    assert_eq!(before_entry(ended), Signal::AlreadyOver);
    native(Signal::SameRoomTwice, "28");
    web(Signal::SameRoomTwice, "4008");
    native(Signal::Removed, "61");
    native(Signal::FailedUnreadable, "0xffff 65535");
    let permission = |signal, codes| all(Provider::Zoom, Kind::Permission, signal, codes);
    permission(Signal::PermissionDenied, "denied");
    permission(Signal::PermissionUnanswered, "timeout");
    permission(Signal::PermissionGranted, "granted");
    permission(Signal::LocalRecordingOff, "not_supported");
    let event = |signal, codes| all(Provider::Zoom, Kind::Event, signal, codes);
    event(Signal::FilesDeleted, "recording.trashed recording.deleted");
    let event = |news, codes| all(Provider::Zoom, Kind::Event, news, codes);
    event(News::CancelledAtProvider, "meeting.deleted meeting.permanently_deleted");
    event(News::UserGone, "user.deactivated user.deleted user.disassociated");
    all(Provider::Zoom, Kind::Rest, Signal::FilesMissing, "3301");
    all(Provider::Zoom, Kind::Rest, Signal::HostInactive, "1001");
    all(Provider::Zoom, Kind::Rest, Signal::ClientIncompatible, "4700 4711");
    all(Provider::Zoom, Kind::Rest, Signal::UrlUnusable, "300");
}

#[test]
fn reasons_of_recall_are_complete() {
    recall(Signal::UrlUnusable, "meeting_link_invalid meeting_link_expired meeting_not_found");
    recall(Signal::PasswordWrong, "meeting_password_incorrect");
    recall(Signal::Captcha, "zoom_captcha_required microsoft_teams_captcha_detected");
    recall(
        Signal::SignedInOnly,
        "meeting_requires_sign_in microsoft_teams_sign_in_credentials_missing microsoft_teams_sign_in_failed \
        microsoft_teams_2fa_required google_meet_login_not_available",
    );
    recall(
        Signal::NotAllowed,
        "zoom_email_blocked_by_admin zoom_account_blocked registration_required zoom_sdk_app_not_published \
        google_meet_bot_blocked microsoft_teams_bot_not_invited",
    );
    recall(
        Signal::SettingsPrevent,
        "zoom_meeting_not_accessible microsoft_teams_breakout_room_unsupported",
    );
    recall(Signal::BrowserJoinOff, "zoom_web_disallowed");
    recall(Signal::Locked, "meeting_locked");
    recall(Signal::Full, "meeting_full");
    recall(Signal::HostInactive, "zoom_meeting_host_inactive");
    recall(
        Signal::ClientIncompatible,
        "zoom_sdk_update_required zoom_invalid_signature zoom_invalid_join_token bot_errored \
        microsoft_teams_internal_error webex_join_meeting_error",
    );
    recall(
        Signal::ConnectionFailed,
        "zoom_connection_failed zoom_join_timeout failed_to_launch_in_time microsoft_teams_call_dropped",
    );
    all(Provider::Recall, Kind::Rest, Signal::ConnectionFailed, "507");
    recall(
        Signal::LobbyTimeout,
        "timeout_exceeded_waiting_room zoom_bot_in_waiting_room call_ended_by_platform_waiting_room_timeout",
    );
    recall(Signal::Denied, "bot_kicked_from_waiting_room");
    recall(
        Signal::NeverStarted,
        "meeting_not_started microsoft_teams_event_not_started_for_external",
    );
    recall(Signal::HostNeverCame, "zoom_host_not_present");
    recall(Signal::AlreadyOver, "meeting_ended");
    recall(Signal::NobodyJoined, "timeout_exceeded_noone_joined");
    recall(Signal::PermissionDenied, "zoom_local_recording_request_denied_by_host");
    recall(Signal::PermissionUnanswered, "zoom_local_recording_denied");
    recall(Signal::PermissionGivenUp, "timeout_exceeded_recording_permission_denied");
    recall(
        Signal::LocalRecordingOff,
        "zoom_local_recording_disabled zoom_local_recording_request_disabled \
        zoom_local_recording_request_disabled_by_host zoom_local_recording_grant_not_supported",
    );
    recall(Signal::NotRecordingTooLong, "timeout_exceeded_in_call_not_recording");
    recall(Signal::Removed, "bot_kicked_from_call");
    recall(Signal::OwnStop, "bot_received_leave_call");
    recall(Signal::SameRoomTwice, "zoom_error_multiple_device_join");
    recall(
        Signal::LastedTooLong,
        "call_ended_by_platform_max_length timeout_exceeded_max_duration",
    );
    recall(Signal::StartedAtOtherTime, "zoom_another_meeting_in_progress");
    let states = "ready joining_call in_waiting_room in_call_not_recording recording_permission_allowed \
        recording_permission_denied in_call_recording recording_done call_ended done fatal analysis_done analysis_failed \
        media_expired";
    known(Provider::Recall, Kind::State, states);
}

#[test]
fn reasons_of_attendee_are_complete() {
    let reason = |signal, codes| all(Provider::Attendee, Kind::Reason, signal, codes);
    reason(Signal::HostNeverCame, "meeting_not_started_waiting_for_host");
    reason(Signal::LobbyTimeout, "waiting_room_timeout_exceeded");
    reason(Signal::Denied, "request_to_join_denied");
    reason(Signal::Captcha, "blocked_by_captcha");
    reason(Signal::SignedInOnly, "login_required bot_login_attempt_failed");
    reason(Signal::UrlUnusable, "meeting_not_found");
    reason(Signal::PasswordWrong, "unable_to_connect_to_meeting");
    reason(Signal::PermissionDenied, "host_denied_permission");
    reason(Signal::PermissionUnanswered, "request_timed_out");
    reason(Signal::LocalRecordingOff, "host_client_cannot_grant_permission");
    reason(Signal::OwnStop, "user_requested");
    reason(Signal::LastedTooLong, "auto_leave_max_uptime_exceeded");
    reason(Signal::ConnectionFailed, "heartbeat_timeout bot_not_launched out_of_credits");
    reason(Signal::ClientIncompatible, "zoom_sdk_internal_error ui_element_not_found");
    reason(Signal::SettingsPrevent, "webinar_attendee_needs_panelist_promotion");
    reason(Signal::NotAllowed, "unpublished_zoom_app");
    reason(Signal::FailedUnreadable, "attendee_internal_error");
    reason(Signal::IdentityOwnerGone, "authorized_user_not_in_meeting_timeout_exceeded");
    let states = "ready scheduled staged joining waiting_room joined_not_recording joined_recording \
        joined_recording_paused joined_recording_permission_denied leaving post_processing ended fatal_error data_deleted";
    known(Provider::Attendee, Kind::State, states);
    let all_reasons = table::rows()
        .iter()
        .filter(|row| (row.provider, row.kind) == (Provider::Attendee, Kind::Reason))
        .count();
    // 31 of Attendee's own, and the one made of who removed the bot.
    assert_eq!(all_reasons, 32);
}

#[test]
fn ends_of_calls_in_teams_are_complete() {
    let codes = "0/0 0/4097 0/5000 0/5300 0/5317 0/7000 0/7015 403/5828 403/5829 403/5830 403/5221 403/5222 403/510403 \
        408/4506 408/10057 410/3100 410/3101 410/3112 410/301004 410/301005 480/10037 480/10076 480/10077 480/10078 \
        487/10003 487/10004 490/4502 495/4507 496/7 603/0 486/560486 404/560404 408/560408 480/560480 484/560484 \
        503/560503 603/560603";
    known(Provider::Teams, Kind::CallEnd, codes);
    let end = |signal, codes| all(Provider::Teams, Kind::CallEnd, signal, codes);
    end(Signal::NotAllowed, "403/5828 403/5829 403/5830");
    end(Signal::InternalOnly, "403/5221 403/5222");
    end(Signal::ClientIncompatible, "495/4507");
    end(Signal::ConnectionFailed, "490/4502 408/4506 410/3100 480/10037");
    end(Signal::Removed, "0/5000 0/5300");
    end(Signal::CarrierBlocked, "403/510403");
    end(Signal::LineBusy, "486/560486");
    end(Signal::NumberInvalid, "404/560404 484/560484");
    end(Signal::DestinationUnavailable, "408/560408 503/560503");
    for family in ["408/1", "410/1", "480/1", "503/1"] {
        assert_eq!(graph::end(family, None).signal(), Some(Signal::ConnectionFailed), "{family}");
    }
    let organiser = graph::end("0/4097", None).signal().unwrap();
    assert_eq!(before_entry(organiser), Signal::AlreadyOver);
}

#[test]
fn texts_are_recognised() {
    let teams = |signal, text| says(Provider::Teams, signal, text);
    teams(Signal::InLobby, "Hi there! Someone will let you in shortly");
    teams(Signal::WaitingForStart, "Someone will let you in when the meeting starts");
    teams(Signal::Denied, "Sorry, your request to join was declined.");
    teams(Signal::Denied, "You've been denied access to the meeting");
    teams(Signal::Captcha, "Verify you\u{2019}re a real person");
    teams(Signal::SignedInOnly, "You need to be signed in to Teams to access this meeting");
    teams(Signal::SignedInOnly, "Due to org policy, you need to sign in");
    teams(
        Signal::NeverStarted,
        "External participants are not permitted to join before the event begins",
    );
    teams(Signal::UrlUnusable, "Looks like the meeting URL is incorrect");
    teams(Signal::ConnectionFailed, "Sorry, we couldn't connect you");
    teams(Signal::Locked, "The meeting is locked");
    teams(Signal::Full, "This meeting is full");
    let meet = |signal, text| says(Provider::GoogleMeet, signal, text);
    meet(Signal::UrlUnusable, "Check your meeting code");
    meet(Signal::SignedInOnly, "You can't join this video call");
    meet(Signal::Full, "Sorry, this call is full");
    meet(Signal::Denied, "Somebody denied your request");
}

#[test]
fn codes_of_webex_are_complete() {
    let web = |signal, codes| all(Provider::Webex, Kind::SdkWeb, signal, codes);
    web(Signal::PasswordMissing, "REQUIRED");
    web(Signal::PasswordWrong, "WRONG_PASSWORD PasswordError");
    web(Signal::Captcha, "WRONG_CAPTCHA CaptchaError");
    web(Signal::Locked, "MEETING_IS_LOCKED");
    web(Signal::AlreadyOver, "MEETING_IS_TERMINATING");
    web(Signal::HostInactive, "PMR_ACCOUNT_LOCKED");
    web(Signal::Removed, "SELF_REMOVED FULLSTATE_REMOVED");
    known(
        Provider::Webex,
        Kind::SdkWeb,
        "NOT_REQUIRED UNKNOWN VERIFIED NONE OTHER IntentToJoinError JoinMeetingError PermissionError \
        MEETING_INACTIVE_TERMINATING RECORDING_USER_STORAGE_FULL",
    );
    known(
        Provider::Webex,
        Kind::State,
        "active scheduled ready lobby inProgress ended missed expired participant/lobby participant/joined \
        participant/end participant/breakoutSession",
    );
    all(Provider::Webex, Kind::Recording, Signal::FilesDeleted, "deleted purged");
    all(
        Provider::Webex,
        Kind::Setting,
        Signal::NoAudio,
        "audioConnectionType=none audioConnectionType=other",
    );
    all(
        Provider::Webex,
        Kind::Setting,
        Signal::SettingsPrevent,
        "enabledViewParticipantList=false",
    );
    assert_eq!(webex::wire("403001", None).signal(), Some(Signal::PasswordWrong));
    assert_eq!(webex::wire("423001", None).signal(), Some(Signal::Captcha));
    assert_eq!(webex::wire("302", None).signal(), Some(Signal::Redirected));
}

#[test]
fn what_becomes_of_a_telephone_call_is_complete() {
    let sip = |signal, codes| all(Provider::Sip, Kind::Sip, signal, codes);
    sip(Signal::LineBusy, "486 600");
    sip(Signal::CallDeclined, "603");
    sip(Signal::CallUnanswered, "480 408 487");
    sip(Signal::CarrierBlocked, "607 608 603+ 403+ 436 437 438");
    sip(Signal::NumberInvalid, "404 410 484 604");
    sip(Signal::DestinationUnavailable, "500 502 503 504 505 580");
    let cause = |signal, codes| all(Provider::Sip, Kind::Q850, signal, codes);
    cause(Signal::LineBusy, "17");
    cause(Signal::CallDeclined, "21");
    cause(Signal::CallUnanswered, "18 19 31");
    cause(Signal::NumberInvalid, "1 2 3 22 28");
    cause(Signal::DestinationUnavailable, "20 27 34 38 41 42 47");
    known(Provider::Sip, Kind::Q850, "26 29 55 57 58 65 70 79 87 88 102 111 127");
    let twilio = |kind, signal, codes| all(Provider::Twilio, kind, signal, codes);
    twilio(Kind::State, Signal::LineBusy, "busy");
    twilio(Kind::State, Signal::CallUnanswered, "no-answer canceled");
    twilio(Kind::Rest, Signal::CallDeclined, "31603");
    twilio(Kind::Rest, Signal::NumberHighRisk, "13225 21216 13227 21215");
    twilio(Kind::Rest, Signal::NumberInvalid, "13224 21211 21217");
    twilio(Kind::Recording, Signal::DialerImportFailed, "absent failed");
    twilio(Kind::Recording, Signal::FilesDeleted, "deleted");
    twilio(
        Kind::Lookup,
        Signal::NumberInvalid,
        "TOO_SHORT TOO_LONG INVALID_LENGTH INVALID_BUT_POSSIBLE INVALID_COUNTRY_CODE NOT_A_NUMBER",
    );
    known(Provider::Twilio, Kind::Rest, "21210 32224");
    known(Provider::Twilio, Kind::State, "queued initiated ringing in-progress completed failed");
    known(Provider::Twilio, Kind::Recording, "in-progress completed paused stopped processing");
    known(Provider::Twilio, Kind::AnsweredBy, "human machine_start machine_end_beep fax unknown");
    let telnyx = |signal, codes| all(Provider::Telnyx, Kind::Reason, signal, codes);
    telnyx(Signal::LineBusy, "user_busy");
    telnyx(Signal::CallDeclined, "call_rejected");
    telnyx(Signal::CallUnanswered, "no_answer timeout originator_cancel");
    telnyx(Signal::NumberInvalid, "not_found");
    known(Provider::Telnyx, Kind::Reason, "normal_clearing time_limit unspecified");
    let vonage = |signal, codes| all(Provider::Vonage, Kind::State, signal, codes);
    vonage(Signal::LineBusy, "busy");
    vonage(Signal::CallDeclined, "rejected");
    vonage(Signal::CallUnanswered, "unanswered timeout cancelled");
    known(Provider::Vonage, Kind::State, "started ringing answered machine human failed completed");
    let ringcentral = |signal: Signal, code: &str| {
        let meaning = Meaning::of(Provider::RingCentral, Kind::Reason, code, None);
        assert_eq!(meaning.signal(), Some(signal), "{code}");
    };
    ringcentral(Signal::LineBusy, "Busy");
    ringcentral(Signal::CallDeclined, "Rejected");
    for code in ["No Answer", "Missed"] {
        ringcentral(Signal::CallUnanswered, code);
    }
    known(
        Provider::RingCentral,
        Kind::State,
        "Setup Proceeding Answered Disconnected Gone Hold Parked VoiceMail",
    );
    let phone = |signal, codes| all(Provider::ZoomPhone, Kind::Event, signal, codes);
    phone(Signal::CallDeclined, "phone.callee_rejected");
    phone(Signal::CallUnanswered, "phone.callee_missed");
    phone(Signal::FilesDeleted, "phone.recording_deleted");
    phone(Signal::DialerImportFailed, "phone.recording_failed");
    let retell = |signal, codes| all(Provider::Dialer, Kind::Reason, signal, codes);
    retell(Signal::LineBusy, "dial_busy");
    retell(Signal::CarrierBlocked, "marked_as_spam");
    retell(Signal::NumberInvalid, "invalid_destination");
    retell(Signal::DestinationUnavailable, "telephony_provider_unavailable sip_routing_error");
}

#[test]
fn gateways_translate_as_the_rfc_says() {
    let both = [(1, 404), (17, 486), (28, 484)];
    for (cause, response) in both {
        assert_eq!(sip::response_of(cause, true), response);
        assert_eq!(sip::cause_of(response), cause);
    }
    let there = [
        (2, 404),
        (3, 404),
        (18, 408),
        (19, 480),
        (20, 480),
        (22, 410),
        (26, 404),
        (27, 502),
        (29, 501),
        (31, 480),
        (34, 503),
        (38, 503),
        (41, 503),
        (42, 503),
        (47, 503),
        (55, 403),
        (57, 403),
        (87, 403),
        (58, 503),
        (65, 488),
        (70, 488),
        (79, 501),
        (88, 503),
        (102, 504),
        (111, 500),
        (127, 500),
    ];
    for (cause, response) in there {
        assert_eq!(sip::response_of(cause, true), response, "{cause}");
    }
}
