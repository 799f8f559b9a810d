//! Meetings, who is in them, and links to join with.

use std::borrow::Cow;

use ::http::Method;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Client;
use crate::{Call, Error, Look, Private};

/// A meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Webex's id of it.
    pub id: String,
    /// The series it is of.
    pub series: Option<String>,
    /// `meetingSeries`, `scheduledMeeting` or `meeting`, as Webex writes it.
    pub kind: Option<String>,
    /// `active`, `scheduled`, `ready`, `lobby`, `inProgress`, `ended`, `missed`, `expired`, as Webex writes it.
    pub state: Option<String>,
    /// When it is to begin.
    pub start: Option<DateTime<Utc>>,
    /// When it is to end.
    pub end: Option<DateTime<Utc>>,
    /// Who hosts it.
    pub host: Option<String>,
    /// Who hosts it, as an address.
    pub host_email: Option<Private>,
    /// The link people join with.
    pub link: Option<Private>,
    /// Whether it can be joined before the host is there.
    pub before_host: Option<bool>,
    /// What happens to who comes unasked: `allowJoin`, `allowJoinWithLobby`, `blockFromJoin`, as Webex writes it.
    pub strangers: Option<String>,
    /// Whether guests have to register.
    pub registration: bool,
    /// Whether Webex records it by itself.
    pub auto_record: Option<bool>,
    /// How one hears it: `webexAudio`, `VoIP`, `other`, `none`, as Webex writes it.
    pub audio: Option<String>,
    /// Whether who takes part is shown to guests.
    pub list_shown: Option<bool>,
}

impl Meeting {
    /// Reads a meeting; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            series: value.id(&["meetingSeriesId"]),
            kind: value.id(&["meetingType"]),
            state: value.id(&["state"]),
            start: value.time(&["start"]),
            end: value.time(&["end"]),
            host: value.id(&["hostUserId"]),
            host_email: value.private(&["hostEmail"]),
            link: value.private(&["webLink"]),
            before_host: value.flag(&["enabledJoinBeforeHost"]),
            strangers: value.id(&["unlockedMeetingJoinSecurity"]),
            registration: value.at(&["registration"]).is_some(),
            auto_record: value.flag(&["enabledAutoRecordMeeting"]),
            audio: value.id(&["audioConnectionOptions", "audioConnectionType"]),
            list_shown: value.flag(&["attendeePrivileges", "enabledViewParticipantList"]),
        })
    }
}

/// Somebody in a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Webex's id of this participation.
    pub id: String,
    /// The organisation.
    pub organisation: Option<String>,
    /// The address.
    pub email: Option<Private>,
    /// The name as displayed.
    pub name: Option<Private>,
    /// Whether it hosts.
    pub host: Option<bool>,
    /// `lobby`, `joined`, `breakoutSession`, `end`, as Webex writes it.
    pub state: Option<String>,
    /// When it came.
    pub joined: Option<DateTime<Utc>>,
    /// When it left.
    pub left: Option<DateTime<Utc>>,
}

impl Participant {
    /// Reads a participant; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            organisation: value.id(&["orgId"]),
            email: value.private(&["email"]),
            name: value.private(&["displayName"]),
            host: value.flag(&["host"]),
            state: value.id(&["state"]),
            joined: value.time(&["joinedTime"]),
            left: value.time(&["leftTime"]),
        })
    }
}

/// Who wants to join what.
#[derive(Debug, Clone)]
pub struct Joining {
    /// The link people join with.
    pub link: Private,
    /// The password, where there is one. A wrong one must not be tried again.
    pub password: Option<SecretString>,
    /// The name to be displayed.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Links for one who joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// For a guest.
    pub join: Option<Private>,
    /// For the host.
    pub start: Option<Private>,
    /// How long they hold.
    pub expires: Option<DateTime<Utc>>,
}

impl Client {
    /// The meeting that is joined with a link, if there is one.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn meeting_by_link(&self, link: &str) -> Result<Option<Meeting>, Error> {
        let call = Call::get(["meetings"]).query("webLink", Cow::from(link));
        match self.all(call, Meeting::read).await {
            Ok(all) => Ok(all.into_iter().next()),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A meeting, by its id: that of a series, of one meeting of it, or of a run.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such meeting, or none that is shown; any other.
    pub async fn meeting(&self, id: &str) -> Result<Meeting, Error> {
        let value = self.api.json(&Call::get(["meetings", id])).await?;
        Meeting::read(&value).ok_or(Error::Unreadable("it has no id"))
    }

    /// Everybody in a run of a meeting.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such run; any other.
    pub async fn participants(&self, meeting: &str) -> Result<Vec<Participant>, Error> {
        let call = Call::get(["meetingParticipants"]).query("meetingId", Cow::from(meeting));
        self.all(call, Participant::read).await
    }

    /// Links to join with, without being redirected.
    ///
    /// # Errors
    /// [`Error::Forbidden`] or [`Error::NotFound`] where one may not join; [`Error::Refused`] with 302 where Webex
    /// redirects all the same; any other.
    pub async fn join(&self, joining: &Joining) -> Result<Links, Error> {
        let mut body = json!({"webLink": joining.link.expose(), "joinDirectly": false,
            "displayName": joining.name, "email": joining.email});
        if let (Some(password), Some(body)) = (&joining.password, body.as_object_mut()) {
            body.insert("password".to_owned(), json!(password.expose_secret()));
        }
        let call = Call::new(Method::POST, ["meetings", "join"]).json(&body);
        let value = self.api.json(&call).await?;
        let links = Links {
            join: value.private(&["joinLink"]),
            start: value.private(&["startLink"]),
            expires: value.time(&["expiration"]),
        };
        if links.join.is_none() && links.start.is_none() {
            return Err(Error::Unreadable("it holds no link"));
        }
        Ok(links)
    }
}
