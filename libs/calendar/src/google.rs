//! Event resources of Google Calendar API v3.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::event::{End, Instance, Moment};
use crate::format::Report;
use crate::icalendar::{self, short};
use crate::json::{self, Entries, Entry, Fields};
use crate::value::{self, Value as Time};
use crate::zone::{self, Atlas, Zone};
use crate::{
    Context, Error, Event, Field, Limits, Parsed, Participation, Person, PersonKind, Place, Reason,
    Sensitivity, Severity, Status,
};

/// Fields of which every event has one.
const MARKS: [&str; 8] =
    ["id", "iCalUID", "start", "end", "summary", "status", "recurringEventId", "items"];

/// Reads one event, an array of events, or list responses.
pub(crate) fn parse(bytes: &[u8], context: &Context<'_>, limits: &Limits) -> Result<Parsed, Error> {
    let mut report = Report::new(limits);
    let Entries { list, around } =
        json::entries(bytes, "items", &MARKS, "Google", limits, &mut report)?;
    let mut reader = Reader {
        limits,
        report,
        atlas: Atlas::new(context.floating_zone),
        zone: around.text("timeZone").and_then(zone::resolve),
        free_busy: around.text("accessRole") == Some("freeBusyReader"),
    };
    let events = list.into_iter().filter_map(|entry| reader.event(entry)).collect();
    reader.report.pointer = None;
    Ok(Parsed { events, problems: reader.report.finish() })
}

struct Reader<'a> {
    limits: &'a Limits,
    report: Report,
    atlas: Atlas,
    /// The zone of the calendar, as a list response names it.
    zone: Option<Zone>,
    free_busy: bool,
}

impl Reader<'_> {
    fn problem(&mut self, uid: Option<&str>, severity: Severity, reason: Reason, text: &str) {
        self.report.push(Place::Whole, uid.map(str::to_owned), severity, reason, text.to_owned());
    }

    fn event(&mut self, entry: Entry) -> Option<Event> {
        let object = &entry.object;
        self.report.pointer = Some(entry.pointer);
        let uid = object.said("iCalUID");
        let kind = object.text("eventType").unwrap_or("default");
        if !matches!(kind, "default" | "fromGmail") {
            let text = format!("an event of type `{}` is no meeting", short(kind));
            self.problem(uid, Severity::Dropped, Reason::NotAMeeting, &text);
            return None;
        }
        let series = object.said("recurringEventId");
        let cancelled = object.text("status") == Some("cancelled");
        let original = object.field("originalStartTime").and_then(|at| self.moment(at, false));
        let start = object.field("start").and_then(|at| self.moment(at, false));
        if start.is_none() && !(cancelled && series.is_some() && original.is_some()) {
            let (reason, text) = if cancelled {
                (Reason::DeletedAtSource, "the event was deleted at the source")
            } else {
                (Reason::NoStart, "the event has no usable start")
            };
            self.problem(uid, Severity::Dropped, reason, text);
            return None;
        }
        let hidden = self.free_busy
            || (object.text("visibility") == Some("private")
                && ["summary", "description", "organizer", "creator", "attendees"]
                    .iter()
                    .all(|name| object.field(name).is_none()));
        if hidden && !cancelled {
            let text = "only whether somebody is busy can be seen";
            self.problem(uid, Severity::Dropped, Reason::FreeBusyOnly, text);
            return None;
        }
        let recurrence = icalendar::recurrence(
            object.list("recurrence").iter().filter_map(Value::as_str).take(1_000),
            self.limits,
            &mut self.report,
        );
        let recurs = recurrence.is_some() && series.is_none();
        let start = match object.field("start") {
            Some(at) if recurs => self.moment(at, true),
            _ => start,
        };
        let mut event = Event::new(start);
        event.uid = uid.map(str::to_owned);
        event.source_id = object.said("id").map(str::to_owned);
        event.series_id = series.map(str::to_owned);
        if series.is_some() {
            let at = original.or_else(|| event.start.clone());
            event.instance = at.map(|at| Instance { at, and_later: false });
        } else if let Some(recurrence) = recurrence {
            event.recurrence = Some(Box::new(recurrence));
            let zone = event.start.as_ref().map(|start| start.zone.clone());
            event.each_moment(&mut |moment| {
                if let Zone::Unknown(name) = &moment.zone {
                    let known = zone::resolve(name).or_else(|| zone.clone());
                    moment.zone = known.unwrap_or(Zone::Floating);
                }
            });
        }
        event.end = match object.field("end") {
            Some(_) if object.flag("endTimeUnspecified") => End::None,
            Some(at) => self.moment(at, recurs).map_or(End::None, End::At),
            None => End::None,
        };
        self.describe(&mut event, object, cancelled);
        Some(event)
    }

    fn describe(&mut self, event: &mut Event, object: &impl Fields, cancelled: bool) {
        event.status = match object.text("status") {
            _ if cancelled => Status::Cancelled,
            Some("tentative") => Status::Tentative,
            _ => Status::Confirmed,
        };
        event.sensitivity = match object.text("visibility") {
            Some("private" | "confidential") => Sensitivity::Private,
            _ => Sensitivity::Public,
        };
        event.sequence = object.field("sequence").and_then(Value::as_i64).unwrap_or(0);
        event.last_modified = object.text("updated").and_then(instant);
        event.title = object.text("summary").map(str::to_owned);
        if let Some(organizer) = object.field("organizer") {
            event.organizer = Some(person(organizer));
            event.organizer_copy = organizer.flag("self");
        }
        let attendees = object.list("attendees");
        if attendees.len() > self.limits.attendees {
            let text = format!("attendees beyond the first {} are left out", self.limits.attendees);
            self.problem(event.uid(), Severity::Dropped, Reason::TooManyAttendees, &text);
        }
        for attendee in attendees.iter().take(self.limits.attendees) {
            let person = person(attendee);
            event.organizer_declined |=
                attendee.flag("organizer") && person.participation == Participation::Declined;
            event.attendees.push(person);
        }
        event.judge_organizer();
        let mut add = |field: Field, text: Option<&str>| {
            event.texts.extend(text.map(|text| (field, text.to_owned())));
        };
        if let Some(conference) = object.field("conferenceData") {
            for entry in conference.list("entryPoints") {
                if entry.text("entryPointType").is_none_or(|kind| kind == "video") {
                    add(Field::Provider, entry.text("uri"));
                }
            }
        }
        add(Field::Provider, object.text("hangoutLink"));
        add(Field::Location, object.text("location"));
        add(Field::Description, object.text("description"));
        if event.texts.iter().map(|(_, text)| text.len()).sum::<usize>() > self.limits.text {
            let text = "texts are read in part only";
            self.problem(event.uid(), Severity::Repaired, Reason::TooMuch, text);
        }
        event.order_texts(self.limits.text);
    }

    /// A date, or a time in the zone the event names; `recurs` if the zone has to carry a rule.
    fn moment(&mut self, at: &Value, recurs: bool) -> Option<Moment> {
        if let Some(date) = at.text("date") {
            return match value::date_time(date)? {
                Time::Date(date) => {
                    Some(Moment { wall: date.into(), is_date: true, zone: Zone::Floating })
                }
                Time::Wall(_) | Time::Utc(_) => None,
            };
        }
        let text = at.text("dateTime")?;
        let named = at.said("timeZone");
        let zone = match named {
            Some(name) => zone::resolve(name),
            None => self.zone.clone(),
        };
        match value::date_time(text)? {
            Time::Date(date) => {
                Some(Moment { wall: date.into(), is_date: true, zone: Zone::Floating })
            }
            Time::Wall(wall) => {
                let zone = match (zone, named) {
                    (Some(zone), _) => zone,
                    (None, Some(name)) => Zone::Unknown(name.into()),
                    (None, None) => Zone::Floating,
                };
                Some(Moment { wall, is_date: false, zone })
            }
            Time::Utc(at) => {
                let offset = text.trim().get(19..).and_then(value::offset).unwrap_or(0);
                Some(self.atlas.moment_of(at, zone, offset, recurs))
            }
        }
    }
}

fn person(of: &Value) -> Person {
    Person {
        address: of.text("email").and_then(value::address),
        name: of.said("displayName").map(str::to_owned),
        kind: if of.flag("resource") { PersonKind::Resource } else { PersonKind::Individual },
        participation: match of.text("responseStatus") {
            Some("accepted") => Participation::Accepted,
            Some("declined") => Participation::Declined,
            Some("tentative") => Participation::Tentative,
            _ => Participation::NeedsAction,
        },
    }
}

/// An instant as JSON writes it.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    match value::date_time(text)? {
        Time::Utc(at) | Time::Wall(at) => Some(at.and_utc()),
        Time::Date(_) => None,
    }
}
