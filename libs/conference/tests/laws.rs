//! What holds for every text: no panic, the same links every time, all within the bounds.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test measures how long the hostile texts take"
)]

use std::time::{Duration, Instant};

use conference::{MAX_LAYERS, MAX_LINK, MAX_LINKS, classify, find, find_with};
use proptest::prelude::*;

/// Things links and the mess around them are made of.
const PARTS: &[&str] = &[
    "https://",
    "http://",
    "zoommtg://",
    "://",
    "zoom.us",
    "/j/",
    "96000000001",
    "?pwd=",
    "s3cret",
    "/my/",
    "teams.microsoft.com",
    "/l/meetup-join/",
    "19%3ameeting_Zm%40thread.v2",
    "/0",
    "/meet/",
    "meet.google.com/qrs-tuvw-xyz",
    "acme.webex.com",
    "/acme/j.php?MTID=",
    "m1",
    "whereby.com/room",
    "https://nam01.safelinks.protection.outlook.com/?url=",
    "https%3A%2F%2F",
    "%252F",
    "%",
    "%3B",
    "%20",
    "%22",
    "%5C",
    "///",
    "https://urldefense.com/v3/__",
    "__;",
    "!!a!b$",
    "*",
    "**A",
    "Pz0",
    "https://urldefense.proofpoint.com/v2/url?u=https-3A__zoom.us_j_1",
    "https://www.google.com/url?q=",
    "https://protect-us.mimecast.com/s/a?domain=zoom.us",
    "https://consent.acme.example/acme/s/",
    "<",
    ">",
    "<a href=",
    "\"",
    "'",
    "</a>",
    "<br>",
    "<!--",
    "-->",
    "<style>",
    "&amp;",
    "&nbsp;",
    "&#",
    ";",
    ",",
    ".",
    ")",
    "(",
    "@",
    "\\",
    "=\n",
    "\r\n ",
    "\n",
    " ",
    "\u{a0}",
    "\u{200b}",
    "é",
    "会议",
    "🦀",
];

fn messy() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PARTS), 0..40)
        .prop_map(|parts| parts.concat())
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let links = find(text);
    prop_assert_eq!(&links, &find(text));
    prop_assert!(links.len() <= MAX_LINKS);
    for (at, link) in links.iter().enumerate() {
        prop_assert!(link.url.len() <= MAX_LINK + 16);
        prop_assert!(link.unwrapped.len() <= MAX_LAYERS);
        prop_assert!(link.id().is_none_or(|id| !id.is_empty()));
        prop_assert!(link.url.contains("://"));
        if let Some(id) = link.id() {
            let same =
                |other: &conference::Link| other.name() == link.name() && other.id() == Some(id);
            prop_assert!(!links.iter().skip(at + 1).any(same), "{} twice", id);
            // What was unwrapped is itself a link to the same conference.
            let again = classify(&link.url);
            prop_assert_eq!(again.as_ref().and_then(|it| it.id()), Some(id), "{}", link.url);
        }
    }
    let _ = find_with(text, Some("consent.acme.example"));
    let _ = classify(text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_mess_of_links_is_read_the_same_way_twice(text in messy()) {
        holds(&text)?;
    }

    #[test]
    fn a_zoom_link_is_found_in_any_prose(
        before in "[A-Za-z0-9 .,:()\n]{0,60}",
        number in 100_000_000u64..99_999_999_999,
        after in "[A-Za-z0-9 .,:()\n]{0,60}",
    ) {
        let links = find(&format!("{before} https://acme.zoom.us/j/{number} {after}"));
        prop_assert_eq!(links.len(), 1);
        let id = number.to_string();
        prop_assert_eq!(links[0].id(), Some(id.as_str()));
    }
}

#[test]
fn hostile_texts_take_no_longer_than_others() {
    for part in [
        "https://",
        "<",
        "<a",
        "<a href=\"",
        "<a href=https://zoom.us/j/",
        "<!--",
        "</",
        "<style>",
        "<p><script></",
        "&amp",
        "%",
        "https%3A%2F%2F",
        "/",
        "zoom.us/",
        "a.b/",
        "x://",
        "https://zoom.us/j/1",
        "https://zoom.us/j/1=\n",
        "<https://zoom.us/j/x\n",
        "https://zoom.us/j/x,",
        "https://zoom.us/j/x;",
        "https://zoom.us/j/x\u{200b}",
        "https://www.google.com/url?q=",
        "%3B",
        "%20",
        "%22",
        "%5C",
        "///",
        "https://urldefense.com/v3/__",
        "https://urldefense.com/v3/__https://a*__; ",
        "ä",
        "\u{200b}",
    ] {
        let text = part.repeat(2 * 1024 * 1024 / part.len());
        let start = Instant::now();
        let links = find(&text);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(5), "`{part}` took {took:?}");
        assert!(links.len() <= MAX_LINKS);
        println!("{took:?} {part:?}");
    }
}
