//! Responses of SIP and causes of Q.850, whichever provider passes them on.
//!
//! A gateway to the telephone network translates a cause into a response (RFC 3398), and much is lost: several causes
//! become 480 or 503. A `Reason` header (RFC 3326) brings the cause along and therefore comes first. Blocking by analytics
//! is told by 607 (RFC 8197), 608 (RFC 8688), or 603 with words like `Network Blocked` in its reason (603+, ATIS-1000099);
//! a plain 603 is a person who declined.

mod reason;

pub use reason::{Reason, reasons};

use decision::session::Signal;

use crate::{Kind, Meaning, Provider, table};

/// Words in the reason of a 603 or 403 that tell of blocking rather than of a person.
const BLOCKED: [&str; 8] = [
    "network blocked",
    "analytics",
    "spam",
    "robocall",
    "fraud",
    "blocked",
    "unwanted",
    "reputation",
];

/// The meaning of a response: `code` as digits, maybe with `SIP/2.0` before or a phrase behind; `phrase` the words beside
/// it, as `Network Blocked`; `reason` the value of its `Reason` header. Nothing if the response is not a final one that
/// failed.
#[must_use]
pub fn meaning(code: &str, phrase: Option<&str>, reason: Option<&str>) -> Option<Meaning> {
    let code = digits(code);
    let reasons = reason.map(reasons).unwrap_or_default();
    let cause = reasons.iter().find(|one| one.is_q850()).and_then(|one| one.cause);
    let texts = reasons.iter().filter_map(|one| one.text.as_deref());
    let words: Vec<&str> = phrase.into_iter().chain(texts).collect();
    let number: Option<u16> = code.parse().ok();
    let sip = |code: &str| Meaning::of(Provider::Sip, Kind::Sip, code, words.first().copied());

    // A response that says of itself who blocked the call is not made vaguer by a cause.
    match number {
        Some(607 | 608 | 428 | 436 | 437 | 438) => return Some(sip(code)),
        Some(603) if is_blocked(&words) => return Some(sip("603+")),
        Some(403) if is_blocked(&words) => return Some(sip("403+")),
        _ => {}
    }
    if let Some(cause) = cause {
        return Some(of_cause(cause, number, words.first().copied()));
    }
    // Another response inside the header: that of the leg beyond.
    let beyond = reasons.iter().find(|one| one.is_sip()).and_then(|one| one.cause);
    if let Some(beyond) = beyond {
        return Some(sip(&beyond.to_string()));
    }
    match number {
        // What is provisional or went well says nothing; 0 is how some say that there was no response.
        Some(0 | 100..=399) => None,
        None if code.is_empty() => None,
        Some(_) | None => Some(sip(code)),
    }
}

/// The meaning of a cause, for which 21 depends on who says it: with 403 the network, else the called person.
fn of_cause(cause: u16, response: Option<u16>, text: Option<&str>) -> Meaning {
    let code = match (cause, response) {
        (21, Some(403)) => "21/network".to_owned(),
        _ => cause.to_string(),
    };
    Meaning::of(Provider::Sip, Kind::Q850, &code, text)
}

/// The meaning of a cause of Q.850 that came without a response.
#[must_use]
pub fn cause(cause: u16) -> Meaning {
    of_cause(cause, None, None)
}

/// The response a gateway makes of a cause (RFC 3398, 7.2.4.1); 500 for causes it does not name. A rejection (21) depends
/// on where it comes from: the user or the network.
#[must_use]
pub const fn response_of(cause: u16, by_user: bool) -> u16 {
    match cause {
        21 if by_user => 603,
        1..=3 | 26 => 404,
        17 => 486,
        18 => 408,
        19 | 20 | 31 => 480,
        21 | 55 | 57 | 87 => 403,
        22 => 410,
        27 => 502,
        28 => 484,
        29 | 79 => 501,
        34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
        65 | 70 => 488,
        102 => 504,
        _ => 500,
    }
}

/// The cause a gateway makes of a response (RFC 3398, 8.2.6.1); 31 (normal, unspecified) for responses it does not name.
#[must_use]
pub const fn cause_of(response: u16) -> u16 {
    match response {
        400 | 481 | 500 | 503 => 41,
        401 | 402 | 403 | 407 | 603 => 21,
        404 | 485 | 604 => 1,
        405 => 63,
        406 | 415 | 501 => 79,
        408 | 504 => 102,
        410 => 22,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => 127,
        480 => 18,
        482 | 483 => 25,
        484 => 28,
        486 | 600 => 17,
        502 => 38,
        _ => 31,
    }
}

/// Whether one of the texts tells of blocking.
fn is_blocked(texts: &[&str]) -> bool {
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    BLOCKED.iter().any(|word| texts.iter().any(|text| text.contains(word)))
}

/// The code in `486`, `SIP/2.0 486 Busy Here` or `sip:486`.
fn digits(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("SIP/2.0").or_else(|| text.strip_prefix("sip:")).unwrap_or(text);
    text.split_whitespace().next().unwrap_or_default()
}

/// The signal of a response with nothing beside it.
#[must_use]
pub fn signal(response: u16) -> Option<Signal> {
    table::lookup(Provider::Sip, Kind::Sip, &response.to_string())
        .and_then(|row| row.sense.signal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(code: &str, phrase: Option<&str>, reason: Option<&str>) -> Option<Signal> {
        meaning(code, phrase, reason).and_then(|meaning| meaning.signal())
    }

    #[test]
    fn a_response_has_a_meaning_by_itself() {
        for (code, signal) in [
            ("486", Signal::LineBusy),
            ("600", Signal::LineBusy),
            ("603", Signal::CallDeclined),
            ("480", Signal::CallUnanswered),
            ("404", Signal::NumberInvalid),
            ("503", Signal::DestinationUnavailable),
            ("607", Signal::CarrierBlocked),
            ("SIP/2.0 486 Busy Here", Signal::LineBusy),
            ("sip:484", Signal::NumberInvalid),
        ] {
            assert_eq!(says(code, None, None), Some(signal), "{code}");
        }
    }

    #[test]
    fn a_cause_beats_the_response() {
        let says = |code, cause: &str| says(code, None, Some(cause));
        assert_eq!(says("480", "Q.850;cause=20"), Some(Signal::DestinationUnavailable));
        assert_eq!(
            says("480", "Q.850 ;cause=19 ;text=\"no answer\""),
            Some(Signal::CallUnanswered)
        );
        assert_eq!(says("503", "Q.850;cause=17"), Some(Signal::LineBusy));
        assert_eq!(says("500", "Q.850;cause=1;text=\"Unallocated\""), Some(Signal::NumberInvalid));
        assert_eq!(says("603", "Q.850;cause=21"), Some(Signal::CallDeclined));
        assert_eq!(says("403", "Q.850;cause=21"), Some(Signal::CarrierBlocked));
    }

    #[test]
    fn who_was_blocked_was_not_declined() {
        assert_eq!(says("603", Some("Network Blocked"), None), Some(Signal::CarrierBlocked));
        assert_eq!(
            says(
                "603",
                None,
                Some("SIP;cause=603;text=\"Network Blocked\";location=LN, Q.850;cause=21")
            ),
            Some(Signal::CarrierBlocked)
        );
        assert_eq!(says("608", None, Some("Q.850;cause=21")), Some(Signal::CarrierBlocked));
        assert_eq!(says("603", Some("Decline"), None), Some(Signal::CallDeclined));
        assert_eq!(says("403", Some("Forbidden"), None), Some(Signal::CallDeclined));
        assert_eq!(says("403", Some("Suspected SPAM"), None), Some(Signal::CarrierBlocked));
    }

    #[test]
    fn the_leg_beyond_is_heard() {
        assert_eq!(
            says("480", None, Some("SIP;cause=486;text=\"Busy Here\"")),
            Some(Signal::LineBusy)
        );
    }

    #[test]
    fn what_did_not_fail_says_nothing() {
        for code in ["100", "180", "200", "302", "0", ""] {
            assert_eq!(meaning(code, None, None), None, "{code}");
        }
    }

    #[test]
    fn an_unknown_response_is_kept() {
        let strange = meaning("699", Some("Solar Flare"), None).unwrap();
        assert!(strange.is_unknown());
        assert_eq!((strange.raw_code(), strange.raw_text()), ("699", Some("Solar Flare")));
        assert!(meaning("none", None, None).unwrap().is_unknown());
        assert!(cause(126).is_unknown());
    }

    #[test]
    fn gateways_translate_both_ways_and_not_always_back() {
        assert_eq!(response_of(17, true), 486);
        assert_eq!(cause_of(486), 17);
        assert_eq!(response_of(18, true), 408);
        assert_eq!((response_of(21, true), response_of(21, false)), (603, 403));
        assert_eq!(cause_of(408), 102);
        assert_eq!(cause_of(480), 18);
        assert_eq!(response_of(20, true), 480);
        assert_eq!(response_of(127, true), 500);
    }
}
