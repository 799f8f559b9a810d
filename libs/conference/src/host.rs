//! Hosts compared on label boundaries, and the small readings every kind of link needs.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// Whether `host` is `domain` or a name under it: `a.zoom.us` is within `zoom.us`, `azoom.us` is not.
pub(crate) fn within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The host without a closing dot; nothing for an address, or for what no name is made of.
pub(crate) fn of(url: &Url) -> Option<&str> {
    let host = url.domain()?.trim_end_matches('.');
    let is_name = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_name.then_some(host)
}

/// A link to a path, given as its segments: each is escaped whole.
pub(crate) fn link(host: &str, path: &[&str]) -> Option<Url> {
    let mut url = Url::parse(&format!("https://{host}/")).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

/// The path's segments, without empty ones.
pub(crate) fn segments(url: &Url) -> Vec<&str> {
    url.path().split('/').filter(|segment| !segment.is_empty()).collect()
}

/// Percent-decoded as often as it takes, twice at most after the first: links are encoded again by
/// whoever passes them on.
pub(crate) fn decode(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for _ in 0..3 {
        if !text.contains('%') {
            break;
        }
        match percent_decode_str(&text).decode_utf8() {
            Ok(decoded) if decoded != text => text = Cow::Owned(decoded.into_owned()),
            Ok(_) | Err(_) => break,
        }
    }
    text.into_owned()
}

/// The first value of a query parameter whose name is compared without case.
pub(crate) fn parameter<'a>(url: &'a Url, name: &str) -> Option<Cow<'a, str>> {
    url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether a text is an id of decimal digits, of a length somebody could have been given.
pub(crate) fn is_digits(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
