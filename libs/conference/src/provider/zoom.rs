//! Zoom's join links: meetings, webinars, personal rooms, the browser client and the app's scheme.

use url::Url;

use super::Page;
use crate::host;

/// The last one is the installation of a German carrier.
pub(super) const DOMAINS: &[&str] =
    &["zoom.us", "zoom.com", "zoomgov.com", "zoom.com.cn", "zoom-x.de"];

/// Names under the domains that hold no conferences.
const NO_CONFERENCES: &[&str] =
    &["support", "events", "blog", "explore", "developers", "marketplace", "learn", "news"];

pub(super) fn page(host: &str, url: &Url) -> Page {
    if host.split_once('.').is_some_and(|(label, _)| NO_CONFERENCES.contains(&label)) {
        return Page::Other;
    }
    let segments = host::segments(url);
    match *segments.as_slice() {
        ["j" | "w" | "s"] | ["wc", "join"] => Page::NoId,
        ["j" | "w" | "s", id] | ["wc", "join", id] => number(id),
        ["wc", id] if host::is_digits(id) => number(id),
        ["wc", id, "join" | "start"] => number(id),
        ["my", name] => room(name),
        ["my"] => Page::NoId,
        ["join"] => confno(url),
        _ => Page::Other,
    }
}

fn number(segment: &str) -> Page {
    let id = host::decode(segment);
    let id: String = id.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    Page::with(Some(id).filter(|id| host::is_digits(id)))
}

/// A personal room keeps its name whatever the spelling.
fn room(segment: &str) -> Page {
    let name = host::decode(segment).to_lowercase();
    let usable = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    Page::with(usable.then(|| format!("my/{name}")))
}

/// `/join` by itself is a form for typing a number into.
fn confno(url: &Url) -> Page {
    host::parameter(url, "confno").map_or(Page::Other, |id| number(&id))
}

/// The link to a number or a room.
pub(super) fn join_url(id: &str) -> Option<Url> {
    let path = if host::is_digits(id) { ["j", id] } else { ["my", id.strip_prefix("my/")?] };
    host::link("zoom.us", &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Page {
        let url = Url::parse(url).unwrap();
        page(host::of(&url).unwrap(), &url)
    }

    fn conference(id: &str) -> Page {
        Page::Conference(id.to_owned())
    }

    #[test]
    fn every_way_in_gives_the_number() {
        for url in [
            "https://zoom.us/j/96000000001",
            "https://acme.zoom.us/j/96000000001?pwd=s3cret.1",
            "https://us02web.zoom.com/j/96000000001/",
            "https://acme.zoomgov.com/j/96000000001",
            "https://acme.zoom.com.cn/j/96000000001",
            "https://zoom.us/w/96000000001?tk=t",
            "https://zoom.us/s/96000000001?zak=z",
            "https://zoom.us/wc/join/96000000001",
            "https://app.zoom.us/wc/96000000001/join?pwd=s3cret",
            "https://app.zoom.us/wc/96000000001/start",
            "https://app.zoom.us/wc/96000000001",
            "https://zoom.us/join?confno=96000000001",
            "https://zoom.us/join?action=join&confno=96000000001&pwd=s3cret",
            "https://zoom.us/j/960-0000-0001",
        ] {
            assert_eq!(read(url), conference("96000000001"), "{url}");
        }
    }

    #[test]
    fn a_personal_room_is_named_without_regard_to_case() {
        assert_eq!(read("https://acme.zoom.us/my/Ada.Lovelace"), conference("my/ada.lovelace"));
        assert_eq!(read("https://zoom.us/my/ada/?pwd=s3cret"), conference("my/ada"));
    }

    #[test]
    fn a_join_link_without_a_number_is_one_without_an_id() {
        for url in ["https://zoom.us/j/", "https://zoom.us/j/abc", "https://zoom.us/wc/join/x"] {
            assert_eq!(read(url), Page::NoId, "{url}");
        }
    }

    #[test]
    fn other_pages_are_no_join_links() {
        for url in [
            "https://zoom.us/",
            "https://zoom.us/u/96000000001",
            "https://zoom.us/rec/share/abc",
            "https://zoom.us/launch/jc/96000000001",
            "https://zoom.us/meeting/register/tJ0",
            "https://zoom.us/webinar/register/WN_x",
            "https://zoom.us/meeting/tJ0/calendar/google/add",
            "https://zoom.us/calendar/google/add",
            "https://zoom.us/download",
            "https://zoom.us/join",
            "https://zoom.us/wc/profile",
            "https://zoom.us/j/96000000001/extra",
            "https://events.zoom.us/j/96000000001",
            "https://support.zoom.us/hc/en-us",
        ] {
            assert_eq!(read(url), Page::Other, "{url}");
        }
    }
}
