//! One component of a calendar: a single event, a series, or the change of one occurrence.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::recurrence::Rule;
use crate::value::Span;
use crate::zone::Zone;
use crate::{Field, Person, Sensitivity, Status};

/// One component: a single event, the master of a series, or an override of one occurrence.
///
/// Its JSON form is for storing: it is read back by the version that wrote it and by later ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Event {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<String>,
    /// Id within its source: what an instance names as its series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_id: Option<String>,
    /// Of an instance: the `source_id` of its master.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) series_id: Option<String>,
    pub(crate) kind: Kind,
    /// Of an override: which occurrence it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<Instance>,
    /// Absent only from cancellations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Moment>,
    #[serde(default, skip_serializing_if = "End::is_none")]
    pub(crate) end: End,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recurrence: Option<Box<Recurrence>>,
    pub(crate) status: Status,
    pub(crate) sensitivity: Sensitivity,
    /// Whether it comes from the calendar of who organizes the meeting.
    #[serde(default)]
    pub(crate) organizer_copy: bool,
    #[serde(default)]
    pub(crate) organizer_declined: bool,
    #[serde(default)]
    pub(crate) sequence: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dtstamp: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organizer: Option<Person>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attendees: Vec<Person>,
    /// What is searched for links, in reading order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) texts: Vec<(Field, String)>,
}

/// How a component stands to its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// It speaks for itself.
    #[default]
    Whole,
    /// An occurrence as its master makes it, listed by the source: it counts where the master is
    /// not known.
    Listed,
}

/// Which occurrence an override is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// The original start.
    pub(crate) at: Moment,
    /// Whether all later ones are meant too (RANGE=THISANDFUTURE).
    #[serde(default)]
    pub(crate) and_later: bool,
}

/// A date or a wall time with its zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// The wall time; of a date its midnight.
    pub(crate) wall: NaiveDateTime,
    /// Whether it is a date alone.
    #[serde(default)]
    pub(crate) is_date: bool,
    pub(crate) zone: Zone,
}

/// How the end of an event is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Not at all.
    #[default]
    None,
    /// As a time.
    At(Moment),
    /// As a length.
    After(Span),
}

impl End {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// What makes a component a series.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Recurrence {
    /// RRULE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<Rule>,
    /// EXRULE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) except_rules: Vec<Rule>,
    /// RDATE, each with an end of its own if it is a period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dates: Vec<(Moment, End)>,
    /// EXDATE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) except_dates: Vec<Moment>,
}

impl Event {
    /// The iCalendar UID, the same in every calendar that holds the meeting.
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// The original start of the occurrence that this component changes, as its calendar writes it:
    /// date and time on the wall, and the zone's name (`None` if floating). `None` for masters and
    /// single events.
    pub fn recurrence_id(&self) -> Option<(NaiveDateTime, Option<String>)> {
        self.instance.as_ref().map(|instance| (instance.at.wall, instance.at.zone.name()))
    }

    /// Whether it is a series.
    pub fn is_recurring(&self) -> bool {
        self.recurrence.is_some()
    }

    /// Whether it lasts whole days.
    pub fn is_all_day(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.is_date)
    }

    /// Date and time on the wall at which it starts, and the zone's name (`None` if floating).
    pub fn start(&self) -> Option<(NaiveDateTime, Option<String>)> {
        self.start.as_ref().map(|start| (start.wall, start.zone.name()))
    }

    /// The title; `None` if absent.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The revision number (SEQUENCE); 0 where the calendar gives none.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// When this revision was written (DTSTAMP).
    pub fn dtstamp(&self) -> Option<DateTime<Utc>> {
        self.dtstamp
    }

    /// When the event was last changed (LAST-MODIFIED and its like).
    pub fn last_modified(&self) -> Option<DateTime<Utc>> {
        self.last_modified
    }

    /// Confirmed, tentative or cancelled.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether the component calls its meeting or occurrence off.
    pub fn is_cancelled(&self) -> bool {
        self.status == Status::Cancelled
    }

    /// How private this copy is.
    pub fn sensitivity(&self) -> Sensitivity {
        self.sensitivity
    }

    /// Who organizes it.
    pub fn organizer(&self) -> Option<&Person> {
        self.organizer.as_ref()
    }

    /// Who is invited, in the order of the calendar.
    pub fn attendees(&self) -> &[Person] {
        &self.attendees
    }

    /// Whether it comes from the organizer's own calendar; false where that is not known.
    pub fn is_organizer_copy(&self) -> bool {
        self.organizer_copy
    }

    /// The order of two copies of one component: the greater is the one to believe.
    ///
    /// The organizer's own copy first, then SEQUENCE, then DTSTAMP (RFC 5546 §2.1.5), then
    /// LAST-MODIFIED; a cancellation before what it cancels; at last the content, so that the
    /// order of calendars and files never matters.
    pub fn revision_order(&self, other: &Self) -> Ordering {
        let rank = |event: &Self| {
            (
                event.kind == Kind::Whole,
                event.organizer_copy,
                event.sequence,
                event.dtstamp,
                event.last_modified,
                event.is_cancelled(),
            )
        };
        rank(self).cmp(&rank(other)).then_with(|| self.cmp(other))
    }

    pub(crate) fn new(start: Option<Moment>) -> Self {
        Self {
            uid: None,
            source_id: None,
            series_id: None,
            kind: Kind::Whole,
            instance: None,
            start,
            end: End::None,
            recurrence: None,
            status: Status::default(),
            sensitivity: Sensitivity::default(),
            organizer_copy: false,
            organizer_declined: false,
            sequence: 0,
            dtstamp: None,
            last_modified: None,
            title: None,
            organizer: None,
            attendees: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Whether the organizer's own attendee entry says declined.
    pub(crate) fn judge_organizer(&mut self) {
        if let Some(address) = self.organizer.as_ref().and_then(|one| one.address.as_deref()) {
            let mut own =
                self.attendees.iter().filter(|one| one.address.as_deref() == Some(address));
            // Invited twice: the first entry counts.
            if let Some(first) = own.next() {
                self.organizer_declined = first.participation == crate::Participation::Declined;
            }
        }
    }
}

impl Event {
    /// Shows every date and time to `change`.
    pub(crate) fn each_moment(&mut self, change: &mut dyn FnMut(&mut Moment)) {
        if let Some(start) = &mut self.start {
            change(start);
        }
        if let End::At(end) = &mut self.end {
            change(end);
        }
        if let Some(instance) = &mut self.instance {
            change(&mut instance.at);
        }
        if let Some(recurrence) = &mut self.recurrence {
            for (date, end) in &mut recurrence.dates {
                change(date);
                if let End::At(end) = end {
                    change(end);
                }
            }
            recurrence.except_dates.iter_mut().for_each(change);
        }
    }

    /// Turns the times into dates, for a provider that flags whole days.
    pub(crate) fn make_all_day(&mut self) {
        if let End::At(end) = &mut self.end
            && let Some(up) = end.wall.date().succ_opt()
            && end.wall.time() != chrono::NaiveTime::MIN
        {
            end.wall = up.into();
        }
        self.each_moment(&mut |moment| {
            moment.wall = moment.wall.date().into();
            moment.is_date = true;
            moment.zone = Zone::Floating;
        });
    }

    /// Brings the texts into reading order and cuts what is beyond `bytes`.
    pub(crate) fn order_texts(&mut self, bytes: usize) {
        self.texts.sort_by_key(|(field, _)| *field);
        let mut left = bytes;
        for (_, text) in &mut self.texts {
            let mut end = text.len().min(left);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            left -= end;
        }
        self.texts.retain(|(_, text)| !text.trim().is_empty());
    }
}
