//! Event resources of Microsoft Graph.

mod pattern;

use serde_json::{Map, Value};

use crate::civil;
use crate::event::{End, Instance, Kind, Moment, Recurrence};
use crate::format::Report;
use crate::google::instant;
use crate::json::{self, Entries, Fields};
use crate::value::{self, Value as Time};
use crate::zone::{self, Atlas, Zone};
use crate::{
    Context, Error, Event, Field, Limits, Parsed, Participation, Person, PersonKind, Place, Reason,
    Sensitivity, Severity, Status,
};

/// Fields of which every event has one.
const MARKS: [&str; 8] =
    ["id", "iCalUId", "start", "end", "subject", "type", "seriesMasterId", "@removed"];

/// Reads one event, an array of events, or list and delta responses.
pub(crate) fn parse(bytes: &[u8], context: &Context<'_>, limits: &Limits) -> Result<Parsed, Error> {
    let mut report = Report::new(limits);
    let Entries { list, .. } =
        json::entries(bytes, "value", &MARKS, "Microsoft", limits, &mut report)?;
    let mut reader = Reader { limits, report, atlas: Atlas::new(context.floating_zone) };
    let mut events = Vec::new();
    for entry in list {
        reader.report.pointer = Some(entry.pointer.clone());
        events.extend(reader.event(&entry.object, None));
        // A master may carry its exceptions within itself.
        for (index, inner) in entry.object.list("exceptionOccurrences").iter().enumerate() {
            if events.len() >= limits.components {
                let limit = limits.components;
                return Err(Error::TooLarge { found: limit + 1, limit, unit: "events" });
            }
            if let Value::Object(inner) = inner {
                let pointer = format!("{}/exceptionOccurrences/{index}", entry.pointer);
                reader.report.pointer = Some(pointer);
                events.extend(reader.event(inner, entry.object.said("id")));
            }
        }
    }
    reader.report.pointer = None;
    Ok(Parsed { events, problems: reader.report.finish() })
}

struct Reader<'a> {
    limits: &'a Limits,
    report: Report,
    atlas: Atlas,
}

impl Reader<'_> {
    fn problem(&mut self, uid: Option<&str>, severity: Severity, reason: Reason, text: String) {
        self.report.push(Place::Whole, uid.map(str::to_owned), severity, reason, text);
    }

    fn event(&mut self, object: &Map<String, Value>, master: Option<&str>) -> Option<Event> {
        let uid = object
            .said("uid")
            .map(str::to_owned)
            .or_else(|| object.said("iCalUId").map(series_uid));
        if object.field("@removed").is_some() {
            let text = "the event was deleted at the source".to_owned();
            self.problem(uid.as_deref(), Severity::Dropped, Reason::DeletedAtSource, text);
            return None;
        }
        let kind = object.text("type").unwrap_or_default();
        let series = object.said("seriesMasterId").or(master);
        let pattern =
            object.field("recurrence").filter(|_| kind != "occurrence" && series.is_none());
        let all_day = object.flag("isAllDay");
        let zone = self.zone(object, pattern);
        let start =
            object.field("start").and_then(|at| self.moment(at, all_day, &zone, pattern.is_some()));
        let Some(start) = start else {
            let text = "the event has no usable start".to_owned();
            self.problem(uid.as_deref(), Severity::Dropped, Reason::NoStart, text);
            return None;
        };
        if object.text("status").is_some()
            && ["id", "uid", "iCalUId", "subject", "organizer"]
                .iter()
                .all(|name| object.field(name).is_none())
        {
            let text = "only whether somebody is busy can be seen".to_owned();
            self.problem(uid.as_deref(), Severity::Dropped, Reason::FreeBusyOnly, text);
            return None;
        }
        if let Zone::Unknown(name) = &start.zone {
            let text = format!(
                "time zone `{}` is not known, read as floating",
                crate::icalendar::short(name)
            );
            self.problem(uid.as_deref(), Severity::Repaired, Reason::UnknownZone, text);
        }
        let mut event = Event::new(Some(start.clone()));
        event.uid = uid;
        event.source_id = object.said("id").map(str::to_owned);
        event.series_id = series.map(str::to_owned);
        event.end = object
            .field("end")
            .and_then(|at| self.moment(at, all_day, &zone, pattern.is_some()))
            .map_or(End::None, End::At);
        if series.is_some() || matches!(kind, "occurrence" | "exception") {
            let at = original(object, all_day).unwrap_or(start);
            event.instance = Some(Instance { at, and_later: false });
            if kind == "occurrence" {
                event.kind = Kind::Listed;
            }
        } else if let Some(pattern) = pattern {
            let mut recurrence = Recurrence::default();
            match pattern::rule(pattern, self.limits) {
                Ok(rule) => recurrence.rules.push(rule),
                Err(what) => {
                    let text = format!("the recurrence is refused: {what}");
                    self.problem(event.uid(), Severity::Dropped, Reason::InvalidRule, text);
                }
            }
            for id in object.list("cancelledOccurrences").iter().filter_map(Value::as_str) {
                recurrence.except_dates.extend(occurrence_date(id));
            }
            event.recurrence = Some(Box::new(recurrence));
        }
        self.describe(&mut event, object);
        Some(event)
    }

    /// The zone the event lives in: that of its recurrence, else the one it was made in, else the
    /// one its start is written in.
    fn zone(&self, object: &Map<String, Value>, pattern: Option<&Value>) -> Option<Zone> {
        let recurrence = pattern
            .and_then(|pattern| pattern.field("range"))
            .and_then(|range| range.said("recurrenceTimeZone"));
        let start = object.field("start").and_then(|start| start.said("timeZone"));
        [recurrence, object.said("originalStartTimeZone"), start]
            .into_iter()
            .flatten()
            .find_map(zone::resolve)
    }

    fn moment(
        &mut self,
        at: &Value,
        all_day: bool,
        zone: &Option<Zone>,
        recurs: bool,
    ) -> Option<Moment> {
        let value = value::date_time(at.text("dateTime")?)?;
        let own = at.said("timeZone");
        let wall = match value {
            Time::Date(date) => date.into(),
            Time::Wall(wall) | Time::Utc(wall) => wall,
        };
        if all_day {
            // Both ends are midnights whatever the zone; another time was moved to another zone.
            let midnight = wall.time() == chrono::NaiveTime::MIN;
            let moved = match (own.and_then(zone::resolve), zone) {
                (Some(own), Some(zone)) if !midnight => {
                    let own = self.atlas.lookup(&own);
                    let instant = self.atlas.place(own, civil::wall(wall)).instant;
                    let zone = self.atlas.lookup(zone);
                    civil::date_time(self.atlas.wall(zone, instant)).unwrap_or(wall)
                }
                _ => wall,
            };
            return Some(Moment { wall: moved.date().into(), is_date: true, zone: Zone::Floating });
        }
        let written = match value {
            Time::Utc(_) => Zone::Utc,
            Time::Date(_) | Time::Wall(_) => match own {
                Some(name) => zone::resolve(name)
                    .or_else(|| zone.clone())
                    .unwrap_or_else(|| Zone::Unknown(name.into())),
                None => Zone::Utc,
            },
        };
        if matches!(written, Zone::Unknown(_)) || zone.as_ref() == Some(&written) {
            return Some(Moment { wall, is_date: false, zone: written });
        }
        let written = self.atlas.lookup(&written);
        let instant = self.atlas.place(written, civil::wall(wall)).instant;
        let utc = civil::date_time(instant)?;
        Some(self.atlas.moment_of(utc, zone.clone(), 0, recurs))
    }

    fn describe(&mut self, event: &mut Event, object: &Map<String, Value>) {
        if object.flag("isCancelled") {
            event.status = Status::Cancelled;
        }
        event.sensitivity = match object.text("sensitivity") {
            Some("personal") => Sensitivity::Personal,
            Some("private" | "confidential") => Sensitivity::Private,
            _ => Sensitivity::Public,
        };
        event.organizer_copy = object.flag("isOrganizer");
        event.last_modified = object.text("lastModifiedDateTime").and_then(instant);
        event.title = object.text("subject").map(str::to_owned);
        event.organizer = object.field("organizer").map(person);
        let attendees = object.list("attendees");
        if attendees.len() > self.limits.attendees {
            let text = format!("attendees beyond the first {} are left out", self.limits.attendees);
            self.problem(event.uid(), Severity::Dropped, Reason::TooManyAttendees, text);
        }
        event.attendees.extend(attendees.iter().take(self.limits.attendees).map(person));
        event.judge_organizer();
        let mut add = |field: Field, text: Option<&str>| {
            if let Some(text) = text.filter(|text| !text.trim().is_empty())
                && !event.texts.iter().any(|(in_field, known)| *in_field == field && known == text)
            {
                event.texts.push((field, text.to_owned()));
            }
        };
        if let Some(meeting) = object.field("onlineMeeting") {
            add(Field::Provider, meeting.text("joinUrl"));
        }
        add(Field::Provider, object.text("onlineMeetingUrl"));
        let places = object.field("location").into_iter().chain(object.list("locations"));
        for place in places.take(100) {
            add(Field::Location, place.text("displayName"));
            add(Field::Location, place.text("locationUri"));
        }
        let body = object.field("body").and_then(|body| body.said("content"));
        add(Field::Description, body.or_else(|| object.text("bodyPreview")));
        if event.texts.iter().map(|(_, text)| text.len()).sum::<usize>() > self.limits.text {
            let text = "texts are read in part only".to_owned();
            self.problem(event.uid(), Severity::Repaired, Reason::TooMuch, text);
        }
        event.order_texts(self.limits.text);
    }
}

/// The original start of an occurrence.
fn original(object: &Map<String, Value>, all_day: bool) -> Option<Moment> {
    let written = object.text("originalStart").and_then(value::date_time);
    match written {
        Some(Time::Utc(wall) | Time::Wall(wall)) if all_day => {
            Some(Moment { wall: wall.date().into(), is_date: true, zone: Zone::Floating })
        }
        Some(Time::Utc(wall) | Time::Wall(wall)) => {
            Some(Moment { wall, is_date: false, zone: Zone::Utc })
        }
        Some(Time::Date(date)) => {
            Some(Moment { wall: date.into(), is_date: true, zone: Zone::Floating })
        }
        None => object.text("occurrenceId").and_then(occurrence_date),
    }
}

/// The date in an id such as `OID.….2026-01-05`.
fn occurrence_date(id: &str) -> Option<Moment> {
    let (_, date) = id.rsplit_once('.')?;
    match value::date_time(date)? {
        Time::Date(date) => Some(Moment { wall: date.into(), is_date: true, zone: Zone::Floating }),
        Time::Wall(_) | Time::Utc(_) => None,
    }
}

/// The UID of the series in that of an occurrence: Exchange writes the date of the occurrence into
/// the eight hexadecimal digits after the first 32, and zeros for the series.
fn series_uid(uid: &str) -> String {
    const EXCHANGE: &str = "040000008200E00074C5B7101A82E008";
    match (uid.get(..32), uid.get(40..)) {
        (Some(head), Some(tail)) if head.eq_ignore_ascii_case(EXCHANGE) => {
            format!("{head}00000000{tail}")
        }
        _ => uid.to_owned(),
    }
}

fn person(of: &Value) -> Person {
    let address = of.field("emailAddress");
    Person {
        address: address.and_then(|address| address.text("address")).and_then(value::address),
        name: address.and_then(|address| address.said("name")).map(str::to_owned),
        kind: match of.text("type") {
            Some("resource") => PersonKind::Resource,
            _ => PersonKind::Individual,
        },
        participation: match of.field("status").and_then(|status| status.text("response")) {
            Some("accepted" | "organizer") => Participation::Accepted,
            Some("declined") => Participation::Declined,
            Some("tentativelyAccepted") => Participation::Tentative,
            _ => Participation::NeedsAction,
        },
    }
}
