//! Links as people and their mail programs leave them in texts.

use conference::{ConsentKind, Kind, Link, Provider, Wrapper, classify, find, find_with};

const ZOOM: &str = "https://acme.zoom.us/j/96000000001?pwd=s3cret.1";

/// What a text holds, as `name id url`.
fn read(text: &str) -> Vec<String> {
    find(text).iter().map(told).collect()
}

fn told(link: &Link) -> String {
    format!("{} {} {}", link.name(), link.id().unwrap_or("-"), link.url)
}

fn zoom() -> Vec<String> {
    vec![format!("zoom 96000000001 {ZOOM}")]
}

#[test]
fn a_text_without_links_has_none() {
    for text in ["", "Agenda: 1/2 of the budget", "http://", "://", "zoom.us", "a/b & c%3A", "<p>"]
    {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn what_is_around_a_link_is_not_part_of_it() {
    for text in [
        "Join https://acme.zoom.us/j/96000000001?pwd=s3cret.1.",
        "Join (https://acme.zoom.us/j/96000000001?pwd=s3cret.1), please",
        "Join <https://acme.zoom.us/j/96000000001?pwd=s3cret.1>",
        "https://acme.zoom.us/j/96000000001?pwd=s3cret.1>",
        "https://acme.zoom.us/j/96000000001?pwd=s3cret.1&nbsp;",
        "https://acme.zoom.us/j/96000000001?pwd=s3cret.1\u{a0}Room 4",
        "[Join](https://acme.zoom.us/j/96000000001?pwd=s3cret.1)",
        "[Join](https://acme.zoom.us/j/96000000001?pwd=s3cret.1)[1]",
        "*https://acme.zoom.us/j/96000000001?pwd=s3cret.1*",
        "“https://acme.zoom.us/j/96000000001?pwd=s3cret.1”",
        "链接：https://acme.zoom.us/j/96000000001?pwd=s3cret.1，密码",
        "https://acme.zoom.us/j/96000000001?pwd=s3cret.1;Room 4",
        "\u{200b}https://acme.zoom.us/j/96000000001?pwd=s3cret.1\u{200b}",
        "\u{feff}https://acme.zoom.us/j/9600\u{200b}0000001?pwd=s3cret.1",
        "URL:https://acme.zoom.us/j/96000000001?pwd=s3cret.1\\nPasscode",
        "Linkhttps://acme.zoom.us/j/96000000001?pwd=s3cret.1",
        "\"location\":\"https://acme.zoom.us/j/96000000001?pwd=s3cret.1\"",
        "HTTPS://ACME.ZOOM.US/j/96000000001?pwd=s3cret.1",
        "acme.zoom.us/j/96000000001?pwd=s3cret.1",
        "Where: Acme.Zoom.us/j/96000000001?pwd=s3cret.1",
        "会议acme.zoom.us/j/96000000001?pwd=s3cret.1",
        "https%3A%2F%2Facme.zoom.us%2Fj%2F96000000001%3Fpwd%3Ds3cret.1",
        "https%253A%252F%252Facme.zoom.us%252Fj%252F96000000001%253Fpwd%253Ds3cret.1",
        "https://ada:s3cret@acme.zoom.us/j/96000000001?pwd=s3cret.1",
        "https://acme.zoom.us:443/j/96000000001?pwd=s3cret.1",
        "https://acme.zoom.us./j/96000000001?pwd=s3cret.1",
    ] {
        assert_eq!(read(text), zoom(), "{text}");
    }
}

#[test]
fn what_is_glued_to_a_number_is_cut_off() {
    for text in [
        "https://zoom.us/j/96000000001,Room 4",
        "https://zoom.us/j/96000000001会议号",
        "https://zoom.us/j/96000000001\u{200b}Passcode",
        "https://zoom.us/j/96000000001(Zoom)",
    ] {
        assert_eq!(read(text), ["zoom 96000000001 https://zoom.us/j/96000000001"], "{text}");
    }
}

#[test]
fn links_without_a_gap_are_told_apart() {
    let text = "https://zoom.us/j/96000000001https://meet.google.com/qrs-tuvw-xyz";
    assert_eq!(
        read(text),
        [
            "zoom 96000000001 https://zoom.us/j/96000000001",
            "google_meet qrs-tuvw-xyz https://meet.google.com/qrs-tuvw-xyz"
        ]
    );
}

#[test]
fn every_link_of_a_list_is_read() {
    for gap in [",", ";", "; ", ", ", "|", "\n"] {
        let text = format!("{ZOOM}{gap}https://meet.google.com/qrs-tuvw-xyz");
        assert_eq!(find(&text).len(), 2, "{text}");
        assert_eq!(read(&text).first(), zoom().first(), "{text}");
    }
}

#[test]
fn ampersands_are_read_from_entities() {
    let link = find("https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret").remove(0);
    assert_eq!(link.url, "https://zoom.us/w/96000000001?tk=a&pwd=s3cret");
}

#[test]
fn a_link_broken_over_lines_is_put_together() {
    let long = format!("https://acme.zoom.us/j/96000000001?pwd={}", "s3cret".repeat(12));
    let whole = vec![format!("zoom 96000000001 {long}")];
    // Folded as iCalendar lines are, at 75 octets.
    let line = format!("DESCRIPTION:{long}");
    let (first, second) = line.split_at(75);
    assert_eq!(read(&format!("{first}\r\n {second}\r\nEND:VEVENT")), whole);
    // Broken as quoted-printable lines are, the equals signs escaped.
    let line = format!("Join: {}", long.replace('=', "=3D"));
    let (first, second) = line.split_at(75);
    assert_eq!(read(&format!("{first}=\r\n{second}\r\n")), whole);
    assert_eq!(
        read("https://zoom.us/j/960=\n00000001"),
        ["zoom 96000000001 https://zoom.us/j/96000000001"]
    );
    // Wrapped between angle brackets.
    let (first, second) = long.split_at(60);
    assert_eq!(read(&format!("Join\n<{first}\n{second}>\nAda")), whole);
}

#[test]
fn a_line_that_ends_with_a_link_does_not_swallow_the_next() {
    let text = format!("{ZOOM}\nPasscode: s3cret\n{ZOOM}=\nPasscode");
    assert_eq!(read(&text).len(), 1);
    assert_eq!(find(&text).remove(0).id(), Some("96000000001"));
    let text = "https://zoom.us/j/96000000001?pwd=\nMeeting";
    assert_eq!(read(text), ["zoom 96000000001 https://zoom.us/j/96000000001?pwd="]);
}

#[test]
fn html_is_read_in_attributes_and_in_what_is_seen() {
    let amp = "https://zoom.us/w/96000000001?tk=a&pwd=s3cret";
    for text in [
        "<p>Hi,<br><a href=\"https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret\">Join</a></p>",
        "<A HREF='https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret'>Join</A>",
        "<a target=_blank href=https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret>Join</a>",
        "<a title='a > b' href=\"\n https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret\">Join</a>",
        "<div>https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret&nbsp;</div>Bye",
        "<span>https://zoom.us/w/<wbr>96000000001<b>?tk=a&amp;pwd=s3cret</b></span>",
        "<p>&lt;https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret&gt;</p>",
        "<p>Hi <https://zoom.us/w/96000000001?tk=a&pwd=s3cret></p>",
        "<p>https:&#x2F;&#47;zoom.us/w/96000000001?tk=a&#38;pwd=s3cret</p>",
        "<style>a{}</style><!-- https://zoom.us/j/1 --><p>https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret",
        "<script>'https://zoom.us/j/1'</script>\n<br/>https://zoom.us/w/96000000001?tk=a&amp;pwd=s3cret",
    ] {
        assert_eq!(read(text), [format!("zoom 96000000001 {amp}")], "{text}");
    }
}

#[test]
fn a_tag_that_never_ends_loses_no_link_in_sight() {
    assert_eq!(read("<p>Hi</p><a https://zoom.us/j/96000000001 ").len(), 1);
}

#[test]
fn look_alikes_are_refused() {
    for text in [
        "https://zoom.us.evil.example/j/96000000001",
        "https://evilzoom.us/j/96000000001",
        "https://zoom.us@evil.example/j/96000000001",
        "https://zoom.us%40evil.example/j/96000000001",
        "https://evil.example\\@zoom.us/j/96000000001",
        "https://evil.example/zoom.us/j/96000000001",
        "https://evil.example/https://zoom.us/j/96000000001",
        "https://evil.example/?next=https://zoom.us/j/96000000001",
        "https://evil.example/?next=https%3A%2F%2Fzoom.us%2Fj%2F96000000001",
        "https://evil.example/#zoom.us/j/96000000001",
        "evil.example/?next=https://zoom.us/j/96000000001",
        "evil.example/zoom.us/j/96000000001",
        "evil.example/?zoom.us/j/96000000001",
        "ada@zoom.us/j/96000000001",
        "evilzoom.us/j/96000000001",
        "\u{e9}zoom.us/j/96000000001",
        "https://xn--zom-0na.us/j/96000000001",
        "https://zооm.us/j/96000000001",
        "https://a%22.zoom.us/j/96000000001",
        "https://zoom-us.evil.example/j/96000000001",
        "https://zoom.us.evil.example/my/ada",
        "https://meet.google.com.evil.example/qrs-tuvw-xyz",
        "https://evilteams.microsoft.com.evil.example/meet/2000000000001",
        "https://webex.com.evil.example/meet/ada",
        "https://tel.meet/qrs-tuvw-xyz?pin=1",
        "ftp://zoom.us/j/96000000001",
        "javascript:alert(1)//zoom.us/j/96000000001",
        "zoommtg://evil.example/join?confno=96000000001",
        "zoommtg://meet.google.com/qrs-tuvw-xyz",
        "https://192.0.2.1/j/96000000001",
        "https://[2001:db8::1]/j/96000000001",
        "https:///j/96000000001",
        "https:///zoom.us/j/96000000001",
        "https%3A%2F%2F%2Fzoom.us/j/96000000001",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn a_full_width_dot_is_the_same_host() {
    assert_eq!(
        find("https://zoom%2Eus/j/96000000001").remove(0).url,
        "https://zoom.us/j/96000000001"
    );
}

#[test]
fn the_apps_own_scheme_is_a_join_link() {
    let link =
        classify("zoommtg://zoom.us/join?action=join&confno=96000000001&pwd=s3cret").unwrap();
    assert_eq!((link.provider(), link.id()), (Some(Provider::Zoom), Some("96000000001")));
    let link = classify("msteams://teams.microsoft.com/meet/2000000000001?p=s3cret").unwrap();
    assert_eq!((link.provider(), link.id()), (Some(Provider::Teams), Some("2000000000001")));
}

#[test]
fn a_conference_is_listed_once_where_it_first_appears_with_its_longest_url() {
    let text = format!(
        "https://zoom.us/j/96000000001 https://meet.goto.com/100000001 {ZOOM} \
         https://meet.google.com/qrs-tuvw-xyz https://meet.goto.com/100000001"
    );
    assert_eq!(
        read(&text),
        [
            format!("zoom 96000000001 {ZOOM}"),
            "goto - https://meet.goto.com/100000001".to_owned(),
            "google_meet qrs-tuvw-xyz https://meet.google.com/qrs-tuvw-xyz".to_owned(),
        ]
    );
}

#[test]
fn the_two_names_of_a_teams_meeting_are_one_link() {
    let thread = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0";
    let number = "https://teams.microsoft.com/meet/2000000000001?p=s3cret";
    let goto = "https://meet.goto.com/100000001";
    let ids = |text: &str| -> Vec<Option<String>> {
        find(text).iter().map(|link| link.id().map(str::to_owned)).collect()
    };
    let one = Some("19:meeting_Zm9v@thread.v2".to_owned());
    assert_eq!(ids(&format!("{number} {goto} {thread}")), [one.clone(), None]);
    assert_eq!(ids(&format!("{thread} {goto} {number}")), [one, None]);
    let other = "https://teams.microsoft.com/meet/2000000000002";
    assert_eq!(find(&format!("{number} {other} {thread}")).len(), 3);
}

#[test]
fn wrapped_links_are_unwrapped_outermost_first() {
    let target = "https%3A%2F%2Fzoom.us%2Fj%2F96000000001%3Fpwd%3Ds3cret";
    let proofpoint = "https://urldefense.proofpoint.com/v2/url?u=https-3A__zoom.us_j_96000000001-3Fpwd-3Ds3cret&d=x";
    let nested = format!(
        "https://nam01.safelinks.protection.outlook.com/?url={}&data=05",
        proofpoint
            .replace(':', "%3A")
            .replace('/', "%2F")
            .replace('?', "%3F")
            .replace('=', "%3D")
            .replace('&', "%26")
    );
    use Wrapper::*;
    for (text, wrappers) in [
        (
            format!("https://nam01.safelinks.protection.outlook.com/?url={target}&amp;data=05"),
            vec![SafeLinks],
        ),
        (
            format!("https://nam01.safelinks.protection.outlook.com/ap/t-59584e83/?url={target}"),
            vec![SafeLinks],
        ),
        (format!("https://gcc.safelinks.protection.office365.us/?url={target}"), vec![SafeLinks]),
        (
            format!(
                "https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url={target}&locale=en"
            ),
            vec![SafeLinks],
        ),
        (format!("https://urldefense.proofpoint.com/v1/url?u={target}&k=x"), vec![ProofpointV1]),
        (proofpoint.to_owned(), vec![ProofpointV2]),
        (
            "https://urldefense.com/v3/__https://zoom.us/j/96000000001?pwd=s3cret__;!!a!b$ "
                .to_owned(),
            vec![ProofpointV3],
        ),
        (
            "https://urldefense.us/v3/__https:/zoom.us/j/96000000001*pwd*s3cret__;Pz0!!a!b$ "
                .to_owned(),
            vec![ProofpointV3],
        ),
        (format!("https://linkprotect.cudasvc.com/url?a={target}&c=E,1"), vec![Barracuda]),
        (format!("https://secure-web.cisco.com/1tok-en/{target}"), vec![CiscoSecureWeb]),
        (
            "https://www.google.com/url?q=https://zoom.us/j/96000000001?pwd%3Ds3cret&sa=D"
                .to_owned(),
            vec![GoogleRedirect],
        ),
        (format!("https://www.google.co.uk/url?sa=t&url={target}"), vec![GoogleRedirect]),
        (format!("https://protect2.fireeye.com/v1/url?k=1&u={target}"), vec![FireEye]),
        (nested, vec![SafeLinks, ProofpointV2]),
    ] {
        let links = find(&format!("Join: <{}>", text.trim()));
        let link = links.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(link.url, "https://zoom.us/j/96000000001?pwd=s3cret", "{text}");
        assert_eq!(link.id(), Some("96000000001"), "{text}");
        assert_eq!(link.unwrapped, wrappers, "{text}");
    }
}

#[test]
fn seven_layers_are_one_too_many() {
    let wrap = |link: String| {
        let escaped =
            link.replace('%', "%25").replace(':', "%3A").replace('/', "%2F").replace('?', "%3F");
        format!("https://www.google.com/url?q={escaped}")
    };
    let six = (0..6).fold("https://zoom.us/j/96000000001".to_owned(), |link, _| wrap(link));
    assert_eq!(find(&six).remove(0).unwrapped.len(), 6);
    assert_eq!(find(&wrap(six)), []);
}

#[test]
fn broken_wrappers_are_no_links() {
    for text in [
        "https://nam01.safelinks.protection.outlook.com/?data=05",
        "https://nam01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fzoom.us%2Fj%2F1%xx",
        "https://nam01.safelinks.protection.outlook.com/?url=zoom",
        "https://safelinks.protection.outlook.com.evil.example/?url=https%3A%2F%2Fzoom.us%2Fj%2F1",
        "https://urldefense.com/v3/__https://zoom.us/j/1",
        "https://urldefense.com/v3/__https://zoom.us/j/1*2__;!!a!b$",
        "https://urldefense.com/v3/__https://zoom.us/j/1**",
        "https://www.google.evil.example/url?q=https%3A%2F%2Fzoom.us%2Fj%2F1",
        "https://www.google.com/search?q=https%3A%2F%2Fzoom.us%2Fj%2F1",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn a_link_that_cannot_be_decoded_is_not_guessed() {
    let link = classify("https://protect-eu.mimecast.com/s/AbC?domain=acme.zoom.us").unwrap();
    let kind = Kind::Undecodable {
        wrapper: Wrapper::Mimecast,
        provider: Some(Provider::Zoom),
        service: None,
    };
    assert_eq!((link.kind.clone(), link.id(), link.name()), (kind, None, "zoom"));
    let link = classify("https://protect-eu.mimecast.com/s/AbC?domain=meet.goto.com").unwrap();
    assert_eq!((link.provider(), link.name()), (None, "goto"));
    assert_eq!(classify("https://protect-eu.mimecast.com/s/AbC?domain=news.example"), None);
    assert_eq!(classify("https://protect-eu.mimecast.com/s/AbC?domain=vimeo.com"), None);
    assert_eq!(classify("https://protect-eu.mimecast.com/s/AbC"), None);
}

#[test]
fn a_consent_link_is_known_by_its_shape() {
    let token = "eyJjIjoiYWNtZSJ9.c2lnbmF0dXJl~1";
    for (path, kind) in [("s", ConsentKind::Static), ("d", ConsentKind::Dynamic)] {
        let url = format!("https://rooms.acme.example/acme/{path}/{token}");
        let link = classify(&url).unwrap();
        assert_eq!(
            link.kind,
            Kind::Consent {
                host: "rooms.acme.example".to_owned(),
                company: "acme".to_owned(),
                kind,
                token: token.to_owned(),
            }
        );
        assert!(!link.is_join_shape());
        assert_eq!(find(&format!("{url} <a href='{url}'>{url}</a> {url}.")).len(), 1);
    }
    assert_eq!(
        classify("https://consent.acme.example/acme/s/broken!").map(|it| it.name()),
        Some("consent")
    );
}

#[test]
fn under_the_companys_own_host_any_token_will_do() {
    let text = "https://rec.acme.example/acme/s/short";
    assert_eq!(find(text), []);
    assert_eq!(find_with(text, Some("REC.acme.example")).len(), 1);
    assert_eq!(find_with(text, Some("acme.example")), []);
    assert_eq!(find_with("https://rec.acme.example/acme/x/short", Some("rec.acme.example")), []);
}

#[test]
fn ordinary_pages_have_no_consent_shape() {
    for text in [
        "https://docs.google.com/document/d/1AbCdEfGhIjKlMnOpQrStUvWxYz",
        "https://news.example/acme/s/a-story",
        "https://news.example/acme/x/AbCdEfGhIjKlMnOpQrSt",
        "https://news.example/acme/s/AbCdEfGhIjKlMnOpQrSt/more",
        "http://news.example/acme/s/AbCdEfGhIjKlMnOpQrSt",
        "https://acme.zoom.us/acme/s/AbCdEfGhIjKlMnOpQrSt",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn what_lies_beyond_the_bounds_is_not_seen() {
    let far = format!("{} {ZOOM}", "x ".repeat(conference::MAX_TEXT / 2));
    assert_eq!(find(&far), []);
    let long = format!("{ZOOM}{}", "x".repeat(conference::MAX_LINK));
    assert_eq!(find(&format!("{long} {ZOOM}")).len(), 1);
    let many: String =
        (0..300).map(|n| format!("https://zoom.us/j/{} ", 96_000_000_000u64 + n)).collect();
    assert_eq!(find(&many).len(), conference::MAX_LINKS);
}
