//! What an occurrence says of itself apart from when it takes place.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Whether the meeting takes place, as its calendar says.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It takes place.
    #[default]
    Confirmed,
    /// It may take place.
    Tentative,
    /// It does not take place.
    Cancelled,
}

/// How private the event is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Nothing is said against reading it.
    #[default]
    Public,
    /// Outlook's `personal`.
    Personal,
    /// Private or confidential.
    Private,
}

/// What an invited address stands for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    /// A human being.
    #[default]
    Individual,
    /// A mailing list.
    Group,
    /// A room.
    Room,
    /// Other equipment.
    Resource,
}

/// What an invited person answered.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Participation {
    /// No answer yet.
    #[default]
    NeedsAction,
    /// Will come.
    Accepted,
    /// Will not come.
    Declined,
    /// May come.
    Tentative,
    /// Sends somebody else.
    Delegated,
}

/// Somebody or something that organizes or is invited.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// E-mail address in lower case, without `mailto:`; `None` if there is none that is valid.
    pub address: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Human being, list, room, equipment.
    pub kind: PersonKind,
    /// The answer to the invitation.
    pub participation: Participation,
}

/// The field of an event in which a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The field the calendar or the conference provider fills itself.
    Provider,
    /// The URL property.
    Url,
    /// The place.
    Location,
    /// The body: plain text, then HTML.
    Description,
}

/// A conference link and the field it was found in.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldLink {
    /// Where it stands.
    pub field: Field,
    /// The link.
    pub link: conference::Link,
}

/// What the occurrences of one component have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// iCalendar UID; `None` where the calendar gives none.
    pub uid: Option<String>,
    /// Title; `None` if absent, empty if empty.
    pub title: Option<String>,
    /// Confirmed, tentative or cancelled.
    pub status: Status,
    /// The strictest of all copies of the newest revision.
    pub sensitivity: Sensitivity,
    /// Who organizes it.
    pub organizer: Option<Person>,
    /// Who is invited, in the order of the calendar.
    pub attendees: Vec<Person>,
    /// Conference links in reading order: provider, URL, location, description. Never the title.
    pub links: Vec<FieldLink>,
    /// Zone of the start: IANA name where it could be resolved, else as written; `None` if floating.
    pub zone: Option<String>,
    /// Whether the organizer's own attendee entry says declined.
    pub organizer_declined: bool,
    /// Revision number (SEQUENCE).
    pub sequence: i64,
    /// When the event was last changed, as its calendar says.
    pub last_modified: Option<DateTime<Utc>>,
}
