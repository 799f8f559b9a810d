//! The dialects a calendar can be written in, and the one way in.

use std::str::FromStr;

use crate::{Error, Event, Limits, Place, Problem, Reason, Severity, google, icalendar, microsoft};

/// The dialect of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// iCalendar (RFC 5545): a file, a feed, the calendar part of an invitation.
    ICalendar,
    /// Event resources of Google Calendar API v3: one, an array, or a list response.
    Google,
    /// Event resources of Microsoft Graph: one, an array, or a list or delta response.
    Microsoft,
}

impl Format {
    /// The name by which the format goes in messages and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ICalendar => "icalendar",
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }

    /// The format the bytes look like; `None` if like no format that is known.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        const LOOKED_AT: usize = 1 << 20;
        let head = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        let text = match head {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Some(Self::ICalendar),
            [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
            _ => head,
        }
        .trim_ascii_start();
        if !matches!(text.first(), Some(b'{' | b'[')) {
            let begins = text.windows(7).any(|word| word.eq_ignore_ascii_case(b"BEGIN:V"));
            return begins.then_some(Self::ICalendar);
        }
        const MICROSOFT: [&[u8]; 9] = [
            b"\"@odata",
            b"\"iCalUId\"",
            b"\"seriesMasterId\"",
            b"\"isAllDay\"",
            b"\"emailAddress\"",
            b"\"subject\"",
            b"\"bodyPreview\"",
            b"\"isCancelled\"",
            b"\"@removed\"",
        ];
        const GOOGLE: [&[u8]; 9] = [
            b"calendar#event",
            b"\"iCalUID\"",
            b"\"recurringEventId\"",
            b"\"summary\"",
            b"\"responseStatus\": \"",
            b"\"conferenceData\"",
            b"\"hangoutLink\"",
            b"\"eventType\"",
            b"\"htmlLink\"",
        ];
        let count = |words: &[&[u8]]| {
            words.iter().filter(|word| memchr::memmem::find(text, word).is_some()).count()
        };
        let (microsoft, google) = (count(&MICROSOFT), count(&GOOGLE));
        match microsoft.cmp(&google) {
            std::cmp::Ordering::Greater => Some(Self::Microsoft),
            std::cmp::Ordering::Less => Some(Self::Google),
            // `items` is how Google lists, `value` how Microsoft does.
            std::cmp::Ordering::Equal => match (
                memchr::memmem::find(text, b"\"items\""),
                memchr::memmem::find(text, b"\"value\""),
            ) {
                (Some(_), None) => Some(Self::Google),
                (None, Some(_)) => Some(Self::Microsoft),
                (None, None) | (Some(_), Some(_)) => None,
            },
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::ICalendar, Self::Google, Self::Microsoft]
            .into_iter()
            .find(|format| format.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::UnknownFormat(name.to_owned()))
    }
}

/// What a payload does not say itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// IANA name of the zone in which floating times are read and all-day events begin.
    pub floating_zone: &'a str,
}

/// What [`parse`] makes of a payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The events that could be read, in the order of the payload.
    pub events: Vec<Event>,
    /// What was dropped or repaired, in the order of the payload.
    pub problems: Vec<Problem>,
}

/// Reads a calendar file within [`Limits::FILE`].
///
/// # Errors
/// If the payload is too large, or not readable at all.
pub fn parse(format: Format, bytes: &[u8], context: &Context<'_>) -> Result<Parsed, Error> {
    parse_within(format, bytes, context, &Limits::FILE)
}

/// Reads a calendar within bounds of the caller's choice, as for a mailed invitation.
///
/// # Errors
/// If the payload is too large, or not readable at all.
pub fn parse_within(
    format: Format,
    bytes: &[u8],
    context: &Context<'_>,
    limits: &Limits,
) -> Result<Parsed, Error> {
    if bytes.len() > limits.bytes {
        return Err(Error::TooLarge { found: bytes.len(), limit: limits.bytes, unit: "bytes" });
    }
    match format {
        Format::ICalendar => icalendar::parse(bytes, context, limits),
        Format::Google => google::parse(bytes, context, limits),
        Format::Microsoft => microsoft::parse(bytes, context, limits),
    }
}

/// The problems of one payload, as they are found.
pub(crate) struct Report {
    most: usize,
    left_out: usize,
    problems: Vec<Problem>,
    /// The JSON entry that is being read.
    pub(crate) pointer: Option<String>,
}

impl Report {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { most: limits.problems, left_out: 0, problems: Vec::new(), pointer: None }
    }

    /// Notes a problem; at `place`, or at the JSON entry that is being read.
    pub(crate) fn push(
        &mut self,
        place: Place,
        uid: Option<String>,
        severity: Severity,
        reason: Reason,
        text: String,
    ) {
        if self.problems.len() >= self.most {
            self.left_out += 1;
            return;
        }
        let place = self.pointer.clone().map_or(place, Place::Pointer);
        self.problems.push(Problem { place, uid, severity, reason, text });
    }

    /// Notes that bytes which are no text were replaced.
    pub(crate) fn invalid_text(&mut self) {
        let text = "bytes that are no UTF-8 were replaced".to_owned();
        self.push(Place::Whole, None, Severity::Repaired, Reason::InvalidText, text);
    }

    /// All problems, and one more that counts those there was no room for.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            self.problems.push(Problem {
                place: Place::Whole,
                uid: None,
                severity: Severity::Repaired,
                reason: Reason::TooMuch,
                text: format!("{} further problems are not listed", self.left_out),
            });
        }
        self.problems
    }
}
