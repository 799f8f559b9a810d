//! One VEVENT while its lines come in.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::line::{Content, Line, Upper, decode};
use super::short;
use crate::event::{End, Instance, Moment, Recurrence};
use crate::format::Report;
use crate::recurrence::{Refused, Rule};
use crate::value::{self, Value};
use crate::zone::Zone;
use crate::{
    Event, Field, Limits, Participation, Person, PersonKind, Reason, Sensitivity, Severity, Status,
};

/// A VEVENT that is being read. Its zones are names still: the file may describe them later.
pub(super) struct Draft {
    /// Line of its BEGIN.
    pub(super) line: u32,
    pub(super) event: Event,
    /// The value of a DTSTART that could not be read.
    bad_start: Option<String>,
    all_day: bool,
    recurrence: Recurrence,
    recurs: bool,
    too_many_attendees: bool,
    too_many_dates: bool,
    /// The name of the zone used last, so that each is kept once.
    zone: Option<Arc<str>>,
    /// Whether stray lines belong to the text read last.
    in_text: bool,
    /// Texts that come after the others of their field.
    late: Vec<(Field, String)>,
}

impl Draft {
    pub(super) fn new(line: u32) -> Self {
        Self {
            line,
            event: Event::new(None),
            bad_start: None,
            all_day: false,
            recurrence: Recurrence::default(),
            recurs: false,
            too_many_attendees: false,
            too_many_dates: false,
            zone: None,
            in_text: false,
            late: Vec::new(),
        }
    }

    /// A line that is no property: a text that was broken without folding goes on in it.
    pub(super) fn stray(&mut self, line: &str) {
        if self.in_text
            && let Some((_, text)) = self.event.texts.last_mut()
        {
            text.push('\n');
            text.push_str(&value::text(line));
        }
    }

    /// Takes in one property.
    pub(super) fn property(
        &mut self,
        content: &Content<'_>,
        line: &Line<'_>,
        limits: &Limits,
        report: &mut Report,
    ) {
        let name = content.upper();
        let name = name.as_str();
        let raw = content.value;
        self.in_text = false;
        match name {
            "UID" => {
                let uid = value::text(raw);
                let uid = uid.trim();
                if !uid.is_empty() {
                    self.event.uid.get_or_insert_with(|| uid.to_owned());
                }
            }
            "DTSTART" => {
                if self.event.start.is_none() {
                    self.event.start = self.moment(content, raw);
                    if self.event.start.is_none() {
                        self.bad_start = Some(raw.to_owned());
                    }
                }
            }
            "DTEND" => match self.moment(content, raw) {
                Some(moment) => self.event.end = End::At(moment),
                None => self.invalid("DTEND", raw, line, report),
            },
            "DURATION" => match value::duration(raw) {
                Some(span) => {
                    if self.event.end == End::None {
                        self.event.end = End::After(span);
                    }
                }
                None => self.invalid("DURATION", raw, line, report),
            },
            "RECURRENCE-ID" => {
                let and_later = content
                    .parameter("RANGE")
                    .is_some_and(|range| range.eq_ignore_ascii_case("THISANDFUTURE"));
                match self.moment(content, raw) {
                    Some(at) => self.event.instance = Some(Instance { at, and_later }),
                    None => self.invalid("RECURRENCE-ID", raw, line, report),
                }
            }
            "RRULE" => {
                self.recurs = true;
                let rule = self.rule("RRULE", raw, line, limits, report);
                self.recurrence.rules.extend(rule);
            }
            "EXRULE" => {
                let rule = self.rule("EXRULE", raw, line, limits, report);
                self.recurrence.except_rules.extend(rule);
            }
            "RDATE" => {
                self.recurs = true;
                for value in raw.split(',').filter(|value| !value.trim().is_empty()) {
                    if self.recurrence.dates.len() >= limits.dates {
                        self.too_many_dates = true;
                        break;
                    }
                    let (start, end) = value.split_once('/').unwrap_or((value, ""));
                    let end = match value::duration(end) {
                        Some(span) => End::After(span),
                        None => self.moment(content, end).map_or(End::None, End::At),
                    };
                    match self.moment(content, start) {
                        Some(start) => self.recurrence.dates.push((start, end)),
                        None => self.invalid("RDATE", value, line, report),
                    }
                }
            }
            "EXDATE" => {
                for value in raw.split(',').filter(|value| !value.trim().is_empty()) {
                    if self.recurrence.except_dates.len() >= limits.dates {
                        self.too_many_dates = true;
                        break;
                    }
                    match self.moment(content, value) {
                        Some(date) => self.recurrence.except_dates.push(date),
                        None => self.invalid("EXDATE", value, line, report),
                    }
                }
            }
            "STATUS" => self.event.status = status(raw),
            "CLASS" => {
                let class = raw.trim();
                if !class.is_empty() && !class.eq_ignore_ascii_case("PUBLIC") {
                    self.event.sensitivity = Sensitivity::Private;
                }
            }
            "SEQUENCE" => self.event.sequence = raw.trim().parse().unwrap_or(0),
            "DTSTAMP" => self.event.dtstamp = instant(raw),
            "LAST-MODIFIED" => self.event.last_modified = instant(raw),
            "SUMMARY" => {
                if self.event.title.is_none() {
                    self.event.title = Some(value::text(raw).into_owned());
                }
            }
            "ORGANIZER" => {
                if self.event.organizer.is_none() {
                    self.event.organizer = Some(person(content));
                }
            }
            "ATTENDEE" => {
                if self.event.attendees.len() < limits.attendees {
                    self.event.attendees.push(person(content));
                } else if !self.too_many_attendees {
                    self.too_many_attendees = true;
                    let text =
                        format!("attendees beyond the first {} are left out", limits.attendees);
                    let uid = self.event.uid.clone();
                    report.add(line.number, uid, Severity::Dropped, Reason::TooManyAttendees, text);
                }
            }
            "URL" => self.text(Field::Url, Cow::Borrowed(raw)),
            "LOCATION" => self.text(Field::Location, value::text(raw)),
            "DESCRIPTION" => {
                self.text(Field::Description, value::text(raw));
                // RFC 9073 and some writers carry the HTML form in a parameter.
                if let Some(html) = content.parameter("ALTREP")
                    && html.starts_with("data:text/html,")
                {
                    self.text(Field::Description, Cow::Owned(html.into_owned()));
                }
            }
            "X-ALT-DESC" => self.late.push((Field::Description, value::text(raw).into_owned())),
            "X-MICROSOFT-LOCATIONS" | "X-APPLE-STRUCTURED-LOCATION" => {
                self.text(Field::Location, value::text(raw));
            }
            "CONFERENCE" => self.text(Field::Provider, Cow::Borrowed(raw)),
            "X-MICROSOFT-CDO-ALLDAYEVENT" => {
                self.all_day |= raw.trim().eq_ignore_ascii_case("TRUE")
            }
            "X-FUNAMBOL-ALLDAY" => self.all_day |= matches!(raw.trim(), "1" | "TRUE" | "true"),
            _ => {
                if name.starts_with("X-") && raw.contains("://") {
                    self.text(Field::Provider, value::text(raw));
                }
            }
        }
    }

    fn text(&mut self, field: Field, text: Cow<'_, str>) {
        self.in_text = field == Field::Description || field == Field::Location;
        self.event.texts.push((field, text.into_owned()));
    }

    fn invalid(&self, name: &str, value: &str, line: &Line<'_>, report: &mut Report) {
        let text = format!("`{name}` cannot be read: `{}`", short(value));
        let uid = self.event.uid.clone();
        report.add(line.number, uid, Severity::Repaired, Reason::InvalidValue, text);
    }

    fn rule(
        &self,
        name: &str,
        raw: &str,
        line: &Line<'_>,
        limits: &Limits,
        report: &mut Report,
    ) -> Option<Rule> {
        let raw = raw.trim().strip_prefix("RRULE:").unwrap_or(raw);
        let refused = match Rule::parse(raw, limits) {
            Ok(rule) => return Some(rule),
            Err(refused) => refused,
        };
        let (reason, text) = refused.told(name);
        report.add(line.number, self.event.uid.clone(), Severity::Dropped, reason, text);
        None
    }

    /// A date or time with the zone its parameters name; that zone is resolved later.
    fn moment(&mut self, content: &Content<'_>, raw: &str) -> Option<Moment> {
        let value = value::date_time(raw)?;
        let date_only =
            content.parameter("VALUE").is_some_and(|value| value.eq_ignore_ascii_case("DATE"));
        Some(match value {
            Value::Date(date) => date_moment(date.into()),
            // Called a date, but with a time: a date only if that is midnight.
            Value::Wall(at) | Value::Utc(at)
                if date_only && at.time() == chrono::NaiveTime::MIN =>
            {
                date_moment(at)
            }
            Value::Utc(wall) => Moment { wall, is_date: false, zone: Zone::Utc },
            Value::Wall(wall) => {
                let zone = match content.parameter("TZID") {
                    Some(name) if !name.trim().is_empty() => Zone::Unknown(self.intern(&name)),
                    _ => Zone::Floating,
                };
                Moment { wall, is_date: false, zone }
            }
        })
    }

    fn intern(&mut self, name: &str) -> Arc<str> {
        match &self.zone {
            Some(known) if known.as_ref() == name => Arc::clone(known),
            _ => {
                let name: Arc<str> = Arc::from(name);
                self.zone = Some(Arc::clone(&name));
                name
            }
        }
    }

    /// The recurrence read so far.
    pub(super) fn into_recurrence(self) -> Option<Recurrence> {
        self.recurs.then_some(self.recurrence)
    }

    pub(super) fn texts_are_cut(&self, limits: &Limits) -> bool {
        self.too_many_dates
            || self.event.texts.iter().chain(&self.late).map(|(_, text)| text.len()).sum::<usize>()
                > limits.text
    }

    /// The event as read, and the value of its start if that could not be read.
    pub(super) fn into_event(self, limits: &Limits) -> (Event, Option<String>) {
        let mut event = self.event;
        event.texts.extend(self.late);
        if self.all_day {
            event.make_all_day();
        }
        if event.instance.is_some() {
            // A rule in an override is without meaning (RFC 5545 §3.8.4.4).
        } else if self.recurs {
            event.recurrence = Some(Box::new(self.recurrence));
        }
        event.order_texts(limits.text);
        event.judge_organizer();
        (event, self.bad_start)
    }
}

fn date_moment(wall: chrono::NaiveDateTime) -> Moment {
    Moment { wall, is_date: true, zone: Zone::Floating }
}

impl Refused {
    /// What is said of a rule that is not followed.
    pub(crate) fn told(self, name: &str) -> (Reason, String) {
        match self {
            Self::SubDaily(frequency) => (
                Reason::SubDailyRule,
                format!(
                    "`{name}` with FREQ={frequency} is refused: rules that repeat within a day are not followed"
                ),
            ),
            Self::Invalid(what) => (Reason::InvalidRule, format!("`{name}` is refused: {what}")),
        }
    }
}

fn status(raw: &str) -> Status {
    let raw = raw.trim();
    if raw.eq_ignore_ascii_case("CANCELLED") || raw.eq_ignore_ascii_case("CANCELED") {
        Status::Cancelled
    } else if raw.eq_ignore_ascii_case("TENTATIVE") {
        Status::Tentative
    } else {
        Status::Confirmed
    }
}

fn instant(raw: &str) -> Option<DateTime<Utc>> {
    match value::date_time(raw)? {
        Value::Utc(at) | Value::Wall(at) => Some(at.and_utc()),
        Value::Date(date) => Some(chrono::NaiveDateTime::from(date).and_utc()),
    }
}

fn person(content: &Content<'_>) -> Person {
    let mut person = Person { address: value::address(content.value), ..Person::default() };
    for (key, value) in content.parameters() {
        let key = Upper::of(key);
        let upper = Upper::of(value.trim());
        match key.as_str() {
            "CN" if person.name.is_none() => {
                let name = decode(value);
                let name = name.trim();
                person.name = (!name.is_empty()).then(|| name.to_owned());
            }
            "EMAIL" if person.address.is_none() => person.address = value::address(value),
            "CUTYPE" => {
                person.kind = match upper.as_str() {
                    "GROUP" => PersonKind::Group,
                    "ROOM" => PersonKind::Room,
                    "RESOURCE" => PersonKind::Resource,
                    _ => PersonKind::Individual,
                };
            }
            "PARTSTAT" => {
                person.participation = match upper.as_str() {
                    "ACCEPTED" => Participation::Accepted,
                    "DECLINED" => Participation::Declined,
                    "TENTATIVE" => Participation::Tentative,
                    "DELEGATED" => Participation::Delegated,
                    _ => Participation::NeedsAction,
                };
            }
            _ => {}
        }
    }
    person
}
