//! Whether Zoom can record a meeting natively or to computer files, as far as its API tells; pure.
//!
//! Each fact is unknown by itself. What is known to stand in the way decides; where nothing does but something needed is
//! unknown, so is the answer. Nothing here can be seen of meetings that another organisation hosts.

use super::{
    Audio, AutoRecording, Locks, Meeting, MeetingKind, Related, Status, User, UserSettings,
};

/// What is known. None is unknown, not absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The Zoom user of whom the calendar names as organizer.
    pub host: Option<&'a User>,
    /// That user's settings.
    pub settings: Option<&'a UserSettings>,
    /// What is locked in the account.
    pub account: Option<&'a Locks>,
    /// What is locked in the user's groups.
    pub groups: &'a [Locks],
    /// The meeting.
    pub meeting: Option<&'a Meeting>,
    /// For whom the user schedules, and who schedules for the user.
    pub related: &'a [Related],
    /// The number in the link of the calendar.
    pub number: Option<&'a str>,
}

/// Whether a method can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possibility {
    /// It can.
    Possible,
    /// It cannot, for this reason first of all.
    Impossible(Obstacle),
    /// Nothing is known against it, but not enough for it.
    Unknown,
}

/// What stands in the way of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// The host's user is switched off: neither method works.
    HostInactive,
    /// The host was invited and has not accepted yet.
    HostPending,
    /// Whose meeting it is at Zoom is another one than the calendar says.
    HostMismatch,
    /// The same, and the two schedule for one another: an assistant made it under the wrong name.
    HostMismatchByAssistant,
    /// The host has no licence.
    NoLicence,
    /// Recording in the cloud is off, and an administrator locked it.
    CloudRecordingLockedOff,
    /// Recording in the cloud is off.
    CloudRecordingOff,
    /// Meetings may not be recorded by themselves: an administrator locked another choice.
    AutoRecordingOff,
    /// The meeting is encrypted from end to end.
    EndToEndEncrypted,
    /// Recording to computer files is off, and an administrator locked it.
    LocalRecordingLockedOff,
    /// Recording to computer files is off.
    LocalRecordingOff,
}

impl Obstacle {
    /// Its name in evidence and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HostInactive => "host_inactive",
            Self::HostPending => "host_pending",
            Self::HostMismatch => "host_mismatch",
            Self::HostMismatchByAssistant => "host_mismatch_by_assistant",
            Self::NoLicence => "no_licence",
            Self::CloudRecordingLockedOff => "cloud_recording_locked_off",
            Self::CloudRecordingOff => "cloud_recording_off",
            Self::AutoRecordingOff => "auto_recording_off",
            Self::EndToEndEncrypted => "end_to_end_encrypted",
            Self::LocalRecordingLockedOff => "local_recording_locked_off",
            Self::LocalRecordingOff => "local_recording_off",
        }
    }
}

/// What may go wrong although it stands in nobody's way yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// The meeting takes place in a personal room, whose times need not be those of the event.
    PersonalRoom,
    /// Only people of the account may join.
    InternalMeeting,
    /// Guests have to be let in.
    WaitingRoom,
    /// Only who signed in may join.
    SignedInOnly,
    /// Who wants to join is approved by hand.
    ApprovedByHand,
    /// One cannot join with a browser.
    NoBrowser,
    /// People of some countries may not join.
    Countries,
}

impl Risk {
    /// Its name in evidence and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PersonalRoom => "pmi",
            Self::InternalMeeting => "internal_meeting",
            Self::WaitingRoom => "waiting_room",
            Self::SignedInOnly => "signed_in_only",
            Self::ApprovedByHand => "approved_by_hand",
            Self::NoBrowser => "no_browser",
            Self::Countries => "countries",
        }
    }
}

/// What the facts come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Recording in Zoom's cloud.
    pub native: Possibility,
    /// Whether the meeting will be recorded in the cloud by itself as things stand; none if that is unknown. Where it is
    /// false and native recording is possible, somebody has to arm it.
    pub armed: Option<bool>,
    /// Recording to computer files, by a bot.
    pub local: Possibility,
    /// Whether a recorder on a computer can hear; none if that is unknown.
    pub computer_audio: Option<bool>,
    /// What may go wrong for a bot, and the personal room for both.
    pub risks: Vec<Risk>,
}

/// Looks at the facts.
#[must_use]
pub fn assess(facts: &Facts<'_>) -> Assessment {
    Assessment {
        native: native(facts),
        armed: armed(facts),
        local: local(facts),
        computer_audio: computer_audio(facts),
        risks: risks(facts),
    }
}

fn native(facts: &Facts<'_>) -> Possibility {
    let user = facts.host;
    let cloud = facts.settings.and_then(|settings| settings.cloud_recording);
    let auto = facts.settings.and_then(|settings| settings.auto_recording.as_ref());
    let end_to_end = facts.meeting.and_then(|meeting| meeting.settings.end_to_end);
    let status = user.and_then(|user| user.status.as_ref());
    let obstacle = status_obstacle(status)
        .or_else(|| mismatch(facts))
        .or_else(|| {
            user.is_some_and(|user| user.licensed() == Some(false)).then_some(Obstacle::NoLicence)
        })
        .or_else(|| match (cloud, locked(facts, |locks| locks.cloud_recording)) {
            (Some(false), Some(true)) => Some(Obstacle::CloudRecordingLockedOff),
            (Some(false), _) => Some(Obstacle::CloudRecordingOff),
            _ => None,
        })
        .or_else(|| match (auto, locked(facts, |locks| locks.auto_recording)) {
            (Some(AutoRecording::Cloud) | None, _) => None,
            (Some(_), Some(true)) => Some(Obstacle::AutoRecordingOff),
            (Some(_), _) => None,
        })
        .or_else(|| (end_to_end == Some(true)).then_some(Obstacle::EndToEndEncrypted));
    let auto_known = auto == Some(&AutoRecording::Cloud)
        || locked(facts, |locks| locks.auto_recording) == Some(false);
    let known = status == Some(&Status::Active)
        && user.is_some_and(|user| user.licensed() == Some(true))
        && cloud == Some(true)
        && auto_known
        && facts.meeting.is_some_and(|meeting| meeting.host.is_some());
    conclude(obstacle, known)
}

fn local(facts: &Facts<'_>) -> Possibility {
    let setting = facts.settings.and_then(|settings| settings.local_recording);
    let status = facts.host.and_then(|user| user.status.as_ref());
    let obstacle = match status {
        Some(Status::Inactive) => Some(Obstacle::HostInactive),
        _ => match (setting, locked(facts, |locks| locks.local_recording)) {
            (Some(false), Some(true)) => Some(Obstacle::LocalRecordingLockedOff),
            (Some(false), _) => Some(Obstacle::LocalRecordingOff),
            _ if facts.meeting.is_some_and(|one| one.settings.end_to_end == Some(true)) => {
                Some(Obstacle::EndToEndEncrypted)
            }
            _ => None,
        },
    };
    conclude(obstacle, setting == Some(true) && status == Some(&Status::Active))
}

fn conclude(obstacle: Option<Obstacle>, known: bool) -> Possibility {
    match obstacle {
        Some(obstacle) => Possibility::Impossible(obstacle),
        None if known => Possibility::Possible,
        None => Possibility::Unknown,
    }
}

fn status_obstacle(status: Option<&Status>) -> Option<Obstacle> {
    match status? {
        Status::Inactive => Some(Obstacle::HostInactive),
        Status::Pending => Some(Obstacle::HostPending),
        Status::Active | Status::Other(_) => None,
    }
}

/// Whether the meeting is somebody else's than the user's.
fn mismatch(facts: &Facts<'_>) -> Option<Obstacle> {
    let user = facts.host?;
    let owner = facts.meeting?.host.as_deref()?;
    if owner == user.id {
        return None;
    }
    let related = facts.related.iter().any(|one| one.id == owner);
    Some(if related { Obstacle::HostMismatchByAssistant } else { Obstacle::HostMismatch })
}

/// Whether somebody locked it: the account or any group. Unlocked is only what nobody locked who was asked.
fn locked(facts: &Facts<'_>, lock: impl Fn(&Locks) -> Option<bool>) -> Option<bool> {
    let account = facts.account.map(&lock);
    let mut all = facts.groups.iter().map(&lock).chain(account);
    if all.clone().any(|one| one == Some(true)) {
        return Some(true);
    }
    (facts.account.is_some() && all.all(|one| one == Some(false))).then_some(false)
}

fn armed(facts: &Facts<'_>) -> Option<bool> {
    // The meeting's own choice counts; the user's is only what new meetings begin with.
    let choice = facts.meeting?.settings.auto_recording.as_ref()?;
    Some(*choice == AutoRecording::Cloud)
}

fn computer_audio(facts: &Facts<'_>) -> Option<bool> {
    let of_meeting = facts.meeting.and_then(|meeting| meeting.settings.audio.as_ref());
    let of_user = || facts.settings.and_then(|settings| settings.audio.as_ref());
    of_meeting.or_else(of_user).and_then(Audio::by_computer)
}

fn risks(facts: &Facts<'_>) -> Vec<Risk> {
    let room = facts.host.and_then(|user| user.pmi.as_deref());
    let link = facts.number.is_some() && facts.number == room;
    let meeting = facts.meeting;
    let personal = meeting.is_some_and(|meeting| {
        meeting.kind == Some(MeetingKind::Personal) || meeting.settings.use_pmi == Some(true)
    });
    // A setting of the meeting hides the user's, which is only what new meetings begin with.
    let either = |own: Option<bool>, user: Option<bool>| own.or(user) == Some(true);
    let own = |flag: fn(&super::MeetingSettings) -> Option<bool>| {
        meeting.and_then(|meeting| flag(&meeting.settings))
    };
    let user = |flag: fn(&UserSettings) -> Option<bool>| facts.settings.and_then(flag);
    let mut risks = Vec::new();
    let mut risk = |risk: Risk, there: bool| {
        if there {
            risks.push(risk);
        }
    };
    risk(Risk::PersonalRoom, link || personal);
    risk(Risk::InternalMeeting, own(|settings| settings.internal) == Some(true));
    risk(
        Risk::WaitingRoom,
        either(own(|settings| settings.waiting_room), user(|settings| settings.waiting_room)),
    );
    risk(Risk::SignedInOnly, own(|settings| settings.authentication) == Some(true));
    risk(Risk::ApprovedByHand, meeting.is_some_and(|meeting| meeting.settings.approval == Some(1)));
    risk(Risk::NoBrowser, user(|settings| settings.browser_join) == Some(false));
    risk(Risk::Countries, own(|settings| settings.countries) == Some(true));
    risks
}

#[cfg(test)]
mod tests;
