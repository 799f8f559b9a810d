//! Neutral signals: everything an adapter may tell of a session, and the one skip code each can end in.
//!
//! An adapter maps the raw codes of its provider to these, and knows no skip code. This table alone maps
//! them on, so that a new provider needs no new policy. Which code shows in the end is decided by the
//! machine ([`super::Session`]): a signal names what it would come to if nothing else explained the end.

use crate::skip_code::SkipCode;

/// What kind of news a signal is, which is all the machine asks of most of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Says {
    /// Where the recorder stands; the latest one by event time holds.
    Progress,
    /// What the conference does.
    Meeting,
    /// Who is there.
    People,
    /// The attempt ended, or cannot succeed.
    Fault(Then),
    /// What the plan was made from holds no more; of no account once a recording has begun.
    Overtaken,
    /// It must not be recorded; whatever was recorded is discarded.
    Forbids,
    /// A person's act: final, and stronger than any fault.
    Act,
    /// Where a telephone call stands.
    Dial,
    /// A telephone call never connected.
    DialFault,
    /// Where the recorded files stand.
    Files,
    /// What was recorded cannot be had, or is of no use.
    FileFault,
    /// Evidence and nothing more.
    Note,
}

impl Says {
    /// Its name in generated docs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Meeting => "meeting",
            Self::People => "people",
            Self::Fault(Then::Retry) => "fault, tried again",
            Self::Fault(Then::NextMethod) => "fault of the method",
            Self::Fault(Then::End) => "end of the attempt",
            Self::Overtaken => "overtaken",
            Self::Forbids => "forbids recording",
            Self::Act => "a person's act",
            Self::Dial => "telephone call",
            Self::DialFault => "never connected",
            Self::Files => "files",
            Self::FileFault => "fault of the files",
            Self::Note => "note",
        }
    }

    pub(super) const fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Progress, Self::Progress)
            | (Self::Meeting, Self::Meeting)
            | (Self::People, Self::People)
            | (Self::Fault(Then::Retry), Self::Fault(Then::Retry))
            | (Self::Fault(Then::NextMethod), Self::Fault(Then::NextMethod))
            | (Self::Fault(Then::End), Self::Fault(Then::End))
            | (Self::Overtaken, Self::Overtaken)
            | (Self::Forbids, Self::Forbids)
            | (Self::Act, Self::Act)
            | (Self::Dial, Self::Dial)
            | (Self::DialFault, Self::DialFault)
            | (Self::Files, Self::Files)
            | (Self::FileFault, Self::FileFault)
            | (Self::Note, Self::Note) => true,
            (
                Self::Progress
                | Self::Meeting
                | Self::People
                | Self::Fault(_)
                | Self::Overtaken
                | Self::Forbids
                | Self::Act
                | Self::Dial
                | Self::DialFault
                | Self::Files
                | Self::FileFault
                | Self::Note,
                _,
            ) => false,
        }
    }
}

/// What follows the failure of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Then {
    /// The same again after a while: the fault may pass.
    Retry,
    /// The plan's next method, where it has one and there is time: this method cannot work here.
    NextMethod,
    /// Nothing: trying again would be futile, unwelcome, or lock the room.
    End,
}

macro_rules! signals {
    ($( $number:literal $variant:ident $name:literal $says:expr, $code:expr, $about:literal $(, for [$decided:pat])?; )+) => {
        /// One thing an adapter may tell. Numbers are stored and never used twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Signal {
            $( #[doc = $about] $variant = $number, )+
        }

        impl Signal {
            /// Every signal, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Its name on the wire and in tables of adapters.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What kind of news it is.
            #[must_use]
            pub const fn says(self) -> Says {
                match self { $( Self::$variant => $says, )+ }
            }

            /// The code it comes to if nothing else explains the end; none for what ends nothing.
            #[must_use]
            pub const fn code(self) -> Option<SkipCode> {
                match self { $( Self::$variant => $code, )+ }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $( Self::$variant => $about, )+ }
            }

            /// What a session under way hears when the decision on its call becomes a skip with that code. Every code
            /// of planning has one, so that no recorder stays whose plan is gone; of the others those that a person or
            /// the calendar is behind. Heard through [`super::Heard::decided`], which takes the code along.
            ///
            /// What protects somebody forbids: a recording that runs is stopped and discarded. What only says that
            /// there would be no plan any more overtakes: it takes the recorder out before a recording has begun, and
            /// one that runs is finished, for nobody asked to end it.
            #[must_use]
            pub const fn of_decision(code: SkipCode) -> Option<Self> {
                match code { $( $( $decided => Some(Self::$variant), )? )+ _ => None }
            }

            /// The signal of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $name => Some(Self::$variant), )+ _ => None }
            }

            /// The signal of that number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

use SkipCode as C;
use Then::{End, NextMethod, Retry};

signals! {
    // Where the recorder stands.
    1 Armed "armed" Says::Progress, None, "The provider's own recording is set to begin by itself.";
    2 Launched "launched" Says::Progress, None, "The recorder's process runs.";
    3 Joining "joining" Says::Progress, None, "The recorder is connecting.";
    4 WaitingForStart "waiting_for_start" Says::Progress, None, "The conference has not begun; the recorder waits for its start.";
    5 WaitingForHost "waiting_for_host" Says::Progress, None, "People wait for the host to open the conference.";
    6 IdentityOwnerAbsent "identity_owner_absent" Says::Progress, None, "The user in whose name the recorder joins is not in the conference yet.";
    7 InLobby "in_lobby" Says::Progress, None, "The recorder waits to be admitted, or was put back to wait.";
    8 Admitted "admitted" Says::Progress, None, "The recorder was let in.";
    9 InCall "in_call" Says::Progress, None, "The recorder is in the conference.";
    10 PermissionAsked "permission_asked" Says::Progress, None, "The host was asked to permit recording.";
    11 PermissionUnanswered "permission_unanswered" Says::Progress, None, "One request for permission ran out without an answer.";
    12 PermissionDenied "permission_denied" Says::Progress, Some(C::HostDeniedLocalRecording), "The host refused permission; asked again when a host joins.";
    13 PermissionGranted "permission_granted" Says::Progress, None, "The host permits recording.";
    14 Announcing "announcing" Says::Progress, None, "The announcement is being played.";
    15 Announced "announced" Says::Progress, None, "The announcement was played to its end.";
    16 RecordingStarted "recording_started" Says::Progress, None, "Recording runs.";
    17 RecordingPaused "recording_paused" Says::Progress, None, "Recording is paused.";
    18 RecordingResumed "recording_resumed" Says::Progress, None, "Recording goes on after a pause.";
    19 RecordingStopped "recording_stopped" Says::Progress, None, "Recording ended; by whom is not told.";
    // What the conference does.
    20 MeetingStarted "meeting_started" Says::Meeting, None, "The conference began.";
    21 StartedAtOtherTime "started_at_other_time" Says::Meeting, Some(C::PmiUnmatchedTimes), "A session in the personal room began outside the time of the event.";
    22 MeetingEnded "meeting_ended" Says::Meeting, None, "The conference ended.";
    23 HostJoined "host_joined" Says::Meeting, None, "A host joined, or somebody became host.";
    24 OwnStop "own_stop" Says::Meeting, None, "The recording was stopped by a command of ours.";
    // Who is there.
    26 CompanyPresent "company_present" Says::People, None, "Somebody of the company is in the conference.";
    27 OthersPresent "others_present" Says::People, None, "Somebody else is in the conference.";
    28 Alone "alone" Says::People, None, "Nobody but recorders is in the conference.";
    29 SilenceBegan "silence_began" Says::People, None, "Nothing is to be heard.";
    30 SilenceBroken "silence_broken" Says::People, None, "Something is to be heard again.";
    // Could not enter.
    31 UrlUnusable "url_unusable" Says::Fault(End), Some(C::InvalidMeetingUrl), "The link leads to no conference, or not any more.";
    32 PasswordMissing "password_missing" Says::Fault(End), Some(C::PasswordRequired), "A passcode is asked for and none is known.";
    33 PasswordWrong "password_wrong" Says::Fault(End), Some(C::PasswordError), "The passcode was refused; a second try could lock the room.";
    34 Captcha "captcha" Says::Fault(End), Some(C::CaptchaVerificationBlockedBot), "Proof of being human is asked for; a second try makes it worse.";
    35 SignedInOnly "signed_in_only" Says::Fault(NextMethod), Some(C::OnlySignedInAttendees), "Only signed-in people are admitted.";
    36 InternalOnly "internal_only" Says::Fault(End), Some(C::InternalMeetingRestricted), "Only the host's organisation is admitted.";
    37 NotAllowed "not_allowed" Says::Fault(End), Some(C::RestrictedMeeting), "The recorder is not among those who may join.";
    38 SettingsPrevent "settings_prevent" Says::Fault(End), Some(C::RestrictedMeetingSettings), "A setting of the conference keeps a recorder from working.";
    39 BrowserJoinOff "browser_join_off" Says::Fault(NextMethod), Some(C::WebClientDisabled), "Joining from a browser is switched off.";
    40 Locked "locked" Says::Fault(Retry), Some(C::MeetingLocked), "The conference is locked.";
    41 Full "full" Says::Fault(Retry), Some(C::MeetingIsFull), "The conference has no room for another participant.";
    42 NoAudio "no_audio" Says::Fault(End), Some(C::CanNotListenIn), "There is no computer audio to hear.";
    43 HostInactive "host_inactive" Says::Fault(End), Some(C::InactiveHost), "The host's account is deactivated.";
    44 ClientIncompatible "client_incompatible" Says::Fault(NextMethod), Some(C::CannotConnectError), "The recorder's program, key or token is not accepted.";
    45 Redirected "redirected" Says::Fault(NextMethod), Some(C::CannotConnectError), "The link leads on to a place a recorder cannot follow.";
    46 ConnectionFailed "connection_failed" Says::Fault(Retry), Some(C::TempCannotConnectError), "A passing fault of network, service or process, before or after joining.";
    47 LobbyTimeout "lobby_timeout" Says::Fault(End), Some(C::ConnectorWasNotApproved), "Nobody let the recorder in while it waited.";
    48 Denied "denied" Says::Fault(End), Some(C::DeniedEntry), "Somebody turned the recorder away.";
    49 IdentityOwnerGone "identity_owner_gone" Says::Fault(End), Some(C::CannotConnectError), "The user in whose name the recorder joins left, or never came though the conference ran.";
    // Entered or waited, and no usable recording.
    50 NeverStarted "never_started" Says::Fault(End), Some(C::DidNotStart), "The conference did not begin in the time it was waited for.";
    51 HostNeverCame "host_never_came" Says::Fault(End), Some(C::HostNeverShowed), "The host did not come in the time the host was waited for.";
    52 AlreadyOver "already_over" Says::Fault(End), Some(C::Ended), "The conference was over when the recorder came.";
    53 NobodyJoined "nobody_joined" Says::Fault(End), Some(C::NoAttendees), "Nobody but the recorder ever joined.";
    54 NoCompanyCame "no_company_came" Says::Fault(End), Some(C::NoCompanyParticipants), "Others came, nobody of the company did.";
    55 NobodyAtAll "nobody_at_all" Says::Fault(End), Some(C::NoShow), "Nobody came, and nothing narrower is known.";
    56 PermissionGivenUp "permission_given_up" Says::Fault(End), Some(C::HostNotAnswered), "No request for permission was answered in the time allowed.";
    57 LocalRecordingOff "local_recording_off" Says::Fault(NextMethod), Some(C::LocalRecordingNotSupported), "The host's account or program cannot permit recording.";
    58 NotRecordingTooLong "not_recording_too_long" Says::Fault(End), Some(C::OnAirTooLongWithoutRecording), "The conference ran too long without a recording.";
    59 AnnouncementFailed "announcement_failed" Says::Fault(End), Some(C::ComplianceAudioAnnouncement), "The announcement could not be played.";
    60 Removed "removed" Says::Fault(End), Some(C::KickedOut), "Somebody removed the recorder.";
    61 HostStopped "host_stopped" Says::Fault(End), Some(C::RecordingStoppedByHost), "The host stopped the recording, or took the permission back.";
    62 NativeImpossible "native_impossible" Says::Fault(NextMethod), None, "The provider's own recording cannot be set: licence, setting, host or connection.";
    63 NativeRefused "native_refused" Says::Fault(NextMethod), None, "The provider refused to begin recording in the running conference.";
    64 FailedUnreadable "failed_unreadable" Says::Fault(End), Some(C::UnknownState), "The attempt ended with a raw code nobody has mapped.";
    65 FailedUnexplained "failed_unexplained" Says::Fault(End), Some(C::NotApplicable), "The attempt ended and no reason came with it.";
    66 DispatchMissed "dispatch_missed" Says::Fault(End), Some(C::CannotConnectError), "The last moment to send a recorder passed.";
    // Ends that need no excuse.
    67 Left "left" Says::Fault(End), None, "The recorder left of its own accord.";
    68 EverybodyLeft "everybody_left" Says::Fault(End), None, "Everybody left, and the recorder after them.";
    69 SilentTooLong "silent_too_long" Says::Fault(End), None, "Nothing was to be heard for too long; the recorder left.";
    70 LastedTooLong "lasted_too_long" Says::Fault(End), Some(C::TooLong), "The recording reached the longest length that is kept; the recorder left.";
    // What the plan was made from holds no more.
    71 MeetingCancelled "meeting_cancelled" Says::Overtaken, Some(C::Cancelled), "The meeting was cancelled or deleted at its source.", for [C::Cancelled];
    72 Rescheduled "rescheduled" Says::Overtaken, Some(C::BadSchedule), "The meeting was moved after the recorder had been sent.", for [C::BadSchedule];
    73 SameRoomTwice "same_room_twice" Says::Overtaken, Some(C::Duplicate), "Another recorder of the company is in this conference.", for [C::Duplicate];
    74 RoomOverlaps "room_overlaps" Says::Overtaken, Some(C::OverlappingMeeting), "Another meeting holds the room at this time.", for [C::OverlappingMeeting];
    // It must not be recorded.
    75 NeverRecordJoined "never_record_joined" Says::Forbids, Some(C::HasDoNotRecordUsers), "Somebody set never to be recorded joined.", for [C::HasDoNotRecordUsers];
    76 ConsentRefused "consent_refused" Says::Forbids, Some(C::ComplianceUserRequest), "A participant refused consent.", for [C::ComplianceUserRequest];
    77 ConsentBroken "consent_broken" Says::Forbids, Some(C::ComplianceEnforcing), "Enforced consent no longer holds for this call.", for [C::ComplianceEnforcing];
    78 ConsentUnverified "consent_unverified" Says::Forbids, Some(C::ComplianceSystemDecision), "Enforced consent can no longer be verified.", for [C::ComplianceSystemDecision];
    79 CallExcluded "call_excluded" Says::Forbids, Some(C::CallBlocklisted), "Somebody on the exclusion list takes part.", for [C::EventBlocklisted | C::CallBlocklisted];
    80 CallIsInternal "call_is_internal" Says::Forbids, Some(C::InternalMeeting), "Everybody present is of the company, which does not record internal calls.", for [C::InternalMeetingRecordingDisabled | C::InternalMeeting];
    81 CaptureOff "capture_off" Says::Forbids, Some(C::UserRecordingOff), "Capture was switched off for the person the call depends on.", for [C::UserRecordingOff];
    82 OwnerDeactivated "owner_deactivated" Says::Forbids, Some(C::RemovedByUserDeactivated), "The owner was deactivated.", for [C::RemovedByUserDeactivated];
    83 ProviderDisabled "provider_disabled" Says::Forbids, Some(C::CallProviderDisabledForCompany), "The company switched the provider off.", for [C::CallProviderDisabledForCompany];
    // A person's act.
    84 StopAsked "stop_asked" Says::Act, Some(C::StopUserRequest), "Somebody entitled to it stopped the recording.", for [C::StopUserRequest];
    85 CancelAsked "cancel_asked" Says::Act, Some(C::CanceledByOwner), "Somebody entitled to it called the recording off.", for [C::CanceledByOwner];
    86 MeetingDeleted "meeting_deleted" Says::Act, Some(C::DeletedByUser), "Somebody deleted the meeting in Callsheet.", for [C::DeletedByUser];
    87 DeletionAsked "deletion_asked" Says::Act, Some(C::RecordingDeletedByUser), "Somebody entitled to it deleted what was recorded.", for [C::RecordingDeletedByUser];
    88 RequestedAgain "requested_again" Says::Note, None, "The recording was asked for anew: a matter for the next plan.";
    // A telephone call.
    89 DialStarted "dial_started" Says::Dial, None, "The call was placed.";
    90 Ringing "ringing" Says::Dial, None, "The other side is ringing.";
    91 Answered "answered" Says::Dial, None, "Somebody answered.";
    92 ManualStart "manual_start" Says::Dial, None, "The user started the recording by hand.";
    93 CallEnded "call_ended" Says::Dial, None, "The call was hung up.";
    94 NumberInvalid "number_invalid" Says::DialFault, Some(C::InvalidPhoneNumber), "The number is none, or nobody's.";
    95 NumberHighRisk "number_high_risk" Says::DialFault, Some(C::HighRisk), "The number or its country counts as high risk.";
    96 CarrierBlocked "carrier_blocked" Says::DialFault, Some(C::CarrierBlocked), "A carrier blocked the caller's number.";
    97 LineBusy "line_busy" Says::DialFault, Some(C::BusyLine), "The line was busy.";
    98 CallDeclined "call_declined" Says::DialFault, Some(C::CallDeclined), "The call was declined.";
    99 CallUnanswered "call_unanswered" Says::DialFault, Some(C::CallDeclined), "Nobody answered, or only a machine where the company wants people.";
    100 DestinationUnavailable "destination_unavailable" Says::DialFault, Some(C::DestinationTemporarilyUnavailable), "The network could not reach the destination.";
    // What was recorded.
    102 FilesProcessing "files_processing" Says::Files, None, "The provider works on the recording.";
    103 FilesMissing "files_missing" Says::Files, None, "Asked for, the recording is not there, or not yet.";
    104 FilesReady "files_ready" Says::Files, None, "The recording can be fetched.";
    105 Fetching "fetching" Says::Files, None, "The recording is being fetched.";
    106 Imported "imported" Says::Files, None, "The recording was fetched and can be played.";
    107 FilesDeleted "files_deleted" Says::FileFault, Some(C::MissingRecording), "The recording was deleted at the provider before it was fetched; of a telephone call, by its user.";
    108 FilesLost "files_lost" Says::FileFault, Some(C::MissingRecording), "The recording is lost at the provider or the recorder.";
    109 FilesNeverCame "files_never_came" Says::FileFault, Some(C::MissingRecording), "The recording did not come in the time it was waited for.";
    110 DialerImportFailed "dialer_import_failed" Says::FileFault, Some(C::ImportFromDialerFailed), "The telephony system did not hand the recording over.";
    111 UrlImportFailed "url_import_failed" Says::FileFault, Some(C::ImportFromCustomerUrlFailed), "The customer's link did not give a recording.";
    112 MediaUnknown "media_unknown" Says::FileFault, Some(C::UnknownMedia), "The file is of no known kind.";
    113 MediaSilent "media_silent" Says::FileFault, Some(C::NoContent), "The file holds silence and no picture.";
    114 MediaEmpty "media_empty" Says::FileFault, Some(C::NoContent), "The file holds no track, or nothing at all.";
    115 MediaTooShort "media_too_short" Says::FileFault, Some(C::TooShort), "The file is shorter than the company keeps.";
    116 MediaTooLong "media_too_long" Says::FileFault, Some(C::TooLong), "The file is longer than can be processed.";
    // Evidence.
    117 Unreadable "unreadable" Says::Note, Some(C::UnknownState), "A raw code nobody has mapped, which ended nothing.";
    // Who is there, as far as a roster tells.
    118 OnlyColleagues "only_colleagues" Says::People, None, "Everybody in the conference is of the company, which records no internal calls; others may still come.";
    119 StrangerPresent "stranger_present" Says::People, None, "Somebody is in the conference of whom nobody can tell whether they are of the company.";
    // What the decision on the call became, where no other signal says it; its code rides along.
    120 PlanFell "plan_fell" Says::Overtaken, Some(C::UnknownState), "There would be no plan for the call any more.", for [
        C::NoIcalId | C::AllDayEvent | C::NoEndTime | C::NoInviteesFromCompany | C::NoOwner
        | C::NotFromOrganizerCalendar | C::NoCrmMatch | C::NoUrl | C::NoValidUrls | C::InvalidMeetingUrl
        | C::ObsoleteCall | C::InactiveHost | C::LocalRecordingNotSupported | C::CanNotListenIn
        | C::InvalidatingByCompanySettings
    ];
    121 PlanForbidden "plan_forbidden" Says::Forbids, Some(C::UnknownState), "The call must not be recorded any more.", for [
        C::BelongsToAnotherCompany | C::PrivateOrConfidential | C::RecordingRestricted
    ];
}

impl Signal {
    /// Its number, as stored.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its place in a [`Signals`].
    pub(super) const fn bit(self) -> u128 {
        1 << (self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip_code::Phase;

    #[test]
    fn every_signal_is_found_by_its_name_and_its_number() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_name(signal.as_str()), Some(*signal));
            assert_eq!(Signal::from_number(signal.number()), Some(*signal));
            assert!(signal.number() < 128, "a set holds no more");
        }
        assert!(Signal::ALL.is_sorted());
    }

    #[test]
    fn what_ends_a_session_has_a_code_except_ends_that_need_no_excuse() {
        let silent = [
            Signal::NativeImpossible,
            Signal::NativeRefused,
            Signal::Left,
            Signal::EverybodyLeft,
            Signal::SilentTooLong,
        ];
        for signal in Signal::ALL {
            let ends = match signal.says() {
                Says::Fault(_)
                | Says::Overtaken
                | Says::Forbids
                | Says::Act
                | Says::DialFault
                | Says::FileFault => true,
                Says::Progress
                | Says::Meeting
                | Says::People
                | Says::Dial
                | Says::Files
                | Says::Note => false,
            };
            if ends && !silent.contains(signal) {
                assert!(signal.code().is_some(), "{}", signal.as_str());
            }
        }
    }

    #[test]
    fn a_session_hears_of_every_code_its_plan_can_fall_to() {
        for code in SkipCode::ALL.iter().copied() {
            let signal = Signal::of_decision(code);
            if code.meta().phase == Phase::Planning {
                assert!(signal.is_some(), "{code}: the recorder would stay");
            }
            let Some(signal) = signal else { continue };
            assert!(matches!(signal.says(), Says::Overtaken | Says::Forbids | Says::Act), "{code}");
            if !matches!(signal, Signal::PlanFell | Signal::PlanForbidden) {
                let said = signal.code().expect("a code");
                assert!(said == code || Some(said) == code.meta().twin, "{code}: {said}");
            }
        }
    }

    #[test]
    fn nothing_is_tried_again_that_the_catalogue_calls_futile() {
        for signal in Signal::ALL {
            if signal.says() == Says::Fault(Then::Retry) {
                assert!(signal.code().is_some_and(|code| code.meta().retryable), "{signal:?}");
            }
        }
        for never in [Signal::PasswordWrong, Signal::PasswordMissing, Signal::Captcha] {
            assert_eq!(never.says(), Says::Fault(Then::End));
        }
    }
}
