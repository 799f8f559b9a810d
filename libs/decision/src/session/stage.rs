//! Stages: where a session stands, for people and reports.

macro_rules! stages {
    ($( $variant:ident $name:literal $about:literal; )+) => {
        /// Where a session stands. It is derived from the facts and stored nowhere.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stage {
            $( #[doc = $about] $variant, )+
        }

        impl Stage {
            /// Every stage.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Its name in reports, JSON and docs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $( Self::$variant => $about, )+ }
            }
        }
    };
}

stages! {
    Scheduled "SCHEDULED" "Nothing has been set to work yet.";
    Staged "STAGED" "The method was set to work and has not answered yet.";
    Armed "ARMED" "The provider's own recording will begin with the conference.";
    BackingOff "BACKING_OFF" "A passing fault; the next attempt waits for its time.";
    Launching "LAUNCHING" "The recorder starts.";
    Joining "JOINING" "The recorder connects.";
    WaitingForStart "WAIT_START" "The conference has not begun.";
    WaitingForHost "WAIT_HOST" "The host is not there.";
    Lobby "LOBBY" "The recorder waits to be let in.";
    Started "STARTED" "The conference runs; its own recording has not begun.";
    InCall "IN_CALL_NOT_RECORDING" "The recorder is in the conference and does not record.";
    AskingPermission "ASK_PERMISSION" "The host has been asked to permit recording.";
    PermissionDenied "PERMISSION_DENIED" "The host refused; asked again when a host joins.";
    Announcing "ANNOUNCING" "The announcement is being played.";
    Recording "RECORDING" "It is being recorded.";
    Paused "PAUSED" "The recording is paused.";
    Stopped "STOPPED" "The recording stopped, the conference goes on.";
    Initiated "INITIATED" "The telephone call was placed.";
    Ringing "RINGING" "The other side rings.";
    Answered "ANSWERED" "Somebody answered the telephone.";
    WaitingForManualStart "WAIT_MANUAL_START" "The call is recorded only if its user starts it by hand.";
    Leaving "LEAVING" "It is over, with nothing to keep; late news may still change the reason.";
    Processing "PROCESSING" "It is over; the recording is awaited.";
    Importing "IMPORTING" "The recording is being fetched.";
    Ended "ENDED" "It is over for good.";
}
