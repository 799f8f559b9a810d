//! Content lines: unfolded, and split into name, parameters and value.

use std::borrow::Cow;

/// A line after unfolding.
pub(super) struct Line<'a> {
    /// Number of its first physical line, from 1.
    pub(super) number: u32,
    /// Its text, without line ends.
    pub(super) text: Cow<'a, str>,
}

/// The lines of a text.
pub(super) struct Lines<'a> {
    rest: &'a str,
    number: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    /// The number of the last line that was read.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    fn physical(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number = self.number.saturating_add(1);
        let (line, rest) = match memchr::memchr(b'\n', self.rest.as_bytes()) {
            Some(end) => {
                let (line, rest) = self.rest.split_at_checked(end)?;
                (line, rest.get(1..).unwrap_or_default())
            }
            None => (self.rest, ""),
        };
        self.rest = rest;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let first = self.physical()?;
        let number = self.number;
        let mut text = Cow::Borrowed(first);
        while self.rest.starts_with([' ', '\t']) {
            let more = self.physical()?;
            text.to_mut().push_str(more.get(1..).unwrap_or_default());
        }
        Some(Line { number, text })
    }
}

/// The parts of a content line.
pub(super) struct Content<'a> {
    pub(super) name: &'a str,
    parameters: &'a str,
    pub(super) value: &'a str,
}

impl<'a> Content<'a> {
    /// The parts of a line; nothing if it is no content line.
    pub(super) fn split(line: &'a str) -> Option<Self> {
        let end = memchr::memchr2(b':', b';', line.as_bytes())?;
        let (name, rest) = line.split_at_checked(end)?;
        let name = name.trim();
        let named = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !name.eq_ignore_ascii_case("http")
            && !name.eq_ignore_ascii_case("https");
        if !named {
            return None;
        }
        let colon = if rest.starts_with(':') {
            0
        } else {
            colon(rest).or_else(|| memchr::memchr(b':', rest.as_bytes()))?
        };
        let (parameters, value) = rest.split_at_checked(colon)?;
        Some(Self {
            name,
            parameters: parameters.strip_prefix(';').unwrap_or(parameters),
            value: value.get(1..)?,
        })
    }

    /// The name in upper case.
    pub(super) fn upper(&self) -> Upper {
        Upper::of(self.name)
    }

    /// A parameter's value, without quotes.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.parameters()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| decode(value))
    }

    /// All parameters: names, and values without quotes but with their escapes.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut rest = self.parameters;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let (part, after) = split_unquoted(rest);
                rest = after;
                if let Some((key, value)) = part.split_once('=') {
                    let value = value.trim();
                    let bare = value
                        .strip_prefix('"')
                        .map_or(value, |value| value.strip_suffix('"').unwrap_or(value));
                    return Some((key.trim(), bare));
                }
            }
            None
        })
    }
}

/// A name in upper case, kept without a heap; longer ones than any that is known are cut.
pub(super) struct Upper {
    bytes: [u8; 40],
    length: usize,
}

impl Upper {
    pub(super) fn of(name: &str) -> Self {
        let mut bytes = [0; 40];
        let mut length = 0;
        for (to, from) in bytes.iter_mut().zip(name.bytes()) {
            *to = from.to_ascii_uppercase();
            length += 1;
        }
        Self { bytes, length }
    }

    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
    }
}

/// The first colon outside quotes.
fn colon(text: &str) -> Option<usize> {
    let mut quoted = false;
    for index in memchr::memchr2_iter(b'"', b':', text.as_bytes()) {
        match text.as_bytes().get(index) {
            Some(b'"') => quoted = !quoted,
            _ if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// What is before the first semicolon outside quotes, and what is after it.
fn split_unquoted(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for index in memchr::memchr2_iter(b'"', b';', text.as_bytes()) {
        match text.as_bytes().get(index) {
            Some(b'"') => quoted = !quoted,
            _ if !quoted => {
                let (part, rest) = text.split_at_checked(index).unwrap_or((text, ""));
                return (part, rest.get(1..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (text, "")
}

/// Undoes the escapes of RFC 6868.
pub(super) fn decode(value: &str) -> Cow<'_, str> {
    if value.contains('^') {
        let marked = value.replace("^^", "\u{1}").replace("^n", "\n").replace("^'", "\"");
        Cow::Owned(marked.replace('\u{1}', "^"))
    } else {
        Cow::Borrowed(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_joined_and_numbered() {
        let lines: Vec<_> = Lines::new("A:1\r\n 2\r\n\t3\nB:x\n\nC:y").collect();
        let seen: Vec<_> = lines.iter().map(|line| (line.number, line.text.as_ref())).collect();
        assert_eq!(seen, [(1, "A:123"), (4, "B:x"), (5, ""), (6, "C:y")]);
    }

    #[test]
    fn a_colon_in_quotes_does_not_end_the_parameters() {
        let content = Content::split("ATTENDEE;CN=\"a:b;c\";X=^'d^^:mailto:e").expect("content");
        assert_eq!(content.value, "mailto:e");
        assert_eq!(content.parameter("cn").as_deref(), Some("a:b;c"));
        assert_eq!(content.parameter("X").as_deref(), Some("\"d^"));
        assert_eq!(content.parameter("Y"), None);
    }

    #[test]
    fn a_quote_that_is_not_closed_hides_nothing() {
        let content =
            Content::split("DTSTART;TZID=\"Europe/Berlin:20260101T090000").expect("content");
        assert_eq!(content.value, "20260101T090000");
        assert_eq!(content.parameter("TZID").as_deref(), Some("Europe/Berlin"));
    }

    #[test]
    fn prose_and_addresses_are_no_content_lines() {
        for line in ["", "just words", "two words: here", "https://zoom.example/j/1", ":x"] {
            assert!(Content::split(line).is_none(), "{line}");
        }
    }
}
