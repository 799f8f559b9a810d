//! Raw codes held against the skip codes they are known to lead to, and signals against the tables that give them.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;

use decision::session::Says;
use decision::skip_code::SkipCode as C;
use signals::course::{When, codes};
use signals::{Kind, Meaning, News, Provider, Sense, Signal, graph, sip, table, webex};

use Kind::{
    AnsweredBy, CallEnd, EndReason, Event, Lookup, Permission, Q850, Reason, Recording, Rest,
    SdkNative, SdkWeb, Setting, Sip as SipCode, State, Text,
};
use Provider::{
    Aircall, Attendee, Dialer, GoogleMeet, Recall, RingCentral, Sip, Teams, Telnyx, Twilio, Vonage,
    Webex, Zoom, ZoomPhone,
};

/// What a raw code of a row means: texts by their words, families by their first digits.
fn meaning(provider: Provider, kind: Kind, code: &str) -> Meaning {
    match (provider, kind) {
        (_, Text) => Meaning::of_text(provider, code),
        (Teams, CallEnd) => graph::end(code, None),
        (Webex, Rest) => webex::wire(code, None),
        (Sip, SipCode) => sip::meaning(code, None, None).unwrap(),
        _ => Meaning::of(provider, kind, code, None),
    }
}

/// Every one of these codes, parted by `|`, leads to that skip code: as it stands, at the door, in time, or in a context.
fn leads(code: C, provider: Provider, kind: Kind, raw: &str) {
    for raw in raw.split('|').map(str::trim) {
        let meaning = meaning(provider, kind, raw);
        let signal = meaning.sense().comes_to();
        let found: Vec<_> = signal.into_iter().flat_map(|one| codes(provider, one)).collect();
        assert!(
            found.iter().any(|(_, one)| *one == code),
            "{provider} {} `{raw}` leads to {found:?}, not to {code:?}",
            kind.as_str()
        );
    }
}

#[test]
fn what_keeps_a_recorder_out_leads_to_its_code() {
    leads(C::InvalidMeetingUrl, Zoom, Rest, "300|3001");
    leads(C::InvalidMeetingUrl, Zoom, SdkNative, "8|27");
    leads(C::InvalidMeetingUrl, Zoom, SdkWeb, "3001|3610");
    let recall = |code, raw| leads(code, Recall, Reason, raw);
    recall(C::InvalidMeetingUrl, "meeting_link_invalid|meeting_link_expired|meeting_not_found");
    leads(C::InvalidMeetingUrl, Teams, Text, "Looks like the meeting URL is incorrect");
    leads(C::InvalidMeetingUrl, Webex, Rest, "404");
    leads(C::InvalidMeetingUrl, GoogleMeet, Text, "Check your meeting code");

    leads(C::PasswordRequired, Zoom, State, "REQUIRED_INFO_TYPE_Password");
    leads(C::PasswordRequired, Teams, Text, "Type a meeting passcode");
    leads(C::PasswordRequired, Webex, SdkWeb, "REQUIRED");
    leads(C::PasswordError, Zoom, SdkNative, "4");
    leads(C::PasswordError, Zoom, SdkWeb, "3004");
    recall(C::PasswordError, "meeting_password_incorrect");
    leads(C::PasswordError, Teams, Text, "The passcode is incorrect");
    leads(C::PasswordError, Webex, SdkWeb, "WRONG_PASSWORD");
    leads(C::PasswordError, Webex, Rest, "403001|403004|403028");

    recall(
        C::CaptchaVerificationBlockedBot,
        "zoom_captcha_required|microsoft_teams_captcha_detected",
    );
    leads(C::CaptchaVerificationBlockedBot, Teams, Text, "Verify you're a real person");
    leads(C::CaptchaVerificationBlockedBot, Webex, SdkWeb, "WRONG_CAPTCHA");
    leads(C::CaptchaVerificationBlockedBot, Webex, Rest, "423001|423005");

    leads(C::OnlySignedInAttendees, Zoom, Setting, "meeting_authentication=true");
    leads(C::OnlySignedInAttendees, Zoom, SdkNative, "23|82|504");
    leads(C::OnlySignedInAttendees, Zoom, SdkWeb, "3100|4012");
    recall(
        C::OnlySignedInAttendees,
        "meeting_requires_sign_in|microsoft_teams_sign_in_credentials_missing|microsoft_teams_sign_in_failed|\
        microsoft_teams_2fa_required|google_meet_login_not_available",
    );
    leads(C::OnlySignedInAttendees, Teams, Text, "Due to org policy, you need to sign in");
    leads(C::OnlySignedInAttendees, Teams, Text, "You need to be signed in to Teams to join");
    leads(C::OnlySignedInAttendees, Webex, SdkWeb, "IntentToJoinError");
    leads(C::OnlySignedInAttendees, GoogleMeet, Text, "You can't join this video call");

    leads(C::InternalMeetingRestricted, Zoom, Setting, "internal_meeting=true");
    leads(C::InternalMeetingRestricted, Zoom, SdkNative, "60");
    leads(C::InternalMeetingRestricted, Zoom, SdkWeb, "4007|4011");
    leads(C::InternalMeetingRestricted, Teams, CallEnd, "403/5221|403/5222");
    leads(C::InternalMeetingRestricted, GoogleMeet, Setting, "accessType=RESTRICTED");

    leads(C::RestrictedMeeting, Zoom, SdkNative, "13|14|62|64|63|22|20|21");
    leads(C::RestrictedMeeting, Zoom, SdkWeb, "3620|6603|3099");
    recall(
        C::RestrictedMeeting,
        "zoom_email_blocked_by_admin|zoom_account_blocked|registration_required|zoom_sdk_app_not_published|\
        google_meet_bot_blocked|microsoft_teams_bot_not_invited",
    );
    leads(C::RestrictedMeeting, Teams, CallEnd, "403/5828|403/5829|403/5830");
    leads(C::RestrictedMeeting, Teams, Setting, "ExternalBotAccessMode=BlockDetectedBots");

    leads(C::RestrictedMeetingSettings, Zoom, Setting, "encryption_type=e2ee");
    recall(
        C::RestrictedMeetingSettings,
        "zoom_meeting_not_accessible|microsoft_teams_breakout_room_unsupported",
    );
    leads(C::RestrictedMeetingSettings, Webex, Setting, "enabledViewParticipantList=false");

    leads(C::WebClientDisabled, Zoom, Setting, "show_a_join_from_your_browser_link=false");
    leads(C::WebClientDisabled, Zoom, SdkWeb, "3603|3611");
    recall(C::WebClientDisabled, "zoom_web_disallowed");
    leads(C::WebClientDisabled, Teams, Setting, "BlockedAnonymousJoinClientTypes=web");

    leads(C::MeetingLocked, Zoom, SdkNative, "12");
    leads(C::MeetingLocked, Zoom, SdkWeb, "4006");
    leads(C::MeetingLocked, Zoom, State, "locked");
    recall(C::MeetingLocked, "meeting_locked");
    leads(C::MeetingLocked, Teams, Text, "The meeting is locked");
    leads(C::MeetingLocked, Webex, SdkWeb, "MEETING_IS_LOCKED");
    leads(C::MeetingLocked, Webex, Setting, "controls.locked=true");
    leads(C::MeetingLocked, GoogleMeet, Text, "The host has closed entry");

    leads(C::MeetingIsFull, Zoom, SdkNative, "9|19");
    leads(C::MeetingIsFull, Zoom, SdkWeb, "4005");
    recall(C::MeetingIsFull, "meeting_full");
    leads(C::MeetingIsFull, Teams, Text, "This meeting is full");
    leads(C::MeetingIsFull, GoogleMeet, Text, "Sorry, this call is full");

    leads(
        C::CanNotListenIn,
        Zoom,
        Setting,
        "audio=telephony|audio=thirdParty|audio_type=telephony|audio_type=thirdParty",
    );
    leads(C::CanNotListenIn, Zoom, SdkWeb, "3608");
    leads(C::CanNotListenIn, Webex, Setting, "audioConnectionType=none|audioConnectionType=other");

    leads(C::InactiveHost, Zoom, Event, "user.deactivated|user.deleted|user.disassociated");
    leads(C::InactiveHost, Zoom, Rest, "1001");
    leads(C::InactiveHost, Zoom, Setting, "status=inactive");
    leads(C::InactiveHost, Zoom, SdkWeb, "3625|3702|3709");
    recall(C::InactiveHost, "zoom_meeting_host_inactive");
    leads(C::InactiveHost, Webex, SdkWeb, "PMR_ACCOUNT_LOCKED");
}

#[test]
fn what_fails_on_the_way_leads_to_its_code() {
    let recall = |code, raw| leads(code, Recall, Reason, raw);
    leads(C::CannotConnectError, Zoom, Rest, "4700|4711");
    leads(C::CannotConnectError, Zoom, Event, "app_deauthorized");
    leads(C::CannotConnectError, Zoom, SdkNative, "10|24|15|500|502|503|505|506");
    leads(C::CannotConnectError, Zoom, SdkWeb, "10000|3704|3705|3708|3710|3712|3713|4013");
    recall(
        C::CannotConnectError,
        "zoom_sdk_update_required|zoom_invalid_signature|zoom_invalid_join_token|bot_errored|\
        microsoft_teams_internal_error|webex_join_meeting_error",
    );
    leads(C::CannotConnectError, Teams, CallEnd, "495/4507");
    leads(C::CannotConnectError, Webex, Rest, "302");
    leads(C::CannotConnectError, Zoom, SdkNative, "501");
    leads(C::CannotConnectError, Zoom, SdkWeb, "4017");
    leads(C::CannotConnectError, Zoom, EndReason, "8");

    leads(C::TempCannotConnectError, Zoom, Rest, "429");
    leads(C::TempCannotConnectError, Zoom, SdkNative, "1|2|3|5|11|16|17|18");
    leads(C::TempCannotConnectError, Zoom, SdkWeb, "3621|4000|4001|4009");
    recall(
        C::TempCannotConnectError,
        "zoom_connection_failed|zoom_join_timeout|failed_to_launch_in_time|microsoft_teams_call_dropped",
    );
    leads(C::TempCannotConnectError, Recall, Rest, "507");
    leads(
        C::TempCannotConnectError,
        Teams,
        CallEnd,
        "408/1|410/3100|410/1|480/10037|480/1|490/4502|503/1",
    );
    leads(C::TempCannotConnectError, Webex, Rest, "500|502|503|504");
    leads(C::TempCannotConnectError, GoogleMeet, Rest, "500|503");

    leads(
        C::ConnectorWasNotApproved,
        Zoom,
        Event,
        "meeting.participant_joined_waiting_room|meeting.participant_put_in_waiting_room",
    );
    leads(C::ConnectorWasNotApproved, Zoom, State, "in_waiting_room");
    recall(
        C::ConnectorWasNotApproved,
        "timeout_exceeded_waiting_room|zoom_bot_in_waiting_room|call_ended_by_platform_waiting_room_timeout",
    );
    leads(C::ConnectorWasNotApproved, Teams, State, "roster.isInLobby");
    leads(C::ConnectorWasNotApproved, Teams, Text, "Someone will let you in shortly");
    leads(C::ConnectorWasNotApproved, Webex, State, "participant/lobby|_IN_LOBBY_");

    leads(C::DeniedEntry, Zoom, SdkNative, "61");
    leads(C::DeniedEntry, Zoom, EndReason, "1");
    leads(C::DeniedEntry, Zoom, SdkWeb, "3009");
    recall(C::DeniedEntry, "bot_kicked_from_waiting_room");
    leads(C::DeniedEntry, Teams, Text, "Your request to join was declined");
    leads(C::DeniedEntry, Teams, Text, "You've been denied access to the meeting");
    leads(C::DeniedEntry, GoogleMeet, Text, "Somebody denied your request");
    leads(C::DeniedEntry, Webex, SdkWeb, "SELF_REMOVED");
}

#[test]
fn what_leaves_a_conference_unrecorded_leads_to_its_code() {
    let recall = |code, raw| leads(code, Recall, Reason, raw);
    leads(C::DidNotStart, Zoom, SdkNative, "7");
    leads(C::DidNotStart, Zoom, SdkWeb, "3008");
    recall(C::DidNotStart, "meeting_not_started|microsoft_teams_event_not_started_for_external");
    leads(C::DidNotStart, Teams, Text, "Someone will let you in when the meeting starts");
    leads(
        C::DidNotStart,
        Teams,
        Text,
        "External participants are not permitted to join before the event begins",
    );
    leads(C::DidNotStart, Webex, State, "scheduled|ready|missed");

    leads(C::HostNeverShowed, Zoom, Event, "meeting.participant_jbh_waiting");
    leads(C::HostNeverShowed, Zoom, State, "waitingforhost");
    leads(C::HostNeverShowed, Zoom, EndReason, "3");
    recall(C::HostNeverShowed, "zoom_host_not_present");
    leads(C::HostNeverShowed, Webex, State, "lobby");

    leads(C::BadSchedule, Zoom, Event, "meeting.updated");
    leads(C::BadSchedule, Webex, Event, "meetings.updated");
    recall(C::PmiUnmatchedTimes, "zoom_another_meeting_in_progress");

    leads(C::Ended, Zoom, Event, "meeting.ended");
    leads(C::Ended, Zoom, SdkNative, "6");
    leads(C::Ended, Zoom, SdkWeb, "4004");
    leads(C::Ended, Zoom, EndReason, "2");
    recall(C::Ended, "meeting_ended");
    leads(C::Ended, Teams, CallEnd, "0/4097");
    leads(C::Ended, Webex, SdkWeb, "MEETING_IS_TERMINATING");
    leads(C::Ended, Webex, State, "ended");
    leads(C::Ended, GoogleMeet, Text, "This call has ended");

    recall(C::NoAttendees, "timeout_exceeded_noone_joined");
    leads(C::NoAttendees, Zoom, EndReason, "4");

    leads(C::HostDeniedLocalRecording, Zoom, Permission, "Denied");
    recall(C::HostDeniedLocalRecording, "zoom_local_recording_request_denied_by_host");
    leads(C::HostNotAnswered, Zoom, Permission, "Timeout");
    recall(C::HostNotAnswered, "zoom_local_recording_denied");
    leads(C::LocalRecordingNotSupported, Zoom, Setting, "local_recording=false");
    leads(C::LocalRecordingNotSupported, Zoom, Permission, "not_supported");
    recall(
        C::LocalRecordingNotSupported,
        "zoom_local_recording_disabled|zoom_local_recording_request_disabled|\
        zoom_local_recording_request_disabled_by_host|zoom_local_recording_grant_not_supported",
    );

    recall(C::OnAirTooLongWithoutRecording, "timeout_exceeded_in_call_not_recording");
    leads(C::OnAirTooLongWithoutRecording, Webex, Setting, "controls.recordingStarted=false");
    leads(C::ComplianceAudioAnnouncement, Teams, State, "playPromptOperation.failed");

    leads(C::KickedOut, Zoom, Text, "Removed by host");
    leads(C::KickedOut, Zoom, SdkNative, "61");
    leads(C::KickedOut, Zoom, EndReason, "1");
    recall(C::KickedOut, "bot_kicked_from_call");
    leads(C::KickedOut, Teams, CallEnd, "0/5000|0/5300");
    leads(C::KickedOut, Webex, SdkWeb, "SELF_REMOVED|FULLSTATE_REMOVED");
    leads(C::KickedOut, GoogleMeet, Text, "You've been removed from the meeting");
    leads(C::RecordingStoppedByHost, Zoom, Permission, "revoked");

    leads(C::Cancelled, Zoom, Event, "meeting.deleted|meeting.permanently_deleted");
    leads(C::Cancelled, Webex, Event, "meetings.deleted");
    leads(C::Cancelled, Teams, Event, "onlineMeeting.deleted");
    leads(C::Duplicate, Zoom, SdkWeb, "4008");
    leads(C::Duplicate, Zoom, SdkNative, "28");
    recall(C::Duplicate, "zoom_error_multiple_device_join");

    leads(C::MissingRecording, Zoom, Event, "recording.trashed|recording.deleted");
    leads(C::MissingRecording, Zoom, Event, "recording.cloud_storage_usage_updated");
    leads(C::MissingRecording, Zoom, Rest, "3301");
    leads(C::MissingRecording, Webex, Recording, "deleted|purged");
    leads(C::MissingRecording, GoogleMeet, Rest, "404");
    leads(C::MissingRecording, GoogleMeet, Recording, "ended");
    leads(C::MissingRecording, Recall, State, "recording.failed|media_expired");
    recall(C::TooLong, "call_ended_by_platform_max_length");
    leads(C::UnknownState, Zoom, SdkNative, "65535|0xffff");
    leads(C::NotApplicable, Recall, State, "fatal");
    leads(C::NotApplicable, Attendee, State, "fatal_error");
}

#[test]
fn what_becomes_of_a_telephone_call_leads_to_its_code() {
    let sip = |code, raw| leads(code, Sip, SipCode, raw);
    let cause = |code, raw| leads(code, Sip, Q850, raw);
    let twilio = |code, kind, raw| leads(code, Twilio, kind, raw);
    sip(C::BusyLine, "486|600");
    cause(C::BusyLine, "17");
    twilio(C::BusyLine, State, "busy");
    leads(C::BusyLine, Telnyx, Reason, "user_busy");
    leads(C::BusyLine, Vonage, State, "busy");
    leads(C::BusyLine, RingCentral, Reason, "Busy|TargetBusy");
    leads(C::BusyLine, Teams, CallEnd, "486/560486");
    leads(C::BusyLine, Dialer, Reason, "dial_busy");

    sip(C::CallDeclined, "603|480|408|487");
    cause(C::CallDeclined, "21|18|19|31");
    twilio(C::CallDeclined, State, "no-answer|canceled");
    twilio(C::CallDeclined, Rest, "31603");
    twilio(C::CallDeclined, AnsweredBy, "machine_start|fax");
    leads(C::CallDeclined, Vonage, State, "rejected|unanswered|timeout|machine");
    leads(C::CallDeclined, Telnyx, Reason, "call_rejected|no_answer|timeout");
    leads(C::CallDeclined, Aircall, Reason, "agents_did_not_answer|no_available_agent");
    leads(C::CallDeclined, ZoomPhone, Event, "phone.callee_rejected|phone.callee_missed");
    leads(C::CallDeclined, RingCentral, Reason, "No Answer|Missed|Rejected");

    sip(C::CarrierBlocked, "607|608|436|437|438");
    leads(C::CarrierBlocked, Teams, CallEnd, "403/510403");
    leads(C::CarrierBlocked, Dialer, Reason, "marked_as_spam");
    twilio(C::HighRisk, Rest, "13225|21216|13227|21215");
    leads(C::HighRisk, Dialer, Reason, "fraud|geo_permission");

    sip(C::InvalidPhoneNumber, "404|410|484|604");
    cause(C::InvalidPhoneNumber, "1|2|3|22|28");
    twilio(C::InvalidPhoneNumber, Rest, "13224|21211|21217");
    twilio(C::InvalidPhoneNumber, Lookup, "TOO_SHORT|TOO_LONG|NOT_A_NUMBER|INVALID_COUNTRY_CODE");
    leads(C::InvalidPhoneNumber, Telnyx, Reason, "not_found");
    leads(C::InvalidPhoneNumber, Dialer, Reason, "invalid_destination");
    leads(C::InvalidPhoneNumber, Teams, CallEnd, "404/560404|484/560484");

    sip(C::DestinationTemporarilyUnavailable, "500|502|503|504|505|580");
    cause(C::DestinationTemporarilyUnavailable, "20|27|34|38|41|42|47");
    twilio(C::DestinationTemporarilyUnavailable, State, "failed");
    leads(C::DestinationTemporarilyUnavailable, Teams, CallEnd, "408/560408|503/560503");
    leads(
        C::DestinationTemporarilyUnavailable,
        Dialer,
        Reason,
        "telephony_provider_unavailable|sip_routing_error",
    );

    twilio(C::RecordingDeletedByUser, Recording, "deleted");
    leads(C::RecordingDeletedByUser, ZoomPhone, Event, "phone.recording_deleted");
    leads(C::RecordingDeletedByUser, Aircall, Event, "call.recording_deleted");
    leads(C::MissingRecording, Dialer, Rest, "404");
    leads(C::ImportFromDialerFailed, Dialer, Rest, "401|403|410");
    leads(C::ImportFromDialerFailed, ZoomPhone, Event, "phone.recording_failed");
    twilio(C::ImportFromDialerFailed, Recording, "absent|failed");
}

/// Signals no table gives, because no provider knows them: ours to conclude, from timers, commands, calendars and files.
const OURS: [Signal; 18] = [
    Signal::Armed,
    Signal::PermissionAsked,
    Signal::NoCompanyCame,
    Signal::NobodyAtAll,
    Signal::NativeRefused,
    Signal::DispatchMissed,
    Signal::RoomOverlaps,
    Signal::PlanFell,
    Signal::RequestedAgain,
    Signal::Fetching,
    Signal::Imported,
    Signal::FilesNeverCame,
    Signal::UrlImportFailed,
    Signal::MediaUnknown,
    Signal::MediaSilent,
    Signal::MediaEmpty,
    Signal::MediaTooShort,
    Signal::MediaTooLong,
];

/// Whether it is ours by its nature: what the company decides, what people ask of us, who is known to whom. That a
/// recording was started by hand is no code, but said of the recording.
fn is_ours(signal: Signal) -> bool {
    let by_nature = matches!(signal.says(), Says::Forbids | Says::Act | Says::People);
    by_nature || signal == Signal::ManualStart || OURS.contains(&signal)
}

#[test]
fn every_signal_a_provider_can_give_is_given_by_a_table() {
    let given: BTreeSet<Signal> =
        table::rows().iter().filter_map(|row| row.sense.comes_to()).collect();
    let mut missing = Vec::new();
    for signal in Signal::ALL {
        if given.contains(signal) == is_ours(*signal) {
            missing.push(signal);
        }
    }
    assert_eq!(missing, Vec::<&Signal>::new());
}

#[test]
fn every_news_is_told_by_a_table() {
    for news in News::ALL {
        let sense = Sense::News(*news);
        assert!(table::rows().iter().any(|row| row.sense == sense), "{news}");
    }
}

#[test]
fn what_happens_to_a_recorder_is_no_news_of_others() {
    // A webhook of a conference names people; what they do is a signal only if one of them is the recorder.
    let of_recorder = [
        Signal::InLobby,
        Signal::Admitted,
        Signal::InCall,
        Signal::Removed,
        Signal::Denied,
        Signal::Left,
        Signal::ConnectionFailed,
        Signal::Locked,
    ];
    for row in table::rows() {
        let webhook = row.kind == Event && [Zoom, Teams, Webex, GoogleMeet].contains(&row.provider);
        let wrong = row.sense.signal().is_some_and(|signal| of_recorder.contains(&signal));
        assert!(!(webhook && wrong), "{} {}", row.provider, row.code);
    }
}

#[test]
fn a_code_is_reached_at_once_at_the_door_or_in_time() {
    let whens: BTreeSet<When> = table::rows()
        .iter()
        .filter_map(|row| Some((row.provider, row.sense.comes_to()?)))
        .flat_map(|(provider, signal)| codes(provider, signal))
        .map(|(when, _)| when)
        .collect();
    assert_eq!(whens.len(), 3);
}
