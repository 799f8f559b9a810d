//! HTML as far as links need it: addresses in attributes, and the text that is seen.

use memchr::{memchr, memmem};

use super::without_entities;

/// A stretch of an HTML text, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What a reader sees, tags gone and entities read.
    Text(String),
    /// The value of an attribute that is an address.
    Link(String),
}

/// Tags that make a text HTML. A stray `<` does not.
const TAGS: &[&str] = &[
    "a",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "head",
    "hr",
    "html",
    "i",
    "img",
    "li",
    "meta",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "style",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "u",
    "ul",
    "wbr",
];

/// Tags in the middle of a word.
const INLINE: &[&str] = &["b", "em", "font", "i", "mark", "small", "span", "strong", "u", "wbr"];

/// Whether a text is HTML.
pub(crate) fn is_html(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = memchr(b'<', rest.as_bytes()) {
        rest = after(rest, at.saturating_add(1));
        let (name, end) = tag_name(rest.strip_prefix('/').unwrap_or(rest));
        if TAGS.iter().any(|tag| tag.eq_ignore_ascii_case(name))
            && end.starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
        {
            return true;
        }
    }
    false
}

/// The stretches of an HTML text.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Pieces { done: Vec::new(), text: String::with_capacity(text.len()) };
    let mut rest = text;
    while let Some(at) = memchr(b'<', rest.as_bytes()) {
        pieces.see(rest.get(..at).unwrap_or_default());
        let inner = after(rest, at.saturating_add(1));
        if let Some(comment) = inner.strip_prefix("!--") {
            match memmem::find(comment.as_bytes(), b"-->") {
                Some(end) => rest = after(comment, end.saturating_add(3)),
                None => return pieces.finish(""),
            }
            continue;
        }
        let (closing, inner) = match inner.strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        let (name, attributes) = tag_name(inner);
        let markup = inner.starts_with('!') || inner.starts_with('?');
        // `<https://…>` is how plain text sets a link off, in HTML as well.
        if (name.is_empty() && !markup) || name.ends_with(':') || attributes.starts_with('@') {
            pieces.text.push('<');
            rest = after(rest, at.saturating_add(1));
            continue;
        }
        if !INLINE.iter().any(|inline| inline.eq_ignore_ascii_case(name)) {
            pieces.text.push('\n');
        }
        let Some(end) = pieces.attributes(attributes) else {
            // No tag is closed any more.
            return pieces.finish(attributes);
        };
        rest = end;
        if !closing && (name.eq_ignore_ascii_case("style") || name.eq_ignore_ascii_case("script")) {
            match closing_tag(rest) {
                Some(end) => rest = end,
                None => return pieces.finish(""),
            }
        }
    }
    pieces.finish(rest)
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

fn tag_name(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b":-".contains(byte))
        .count();
    let name = text.get(..end).unwrap_or_default();
    let name = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { "" };
    (name, after(text, name.len()))
}

/// What follows the next `</style` or `</script`, whichever was opened: neither nests.
fn closing_tag(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let at = memmem::find(rest.as_bytes(), b"</")?;
        rest = after(rest, at.saturating_add(2));
        let (name, end) = tag_name(rest);
        if name.eq_ignore_ascii_case("style") || name.eq_ignore_ascii_case("script") {
            return Some(end);
        }
    }
}

struct Pieces {
    done: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn see(&mut self, text: &str) {
        self.text.push_str(&without_entities(text));
    }

    /// Reads a tag's attributes; gives what follows the tag, or nothing if it has no end.
    fn attributes<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(rest) = rest.strip_prefix('>') {
                return Some(rest);
            }
            let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '>')?;
            let (name, tail) = rest.split_at_checked(end)?;
            let tail = tail.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let Some(value) = tail.strip_prefix('=') else {
                rest = tail;
                continue;
            };
            let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let (value, tail) = match value.chars().next()? {
                quote @ ('"' | '\'') => value.get(1..)?.split_once(quote)?,
                _ => {
                    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
                    value.split_at_checked(end)?
                }
            };
            if name.eq_ignore_ascii_case("href") {
                self.link(value);
            }
            rest = tail;
        }
    }

    fn link(&mut self, value: &str) {
        self.flush();
        // Line breaks in an attribute are not part of the address.
        let value = without_entities(value).replace(['\r', '\n', '\t'], "");
        self.done.push(Piece::Link(value));
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn finish(mut self, rest: &str) -> Vec<Piece> {
        self.see(rest);
        self.flush();
        self.done
    }
}
