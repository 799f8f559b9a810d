//! Where in a text links may begin and end; whatever is found still has to be read.

mod html;

use std::borrow::Cow;

use memchr::{memchr2, memchr3, memmem};

use crate::{MAX_LINK, Provider, service, wrapper};

pub(crate) use html::{Piece, is_html, pieces};

/// A link's place in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Written without a scheme.
    pub(crate) bare: bool,
}

/// Schemes of links, longest first where one ends like another.
const SCHEMES: &[&str] = &["https", "http", "zoommtg", "zoomus", "msteams"];

/// A name in the domain system is no longer than this.
const MAX_NAME: usize = 253;

/// A link that was broken over more lines than this is given up.
const MAX_LINES: usize = 40;

/// The first bytes of a text, cut between characters.
pub(crate) fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Whether it is worth looking closer: no link does without a slash, however that is escaped.
pub(crate) fn may_hold_link(text: &str) -> bool {
    memchr3(b'/', b'%', b'&', text.as_bytes()).is_some()
}

/// The first candidate at or after a place.
pub(crate) fn next(text: &str, from: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at = at.checked_add(memchr2(b'/', b'%', bytes.get(at..)?)?)?;
        let found = match bytes.get(at) {
            Some(b'%') => escaped(text, from, at),
            _ if is_scheme_end(bytes, at) => with_scheme(text, from, at),
            _ => bare(text, from, at),
        };
        match found {
            Some(Start::Link { start, bare }) => {
                return Some(Found { start, end: end_of_link(text, start, at), bare });
            }
            // Whatever is inside another address is part of it.
            Some(Start::Foreign) => at = extent(text, at).max(at.saturating_add(1)),
            None => at = at.saturating_add(1),
        }
    }
}

enum Start {
    Link { start: usize, bare: bool },
    Foreign,
}

fn is_scheme_end(bytes: &[u8], slash: usize) -> bool {
    bytes.get(slash.saturating_add(1)) == Some(&b'/')
        && slash.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b':')
}

/// `https://`, with the scheme at the end of whatever word it is glued to.
fn with_scheme(text: &str, from: usize, slash: usize) -> Option<Start> {
    let before = text.get(from..slash.checked_sub(1)?)?;
    let scheme = SCHEMES.iter().find(|scheme| ends_with(before, scheme));
    let Some(scheme) = scheme else { return Some(Start::Foreign) };
    let start = from.checked_add(before.len().checked_sub(scheme.len())?)?;
    if is_inside_address(text.get(from..start)?) {
        return Some(Start::Foreign);
    }
    Some(Start::Link { start, bare: false })
}

/// `https%3A%2F%2F`, escaped once or twice, at the beginning of a word.
fn escaped(text: &str, from: usize, percent: usize) -> Option<Start> {
    let after = text.as_bytes().get(percent..)?;
    let begins =
        |with: &[u8]| after.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with));
    if !begins(b"%3a%2f%2f") && !begins(b"%253a%252f%252f") {
        return None;
    }
    let before = text.get(from..percent)?;
    let scheme = SCHEMES.iter().find(|scheme| ends_with(before, scheme))?;
    let start = from.checked_add(before.len().checked_sub(scheme.len())?)?;
    let free = text.get(from..start)?.chars().next_back().is_none_or(ends_link);
    free.then_some(Start::Link { start, bare: false })
}

/// `zoom.us/`, where nothing before it makes it part of something else.
fn bare(text: &str, from: usize, slash: usize) -> Option<Start> {
    let before = text.get(from..slash)?;
    let name = before
        .as_bytes()
        .iter()
        .rev()
        .take(MAX_NAME)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
        .count();
    let start = slash.checked_sub(name)?;
    let name = text.get(start..slash)?.trim_start_matches(['.', '-']);
    if !name.contains('.') || !is_known(&name.to_ascii_lowercase()) {
        return None;
    }
    let start = slash.checked_sub(name.len())?;
    let before = text.get(from..start)?;
    let glued = before.chars().next_back().is_some_and(|c| {
        // Scripts without spaces between words glue as a matter of course.
        (c.is_alphanumeric() && c < '\u{2e80}') || "@/\\_%=&?#~+.-".contains(c)
    });
    (!glued).then_some(Start::Link { start, bare: true })
}

fn is_known(host: &str) -> bool {
    Provider::of_host(host).is_some() || service::is_known(host) || wrapper::is_known(host)
}

/// Whether a link is plainly somebody else's, told without parsing it: most links in most texts.
pub(crate) fn is_foreign(link: &str) -> bool {
    let Some((_, rest)) = link.split_once("://") else { return false };
    let host = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte));
    let (host, path) = rest.split_at_checked(host.count()).unwrap_or_default();
    // Anything but a plain name and a path is left to the parser.
    path.starts_with(['/', '?', '#'])
        && !host.ends_with('.')
        && !is_known(&host.to_ascii_lowercase())
        && memmem::find(path.as_bytes(), b"/s/").is_none()
        && memmem::find(path.as_bytes(), b"/d/").is_none()
}

fn ends_with(text: &str, ending: &str) -> bool {
    text.len()
        .checked_sub(ending.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// Whether what follows would be a part of an address that is written without a scheme:
/// `evil.example/?next=`.
fn is_inside_address(before: &str) -> bool {
    let word = before.len().saturating_sub(
        before.bytes().rev().take(MAX_NAME).take_while(|byte| !byte.is_ascii_whitespace()).count(),
    );
    before.ends_with(['/', '=', '&', '?', '@', '%'])
        && before
            .get(before.ceil_char_boundary(word)..)
            .is_some_and(|word| word.split_once('/').is_some_and(|(host, _)| host.contains('.')))
}

/// Where the run of characters that may belong to a link ends.
fn extent(text: &str, from: usize) -> usize {
    text.get(from..)
        .and_then(|rest| rest.find(ends_link))
        .and_then(|length| from.checked_add(length))
        .unwrap_or(text.len())
}

/// Where a link ends: with its run of characters, the bracket it stands in, or the next link of a
/// list.
fn end_of_link(text: &str, start: usize, from: usize) -> usize {
    let bracket = match text.get(..start).and_then(|before| before.chars().next_back()) {
        Some('(') => Some(('(', ')')),
        Some('[') => Some(('[', ']')),
        _ => None,
    };
    let mut depth = 0_usize;
    for (at, c) in text.get(from..).unwrap_or_default().char_indices() {
        let at = from.saturating_add(at);
        match bracket {
            Some((open, _)) if c == open => depth = depth.saturating_add(1),
            Some((_, close)) if c == close && depth == 0 => return at,
            Some((_, close)) if c == close => depth = depth.saturating_sub(1),
            _ if ends_link(c) => return at,
            _ if c == ':' => {
                if let Some(comma) = comma_before_link(text, start, at) {
                    return comma;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// The comma or semicolon after which a link's scheme ends at a colon.
fn comma_before_link(text: &str, start: usize, colon: usize) -> Option<usize> {
    if !text.get(colon..)?.starts_with("://") {
        return None;
    }
    let before = text.get(start..colon)?;
    let scheme = SCHEMES.iter().find(|scheme| ends_with(before, scheme))?;
    let comma = colon.checked_sub(scheme.len())?.checked_sub(1)?;
    matches!(text.as_bytes().get(comma), Some(b',' | b';')).then_some(comma)
}

/// Whether a character is in no link.
pub(crate) fn ends_link(c: char) -> bool {
    match c {
        '<' | '>' | '"' | '\'' | '`' | '|' | '\\' | '^' | '{' | '}' => true,
        c if c.is_ascii() => c.is_ascii_whitespace() || c.is_ascii_control(),
        '“' | '”' | '„' | '‟' | '‘' | '’' | '‚' | '‛' | '«' | '»' | '‹' | '›' | '…' => {
            true
        }
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{301f}' => true,
        '（' | '）' | '，' | '：' | '；' | '！' | '？' | '［' | '］' => true,
        c => c.is_whitespace() || c.is_control(),
    }
}

/// Characters that nobody sees and mail programs leave behind.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Shorter readings of a candidate, at places where people glue something to a link.
pub(crate) fn cuts(candidate: &str) -> impl Iterator<Item = usize> + '_ {
    let after = |at: usize| at.saturating_add(1);
    let body = candidate.find("//").map_or(0, after);
    let rest = candidate.get(body..).unwrap_or_default();
    let scheme = SCHEMES.iter().filter_map(|scheme| {
        let finder = rest.to_ascii_lowercase();
        memmem::find(finder.as_bytes(), format!("{scheme}://").as_bytes())
    });
    [
        rest.find(is_invisible),
        scheme.min(),
        rest.find([',', ';']),
        rest.find([')', ']', '(', '[', '*']),
        rest.find(|c: char| !c.is_ascii()),
    ]
    .into_iter()
    .flatten()
    .filter_map(move |at| body.checked_add(at))
}

/// Without the punctuation of the sentence around it.
pub(crate) fn trimmed(link: &str) -> &str {
    let mut link = link;
    loop {
        let shorter = match link.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '*' | '。') => link,
            Some(')') if !link.contains('(') => link,
            Some(']') if !link.contains('[') => link,
            _ => return link,
        };
        let mut chars = shorter.chars();
        chars.next_back();
        link = chars.as_str();
    }
}

/// Whether a candidate's scheme is followed by an escaped colon.
pub(crate) fn is_escaped(candidate: &str) -> bool {
    match (candidate.find('%'), candidate.find("://")) {
        (Some(percent), Some(colon)) => percent < colon,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// A link that goes on in the next line, put together, and where it ends.
pub(crate) fn joined(text: &str, found: &Found) -> Option<(String, usize)> {
    let in_brackets = text.get(..found.start)?.ends_with('<')
        && text.get(found.end..).is_some_and(closes_before_it_opens);
    let mut whole = text.get(found.start..found.end)?.to_owned();
    let mut end = found.end;
    let mut quoted = false;
    for _ in 0..MAX_LINES {
        let rest = text.get(end..)?;
        let Some((line_end, after)) = line_end(rest) else { break };
        let length = line_length(text, end);
        let soft = whole.ends_with('=')
            && !rest.starts_with(' ')
            && (!whole.contains('?') || (60..=76).contains(&length));
        let folded = (70..=78).contains(&length) && after.starts_with([' ', '\t']);
        let go_on = if soft {
            whole.pop();
            quoted = true;
            0
        } else if folded {
            1
        } else if in_brackets {
            0
        } else {
            break;
        };
        let start = end.checked_add(line_end)?.checked_add(go_on)?;
        end = extent(text, start);
        let more = text.get(start..end)?;
        let another = SCHEMES.iter().any(|scheme| {
            more.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
        });
        if another || more.is_empty() || whole.len().saturating_add(more.len()) > MAX_LINK {
            return None;
        }
        whole.push_str(more);
    }
    if end == found.end {
        return None;
    }
    if quoted {
        whole = whole.replace("=3D", "=").replace("=3d", "=");
    }
    Some((whole, end))
}

/// `>` comes within a link's length, and neither `<` nor a blank before it.
fn closes_before_it_opens(rest: &str) -> bool {
    let rest = head(rest, MAX_LINK);
    rest.find(['<', '>', ' ']).and_then(|at| rest.get(at..)).is_some_and(|it| it.starts_with('>'))
}

/// The line break a text begins with: its length, and what follows.
fn line_end(rest: &str) -> Option<(usize, &str)> {
    rest.strip_prefix("\r\n").map(|after| (2, after)).or(rest.strip_prefix('\n').map(|it| (1, it)))
}

/// How many bytes of the line come before a place, as far as it matters.
fn line_length(text: &str, end: usize) -> usize {
    text.as_bytes()
        .get(..end)
        .unwrap_or_default()
        .iter()
        .rev()
        .take(100)
        .take_while(|&&byte| byte != b'\n')
        .count()
}

/// With the entities that occur in links and around them read.
pub(crate) fn without_entities(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match entity(after) {
            Some((character, length)) => {
                out.push(character);
                rest = after.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character an entity stands for, and its length without the ampersand.
fn entity(after: &str) -> Option<(char, usize)> {
    let (name, _) = head(after, 10).split_once(';')?;
    let character = match name {
        "amp" | "AMP" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" => ' ',
        "zwnj" | "zwj" | "shy" => '\u{200b}',
        "colon" => ':',
        "sol" => '/',
        "period" => '.',
        "quest" => '?',
        "equals" => '=',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, name.len().saturating_add(1)))
}
