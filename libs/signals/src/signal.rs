//! What can happen to a recording, in words no provider owns.

use std::fmt;

/// Where in the course of a recording a signal belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It is going as it should.
    Course,
    /// A conference that could not be entered.
    Entry,
    /// A conference that was entered or waited for, without a usable recording.
    Outcome,
    /// A telephone call that was not connected, or whose recording went missing.
    Dial,
    /// About accounts, settings and subscriptions rather than one call.
    House,
}

macro_rules! signals {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal in $stage:ident;)+) => {
        /// A neutral signal: the meaning of a provider's raw code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Signal {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Signal {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in tables, evidence and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Where in the course of a recording it belongs.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self {
                    $(Self::$name => Stage::$stage,)+
                }
            }
        }
    };
}

signals! {
    /// The link leads to no meeting: it cannot be parsed, it has expired, or nobody knows its id.
    UrlUnparseable = "url_unparseable" in Entry;
    /// A passcode is asked for, and none is known.
    PasswordMissing = "password_missing" in Entry;
    /// The passcode was refused. Never to be tried again: several failures lock the room.
    PasswordWrong = "password_wrong" in Entry;
    /// The bot was asked to prove that it is a person.
    Captcha = "captcha" in Entry;
    /// Only people who signed in are let in.
    SignedInOnly = "signed_in_only" in Entry;
    /// Only members of the host's organisation are let in.
    InternalOnly = "internal_only" in Entry;
    /// This participant, its account or its domain is not let in.
    ParticipantNotAllowed = "participant_not_allowed" in Entry;
    /// A setting of the meeting keeps a bot from doing its work.
    SettingsPrevent = "settings_prevent" in Entry;
    /// Joining from a browser is switched off.
    BrowserJoinOff = "browser_join_off" in Entry;
    /// The host locked the meeting.
    Locked = "locked" in Entry;
    /// There is no room left.
    Full = "full" in Entry;
    /// The meeting has no audio that a computer can hear.
    NoVoip = "no_voip" in Entry;
    /// The host's account is deactivated or deleted.
    HostInactive = "host_inactive" in Entry;
    /// Our client, key or token is not accepted; trying again changes nothing.
    ClientIncompatible = "client_incompatible" in Entry;
    /// The join link leads elsewhere, and was not followed.
    Redirect = "redirect" in Entry;
    /// Trouble of the moment: trying again may help.
    Transient = "transient" in Entry;
    /// Nobody let the bot in from the lobby in time.
    LobbyTimeout = "lobby_timeout" in Entry;
    /// Somebody refused to let the bot in.
    Denied = "denied" in Entry;
    /// The person on whose behalf the bot joins is not in the meeting.
    IdentityOwnerAbsent = "identity_owner_absent" in Entry;

    /// The meeting did not begin.
    NeverStarted = "never_started" in Outcome;
    /// People waited for the host, who did not come.
    HostWaitExpired = "host_wait_expired" in Outcome;
    /// The meeting took place at another time than the bot was sent for.
    WrongTime = "wrong_time" in Outcome;
    /// A personal room ran at a time that does not fit the event.
    PmiTimeMismatch = "pmi_time_mismatch" in Outcome;
    /// The meeting was over when the bot came.
    AlreadyOver = "already_over" in Outcome;
    /// Nobody but the bot was there.
    BotAlone = "bot_alone" in Outcome;
    /// Nobody of the company was there.
    NoCompanyPerson = "no_company_person" in Outcome;
    /// Nobody came, and no more is known.
    NobodyAtAll = "nobody_at_all" in Outcome;
    /// The host refused to be recorded.
    PermissionDenied = "permission_denied" in Outcome;
    /// The host did not answer whether recording is permitted.
    PermissionUnanswered = "permission_unanswered" in Outcome;
    /// Local recording is switched off, or the host's client cannot permit it.
    FeatureOff = "feature_off" in Outcome;
    /// The bot was in the meeting for too long without a recording.
    InMeetingNotRecording = "in_meeting_not_recording" in Outcome;
    /// The announcement could not be played.
    AnnouncementFailed = "announcement_failed" in Outcome;
    /// The bot was thrown out.
    Removed = "removed" in Outcome;
    /// The host stopped a native recording.
    HostStoppedNative = "host_stopped_native" in Outcome;
    /// We stopped it ourselves.
    OurStop = "our_stop" in Outcome;
    /// The meeting was deleted at the provider.
    Cancelled = "cancelled" in Outcome;
    /// Another bot, or the same one twice, is in the same room.
    SameRoomTwice = "same_room_twice" in Outcome;
    /// The host's recording was switched off after planning.
    HostSwitchedOff = "host_switched_off" in Outcome;
    /// The recording holds neither sound nor picture.
    EmptyMedia = "empty_media" in Outcome;
    /// The recording cannot be had any more.
    RecordingGone = "recording_gone" in Outcome;
    /// A recording at a customer's address could not be fetched.
    CustomerUrl = "customer_url" in Outcome;
    /// The file is of no kind we know.
    UnsupportedFile = "unsupported_file" in Outcome;
    /// The length of the recording is out of bounds, or the platform ended the call at its own bound.
    Duration = "duration" in Outcome;
    /// The provider reported something it could not explain itself.
    UnreadableState = "unreadable_state" in Outcome;

    /// The line was busy.
    Busy = "busy" in Dial;
    /// The called person declined, or was not there to answer.
    Declined = "declined" in Dial;
    /// A carrier blocked the call, or flagged our number.
    CarrierBlocked = "carrier_blocked" in Dial;
    /// The call was not placed because of a risk of fraud, or because the destination is not permitted.
    HighRisk = "high_risk" in Dial;
    /// There is no such number.
    InvalidNumber = "invalid_number" in Dial;
    /// The destination cannot be reached at the moment.
    DestinationUnavailable = "destination_unavailable" in Dial;
    /// A person deleted the recording of a telephone call.
    RecordingDeleted = "recording_deleted" in Dial;
    /// The recording of a telephone call failed, or cannot be fetched.
    ImportFailed = "import_failed" in Dial;

    /// A bot is booked for later.
    Scheduled = "scheduled" in Course;
    /// A bot has its resources and waits for its time.
    Staged = "staged" in Course;
    /// A bot is being started.
    Launching = "launching" in Course;
    /// A bot is on its way into the meeting.
    Joining = "joining" in Course;
    /// The meeting has not begun yet.
    WaitStart = "wait_start" in Course;
    /// The host has not come yet.
    WaitHost = "wait_host" in Course;
    /// Somebody (the bot, where it is a bot's signal) is in the lobby.
    Lobby = "lobby" in Course;
    /// Somebody left the lobby; whether to the inside is told by what comes next.
    LobbyLeft = "lobby_left" in Course;
    /// Somebody was let in from the lobby.
    Admitted = "admitted" in Course;
    /// The bot is in the meeting and does not record yet.
    InCallNotRecording = "in_call_not_recording" in Course;
    /// The host is being asked whether recording is permitted.
    AskPermission = "ask_permission" in Course;
    /// Recording is permitted.
    PermissionGranted = "permission_granted" in Course;
    /// The announcement is being played.
    Announcing = "announcing" in Course;
    /// A recording runs.
    RecordingStarted = "recording_started" in Course;
    /// The recording pauses.
    RecordingPaused = "recording_paused" in Course;
    /// The recording runs again.
    RecordingResumed = "recording_resumed" in Course;
    /// The recording was stopped; by whom is not said.
    RecordingStopped = "recording_stopped" in Course;
    /// The bot is on its way out.
    Leaving = "leaving" in Course;
    /// The bot is out of the meeting, with nothing wrong about it.
    CallEnded = "call_ended" in Course;
    /// Media are being processed.
    Uploading = "uploading" in Course;
    /// The recording can be fetched.
    RecordingReady = "recording_ready" in Course;
    /// The transcript can be fetched.
    TranscriptReady = "transcript_ready" in Course;
    /// A recording that was in the bin is back.
    RecordingRestored = "recording_restored" in Course;
    /// The bot has nothing more to do.
    Done = "done" in Course;
    /// The meeting was made.
    MeetingPlanned = "meeting_planned" in Course;
    /// The meeting was changed: time, settings, link.
    MeetingChanged = "meeting_changed" in Course;
    /// A deleted meeting is back.
    MeetingRestored = "meeting_restored" in Course;
    /// The meeting began.
    MeetingStarted = "meeting_started" in Course;
    /// The meeting ended.
    MeetingEnded = "meeting_ended" in Course;
    /// Somebody came in.
    ParticipantJoined = "participant_joined" in Course;
    /// Somebody left.
    ParticipantLeft = "participant_left" in Course;
    /// A call is being placed or has come in.
    DialInitiated = "dial_initiated" in Course;
    /// It rings.
    Ringing = "ringing" in Course;
    /// A person, or whoever it is, answered.
    Answered = "answered" in Course;
    /// A machine answered.
    MachineAnswered = "machine_answered" in Course;
    /// An answered call is over.
    DialCompleted = "dial_completed" in Course;

    /// Something about a host or an account changed: its future meetings are to be planned again.
    SettingsChanged = "settings_changed" in House;
    /// The provider took our access away.
    AccessLost = "access_lost" in House;
    /// A subscription wants to be confirmed.
    SubscriptionEnding = "subscription_ending" in House;
    /// A subscription is gone.
    SubscriptionLost = "subscription_lost" in House;
    /// Notifications were lost: read everything again.
    SignalsMissed = "signals_missed" in House;
    /// The provider is out of storage for recordings.
    StorageFull = "storage_full" in House;
}

impl Signal {
    /// The signal of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|signal| signal.as_str() == name)
    }

    /// The same news to a bot that is not inside yet: removal from a lobby is a refusal, the end of a meeting not entered
    /// makes it one that was over already.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others mean the same at the door")]
    pub const fn before_entry(self) -> Self {
        match self {
            Self::Removed => Self::Denied,
            Self::MeetingEnded => Self::AlreadyOver,
            other => other,
        }
    }

    /// The same news to a bot that is inside: the opposite of [`Signal::before_entry`].
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others mean the same inside")]
    pub const fn after_entry(self) -> Self {
        match self {
            Self::Denied => Self::Removed,
            Self::AlreadyOver => Self::MeetingEnded,
            other => other,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_different_and_lead_back() {
        let names: BTreeSet<&str> = Signal::ALL.iter().map(|signal| signal.as_str()).collect();
        assert_eq!(names.len(), Signal::ALL.len());
        for signal in Signal::ALL {
            assert_eq!(Signal::from_name(signal.as_str()), Some(*signal));
        }
        assert_eq!(Signal::from_name("eclipse"), None);
    }

    #[test]
    fn who_is_thrown_out_of_the_lobby_was_refused() {
        assert_eq!(Signal::Removed.before_entry(), Signal::Denied);
        assert_eq!(Signal::Denied.after_entry(), Signal::Removed);
        assert_eq!(Signal::Locked.before_entry(), Signal::Locked);
        assert_eq!(Signal::AlreadyOver.after_entry(), Signal::MeetingEnded);
    }
}
