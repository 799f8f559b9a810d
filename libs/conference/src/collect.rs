//! From candidates to links: each one read, each conference listed once.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{
    Kind, Link, MAX_LINK, MAX_LINKS, MAX_TEXT, Provider, consent, host,
    provider::Page,
    scan::{self, Found, Piece},
    service, wrapper,
};

/// All links of a text.
pub(crate) fn collect(text: &str, consent_host: Option<&str>) -> Vec<Link> {
    let text = scan::head(text, MAX_TEXT);
    if !scan::may_hold_link(text) {
        return Vec::new();
    }
    let mut links = Links::default();
    if scan::is_html(text) {
        for piece in scan::pieces(text) {
            match piece {
                Piece::Text(text) => plain(&text, consent_host, &mut links),
                Piece::Link(text) => {
                    if let Some((link, _)) = first(&text, consent_host) {
                        links.add(link);
                    }
                }
            }
        }
    } else {
        plain(text, consent_host, &mut links);
    }
    links.finish()
}

/// The link that one URL is.
pub(crate) fn classify(url: &str, consent_host: Option<&str>) -> Option<Link> {
    first(url, consent_host).map(|(link, _)| link)
}

fn plain(text: &str, consent_host: Option<&str>, links: &mut Links) {
    let mut from = 0;
    while let Some(found) = scan::next(text, from) {
        from = found.end;
        if let Some((link, end)) = read(text, &found, consent_host) {
            from = end.max(found.start.saturating_add(1));
            links.add(link);
        }
        if links.is_full() {
            break;
        }
    }
}

/// The link a text begins with.
fn first(text: &str, consent_host: Option<&str>) -> Option<(Link, usize)> {
    let text = text.trim_matches(|c: char| scan::ends_link(c) || scan::is_invisible(c));
    let text = scan::head(text, MAX_TEXT);
    let found = scan::next(text, 0).filter(|found| found.start == 0)?;
    read(text, &found, consent_host)
}

/// The link at a place in a text, and where it ends.
///
/// People glue things to links, so several readings are tried: the first that gives a conference
/// counts, and after that the first that gives anything.
fn read(text: &str, found: &Found, consent_host: Option<&str>) -> Option<(Link, usize)> {
    let written = text.get(found.start..found.end)?;
    if !found.bare && scan::is_foreign(written) {
        return None;
    }
    let mut second_best = None;
    let mut attempt = |candidate: &str, end: usize| -> Option<(Link, usize)> {
        let link = resolve(candidate, consent_host)?;
        if matches!(link.kind, Kind::NoMeetingId { .. }) {
            second_best.get_or_insert((link, end));
            return None;
        }
        Some((link, end))
    };
    if let Some((joined, end)) = scan::joined(text, found)
        && let Some(done) = attempt(&prepared(&joined, found.bare), end)
    {
        return Some(done);
    }
    if written.len() > MAX_LINK {
        return None;
    }
    if let Some(done) = attempt(&prepared(written, found.bare), found.end) {
        return Some(done);
    }
    for end in scan::cuts(written) {
        let Some(shorter) = written.get(..end) else { continue };
        let whole = found.start.saturating_add(end);
        if let Some(done) = attempt(&prepared(shorter, found.bare), whole) {
            return Some(done);
        }
    }
    second_best
}

/// A candidate without what is around it: invisible characters, entities, punctuation.
fn prepared(written: &str, bare: bool) -> String {
    let visible: Cow<'_, str> = if written.is_ascii() {
        Cow::Borrowed(written)
    } else {
        Cow::Owned(written.chars().filter(|&c| !scan::is_invisible(c)).collect())
    };
    let mut text = scan::without_entities(&visible).into_owned();
    if bare {
        text.insert_str(0, "https://");
    }
    if scan::is_escaped(&text) {
        text = host::decode(&text);
    }
    if let Some(end) = text.find(scan::ends_link) {
        text.truncate(end);
    }
    // In fields that list places a semicolon separates them; rewriters use it inside their links.
    if let Some(end) = text.find(';')
        && wrapper::peel(&text).is_none()
    {
        text.truncate(end);
    }
    let end = scan::trimmed(&text).len();
    text.truncate(end);
    text
}

/// What a whole candidate is.
fn resolve(candidate: &str, consent_host: Option<&str>) -> Option<Link> {
    if candidate.len() > MAX_LINK {
        return None;
    }
    let (target, unwrapped, closed) = wrapper::unwrap_all(candidate)?;
    if let Some(closed) = closed {
        if closed.provider.is_none() && closed.service.is_none() {
            return None;
        }
        let wrapper::Closed { wrapper, provider, service } = closed;
        let kind = Kind::Undecodable { wrapper, provider, service };
        return Some(Link { kind, url: target, unwrapped });
    }
    let (scheme, rest) = target.split_once("://")?;
    let rest = scan::trimmed(rest);
    // Browsers read more slashes, and backslashes, as if they were two slashes; links have neither.
    if rest.starts_with('/') || rest.contains('\\') {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let web = match scheme.as_str() {
        "http" => "http",
        "https" | "zoommtg" | "zoomus" | "msteams" => "https",
        _ => return None,
    };
    let url = Url::parse(&format!("{web}://{rest}")).ok()?;
    let host = host::of(&url)?;
    let app_of = match scheme.as_str() {
        "zoommtg" | "zoomus" => Some(Provider::Zoom),
        "msteams" => Some(Provider::Teams),
        _ => None,
    };
    let kind = kind(host, &url, consent_host)?;
    let link = Link { kind, url: written(&scheme, host, &url, rest), unwrapped };
    match app_of {
        Some(provider) if link.provider() != Some(provider) => None,
        _ => Some(link),
    }
}

fn kind(host: &str, url: &Url, consent_host: Option<&str>) -> Option<Kind> {
    let consent = |consent_host| {
        consent::shape(url, consent_host).map(|(host, company, kind, token)| Kind::Consent {
            host,
            company,
            kind,
            token,
        })
    };
    if consent_host.is_some_and(|ours| ours.eq_ignore_ascii_case(host))
        && let Some(kind) = consent(consent_host)
    {
        return Some(kind);
    }
    if let Some(provider) = Provider::of_host(host) {
        return match provider.page(host, url) {
            Page::Conference(id) => Some(Kind::Join { provider, id }),
            Page::NoId => Some(Kind::NoMeetingId { provider }),
            Page::Other => None,
        };
    }
    if let Some((service, id)) = service::read(host, url) {
        return Some(Kind::Unsupported { service, id });
    }
    consent(None)
}

/// The link as it was written, scheme and host in lower case, without user information, and with
/// what would end it in a text escaped.
fn written(scheme: &str, host: &str, url: &Url, rest: &str) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut link = format!("{scheme}://{host}{port}");
    let path = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default();
    for c in path.chars() {
        if c == ';' || scan::ends_link(c) {
            link.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC));
        } else {
            link.push(c);
        }
    }
    link
}

/// Links in order of appearance, each conference once.
#[derive(Default)]
struct Links {
    links: Vec<Link>,
    seen: BTreeMap<(&'static str, String), usize>,
}

impl Links {
    fn is_full(&self) -> bool {
        self.links.len() >= MAX_LINKS
    }

    fn add(&mut self, link: Link) {
        let same = match &link.kind {
            Kind::Consent { token, .. } => token.clone(),
            Kind::Join { .. } | Kind::Unsupported { .. } => {
                link.id().map_or_else(|| link.url.clone(), str::to_owned)
            }
            Kind::NoMeetingId { .. } | Kind::Undecodable { .. } => link.url.clone(),
        };
        let key = (link.name(), same);
        if let Some(before) = self.seen.get(&key).and_then(|&at| self.links.get_mut(at)) {
            if link.url.len() > before.url.len() {
                *before = link;
            }
        } else if !self.is_full() {
            self.seen.insert(key, self.links.len());
            self.links.push(link);
        }
    }

    /// An invitation by Teams names its one meeting twice, by thread and by number. Where there is
    /// one of each, the thread is the meeting: other copies of the event have only that.
    fn finish(mut self) -> Vec<Link> {
        let mut threads = Vec::new();
        let mut numbers = Vec::new();
        for (at, link) in self.links.iter().enumerate() {
            if let Kind::Join { provider: Provider::Teams, id } = &link.kind {
                let list = if host::is_digits(id) { &mut numbers } else { &mut threads };
                list.push(at);
            }
        }
        if let ([thread], [number]) = (threads.as_slice(), numbers.as_slice()) {
            self.links.swap(*thread.min(number), *thread);
            self.links.remove(*thread.max(number));
        }
        self.links
    }
}
