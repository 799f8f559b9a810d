//! Microsoft Teams' join links: threads, short numbers, and the launchers that wrap either.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use url::Url;

use super::Page;
use crate::host;

pub(super) const DOMAINS: &[&str] =
    &["teams.microsoft.com", "teams.live.com", "teams.cloud.microsoft", "teams.microsoft.us"];

/// Names under the domains that hold no meetings to join.
const NO_MEETINGS: &[&str] = &["dialin.", "scheduler.", "admin.", "support."];

pub(super) fn page(host: &str, url: &Url) -> Page {
    if NO_MEETINGS.iter().any(|label| host.starts_with(label)) {
        return Page::Other;
    }
    let path = url.path();
    if within(path, "/dl/launcher") {
        // The launcher is given the link to open as a path behind `/_#`.
        return match host::parameter(url, "url") {
            Some(target) => fragment_of(&host::decode(&target)).map_or(Page::Other, place),
            None => Page::Other,
        };
    }
    if within(path, "/light-meetings/launch") {
        return match host::parameter(url, "coords") {
            Some(coords) => Page::with(coordinates(&coords)),
            None => Page::Other,
        };
    }
    if matches!(path, "/_" | "/_/" | "/v2" | "/v2/" | "/") {
        return url.fragment().map_or(Page::Other, place);
    }
    place(path)
}

fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn fragment_of(target: &str) -> Option<&str> {
    match target.split_once('#') {
        Some((_, fragment)) => Some(fragment),
        None => Some(target).filter(|target| target.starts_with('/')),
    }
}

/// A path inside Teams, with or without what follows it.
fn place(path: &str) -> Page {
    let path = path.split(['?', '#', '&']).next().unwrap_or_default();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match (segments.next(), segments.next()) {
        (Some("l"), Some("meetup-join")) => Page::with(thread(segments.next(), segments.next())),
        (Some("_"), Some("l")) if segments.next() == Some("meetup-join") => {
            Page::with(thread(segments.next(), segments.next()))
        }
        (Some("meet"), number) if segments.next().is_none() => {
            Page::with(number.map(host::decode).filter(|number| host::is_digits(number)))
        }
        _ => Page::Other,
    }
}

/// The thread, and the message in it where the meeting is one of several in a channel.
fn thread(thread: Option<&str>, message: Option<&str>) -> Option<String> {
    let thread = host::decode(thread?);
    let (_, domain) = thread.strip_prefix("19:")?.split_once('@')?;
    if domain.is_empty() || thread.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    match message.map(host::decode) {
        Some(message) if host::is_digits(&message) && message != "0" => {
            Some(format!("{thread}/{message}"))
        }
        _ => Some(thread),
    }
}

/// The thread named by a light meeting's coordinates: base64 of a JSON object.
fn coordinates(coords: &str) -> Option<String> {
    let coords = host::decode(coords);
    // Form decoding has made spaces of the alphabet's plus signs.
    let coords = coords.trim_end_matches('=').replace(' ', "+");
    let json = BASE64_NOPAD
        .decode(coords.as_bytes())
        .or_else(|_| BASE64URL_NOPAD.decode(coords.as_bytes()))
        .ok()?;
    let value: serde_json::Value = serde_json::from_slice(&json).ok()?;
    let text = |key: &str| value.get(key).and_then(|it| it.as_str());
    thread(text("conversationId"), text("messageId"))
}

/// The link to a thread, with the message where the meeting is one of several, or to a short number.
pub(super) fn join_url(id: &str) -> Option<Url> {
    const HOST: &str = "teams.microsoft.com";
    if host::is_digits(id) {
        return host::link(HOST, &["meet", id]);
    }
    let (thread, message) = id.split_once('/').unwrap_or((id, "0"));
    host::link(HOST, &["l", "meetup-join", thread, message])
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: &str = "19:meeting_Zm9v@thread.v2";

    fn read(url: &str) -> Page {
        let url = Url::parse(url).unwrap();
        page(host::of(&url).unwrap(), &url)
    }

    fn conference(id: &str) -> Page {
        Page::Conference(id.to_owned())
    }

    #[test]
    fn every_way_to_a_thread_gives_the_thread() {
        for url in [
            "https://teams.microsoft.com/l/meetup-join/19:meeting_Zm9v@thread.v2/0?context=%7b%7d",
            "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0",
            "https://teams.microsoft.com/l/meetup-join/19%253ameeting_Zm9v%2540thread.v2/0",
            "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Zm9v%40thread.v2",
            "https://teams.cloud.microsoft/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0",
            "https://gov.teams.microsoft.us/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0",
            "https://dod.teams.microsoft.us/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0",
            "https://teams.microsoft.com/_#/l/meetup-join/19:meeting_Zm9v@thread.v2/0?context=x",
            "https://teams.microsoft.com/v2/?meetingjoin=true#/l/meetup-join/19:meeting_Zm9v@thread.v2/0?context=x",
            "https://teams.microsoft.com/dl/launcher/launcher.html?url=%2F_%23%2Fl%2Fmeetup-join%2F19%3Ameeting_Zm9v%40thread.v2%2F0%3Fcontext%3Dx&type=meetup-join",
        ] {
            assert_eq!(read(url), conference(THREAD), "{url}");
        }
    }

    #[test]
    fn coordinates_of_a_light_meeting_give_the_thread() {
        let json = format!(r#"{{"conversationId":"{THREAD}","tenantId":"t","messageId":"0"}}"#);
        let coords = data_encoding::BASE64.encode(json.as_bytes()).replace('=', "%3D");
        let url =
            format!("https://teams.microsoft.com/light-meetings/launch?agent=web&coords={coords}");
        assert_eq!(read(&url), conference(THREAD));
        let broken = "https://teams.microsoft.com/light-meetings/launch?coords=%%%";
        assert_eq!(read(broken), Page::NoId);
    }

    #[test]
    fn meetings_of_one_channel_are_told_apart() {
        let url = "https://teams.microsoft.com/l/meetup-join/19%3aab%40thread.tacv2/1700000000001";
        assert_eq!(read(url), conference("19:ab@thread.tacv2/1700000000001"));
    }

    #[test]
    fn a_short_link_gives_its_number() {
        for url in [
            "https://teams.microsoft.com/meet/2000000000001?p=s3cret",
            "https://teams.live.com/meet/2000000000001",
            "https://teams.microsoft.us/meet/2000000000001?p=s3cret",
            "https://teams.live.com/dl/launcher/launcher.html?url=%2F_%23%2Fmeet%2F2000000000001%3Fp%3Ds3cret%26anon%3Dtrue",
        ] {
            assert_eq!(read(url), conference("2000000000001"), "{url}");
        }
    }

    #[test]
    fn a_join_link_without_a_whole_thread_has_no_id() {
        for url in [
            "https://teams.microsoft.com/l/meetup-join/",
            "https://teams.microsoft.com/l/meetup-join/abc",
            "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Zm",
            "https://teams.microsoft.com/meet/abc",
        ] {
            assert_eq!(read(url), Page::NoId, "{url}");
        }
    }

    #[test]
    fn other_pages_are_no_join_links() {
        for url in [
            "https://teams.microsoft.com/",
            "https://teams.microsoft.com/l/meetup-joinery/1",
            "https://teams.microsoft.com/l/meeting/new",
            "https://teams.microsoft.com/l/chat/0/0?users=ada@acme.example",
            "https://teams.microsoft.com/l/channel/19%3aab%40thread.tacv2/General",
            "https://teams.microsoft.com/l/team/19%3aab%40thread.tacv2/conversations",
            "https://teams.microsoft.com/meetingOptions/?organizerId=1",
            "https://teams.microsoft.com/dl/launcher/launcher.html?url=%2F_%23%2Fl%2Fchat%2F0",
            "https://dialin.teams.microsoft.com/meet/2000000000001",
            "https://scheduler.teams.microsoft.com/l/meetup-join/19%3aab%40thread.v2/0",
        ] {
            assert_eq!(read(url), Page::Other, "{url}");
        }
    }
}
