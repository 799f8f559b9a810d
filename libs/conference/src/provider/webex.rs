//! Webex's join links: scheduled meetings, personal rooms, the join service and the web app.

use url::Url;

use super::Page;
use crate::host;

pub(super) const DOMAINS: &[&str] = &["webex.com"];

/// Names under the domain that are no customer's site.
const NO_SITES: &[&str] = &["help", "www", "developer", "settings", "admin", "status", "blog"];

pub(super) fn page(host: &str, url: &Url) -> Page {
    let site = host.strip_suffix(".webex.com").filter(|site| !NO_SITES.contains(site));
    let segments = host::segments(url);
    match *segments.as_slice() {
        ["meet" | "join", user] => Page::with(site.and_then(|site| room(site, user))),
        ["meet" | "join"] => Page::NoId,
        ["collabs", "meetings", "join"] => Page::with(parameter(url, "uuid")),
        ["wbxmjs", "joinservice", "sites", _, "meeting", "download" | "info", token]
        | ["webappng", "sites", _, "meeting", "download" | "info", token] => {
            Page::with(parameter(url, "MTID").or_else(|| token_of(token)))
        }
        ["wbxmjs", "joinservice", "sites", _, "meeting", "download" | "info"]
        | ["webappng", "sites", _, "meeting", "download" | "info"] => {
            Page::with(parameter(url, "MTID"))
        }
        [.., last] if last.eq_ignore_ascii_case("j.php") => Page::with(parameter(url, "MTID")),
        _ => Page::Other,
    }
}

/// A personal room: whose, at which site. Neither knows upper case.
fn room(site: &str, user: &str) -> Option<String> {
    let user = host::decode(user).to_lowercase();
    let usable =
        user.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+'));
    usable.then(|| format!("{site}/{user}"))
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    host::parameter(url, name).and_then(|value| token_of(&value))
}

fn token_of(text: &str) -> Option<String> {
    let token = host::decode(text);
    let usable = !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    usable.then_some(token)
}

/// The link to a personal room. A meeting's token does not tell at which site it is.
pub(super) fn join_url(id: &str) -> Option<Url> {
    let (site, user) = id.split_once('/')?;
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if site.is_empty() || !site.chars().all(named) {
        return None;
    }
    host::link(&format!("{site}.webex.com"), &["meet", user])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Page {
        let url = Url::parse(url).unwrap();
        page(host::of(&url).unwrap(), &url)
    }

    #[test]
    fn every_way_in_gives_its_id() {
        for (url, id) in [
            ("https://umbrella.webex.com/meet/Ada.Lovelace", "umbrella/ada.lovelace"),
            ("https://umbrella.webex.com/join/ada", "umbrella/ada"),
            ("https://umbrella.my.webex.com/meet/ada", "umbrella.my/ada"),
            ("https://umbrella.webex.com/umbrella/j.php?MTID=m0aB", "m0aB"),
            ("https://umbrella.webex.com/umbrella/k2/j.php?x=1&mtid=m0aB", "m0aB"),
            ("https://meet5.webex.com/umbrella/j.php?MTID=m0aB", "m0aB"),
            (
                "https://umbrella.webex.com/wbxmjs/joinservice/sites/umbrella/meeting/download/0f",
                "0f",
            ),
            ("https://umbrella.webex.com/wbxmjs/joinservice/sites/u/meeting/info/0f", "0f"),
            ("https://umbrella.webex.com/webappng/sites/u/meeting/info/0f?MTID=m1", "m1"),
            ("https://umbrella.webex.com/webappng/sites/u/meeting/download/0f", "0f"),
            ("https://meetings.webex.com/collabs/meetings/join?uuid=M0", "M0"),
        ] {
            assert_eq!(read(url), Page::Conference(id.to_owned()), "{url}");
        }
    }

    #[test]
    fn a_join_link_that_names_no_meeting_or_site_has_no_id() {
        for url in [
            "https://umbrella.webex.com/umbrella/j.php",
            "https://umbrella.webex.com/umbrella/j.php?MTID=",
            "https://webex.com/meet/ada",
            "https://umbrella.webex.com/meet/",
            "https://meetings.webex.com/collabs/meetings/join",
        ] {
            assert_eq!(read(url), Page::NoId, "{url}");
        }
    }

    #[test]
    fn other_pages_are_no_join_links() {
        for url in [
            "https://umbrella.webex.com",
            "https://umbrella.webex.com/umbrella/globalcallin.php?MTID=m0",
            "https://umbrella.webex.com/recordingservice/sites/u/recording/0f",
            "https://umbrella.webex.com/umbrella/e.php?MTID=m0",
            "https://umbrella.webex.com/webappng/sites/u/dashboard",
            "https://help.webex.com/article/x",
        ] {
            assert_eq!(read(url), Page::Other, "{url}");
        }
    }
}
