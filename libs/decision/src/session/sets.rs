//! Sets of signals, and those that the machine asks about together.

use super::signal::{Says, Signal, Then};

/// A set of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signals(pub(super) u128);

impl Signals {
    /// All that say this.
    pub(super) const fn saying(says: Says) -> Self {
        let mut set = 0;
        let mut rest = Signal::ALL;
        while let [first, others @ ..] = rest {
            if first.says().is(says) {
                set |= first.bit();
            }
            rest = others;
        }
        Self(set)
    }

    /// These.
    pub(super) const fn these(mut rest: &[Signal]) -> Self {
        let mut set = 0;
        while let [first, others @ ..] = rest {
            set |= first.bit();
            rest = others;
        }
        Self(set)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn contains(self, signal: Signal) -> bool {
        self.0 & signal.bit() != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it, by number.
    pub(super) fn iter(self) -> impl Iterator<Item = Signal> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while rest != 0 {
                let number = rest.trailing_zeros();
                rest &= rest - 1;
                if let Some(signal) = u8::try_from(number).ok().and_then(Signal::from_number) {
                    return Some(signal);
                }
            }
            None
        })
    }
}

pub(super) const FAULTS: Signals = Signals::saying(Says::Fault(Then::Retry))
    .or(Signals::saying(Says::Fault(Then::NextMethod)))
    .or(Signals::saying(Says::Fault(Then::End)));
pub(super) const RETRIES: Signals = Signals::saying(Says::Fault(Then::Retry));
pub(super) const NEXT_METHODS: Signals = Signals::saying(Says::Fault(Then::NextMethod));
pub(super) const ENDS: Signals = Signals::saying(Says::Fault(Then::End));
pub(super) const PROGRESS: Signals = Signals::saying(Says::Progress);
pub(super) const OVERTAKEN: Signals = Signals::saying(Says::Overtaken);
pub(super) const FORBIDS: Signals = Signals::saying(Says::Forbids);
pub(super) const ACTS: Signals = Signals::saying(Says::Act);
pub(super) const FILE_FAULTS: Signals = Signals::saying(Says::FileFault);
/// The recorder was in the conference.
pub(super) const INSIDE: Signals = Signals::these(&[
    Signal::Admitted,
    Signal::InCall,
    Signal::PermissionAsked,
    Signal::PermissionUnanswered,
    Signal::PermissionDenied,
    Signal::PermissionGranted,
    Signal::Announcing,
    Signal::Announced,
    Signal::RecordingStarted,
    Signal::RecordingPaused,
    Signal::RecordingResumed,
    Signal::RecordingStopped,
]);
/// The recorder came past the first door.
pub(super) const PAST_THE_DOOR: Signals = INSIDE.or(Signals::these(&[Signal::InLobby]));
/// After a passing fault these show that the attempt got over it.
pub(super) const COMES_BACK: Signals = Signals::these(&[
    Signal::Joining,
    Signal::WaitingForStart,
    Signal::WaitingForHost,
    Signal::InLobby,
    Signal::Admitted,
    Signal::InCall,
    Signal::RecordingStarted,
    Signal::RecordingResumed,
]);
/// Where nobody joins, these only tell what people waited for.
pub(super) const EVIDENCE_OF_CLOUD: Signals =
    Signals::these(&[Signal::NeverStarted, Signal::HostNeverCame, Signal::HostStopped]);
/// Recording runs.
pub(super) const RUNS: Signals =
    Signals::these(&[Signal::RecordingStarted, Signal::RecordingResumed]);
/// Somebody was there, besides recorders.
pub(super) const SOMEBODY: Signals = Signals::these(&[
    Signal::CompanyPresent,
    Signal::OthersPresent,
    Signal::OnlyColleagues,
    Signal::StrangerPresent,
    Signal::HostJoined,
]);
/// What is heard even when all is over: what a person may still ask for, and files to throw away.
pub(super) const AFTER_THE_END: Signals =
    Signals::these(&[Signal::DeletionAsked, Signal::RequestedAgain, Signal::FilesReady]);
/// There is something recorded, somewhere.
pub(super) const RECORDED: Signals = Signals::these(&[
    Signal::RecordingStarted,
    Signal::ManualStart,
    Signal::FilesProcessing,
    Signal::FilesReady,
    Signal::Fetching,
    Signal::Imported,
]);
