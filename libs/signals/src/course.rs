//! The same signal at another point of a session: at the door, inside, and when nothing follows it.

use decision::session::Signal;
use decision::skip_code::SkipCode;

use crate::Provider;

/// The same news to a recorder that is not inside yet: removal from a lobby is a refusal, the end of a conference not
/// entered makes it one that was over already.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "all others mean the same at the door")]
pub const fn before_entry(signal: Signal) -> Signal {
    match signal {
        Signal::Removed => Signal::Denied,
        Signal::MeetingEnded => Signal::AlreadyOver,
        other => other,
    }
}

/// The same news to a recorder that is inside: the opposite of [`before_entry`].
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "all others mean the same inside")]
pub const fn after_entry(signal: Signal) -> Signal {
    match signal {
        Signal::Denied => Signal::Removed,
        Signal::AlreadyOver => Signal::MeetingEnded,
        other => other,
    }
}

/// What a signal that waits for something comes to when nothing follows it: the session's own timers say so, never a
/// provider. Nothing for all others.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "all others wait for nothing")]
pub const fn in_time(signal: Signal) -> Option<Signal> {
    match signal {
        Signal::WaitingForStart => Some(Signal::NeverStarted),
        Signal::WaitingForHost => Some(Signal::HostNeverCame),
        Signal::IdentityOwnerAbsent => Some(Signal::IdentityOwnerGone),
        Signal::InLobby => Some(Signal::LobbyTimeout),
        Signal::InCall => Some(Signal::NotRecordingTooLong),
        Signal::PermissionAsked | Signal::PermissionUnanswered => Some(Signal::PermissionGivenUp),
        Signal::Announcing => Some(Signal::AnnouncementFailed),
        Signal::SilenceBegan => Some(Signal::SilentTooLong),
        Signal::Ringing => Some(Signal::CallUnanswered),
        Signal::FilesProcessing | Signal::FilesMissing => Some(Signal::FilesNeverCame),
        _ => None,
    }
}

/// When a signal leads to a code, if nothing else explains the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// As it stands.
    AtOnce,
    /// Heard by a recorder that was not inside yet.
    AtTheDoor,
    /// When nothing follows it.
    InTime,
}

/// The codes a provider's signal leads to. What a session makes of it beside others is decided by the session.
pub fn codes(provider: Provider, signal: Signal) -> impl Iterator<Item = (When, SkipCode)> {
    // Who deletes the recording of a telephone call is its user.
    let by_user = signal == Signal::FilesDeleted && provider.is_telephony();
    let own = if by_user { Some(SkipCode::RecordingDeletedByUser) } else { signal.code() };
    let door = Some(before_entry(signal)).filter(|door| *door != signal).and_then(Signal::code);
    let last = in_time(signal).and_then(Signal::code);
    let all = [(When::AtOnce, own), (When::AtTheDoor, door), (When::InTime, last)];
    all.into_iter().filter_map(|(when, code)| Some((when, code?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_of_a_telephone_call_is_deleted_by_its_user() {
        let of = |provider| codes(provider, Signal::FilesDeleted).collect::<Vec<_>>();
        assert_eq!(of(Provider::Twilio), [(When::AtOnce, SkipCode::RecordingDeletedByUser)]);
        assert_eq!(of(Provider::Zoom), [(When::AtOnce, SkipCode::MissingRecording)]);
    }

    #[test]
    fn a_signal_may_lead_to_one_code_at_the_door_and_to_another_inside() {
        let of = |signal| codes(Provider::Zoom, signal).collect::<Vec<_>>();
        assert_eq!(
            of(Signal::Removed),
            [(When::AtOnce, SkipCode::KickedOut), (When::AtTheDoor, SkipCode::DeniedEntry)]
        );
        assert_eq!(of(Signal::MeetingEnded), [(When::AtTheDoor, SkipCode::Ended)]);
        assert_eq!(of(Signal::InLobby), [(When::InTime, SkipCode::ConnectorWasNotApproved)]);
    }

    #[test]
    fn who_is_thrown_out_of_the_lobby_was_refused() {
        assert_eq!(before_entry(Signal::Removed), Signal::Denied);
        assert_eq!(after_entry(Signal::Denied), Signal::Removed);
        assert_eq!(before_entry(Signal::Locked), Signal::Locked);
        assert_eq!(before_entry(Signal::MeetingEnded), Signal::AlreadyOver);
        assert_eq!(after_entry(Signal::AlreadyOver), Signal::MeetingEnded);
    }

    #[test]
    fn what_is_waited_for_in_vain_ends_in_a_code_of_its_own() {
        for signal in Signal::ALL {
            if let Some(end) = in_time(*signal) {
                assert_eq!(signal.code(), None, "{signal:?}");
                assert_eq!(in_time(end), None, "{end:?}");
            }
        }
        assert_eq!(in_time(Signal::InLobby).and_then(Signal::code), Signal::LobbyTimeout.code());
    }
}
