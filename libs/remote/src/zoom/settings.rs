//! What users may do, and what administrators have locked.

use serde_json::Value;

use super::Client;
use crate::{Call, Error, Look, Weight};

/// Whether meetings are recorded by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoRecording {
    /// In Zoom's cloud.
    Cloud,
    /// On the host's computer.
    Local,
    /// Not at all.
    None,
    /// A word that is new to us.
    Other(String),
}

impl AutoRecording {
    pub(super) fn read(value: &Value, path: &[&str]) -> Option<Self> {
        Some(match value.id(path)?.to_ascii_lowercase().as_str() {
            "cloud" => Self::Cloud,
            "local" => Self::Local,
            "none" => Self::None,
            other => Self::Other(other.to_owned()),
        })
    }

    /// As Zoom writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cloud => "cloud",
            Self::Local => "local",
            Self::None => "none",
            Self::Other(other) => other,
        }
    }
}

/// How one can hear and speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audio {
    /// By telephone and computer.
    Both,
    /// By telephone only.
    Telephony,
    /// By computer only.
    Voip,
    /// By a conference of somebody else's, which no recorder hears.
    ThirdParty,
    /// A word that is new to us.
    Other(String),
}

impl Audio {
    pub(super) fn read(value: &Value, path: &[&str]) -> Option<Self> {
        let text = value.id(path)?;
        Some(match text.to_ascii_lowercase().as_str() {
            "both" => Self::Both,
            "telephony" => Self::Telephony,
            "voip" => Self::Voip,
            "thirdparty" | "third_party" => Self::ThirdParty,
            _ => Self::Other(text),
        })
    }

    /// Whether a recorder on a computer can hear; none if the word is new.
    #[must_use]
    pub fn by_computer(&self) -> Option<bool> {
        match self {
            Self::Both | Self::Voip => Some(true),
            Self::Telephony | Self::ThirdParty => Some(false),
            Self::Other(_) => None,
        }
    }
}

/// A user's settings, as far as they concern recording. What Zoom leaves out is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserSettings {
    /// The user may record in the cloud.
    pub cloud_recording: Option<bool>,
    /// The user may record to computer files.
    pub local_recording: Option<bool>,
    /// What new meetings of the user do.
    pub auto_recording: Option<AutoRecording>,
    /// The host can pause and stop a recording that began by itself.
    pub host_pause_stop_recording: Option<bool>,
    /// A disclaimer is shown when recording begins.
    pub recording_disclaimer: Option<bool>,
    /// Participants are asked to consent.
    pub asks_consent: Option<bool>,
    /// Recordings are only given to certain addresses, ours perhaps not among them.
    pub address_control: Option<bool>,
    /// Cloud recordings are deleted after so many days.
    pub deleted_after_days: Option<i64>,
    /// How one can hear and speak in new meetings.
    pub audio: Option<Audio>,
    /// New meetings take place in the personal room.
    pub personal_room: Option<bool>,
    /// Others may come in before the host.
    pub join_before_host: Option<bool>,
    /// Guests wait until they are let in.
    pub waiting_room: Option<bool>,
    /// One may join with a browser.
    pub browser_join: Option<bool>,
    /// How many may take part.
    pub capacity: Option<i64>,
}

impl UserSettings {
    /// Reads settings; old answers call `schedule_meeting` `scheduled_meeting`.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let recording = |key: &str| value.flag(&["recording", key]);
        let scheduled = ["schedule_meeting", "scheduled_meeting"]
            .into_iter()
            .find_map(|key| value.at(&[key]))
            .unwrap_or(&Value::Null);
        let deleted = recording("auto_delete_cmr") != Some(false);
        Self {
            cloud_recording: recording("cloud_recording"),
            local_recording: recording("local_recording"),
            auto_recording: AutoRecording::read(value, &["recording", "auto_recording"]),
            host_pause_stop_recording: recording("host_pause_stop_recording"),
            recording_disclaimer: recording("recording_disclaimer"),
            asks_consent: recording("ask_participants_to_consent_disclaimer"),
            address_control: value.flag(&["recording", "ip_address_access_control", "enable"]),
            deleted_after_days: value
                .int(&["recording", "auto_delete_cmr_days"])
                .filter(|_| deleted),
            audio: Audio::read(scheduled, &["audio_type"]),
            personal_room: scheduled.flag(&["use_pmi_for_scheduled_meetings"]),
            join_before_host: scheduled.flag(&["join_before_host"]),
            waiting_room: value.flag(&["in_meeting", "waiting_room"]),
            browser_join: value
                .flag(&["in_meeting", "show_a_join_from_your_browser_link"])
                .or_else(|| value.flag(&["in_meeting", "show_browser_join_link"])),
            capacity: value.int(&["feature", "meeting_capacity"]),
        }
    }
}

/// Which settings an administrator has locked, so that nobody below can change them. Being locked says nothing of the
/// value: that is in the user's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Locks {
    /// Recording in the cloud.
    pub cloud_recording: Option<bool>,
    /// Recording to computer files.
    pub local_recording: Option<bool>,
    /// Recording by itself.
    pub auto_recording: Option<bool>,
}

impl Locks {
    /// Reads locks.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let lock = |key: &str| value.flag(&["recording", key]);
        Self {
            cloud_recording: lock("cloud_recording"),
            local_recording: lock("local_recording"),
            auto_recording: lock("auto_recording"),
        }
    }
}

/// What keeps strangers out of a user's meetings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// Only who signed in may join.
    pub authentication: Option<bool>,
    /// Guests wait until they are let in.
    pub waiting_room: Option<bool>,
    /// Meetings may be encrypted from end to end, which no recorder of Zoom's can hear.
    pub end_to_end: Option<bool>,
}

impl Client {
    /// A user's settings. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn user_settings(&self, user: &str) -> Result<UserSettings, Error> {
        let call = Call::get(["users", user, "settings"]).weight(Weight::Medium);
        Ok(UserSettings::read(&self.api.json(&call).await?))
    }

    /// What keeps strangers out of a user's meetings: two calls, `option=meeting_authentication` and
    /// `option=meeting_security`. Medium each.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn security(&self, user: &str) -> Result<Security, Error> {
        let option = |option: &'static str| {
            Call::get(["users", user, "settings"])
                .weight(Weight::Medium)
                .query("option", std::borrow::Cow::from(option))
        };
        let authentication = self.api.json(&option("meeting_authentication")).await?;
        let security = self.api.json(&option("meeting_security")).await?;
        Ok(Security {
            authentication: authentication.flag(&["meeting_authentication"]),
            waiting_room: security.flag(&["meeting_security", "waiting_room"]),
            end_to_end: security.flag(&["meeting_security", "end_to_end_encrypted_meetings"]),
        })
    }

    /// What is locked in the whole account. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn account_locks(&self) -> Result<Locks, Error> {
        let call = Call::get(["accounts", self.account(), "lock_settings"]).weight(Weight::Medium);
        Ok(Locks::read(&self.api.json(&call).await?))
    }

    /// What is locked in a group. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn group_locks(&self, group: &str) -> Result<Locks, Error> {
        let call = Call::get(["groups", group, "lock_settings"]).weight(Weight::Medium);
        Ok(Locks::read(&self.api.json(&call).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_leniently() {
        let settings = UserSettings::read(&json!({
            "recording": {"cloud_recording": "true", "local_recording": null, "auto_recording": "Cloud",
                "auto_delete_cmr": true, "auto_delete_cmr_days": "30"},
            "scheduled_meeting": {"audio_type": "thirdParty", "use_pmi_for_scheduled_meetings": 1},
            "in_meeting": {"show_browser_join_link": false}
        }));
        assert_eq!(settings.cloud_recording, Some(true));
        assert_eq!(settings.local_recording, None);
        assert_eq!(settings.auto_recording, Some(AutoRecording::Cloud));
        assert_eq!(settings.deleted_after_days, Some(30));
        assert_eq!(settings.audio.unwrap().by_computer(), Some(false));
        assert_eq!(settings.personal_room, Some(true));
        assert_eq!(settings.browser_join, Some(false));
        assert_eq!(UserSettings::read(&json!([])), UserSettings::default());
    }

    #[test]
    fn a_word_that_is_new_is_kept() {
        let value = json!({"recording": {"auto_recording": "moon"}});
        let auto = UserSettings::read(&value).auto_recording.unwrap();
        assert_eq!((auto.as_str(), auto.clone()), ("moon", AutoRecording::Other("moon".into())));
        // What a webhook holds where a lock is meant is no lock.
        let locks = Locks::read(
            &json!({"recording": {"auto_recording": "cloud", "cloud_recording": true}}),
        );
        assert_eq!((locks.auto_recording, locks.cloud_recording), (None, Some(true)));
    }
}
