//! Meetings, their recordings, and records of calls.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Client;
use crate::{Call, Download, Error, Look, Private};

/// A meeting, as far as its organiser's tenant shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Graph's id of it.
    pub id: String,
    /// The organiser.
    pub organizer: Option<String>,
    /// The organiser's tenant.
    pub tenant: Option<String>,
    /// When it is to begin.
    pub start: Option<DateTime<Utc>>,
    /// When it is to end.
    pub end: Option<DateTime<Utc>>,
    /// Who need not wait in the lobby: `organizer`, `organization`, `everyone` and so on, as Graph writes it.
    pub lobby_bypass: Option<String>,
    /// Whether Teams records it by itself.
    pub record_automatically: Option<bool>,
}

impl Meeting {
    /// Reads a meeting; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let organizer = ["participants", "organizer", "identity", "user"];
        let of = |key: &'static str| {
            let path: Vec<&str> = organizer.iter().copied().chain([key]).collect();
            value.id(&path)
        };
        Some(Self {
            id: value.id(&["id"])?,
            organizer: of("id"),
            tenant: of("tenantId"),
            start: value.time(&["startDateTime"]),
            end: value.time(&["endDateTime"]),
            lobby_bypass: value.id(&["lobbyBypassSettings", "scope"]),
            record_automatically: value.flag(&["recordAutomatically"]),
        })
    }
}

/// A recording of a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeetingRecording {
    /// Graph's id of it.
    pub id: String,
    /// The meeting.
    pub meeting: Option<String>,
    /// The run of the meeting.
    pub call: Option<String>,
    /// When it begins.
    pub created: Option<DateTime<Utc>>,
    /// When it ends.
    pub ended: Option<DateTime<Utc>>,
    /// Whose meeting it is of.
    pub organizer: Option<String>,
}

impl MeetingRecording {
    /// Reads a recording; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            meeting: value.id(&["meetingId"]),
            call: value.id(&["callId"]),
            created: value.time(&["createdDateTime"]),
            ended: value.time(&["endDateTime"]),
            organizer: value.id(&["meetingOrganizer", "user", "id"]),
        })
    }
}

/// The record of a call that is over. It is written several times, each with a greater version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Graph's id of it.
    pub id: String,
    /// How often it was written.
    pub version: Option<i64>,
    /// `groupCall` or `peerToPeer`, as Graph writes it.
    pub kind: Option<String>,
    /// The meeting it was of.
    pub join_url: Option<Private>,
    /// When it began.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// Who was there, as accounts.
    pub participants: Vec<String>,
}

impl CallRecord {
    /// Reads a record; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let people = value.items(&["participants"]).iter();
        Some(Self {
            id: value.id(&["id"])?,
            version: value.int(&["version"]),
            kind: value.id(&["type"]),
            join_url: value.private(&["joinWebUrl"]),
            start: value.time(&["startDateTime"]),
            end: value.time(&["endDateTime"]),
            participants: people.filter_map(|one| one.id(&["user", "id"])).collect(),
        })
    }
}

impl Client {
    /// The meeting of a user that is joined under this address, if there is one.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the application may not see this user's meetings; any other.
    pub async fn meeting(&self, user: &str, join_url: &str) -> Result<Option<Meeting>, Error> {
        let filter = format!("JoinWebUrl eq '{}'", join_url.replace('\'', "''"));
        let call = Call::get(["users", user, "onlineMeetings"]).query("$filter", Cow::from(filter));
        Ok(self.all(call, Meeting::read).await?.into_iter().next())
    }

    /// All recordings of a user's meeting.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such meeting; any other.
    pub async fn meeting_recordings(
        &self,
        user: &str,
        meeting: &str,
    ) -> Result<Vec<MeetingRecording>, Error> {
        let path = ["users", user, "onlineMeetings", meeting, "recordings"];
        self.all(Call::get(path), MeetingRecording::read).await
    }

    /// Where a recording can be fetched.
    ///
    /// # Errors
    /// No token can be had, or an id cannot be one.
    pub async fn download(
        &self,
        user: &str,
        meeting: &str,
        recording: &str,
    ) -> Result<Download, Error> {
        let path = ["users", user, "onlineMeetings", meeting, "recordings", recording, "content"];
        Download::of(&self.base, &path, &[], &self.credentials).await
    }

    /// The record of a call, as it is written by now.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or none any more; any other.
    pub async fn call_record(&self, id: &str) -> Result<CallRecord, Error> {
        let value = self.api.json(&Call::get(["communications", "callRecords", id])).await?;
        CallRecord::read(&value).ok_or(Error::Unreadable("a record without id"))
    }
}
