//! iCalendar (RFC 5545) as it is met: several objects in a file, broken lines, missing ends.

mod draft;
mod line;
mod part;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Instance, Moment};
use crate::format::Report;
use crate::zone::{self, Observances, Zone};
use crate::{Context, Error, Event, Limits, Parsed, Place, Reason, Severity, Status};
use draft::Draft;
use line::{Content, Lines};
use part::Part;

/// Described zones kept of one file.
const ZONES: usize = 5_000;

/// Reads every object of a file.
pub(crate) fn parse(bytes: &[u8], context: &Context<'_>, limits: &Limits) -> Result<Parsed, Error> {
    let mut report = Report::new(limits);
    let text = decode(bytes, &mut report);
    let mut reader = Reader {
        limits,
        report,
        events: Vec::new(),
        stack: Vec::new(),
        zones: 0,
        skipped: 0,
        seen: false,
        calendar: Calendar::default(),
        floating: zone::resolve(context.floating_zone),
    };
    let mut lines = Lines::new(&text);
    for line in lines.by_ref() {
        reader.line(&line)?;
    }
    reader.close_all(lines.number());
    reader.settle();
    if !reader.seen {
        return Err(Error::NoCalendar);
    }
    Ok(Parsed { events: reader.events, problems: reader.report.finish() })
}

/// The text of a file; bytes that are no text are replaced, and that is reported.
fn decode<'a>(bytes: &'a [u8], report: &mut Report) -> Cow<'a, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| match pair {
            [first, second] => unit([*first, *second]),
            _ => 0,
        });
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        _ => String::from_utf8_lossy(bytes),
    };
    if let Cow::Owned(_) = text {
        report.invalid_text();
    }
    if memchr::memchr(b'\n', text.as_bytes()).is_none() && text.contains('\r') {
        return Cow::Owned(text.replace('\r', "\n"));
    }
    text
}

/// What one VCALENDAR says to all its components.
#[derive(Default)]
struct Calendar {
    method: Option<String>,
    zone: Option<String>,
    zones: BTreeMap<String, Described>,
    drafts: Vec<Draft>,
}

/// A zone described in the file, and the database's name for it if the file tells.
struct Described {
    observances: Observances,
    location: Option<String>,
}

/// An open component.
enum Frame {
    Calendar,
    Event(Box<Draft>),
    Zone(Box<Described>),
    Part(Box<Part>),
    Other(Box<str>),
}

impl Frame {
    /// Whether it is one of the components that stand in a calendar itself.
    fn is_whole(&self) -> bool {
        match self {
            Self::Event(_) | Self::Zone(_) | Self::Part(_) => true,
            Self::Other(name) => matches!(name.as_ref(), "VTODO" | "VJOURNAL" | "VFREEBUSY"),
            Self::Calendar => false,
        }
    }

    fn is(&self, name: &str) -> bool {
        match self {
            Self::Calendar => name.eq_ignore_ascii_case("VCALENDAR"),
            Self::Event(_) => name.eq_ignore_ascii_case("VEVENT"),
            Self::Zone(_) => name.eq_ignore_ascii_case("VTIMEZONE"),
            Self::Part(part) => name.eq_ignore_ascii_case(part.name()),
            Self::Other(own) => name.eq_ignore_ascii_case(own),
        }
    }
}

struct Reader<'a> {
    limits: &'a Limits,
    report: Report,
    events: Vec<Event>,
    stack: Vec<Frame>,
    /// How many described zones were kept.
    zones: usize,
    /// How many components are open beyond the depth that is read.
    skipped: usize,
    seen: bool,
    calendar: Calendar,
    floating: Option<Zone>,
}

impl Reader<'_> {
    fn line(&mut self, line: &line::Line<'_>) -> Result<(), Error> {
        let Some(content) = Content::split(&line.text) else {
            if let Some(Frame::Event(draft)) = self.stack.last_mut() {
                draft.stray(&line.text);
            }
            return Ok(());
        };
        if content.name.eq_ignore_ascii_case("BEGIN") {
            return self.begin(content.value.trim(), line.number);
        }
        if content.name.eq_ignore_ascii_case("END") {
            self.end(content.value.trim(), line.number);
            return Ok(());
        }
        if self.skipped > 0 {
            return Ok(());
        }
        match self.stack.last_mut() {
            Some(Frame::Event(draft)) => {
                draft.property(&content, line, self.limits, &mut self.report);
            }
            Some(Frame::Calendar) => match content.upper().as_str() {
                "METHOD" => self.calendar.method = Some(content.value.trim().to_ascii_uppercase()),
                "X-WR-TIMEZONE" => self.calendar.zone = Some(content.value.trim().to_owned()),
                _ => {}
            },
            Some(Frame::Zone(zone)) => match content.upper().as_str() {
                "TZID" => zone.observances.name = content.value.trim().to_owned(),
                "X-LIC-LOCATION" => zone.location = Some(content.value.trim().to_owned()),
                _ => {}
            },
            Some(Frame::Part(part)) => part.property(&content, self.limits),
            Some(Frame::Other(_)) | None => {}
        }
        Ok(())
    }

    fn begin(&mut self, name: &str, number: u32) -> Result<(), Error> {
        let upper = name.to_ascii_uppercase();
        if upper == "VCALENDAR" {
            // A calendar within a calendar means that the one before was never closed.
            self.seen = true;
            self.skipped = 0;
            self.close_all(number);
            self.settle();
            self.stack.push(Frame::Calendar);
            return Ok(());
        }
        if self.skipped == 0
            && matches!(upper.as_str(), "VEVENT" | "VTODO" | "VJOURNAL" | "VFREEBUSY" | "VTIMEZONE")
            && let Some(open) = self.stack.iter().position(Frame::is_whole)
        {
            // These never stand in each other: the one before was not closed, or by a wrong name.
            while self.stack.len() > open {
                self.unclosed(number);
                self.close();
            }
        }
        if self.skipped > 0 || self.stack.len() >= self.limits.depth {
            if self.skipped == 0 {
                let text = format!("component `{}` is nested too deep", short(name));
                self.report.add(number, None, Severity::Dropped, Reason::TooDeep, text);
            }
            self.skipped += 1;
            return Ok(());
        }
        let frame = match upper.as_str() {
            "VEVENT" => {
                self.seen = true;
                let count = self.events.len() + self.calendar.drafts.len() + 1;
                if count > self.limits.components {
                    let limit = self.limits.components;
                    return Err(Error::TooLarge { found: count, limit, unit: "events" });
                }
                Frame::Event(Box::new(Draft::new(number)))
            }
            "VTIMEZONE" => Frame::Zone(Box::new(Described {
                observances: Observances { name: String::new(), parts: Vec::new() },
                location: None,
            })),
            "STANDARD" | "DAYLIGHT" if matches!(self.stack.last(), Some(Frame::Zone(_))) => {
                Frame::Part(Box::new(Part::new(upper == "DAYLIGHT")))
            }
            "VFREEBUSY" => {
                let text = "free/busy times say nothing of meetings".to_owned();
                self.report.add(number, None, Severity::Dropped, Reason::FreeBusyOnly, text);
                Frame::Other(upper.into())
            }
            "VTODO" | "VJOURNAL" | "VAVAILABILITY" => {
                let text = format!("`{upper}` is no meeting");
                self.report.add(number, None, Severity::Dropped, Reason::NotAMeeting, text);
                Frame::Other(upper.into())
            }
            _ => Frame::Other(upper.into()),
        };
        self.stack.push(frame);
        Ok(())
    }

    fn end(&mut self, name: &str, number: u32) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let Some(open) = self.stack.iter().rposition(|frame| frame.is(name)) else {
            let text = format!("`END:{}` closes nothing that is open", short(name));
            self.report.add(number, None, Severity::Repaired, Reason::BrokenStructure, text);
            return;
        };
        while self.stack.len() > open + 1 {
            self.unclosed(number);
            self.close();
        }
        let calendar = matches!(self.stack.last(), Some(Frame::Calendar));
        self.close();
        if calendar {
            self.settle();
        }
    }

    fn unclosed(&mut self, number: u32) {
        if let Some(Frame::Event(draft)) = self.stack.last() {
            let uid = draft.event.uid.clone();
            let text = "the event is not closed".to_owned();
            self.report.add(number, uid, Severity::Repaired, Reason::BrokenStructure, text);
        }
    }

    fn close_all(&mut self, number: u32) {
        while !self.stack.is_empty() {
            self.unclosed(number);
            self.close();
        }
    }

    /// Closes the innermost component.
    fn close(&mut self) {
        match self.stack.pop() {
            Some(Frame::Event(draft)) => self.calendar.drafts.push(*draft),
            Some(Frame::Zone(zone)) => {
                let says = !zone.observances.parts.is_empty() || zone.location.is_some();
                if says && self.zones < ZONES {
                    self.zones += 1;
                    self.calendar.zones.insert(zone.observances.name.clone(), *zone);
                }
            }
            Some(Frame::Part(part)) => {
                if let Some(Frame::Zone(zone)) = self.stack.last_mut()
                    && zone.observances.parts.len() < 500
                {
                    zone.observances.parts.extend(part.finish());
                }
            }
            Some(Frame::Calendar | Frame::Other(_)) | None => {}
        }
    }

    /// Makes events of the components of a calendar, now that its zones and its method are known.
    fn settle(&mut self) {
        let calendar = std::mem::take(&mut self.calendar);
        let mut zones = Zones { described: &calendar.zones, known: BTreeMap::new() };
        let hint = match self.floating {
            Some(_) => None,
            None => calendar.zone.as_deref().and_then(zone::resolve),
        };
        for draft in calendar.drafts {
            let line = draft.line;
            let Some(mut event) =
                draft.finish(calendar.method.as_deref(), self.limits, &mut self.report)
            else {
                continue;
            };
            let uid = event.uid.clone();
            let mut settle = |moment: &mut Moment| match &moment.zone {
                Zone::Unknown(name) => {
                    let (zone, first) = zones.find(name);
                    if first && matches!(zone, Zone::Unknown(_)) {
                        let text =
                            format!("time zone `{}` is not known, read as floating", short(name));
                        self.report.add(
                            line,
                            uid.clone(),
                            Severity::Repaired,
                            Reason::UnknownZone,
                            text,
                        );
                    }
                    moment.zone = zone;
                }
                Zone::Floating => {
                    if let Some(zone) = &hint {
                        moment.zone = zone.clone();
                    }
                }
                Zone::Utc | Zone::Offset(_) | Zone::Named(_) | Zone::Own(_) => {}
            };
            event.each_moment(&mut settle);
            self.events.push(event);
        }
    }
}

/// The zones of one calendar, each worked out once.
struct Zones<'a> {
    described: &'a BTreeMap<String, Described>,
    known: BTreeMap<Arc<str>, Zone>,
}

impl Zones<'_> {
    /// The zone of a TZID, and whether it was asked for the first time.
    fn find(&mut self, name: &Arc<str>) -> (Zone, bool) {
        if let Some(zone) = self.known.get(name) {
            return (zone.clone(), false);
        }
        let described = self.described.get(name.as_ref());
        let own = || {
            let described = described?;
            let located = described.location.as_deref().and_then(zone::resolve);
            located.or_else(|| {
                (!described.observances.parts.is_empty())
                    .then(|| Zone::Own(Arc::new(described.observances.clone())))
            })
        };
        let zone = zone::resolve(name)
            .or_else(own)
            .or_else(|| zone::guess(name))
            .unwrap_or_else(|| Zone::Unknown(Arc::clone(name)));
        self.known.insert(Arc::clone(name), zone.clone());
        (zone, true)
    }
}

/// Reads recurrence properties that stand alone, as Google writes them: RRULE, RDATE and EXDATE
/// lines. `None` if there is nothing that repeats.
pub(crate) fn recurrence<'a>(
    lines: impl Iterator<Item = &'a str>,
    limits: &Limits,
    report: &mut Report,
) -> Option<crate::event::Recurrence> {
    let mut draft = Draft::new(0);
    for text in lines {
        if let Some(content) = Content::split(text) {
            let line = line::Line { number: 0, text: Cow::Borrowed(text) };
            draft.property(&content, &line, limits, report);
        }
    }
    draft.into_recurrence()
}

/// What a METHOD means for the components under it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    /// They are meetings, or changes of them.
    Request,
    /// They call meetings off.
    Cancel,
    /// They add occurrences.
    Add,
    /// They answer, and make no meeting.
    Answer,
}

impl Method {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("CANCEL") => Self::Cancel,
            Some("ADD") => Self::Add,
            Some("REPLY" | "COUNTER" | "DECLINECOUNTER" | "REFRESH") => Self::Answer,
            _ => Self::Request,
        }
    }
}

impl Draft {
    /// The event, unless there is none to be made of it.
    fn finish(self, method: Option<&str>, limits: &Limits, report: &mut Report) -> Option<Event> {
        let line = self.line;
        let cut = self.texts_are_cut(limits);
        let (mut event, start_was) = self.into_event(limits);
        let uid = event.uid.clone();
        if cut {
            let text = "texts are read in part only".to_owned();
            report.add(line, uid.clone(), Severity::Repaired, Reason::TooMuch, text);
        }
        let kind = Method::of(method);
        if kind == Method::Answer {
            let text =
                format!("a message of method `{}` makes no meeting", method.unwrap_or_default());
            report.add(line, uid, Severity::Dropped, Reason::NotAnInvitation, text);
            return None;
        }
        if kind == Method::Cancel {
            event.status = Status::Cancelled;
        }
        if kind == Method::Add
            && event.instance.is_none()
            && let Some(start) = &event.start
        {
            event.instance = Some(Instance { at: start.clone(), and_later: false });
        }
        if event.start.is_none() {
            let named = event.uid.is_some();
            let cancels = event.status == Status::Cancelled && named;
            if !cancels {
                let text = match start_was {
                    Some(value) => format!("the start `{}` is no date or time", short(&value)),
                    None => "the event has no start".to_owned(),
                };
                report.add(line, uid, Severity::Dropped, Reason::NoStart, text);
                return None;
            }
        }
        Some(event)
    }
}

/// At most so much of foreign text goes into a message, on one line.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() || c == '`' { '?' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

impl Report {
    /// Notes a problem at a line.
    fn add(
        &mut self,
        line: u32,
        uid: Option<String>,
        severity: Severity,
        reason: Reason,
        text: String,
    ) {
        self.push(Place::Line(line), uid, severity, reason, text);
    }
}
