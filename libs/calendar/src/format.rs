//! The dialects a calendar can be written in, and the one way in.

use std::str::FromStr;

use crate::{Error, Event, Limits, Problem};

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
        let _ = bytes;
        None
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
    let _ = (format, context);
    if bytes.len() > limits.bytes {
        return Err(Error::TooLarge { found: bytes.len(), limit: limits.bytes, unit: "bytes" });
    }
    Ok(Parsed::default())
}
