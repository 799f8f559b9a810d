//! Values of iCalendar properties: dates, times, offsets, durations, text.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

/// A date or a time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A date alone.
    Date(NaiveDate),
    /// A wall time without any zone of its own.
    Wall(NaiveDateTime),
    /// An instant, as UTC.
    Utc(NaiveDateTime),
}

/// A length of time: days of the calendar, and seconds of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) days: i64,
    pub(crate) seconds: i64,
}

/// Reads a DATE or DATE-TIME, in the basic form of iCalendar or with the dashes and colons that
/// some writers add, with `Z` or an offset or neither.
pub(crate) fn date_time(text: &str) -> Option<Value> {
    let bytes = text.trim().as_bytes();
    let mut rest = bytes;
    let date = {
        let year = digits(&mut rest, 4)?;
        skip(&mut rest, b"-/");
        let month = digits(&mut rest, 2)?;
        skip(&mut rest, b"-/");
        let day = digits(&mut rest, 2)?;
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
    };
    match rest.split_first() {
        None => return Some(Value::Date(date)),
        Some((b'T' | b't' | b' ', after)) => rest = after,
        // A date that is marked as UTC is still a date.
        Some((b'Z' | b'z', [])) => return Some(Value::Date(date)),
        Some(_) => return None,
    }
    if rest.is_empty() {
        return Some(Value::Date(date));
    }
    let hour = digits(&mut rest, 2)?;
    skip(&mut rest, b":");
    let minute = digits(&mut rest, 2)?;
    skip(&mut rest, b":");
    let second =
        if rest.first().is_some_and(u8::is_ascii_digit) { digits(&mut rest, 2)? } else { 0 };
    if let Some((b'.' | b',', after)) = rest.split_first() {
        let fraction = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = after.get(fraction..)?;
    }
    let at = if (hour, minute, second) == (24, 0, 0) {
        date.succ_opt()?.and_time(NaiveTime::MIN)
    } else {
        date.and_hms_opt(hour, minute, second.min(59))?
    };
    match rest {
        [] => Some(Value::Wall(at)),
        b"Z" | b"z" => Some(Value::Utc(at)),
        _ => {
            let offset = offset(std::str::from_utf8(rest).ok()?)?;
            let utc = at.checked_sub_signed(chrono::TimeDelta::seconds(i64::from(offset)))?;
            Some(Value::Utc(utc))
        }
    }
}

/// Reads an offset: `+0100`, `-05:30`, `+013000`; in seconds east of Greenwich, below a day.
pub(crate) fn offset(text: &str) -> Option<i32> {
    let bytes = text.trim().as_bytes();
    let (sign, mut rest) = match bytes.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => (1, bytes),
    };
    let hours = digits(&mut rest, 2)?;
    skip(&mut rest, b":.");
    let minutes = if rest.is_empty() { 0 } else { digits(&mut rest, 2)? };
    skip(&mut rest, b":");
    let seconds = if rest.is_empty() { 0 } else { digits(&mut rest, 2)? };
    if !rest.is_empty() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(sign * i32::try_from(hours * 3_600 + minutes * 60 + seconds).ok()?)
}

/// Reads a DURATION: `PT1H30M`, `P1D`, `-P2W`.
pub(crate) fn duration(text: &str) -> Option<Span> {
    let text = text.trim();
    let (sign, text) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let rest = text.strip_prefix(['P', 'p'])?;
    let mut span = Span { days: 0, seconds: 0 };
    let (mut number, mut said) = (None::<i64>, false);
    for byte in rest.bytes() {
        if byte.is_ascii_digit() {
            let digit = i64::from(byte - b'0');
            let grown = number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?;
            // Nothing is longer than the calendar.
            number = Some(grown.min(400_000_000_000));
            continue;
        }
        if matches!(byte, b'T' | b't') {
            continue;
        }
        let value = number.take()?;
        said = true;
        match byte.to_ascii_uppercase() {
            b'W' => span.days += value.min(10_000_000) * 7,
            b'D' => span.days += value.min(10_000_000),
            b'H' => span.seconds += value.min(100_000_000) * 3_600,
            b'M' => span.seconds += value.min(10_000_000_000) * 60,
            b'S' => span.seconds += value,
            _ => return None,
        }
    }
    if !said || number.is_some() {
        return None;
    }
    Some(Span { days: span.days * sign, seconds: span.seconds * sign })
}

fn digits(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (head, tail) = rest.split_at_checked(count)?;
    let mut number = 0;
    for byte in head {
        number = number * 10 + char::from(*byte).to_digit(10)?;
    }
    *rest = tail;
    Some(number)
}

fn skip(rest: &mut &[u8], any: &[u8]) {
    if let Some((first, tail)) = rest.split_first()
        && any.contains(first)
    {
        *rest = tail;
    }
}

/// Undoes the escapes of a TEXT value.
pub(crate) fn text(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let mut chars = after.chars();
        chars.next();
        match chars.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The address of a calendar user: lower case, without `mailto:`; nothing if it is no address.
pub(crate) fn address(raw: &str) -> Option<String> {
    let raw = raw.trim().trim_matches(['<', '>', '"', '\'']);
    let bare = match raw.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => raw.get(7..)?,
        _ => raw,
    };
    let bare = bare.trim().trim_matches(['<', '>', '"', '\'']);
    // `mailto:` may carry header fields.
    let bare = bare.split('?').next().unwrap_or(bare);
    let (local, domain) = bare.rsplit_once('@')?;
    let fits = |part: &str| {
        !part.is_empty()
            && !part.chars().any(|c| match c {
                '@' | '<' | '>' | '(' | ')' | ',' | ';' | ':' | '\\' | '"' => true,
                _ => c.is_whitespace() || c.is_control(),
            })
    };
    (fits(local) && fits(domain) && !domain.contains('/'))
        .then(|| if bare.is_ascii() { bare.to_ascii_lowercase() } else { bare.to_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u32, minute: u32) -> NaiveDateTime {
        let date = NaiveDate::from_ymd_opt(2026, 1, 5).expect("a date");
        date.and_hms_opt(hour, minute, 0).expect("a time")
    }

    #[test]
    fn dates_and_times_are_read_in_every_form() {
        for (text, value) in [
            ("20260105T0900", Value::Wall(at(9, 0))),
            ("20260105t090000z", Value::Utc(at(9, 0))),
            ("2026-01-05T09:00:00", Value::Wall(at(9, 0))),
            ("2026-01-05T09:00:00.0000000", Value::Wall(at(9, 0))),
            ("2026-01-05T09:00:00+01:00", Value::Utc(at(8, 0))),
            ("20260104T240000", Value::Wall(at(0, 0))),
            (" 20260105 ", Value::Date(at(0, 0).date())),
        ] {
            assert_eq!(date_time(text), Some(value), "{text}");
        }
        for text in ["", "2026", "20261305", "20260105T99", "20260105T090000ZZ", "🦀"] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }

    #[test]
    fn durations_keep_days_and_seconds_apart() {
        assert_eq!(duration("P1DT2H"), Some(Span { days: 1, seconds: 7_200 }));
        assert_eq!(duration("-PT15M"), Some(Span { days: 0, seconds: -900 }));
        assert_eq!(duration("P2W"), Some(Span { days: 14, seconds: 0 }));
        assert_eq!(
            duration("PT99999999999999999999H"),
            Some(Span { days: 0, seconds: 360_000_000_000 })
        );
        for text in ["", "P", "PT", "1H", "PT5", "P5X"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_bare_and_lower_case() {
        assert_eq!(address("MAILTO:Ada@Ours.Example").as_deref(), Some("ada@ours.example"));
        assert_eq!(address(" <bob@ours.example> ").as_deref(), Some("bob@ours.example"));
        for text in
            ["invalid:nomail", "", "ada", "/o=Exchange/cn=ada", "a b@c.example", "@c.example"]
        {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_of_text_are_undone() {
        assert_eq!(text(r"a\, b\; c\\d\ne\"), "a, b; c\\d\ne\\");
    }
}
