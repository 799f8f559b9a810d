//! Meetings, their settings, their runs; arming them, and steering what is recorded while they run.

use std::borrow::Cow;

use ::http::Method;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::client::paged;
use super::settings::{Audio, AutoRecording};
use super::{Client, NextPage, Page, Which};
use crate::{Call, Error, Look, Private, Weight, spend};

/// Meetings of a list, per call: as many as Zoom gives.
const PAGE: u32 = 300;

/// What kind of meeting it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeetingKind {
    /// Begun on the spot.
    Instant,
    /// Planned once.
    Scheduled,
    /// Repeated without a time.
    RecurringOpen,
    /// The host's personal room.
    Personal,
    /// A telephone conference.
    Pac,
    /// Repeated at a time.
    RecurringFixed,
    /// A number that is new to us.
    Other(i64),
}

impl From<i64> for MeetingKind {
    fn from(number: i64) -> Self {
        match number {
            1 => Self::Instant,
            2 => Self::Scheduled,
            3 => Self::RecurringOpen,
            4 => Self::Personal,
            7 => Self::Pac,
            8 => Self::RecurringFixed,
            other => Self::Other(other),
        }
    }
}

/// A meeting. Its title is not read: nobody here has a use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Its number.
    pub id: String,
    /// The last or next run of it.
    pub uuid: Option<String>,
    /// Whose it is. It stays the owner's when somebody else hosts.
    pub host: Option<String>,
    /// The owner's address.
    pub host_email: Option<Private>,
    /// Who scheduled it for the owner.
    pub assistant: Option<String>,
    /// What kind it is.
    pub kind: Option<MeetingKind>,
    /// When it begins; none for those without a time.
    pub start: Option<DateTime<Utc>>,
    /// How long it is planned, in minutes.
    pub minutes: Option<i64>,
    /// Whether it is running: `waiting` or `started`, as Zoom writes it.
    pub status: Option<String>,
    /// The personal room it takes place in.
    pub pmi: Option<String>,
    /// Its single dates.
    pub occurrences: Vec<Occurrence>,
    /// Its settings; all of them absent in lists.
    pub settings: MeetingSettings,
}

/// One date of a meeting that is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Its id, which is its start in milliseconds.
    pub id: String,
    /// When it begins.
    pub start: Option<DateTime<Utc>>,
    /// `available` or `deleted`, as Zoom writes it.
    pub status: Option<String>,
}

/// The settings of a meeting, as far as they concern recording and joining. What Zoom leaves out is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeetingSettings {
    /// Whether it is recorded by itself.
    pub auto_recording: Option<AutoRecording>,
    /// It takes place in the personal room.
    pub use_pmi: Option<bool>,
    /// Who else may host.
    pub alternative_hosts: Vec<Private>,
    /// Guests wait until they are let in.
    pub waiting_room: Option<bool>,
    /// Others may come in before the host.
    pub join_before_host: Option<bool>,
    /// So many minutes before; 0 is at any time.
    pub join_before_host_minutes: Option<i64>,
    /// Only who signed in may join.
    pub authentication: Option<bool>,
    /// 0 everybody registers, 1 is approved by hand, 2 nobody needs to.
    pub approval: Option<i64>,
    /// Only people of the account may join.
    pub internal: Option<bool>,
    /// It is shown to nobody who is not invited.
    pub private: Option<bool>,
    /// Only people of certain countries may join.
    pub countries: Option<bool>,
    /// How one can hear and speak.
    pub audio: Option<Audio>,
    /// Encrypted from end to end: then there is no cloud recording, and no bot.
    pub end_to_end: Option<bool>,
}

impl Meeting {
    /// Reads a meeting; none without a number.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let occurrence = |one: &Value| {
            Some(Occurrence {
                id: one.id(&["occurrence_id"])?,
                start: one.time(&["start_time"]),
                status: one.id(&["status"]),
            })
        };
        Some(Self {
            id: value.id(&["id"])?,
            uuid: value.id(&["uuid"]),
            host: value.id(&["host_id"]),
            host_email: value.private(&["host_email"]),
            assistant: value.id(&["assistant_id"]),
            kind: value.int(&["type"]).map(Into::into),
            start: value.time(&["start_time"]),
            minutes: value.int(&["duration"]),
            status: value.id(&["status"]),
            pmi: value.id(&["pmi"]),
            occurrences: value.items(&["occurrences"]).iter().filter_map(occurrence).collect(),
            settings: MeetingSettings::read(value.at(&["settings"]).unwrap_or(&Value::Null)),
        })
    }
}

impl MeetingSettings {
    fn read(value: &Value) -> Self {
        let others = value.id(&["alternative_hosts"]).unwrap_or_default();
        let others = others.split([',', ';']).map(str::trim).filter(|one| !one.is_empty());
        Self {
            auto_recording: AutoRecording::read(value, &["auto_recording"]),
            use_pmi: value.flag(&["use_pmi"]),
            alternative_hosts: others.map(Private::new).collect(),
            waiting_room: value.flag(&["waiting_room"]),
            join_before_host: value.flag(&["join_before_host"]),
            join_before_host_minutes: value.int(&["jbh_time"]),
            authentication: value.flag(&["meeting_authentication"]),
            approval: value.int(&["approval_type"]),
            internal: value.flag(&["internal_meeting"]),
            private: value.flag(&["private_meeting"]),
            countries: value.flag(&["approved_or_denied_countries_or_regions", "enable"]),
            audio: Audio::read(value, &["audio"]),
            end_to_end: value.id(&["encryption_type"]).map(|kind| kind == "e2ee"),
        }
    }
}

/// Which meetings of a user are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All that are planned, past ones of series included.
    Scheduled,
    /// Those that are running.
    Live,
    /// Those that will be.
    Upcoming,
    /// Those that were.
    Previous,
}

impl Listing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Live => "live",
            Self::Upcoming => "upcoming",
            Self::Previous => "previous_meetings",
        }
    }
}

/// What can be done with the cloud recording of a meeting that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// Begin.
    Start,
    /// End; whatever follows is another file.
    Stop,
    /// Pause.
    Pause,
    /// Go on; it stays one file.
    Resume,
}

impl Control {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "recording.start",
            Self::Stop => "recording.stop",
            Self::Pause => "recording.pause",
            Self::Resume => "recording.resume",
        }
    }
}

/// One run of a meeting that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Which run.
    pub uuid: String,
    /// When it began.
    pub start: Option<DateTime<Utc>>,
}

/// A run that is over, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMeeting {
    /// Which run.
    pub uuid: Option<String>,
    /// Whose it was.
    pub host: Option<String>,
    /// What kind it was.
    pub kind: Option<MeetingKind>,
    /// When it began.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// How many took part.
    pub participants: Option<i64>,
}

impl Client {
    /// A run that is over, or the last one of a meeting. Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] with 3001 where there is none; any other.
    pub async fn past_meeting(&self, which: Which<'_>) -> Result<PastMeeting, Error> {
        let value = self.api.json(&Call::get(["past_meetings", &which.segment()])).await?;
        Ok(PastMeeting {
            uuid: value.id(&["uuid"]),
            host: value.id(&["host_id"]),
            kind: value.int(&["type"]).map(Into::into),
            start: value.time(&["start_time"]),
            end: value.time(&["end_time"]),
            participants: value.int(&["participants_count"]),
        })
    }

    /// A user's meetings. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn meetings(
        &self,
        user: &str,
        listing: Listing,
        next: Option<&NextPage>,
    ) -> Result<Page<Meeting>, Error> {
        let call = Call::get(["users", user, "meetings"])
            .weight(Weight::Medium)
            .query("type", Cow::from(listing.as_str()));
        let value = self.api.json(&paged(call, PAGE, next)).await?;
        Ok(Page::read(&value, "meetings", Meeting::read))
    }

    /// A meeting. Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] with 3001 or 300; any other.
    pub async fn meeting(&self, id: &str) -> Result<Meeting, Error> {
        let value = self.api.json(&Call::get(["meetings", id])).await?;
        Meeting::read(&value).ok_or(Error::Unreadable("a meeting without number"))
    }

    /// Sets whether a meeting, or one date of it, is recorded by itself. It costs one of the day's
    /// [updates](super::UPDATES_PER_DAY) of `host`, whose meeting it is, at `now`. It can be done twice without harm, but
    /// each time costs. Light.
    ///
    /// # Errors
    /// [`Error::Busy`] until midnight UTC when the day's updates are used up; any other.
    pub async fn set_auto_recording(
        &self,
        meeting: &str,
        occurrence: Option<&str>,
        auto_recording: &AutoRecording,
        host: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        spend(&*self.updates, self.account(), host, now).await?;
        let call = Call::new(Method::PATCH, ["meetings", meeting])
            .query("occurrence_id", occurrence.map(Cow::from))
            .json(&json!({"settings": {"auto_recording": auto_recording.as_str()}}));
        self.api.done(&call).await
    }

    /// Steers the cloud recording of a meeting that runs. Zoom takes the wish and tells by webhook when it came true, and
    /// not who wished it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn control_recording(&self, meeting: &str, control: Control) -> Result<(), Error> {
        let call = Call::new(Method::PATCH, ["live_meetings", meeting, "events"])
            .json(&json!({"method": control.as_str()}));
        self.api.done(&call).await
    }

    /// The runs of a meeting that are over. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn instances(&self, meeting: &str) -> Result<Vec<Instance>, Error> {
        let call = Call::get(["past_meetings", meeting, "instances"]).weight(Weight::Medium);
        let value = self.api.json(&call).await?;
        let read = |one: &Value| {
            Some(Instance { uuid: one.id(&["uuid"])?, start: one.time(&["start_time"]) })
        };
        Ok(value.items(&["meetings"]).iter().filter_map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_is_read_leniently() {
        let meeting = Meeting::read(&json!({
            "id": "97763643886", "type": "8", "duration": "60", "pmi": 97891943927_i64,
            "start_time": "2022-03-23T06:00:00.0000000+00:00", "topic": "Layoffs",
            "settings": {"auto_recording": "none", "alternative_hosts": "a@acme.example; b@acme.example,",
                "encryption_type": "e2ee", "jbh_time": null,
                "approved_or_denied_countries_or_regions": {"enable": true}}
        }))
        .unwrap();
        assert_eq!(meeting.kind, Some(MeetingKind::RecurringFixed));
        assert_eq!((meeting.minutes, meeting.pmi.as_deref()), (Some(60), Some("97891943927")));
        assert!(meeting.start.is_some());
        assert_eq!(meeting.settings.alternative_hosts.len(), 2);
        assert_eq!(meeting.settings.end_to_end, Some(true));
        assert_eq!(meeting.settings.countries, Some(true));
        let shown = format!("{meeting:?}");
        assert!(!shown.contains("acme") && !shown.contains("Layoffs"));
    }

    #[test]
    fn a_number_is_all_a_meeting_needs() {
        let meeting = Meeting::read(&json!({"id": 1, "settings": null})).unwrap();
        assert_eq!(meeting.settings, MeetingSettings::default());
        assert_eq!(Meeting::read(&json!({"uuid": "x"})), None);
        assert_eq!(MeetingKind::from(99), MeetingKind::Other(99));
    }
}
