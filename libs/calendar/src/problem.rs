//! What could not be read as it stands, told instead of hidden.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a payload gives no events at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The payload has more bytes or components than [`crate::Limits`] permit.
    #[error("the calendar is too large: {found} {unit}, at most {limit} are read")]
    TooLarge {
        /// How many there are (at least).
        found: usize,
        /// How many are permitted.
        limit: usize,
        /// What was counted: `bytes` or `events`.
        unit: &'static str,
    },
    /// The payload is no valid JSON.
    #[error("not readable as JSON, line {line} column {column}: {message}")]
    Json {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The payload is valid JSON, but neither an event nor a list of events.
    #[error(
        "the JSON holds no {0} event: expected an event object, an array of them, or a list response"
    )]
    NoEventObject(&'static str),
    /// The payload holds no iCalendar component.
    #[error("not readable as iCalendar: no BEGIN:VCALENDAR or BEGIN:VEVENT was found")]
    NoCalendar,
    /// The format's name is none of those known.
    #[error("unknown calendar format `{0}`, expected icalendar, google or microsoft")]
    UnknownFormat(String),
}

/// Whether an event was lost or only mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The event, or the part the text names, is left out.
    Dropped,
    /// The event is kept, read in the way the text says.
    Repaired,
}

/// The kind of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Bytes that are no UTF-8 were replaced.
    InvalidText,
    /// There is no usable start.
    NoStart,
    /// A value could not be read and was ignored.
    InvalidValue,
    /// The component is not closed, or closed by another name.
    BrokenStructure,
    /// Components are nested deeper than is read.
    TooDeep,
    /// The message is an answer (REPLY, COUNTER, REFRESH, …), which never makes a meeting.
    NotAnInvitation,
    /// The entry is no meeting: working location, out of office, focus time, birthday, …
    NotAMeeting,
    /// The entry shows when somebody is busy, not what takes place.
    FreeBusyOnly,
    /// The source says no more than that the entry was deleted.
    DeletedAtSource,
    /// The entry is not sent yet, or only names something that changed.
    Incomplete,
    /// A recurrence rule that repeats within a day is refused.
    SubDailyRule,
    /// A recurrence rule that is not valid, or beyond a bound, is refused.
    InvalidRule,
    /// A time zone name could not be resolved.
    UnknownZone,
    /// A series has more occurrences in the window than are made.
    TooManyOccurrences,
    /// More attendees than are read.
    TooManyAttendees,
    /// More dates, texts or links than are read.
    TooMuch,
    /// Two different meetings carry the same UID.
    SharedUid,
}

/// Where in the payload a [`Problem`] stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The payload as a whole.
    Whole,
    /// A line of an iCalendar payload, from 1.
    Line(u32),
    /// A JSON pointer (RFC 6901).
    Pointer(String),
    /// Found while expanding: the event, by its UID, not a place in a payload.
    Series,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("calendar"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Series => f.write_str("series"),
        }
    }
}

/// Something dropped or repaired on the way from a payload to occurrences.
///
/// The text never carries titles, descriptions or addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The iCalendar UID of the event, where known.
    pub uid: Option<String>,
    /// Dropped or repaired.
    pub severity: Severity,
    /// What kind of problem it is.
    pub reason: Reason,
    /// The problem in words, lower case, user input in backticks.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}
