//! How each code comes about: for every code a live call, a dialled call or an import can end in, the
//! signals that lead there. Played by the tests, and shown in `docs/sessions.md`.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Effect, Heard, Means, Order, Session, Settings, Signal, Timer};
use crate::company::NumberMode;
use crate::skip_code::SkipCode as C;

/// One thing that happens on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A signal, so many seconds from the planned start.
    Hear(i64, Signal),
    /// The recording was imported: when, and how long it is, both in seconds.
    Import(i64, i64),
}

/// One way to a code. After its last step time passes until the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The code it leads to.
    pub code: C,
    /// The methods of the plan, in order.
    pub means: &'static [Means],
    /// The conference is a personal room.
    pub personal_room: bool,
    /// An announcement is due.
    pub announcement: bool,
    /// What holds for the telephone number.
    pub numbers: NumberMode,
    /// What happens.
    pub steps: &'static [Step],
}

const fn way(code: C, means: &'static [Means], steps: &'static [Step]) -> Way {
    let numbers = NumberMode::Automatic;
    Way { code, means, personal_room: false, announcement: false, numbers, steps }
}

const fn dialled(code: C, steps: &'static [Step]) -> Way {
    way(code, CALL, steps)
}

const CLOUD: &[Means] = &[Means::Cloud];
const LOCAL: &[Means] = &[Means::LocalBot];
const BOT: &[Means] = &[Means::Bot];
const CALL: &[Means] = &[Means::Dialer];
const UPLOAD: &[Means] = &[Means::Upload];

use Signal as S;
use Step::{Hear, Import};

/// The ways, by code.
pub const WAYS: &[Way] = &[
    // Codes of planning that a live call can end in.
    way(C::DeletedByUser, BOT, &[Hear(-60, S::MeetingDeleted)]),
    way(C::CanceledByOwner, BOT, &[Hear(-110, S::Launched), Hear(-60, S::CancelAsked)]),
    way(C::Cancelled, BOT, &[Hear(-110, S::Launched), Hear(-60, S::MeetingCancelled)]),
    way(C::RemovedByUserDeactivated, BOT, &[Hear(-60, S::OwnerDeactivated)]),
    way(
        C::HasDoNotRecordUsers,
        BOT,
        &[Hear(-70, S::InCall), Hear(6, S::RecordingStarted), Hear(900, S::NeverRecordJoined)],
    ),
    way(C::CallBlocklisted, BOT, &[Hear(-70, S::InCall), Hear(60, S::CallExcluded)]),
    way(C::InternalMeeting, BOT, &[Hear(-70, S::InCall), Hear(60, S::CallIsInternal)]),
    way(C::UserRecordingOff, BOT, &[Hear(-60, S::CaptureOff)]),
    way(C::InvalidMeetingUrl, BOT, &[Hear(-110, S::Joining), Hear(-100, S::UrlUnusable)]),
    way(C::CallProviderDisabledForCompany, BOT, &[Hear(-60, S::ProviderDisabled)]),
    way(C::ComplianceUserRequest, BOT, &[Hear(-70, S::InCall), Hear(60, S::ConsentRefused)]),
    way(C::ComplianceEnforcing, BOT, &[Hear(-60, S::ConsentBroken)]),
    way(C::ComplianceSystemDecision, BOT, &[Hear(-60, S::ConsentUnverified)]),
    way(C::Duplicate, BOT, &[Hear(-110, S::Joining), Hear(-60, S::SameRoomTwice)]),
    way(C::OverlappingMeeting, BOT, &[Hear(-110, S::Joining), Hear(-60, S::RoomOverlaps)]),
    way(C::InactiveHost, CLOUD, &[Hear(-600, S::Armed), Hear(-300, S::HostInactive)]),
    way(
        C::LocalRecordingNotSupported,
        LOCAL,
        &[Hear(-70, S::InCall), Hear(9, S::LocalRecordingOff)],
    ),
    way(C::CanNotListenIn, BOT, &[Hear(-70, S::InCall), Hear(60, S::NoAudio)]),
    // Codes of a session.
    Way {
        announcement: true,
        ..way(
            C::ComplianceAudioAnnouncement,
            BOT,
            &[Hear(-70, S::InCall), Hear(6, S::Announcing), Hear(9, S::AnnouncementFailed)],
        )
    },
    way(
        C::StopUserRequest,
        BOT,
        &[Hear(-70, S::InCall), Hear(6, S::RecordingStarted), Hear(900, S::StopAsked)],
    ),
    way(
        C::RecordingStoppedByHost,
        CLOUD,
        &[
            Hear(0, S::MeetingStarted),
            Hear(2, S::RecordingStarted),
            Hear(180, S::RecordingStopped),
            Hear(1_800, S::MeetingEnded),
        ],
    ),
    way(C::BadSchedule, BOT, &[Hear(-100, S::WaitingForStart), Hear(30, S::Rescheduled)]),
    way(
        C::KickedOut,
        BOT,
        &[Hear(-70, S::InCall), Hear(6, S::RecordingStarted), Hear(120, S::Removed)],
    ),
    way(C::DeniedEntry, BOT, &[Hear(-70, S::InLobby), Hear(40, S::Denied)]),
    way(
        C::HostDeniedLocalRecording,
        LOCAL,
        &[Hear(-70, S::InCall), Hear(20, S::PermissionDenied), Hear(900, S::MeetingEnded)],
    ),
    way(C::CaptchaVerificationBlockedBot, BOT, &[Hear(-110, S::Joining), Hear(-90, S::Captcha)]),
    way(C::OnlySignedInAttendees, BOT, &[Hear(-110, S::Joining), Hear(-90, S::SignedInOnly)]),
    way(C::InternalMeetingRestricted, BOT, &[Hear(-110, S::Joining), Hear(-90, S::InternalOnly)]),
    way(C::WebClientDisabled, BOT, &[Hear(-110, S::Joining), Hear(-90, S::BrowserJoinOff)]),
    way(C::RestrictedMeetingSettings, BOT, &[Hear(-70, S::InCall), Hear(9, S::SettingsPrevent)]),
    way(C::RestrictedMeeting, BOT, &[Hear(-110, S::Joining), Hear(-90, S::NotAllowed)]),
    way(C::PasswordError, BOT, &[Hear(-110, S::Joining), Hear(-90, S::PasswordWrong)]),
    way(C::PasswordRequired, BOT, &[Hear(-110, S::Joining), Hear(-90, S::PasswordMissing)]),
    // Tried again as long as there is time, and locked to the end.
    way(C::MeetingLocked, BOT, &[Hear(-110, S::Joining), Hear(-100, S::Locked)]),
    way(C::MeetingIsFull, BOT, &[Hear(-110, S::Joining), Hear(-100, S::Full)]),
    way(C::Ended, BOT, &[Hear(-110, S::Joining), Hear(-90, S::AlreadyOver)]),
    Way {
        personal_room: true,
        ..way(
            C::PmiUnmatchedTimes,
            CLOUD,
            &[
                Hear(-2_400, S::MeetingStarted),
                Hear(-2_390, S::RecordingStarted),
                Hear(600, S::RecordingStopped),
                Hear(601, S::MeetingEnded),
            ],
        )
    },
    way(C::HostNeverShowed, BOT, &[Hear(-110, S::Joining), Hear(-60, S::WaitingForHost)]),
    way(C::DidNotStart, BOT, &[Hear(-110, S::Joining), Hear(-60, S::WaitingForStart)]),
    way(C::ConnectorWasNotApproved, BOT, &[Hear(-110, S::Joining), Hear(-70, S::InLobby)]),
    way(C::HostNotAnswered, LOCAL, &[Hear(-110, S::Joining), Hear(-70, S::InCall)]),
    way(C::OnAirTooLongWithoutRecording, CLOUD, &[Hear(0, S::MeetingStarted)]),
    way(
        C::NoCompanyParticipants,
        BOT,
        &[Hear(-70, S::InCall), Hear(6, S::RecordingStarted), Hear(30, S::OthersPresent)],
    ),
    way(C::NoAttendees, BOT, &[Hear(-70, S::InCall), Hear(-69, S::Alone)]),
    way(C::NoShow, CLOUD, &[Hear(-600, S::Armed)]),
    way(C::CannotConnectError, BOT, &[Hear(-110, S::Joining), Hear(-90, S::Redirected)]),
    // No sign of life of any attempt.
    way(C::TempCannotConnectError, BOT, &[]),
    way(C::UnknownState, BOT, &[Hear(-110, S::Joining), Hear(-90, S::FailedUnreadable)]),
    way(C::NotApplicable, BOT, &[Hear(-110, S::Joining), Hear(-90, S::FailedUnexplained)]),
    // Codes of a telephone call.
    dialled(C::InvalidPhoneNumber, &[Hear(0, S::DialStarted), Hear(1, S::NumberInvalid)]),
    dialled(C::HighRisk, &[Hear(0, S::DialStarted), Hear(1, S::NumberHighRisk)]),
    dialled(C::CarrierBlocked, &[Hear(0, S::DialStarted), Hear(1, S::CarrierBlocked)]),
    dialled(C::BusyLine, &[Hear(0, S::DialStarted), Hear(4, S::LineBusy)]),
    dialled(C::CallDeclined, &[Hear(2, S::Ringing), Hear(20, S::CallDeclined)]),
    dialled(
        C::DestinationTemporarilyUnavailable,
        &[Hear(0, S::DialStarted), Hear(3, S::DestinationUnavailable)],
    ),
    Way {
        numbers: NumberMode::Prohibited,
        ..dialled(C::RecordingRestricted, &[Hear(0, S::Ringing), Hear(9, S::Answered)])
    },
    Way {
        numbers: NumberMode::Manual,
        ..dialled(C::ManualRecordingExcluded, &[Hear(9, S::Answered), Hear(300, S::CallEnded)])
    },
    Way {
        numbers: NumberMode::AutomaticExcluded,
        ..dialled(C::AutoRecordingExcluded, &[Hear(9, S::Answered), Hear(300, S::CallEnded)])
    },
    // Codes of the import.
    dialled(
        C::RecordingDeletedByUser,
        &[Hear(9, S::Answered), Hear(300, S::CallEnded), Hear(330, S::FilesDeleted)],
    ),
    way(C::TooShort, UPLOAD, &[Import(60, 29)]),
    way(C::TooLong, UPLOAD, &[Import(60, 21_601)]),
    way(
        C::MissingRecording,
        CLOUD,
        &[
            Hear(0, S::MeetingStarted),
            Hear(2, S::RecordingStarted),
            Hear(1_800, S::RecordingStopped),
            Hear(1_801, S::MeetingEnded),
        ],
    ),
    dialled(
        C::ImportFromDialerFailed,
        &[
            Hear(9, S::Answered),
            Hear(300, S::CallEnded),
            Hear(330, S::FilesReady),
            Hear(360, S::DialerImportFailed),
        ],
    ),
    way(C::ImportFromCustomerUrlFailed, UPLOAD, &[Hear(60, S::UrlImportFailed)]),
    way(C::UnknownMedia, UPLOAD, &[Hear(60, S::MediaUnknown)]),
    way(C::NoContent, UPLOAD, &[Import(60, 600), Hear(60, S::MediaSilent)]),
];

/// What was done on a way, in order, each with its time.
pub type Done = Vec<(DateTime<Utc>, Effect)>;

impl Way {
    /// What is to be carried out: half an hour, with a bot two minutes before the start.
    #[must_use]
    pub fn order(&self, start: DateTime<Utc>) -> Order {
        let end = start + TimeDelta::minutes(30);
        Order {
            means: self.means.to_vec(),
            start,
            end,
            join_at: start - TimeDelta::minutes(2),
            latest_join: start + TimeDelta::minutes(10),
            announcement: self.announcement,
            personal_room: self.personal_room,
            numbers: self.numbers,
        }
    }

    /// Walks the way on a clock that jumps from one thing to the next; the session as it ends, and all it
    /// asked for.
    #[must_use]
    pub fn walk(&self, settings: &Settings, start: DateTime<Utc>) -> (Session, Done) {
        let mut session = Session::new(&self.order(start));
        let mut done = Done::new();
        let mut now = start - TimeDelta::hours(1);
        let wake = |session: &mut Session, done: &mut Done, now: DateTime<Utc>| {
            let effects = session.wake(settings, now);
            done.extend(effects.into_iter().map(|effect| (now, effect)));
        };
        wake(&mut session, &mut done, now);
        for step in self.steps {
            let (at, signal, length) = match *step {
                Hear(at, signal) => (at, signal, None),
                Import(at, length) => (at, S::Imported, Some(TimeDelta::seconds(length))),
            };
            let at = start + TimeDelta::seconds(at);
            while let Some((_, due)) = next(&session).filter(|(_, due)| *due <= at) {
                now = now.max(due);
                wake(&mut session, &mut done, now);
            }
            now = now.max(at);
            let heard = Heard { length, ..Heard::new(signal, at) };
            let effects = session.hear(settings, &heard, now);
            done.extend(effects.into_iter().map(|effect| (now, effect)));
        }
        while let Some((_, due)) = next(&session) {
            now = now.max(due);
            wake(&mut session, &mut done, now);
        }
        (session, done)
    }
}

/// The timer that is due next.
fn next(session: &Session) -> Option<(Timer, DateTime<Utc>)> {
    session.timers().min_by_key(|(timer, due)| (*due, *timer))
}
