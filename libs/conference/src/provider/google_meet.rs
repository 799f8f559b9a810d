//! Google Meet's join links: a code of ten letters, a lookup name, a live stream.

use url::Url;

use super::Page;
use crate::host;

pub(super) const DOMAINS: &[&str] = &["meet.google.com", "g.co"];

pub(super) fn page(host: &str, url: &Url) -> Page {
    let segments = host::segments(url);
    match (host, segments.as_slice()) {
        ("meet.google.com", ["lookup", name]) => named("lookup/", name),
        ("meet.google.com", [segment] | ["_meet", segment]) => {
            code(segment).map_or(Page::Other, Page::Conference)
        }
        ("stream.meet.google.com", ["stream", id]) => named("stream/", id),
        ("g.co", ["meet", name]) => code(name).map_or_else(|| named("", name), Page::Conference),
        _ => Page::Other,
    }
}

/// `abc-mnop-xyz`, or the ten letters without hyphens that older links have.
fn code(segment: &str) -> Option<String> {
    let code = host::decode(segment).to_ascii_lowercase();
    let letters = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let mut parts = code.split('-');
    let usable = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(whole), None, None, None) => letters(whole, 10),
        (Some(a), Some(b), Some(c), None) => letters(a, 3) && letters(b, 4) && letters(c, 3),
        _ => false,
    };
    usable.then_some(code)
}

fn named(kind: &str, name: &str) -> Page {
    let name = host::decode(name).to_lowercase();
    let usable = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    Page::with(usable.then(|| format!("{kind}{name}")))
}

/// The link to a code or a name. A stream is only watched.
pub(super) fn join_url(id: &str) -> Option<Url> {
    const HOST: &str = "meet.google.com";
    match id.split_once('/') {
        Some(("lookup", name)) => host::link(HOST, &["lookup", name]),
        Some(_) => None,
        None if code(id).is_some() => host::link(HOST, &[id]),
        None => host::link("g.co", &["meet", id]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Page {
        let url = Url::parse(url).unwrap();
        page(host::of(&url).unwrap(), &url)
    }

    #[test]
    fn a_code_is_read_in_lower_case() {
        for (url, id) in [
            ("https://meet.google.com/qrs-tuvw-xyz", "qrs-tuvw-xyz"),
            ("https://meet.google.com/QRS-tuvw-XYZ?authuser=1", "qrs-tuvw-xyz"),
            ("https://meet.google.com/_meet/qrs-tuvw-xyz", "qrs-tuvw-xyz"),
            ("https://meet.google.com/qrstuvwxyz", "qrstuvwxyz"),
            ("https://meet.google.com/lookup/Team-Room", "lookup/team-room"),
            ("https://g.co/meet/qrs-tuvw-xyz", "qrs-tuvw-xyz"),
            ("https://g.co/meet/team-room", "team-room"),
            ("https://stream.meet.google.com/stream/0a1b", "stream/0a1b"),
        ] {
            assert_eq!(read(url), Page::Conference(id.to_owned()), "{url}");
        }
    }

    #[test]
    fn other_pages_are_no_join_links() {
        for url in [
            "https://meet.google.com/",
            "https://meet.google.com/new",
            "https://meet.google.com/landing",
            "https://meet.google.com/lookup/",
            "https://meet.google.com/abc-defg",
            "https://meet.google.com/abcd-efg-hij",
            "https://meet.google.com/qrs-tuvw-xyz/extra",
            "https://g.co/kgs/abc",
        ] {
            assert_eq!(read(url), Page::Other, "{url}");
        }
    }
}
