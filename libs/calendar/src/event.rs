//! One component of a calendar: a single event, a series, or the change of one occurrence.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Person, Status};

/// One component: a single event, the master of a series, or an override of one occurrence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub(crate) uid: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) status: Status,
    pub(crate) sequence: i64,
    pub(crate) dtstamp: Option<DateTime<Utc>>,
    pub(crate) last_modified: Option<DateTime<Utc>>,
    pub(crate) organizer: Option<Person>,
    pub(crate) attendees: Vec<Person>,
}

impl Event {
    /// The iCalendar UID, the same in every calendar that holds the meeting.
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }
    /// The title; `None` if absent.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }
    /// The revision number; 0 where the calendar gives none.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }
    /// When this revision was written.
    pub fn dtstamp(&self) -> Option<DateTime<Utc>> {
        self.dtstamp
    }
    /// When the event was last changed.
    pub fn last_modified(&self) -> Option<DateTime<Utc>> {
        self.last_modified
    }
    /// Whether the component calls its meeting or occurrence off.
    pub fn is_cancelled(&self) -> bool {
        self.status == Status::Cancelled
    }
    /// Who organizes it.
    pub fn organizer(&self) -> Option<&Person> {
        self.organizer.as_ref()
    }
    /// Who is invited, in the order of the calendar.
    pub fn attendees(&self) -> &[Person] {
        &self.attendees
    }
}
