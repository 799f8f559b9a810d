//! Zoom's signature, and its question whether an endpoint is ours.
//!
//! `x-zm-signature` is `v0=` and the lower-case hex of HMAC-SHA256 over `v0:{x-zm-request-timestamp}:{body}`. The question,
//! `endpoint.url_validation`, is signed like everything else and wants the HMAC of a token of Zoom's choice. Answered
//! unsigned, or for any token, it would sign whatever a forger likes: a token `v0:{time}:{body}` gives the signature of
//! that body. So the signature is checked first, and only what looks like one of Zoom's tokens is answered.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::json::Look;
use crate::verify::mac::{self, Hash};
use crate::verify::{Error, Secret, Tolerance, header, size, timestamp};
use crate::{Delivery, Reply};

/// The header with the signature.
pub const SIGNATURE: &str = "x-zm-signature";
/// The header with the seconds since 1970 that are part of what is signed.
pub const TIMESTAMP: &str = "x-zm-request-timestamp";

/// Bytes of a question, at most: real ones have about 130. What is longer is not parsed to find out.
const QUESTION: usize = 1024;

/// What a question is called.
const NAME: &str = "endpoint.url_validation";

/// Characters of a token in a question: all that were ever seen have this many.
const TOKEN: usize = 22;

/// Checks a request and tells whether it is an event or Zoom's question. The latter is answered with the secret the
/// question was signed with. [`Tolerance::ZOOM`] is what is meant for `tolerance`.
///
/// # Errors
/// The signature is missing, wrong, or too old; or the question is none Zoom would ask.
pub fn receive(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    tolerance: Tolerance,
    now: DateTime<Utc>,
) -> Result<Delivery, Error> {
    size(body)?;
    let signature = header(headers, SIGNATURE)?;
    let stamp = header(headers, TIMESTAMP)?;
    let signed = timestamp(stamp, TIMESTAMP)?;
    let hex = signature.strip_prefix("v0=").ok_or(Error::Form(SIGNATURE))?;
    let code = mac::decode(&HEXLOWER, hex, SIGNATURE)?;
    let parts: [&[u8]; 4] = [b"v0:", stamp.as_bytes(), b":", body];
    let secret = mac::find(Hash::Sha256, secrets, &parts, &code)?;
    tolerance.check(signed, now)?;
    match question(body) {
        Some(token) => answer(&token, secret).map(Delivery::Handshake),
        None => Ok(Delivery::Event),
    }
}

/// The token of a question; empty if it is a question without one.
fn question(body: &[u8]) -> Option<String> {
    // Parsing costs more than the signature, and nearly everything is an event: only what has the name in it, or what
    // may have it written with escapes, is parsed.
    let named = || body.windows(NAME.len()).any(|part| part == NAME.as_bytes());
    if body.len() > QUESTION || !(body.contains(&b'\\') || named()) {
        return None;
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    (value.at(&["event"])? == NAME).then(|| {
        let token = value.at(&["payload", "plainToken"]);
        token.and_then(Value::as_str).unwrap_or_default().to_owned()
    })
}

/// Answers a question.
fn answer(token: &str, secret: &Secret) -> Result<Reply, Error> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if token.len() != TOKEN || !token.bytes().all(usual) {
        return Err(Error::Challenge);
    }
    let code = mac::sign(Hash::Sha256, secret.bytes(), &[token.as_bytes()]);
    let body = json!({ "plainToken": token, "encryptedToken": HEXLOWER.encode(code.as_ref()) });
    Ok(Reply {
        status: 200,
        content_type: Some("application/json"),
        headers: Vec::new(),
        body: body.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: i64 = 1_767_261_600;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("not-so-secret").unwrap()]
    }

    /// Headers as Zoom would send them.
    fn signed(body: &[u8], seconds: i64, secret: &str) -> HeaderMap {
        let stamp = seconds.to_string();
        let parts: [&[u8]; 4] = [b"v0:", stamp.as_bytes(), b":", body];
        let code = mac::sign(Hash::Sha256, secret.as_bytes(), &parts);
        let mut headers = HeaderMap::new();
        let signature = format!("v0={}", HEXLOWER.encode(code.as_ref()));
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature).unwrap());
        headers.insert(TIMESTAMP, HeaderValue::from_str(&stamp).unwrap());
        headers
    }

    fn come(headers: &HeaderMap, body: &[u8], now: i64) -> Result<Delivery, Error> {
        receive(headers, body, &secrets(), Tolerance::ZOOM, at(now))
    }

    #[test]
    fn an_event_is_believed_when_it_is_signed() {
        let body = "{\"event\":\"meeting.started\",\"topic\":\"Caf\u{e9} \\u2615\"}".as_bytes();
        let headers = signed(body, NOW, "not-so-secret");
        assert_eq!(come(&headers, body, NOW), Ok(Delivery::Event));
        assert_eq!(come(&signed(body, NOW, "other"), body, NOW), Err(Error::Mismatch));
    }

    #[test]
    fn one_changed_byte_is_noticed() {
        let body = br#"{"event":"meeting.started"}"#;
        let headers = signed(body, NOW, "not-so-secret");
        assert_eq!(come(&headers, br#"{"event":"meeting.starteD"}"#, NOW), Err(Error::Mismatch));
        let mut later = headers.clone();
        later.insert(TIMESTAMP, HeaderValue::from(NOW + 1));
        assert_eq!(come(&later, body, NOW), Err(Error::Mismatch));
    }

    #[test]
    fn the_last_retry_is_believed_and_a_replay_is_not() {
        let body = br#"{"event":"meeting.started"}"#;
        let headers = signed(body, NOW, "not-so-secret");
        assert_eq!(come(&headers, body, NOW + 85 * 60), Ok(Delivery::Event));
        assert!(matches!(come(&headers, body, NOW + 91 * 60), Err(Error::TooOld { .. })));
        assert!(matches!(come(&headers, body, NOW - 6 * 60), Err(Error::TooNew { .. })));
        let strict = receive(&headers, body, &secrets(), Tolerance::STRICT, at(NOW + 301));
        assert_eq!(strict, Err(Error::TooOld { age: 301, allowed: 300 }));
    }

    #[test]
    fn a_signature_of_another_form_is_refused() {
        let body = b"{}";
        let good = signed(body, NOW, "not-so-secret");
        let hex = good[SIGNATURE].to_str().unwrap().to_owned();
        for wrong in [
            hex.trim_start_matches("v0=").to_owned(),
            hex.to_uppercase(),
            format!("v0={}", hex[3..].to_uppercase()),
            hex.replace("v0=", "v1="),
            hex[..hex.len() - 1].to_owned(),
            hex[..hex.len() - 2].to_owned(),
            "v0=".to_owned(),
        ] {
            let mut headers = good.clone();
            headers.insert(SIGNATURE, HeaderValue::from_str(&wrong).unwrap());
            assert!(come(&headers, body, NOW).is_err(), "{wrong}");
        }
        let mut none = good.clone();
        none.remove(SIGNATURE);
        assert_eq!(come(&none, body, NOW), Err(Error::Missing(SIGNATURE)));
    }

    #[test]
    fn zooms_question_is_answered() {
        let body = br#"{"event":"endpoint.url_validation","payload":{"plainToken":"abcDEF0123456789_-abcd"}}"#;
        let Ok(Delivery::Handshake(reply)) = come(&signed(body, NOW, "not-so-secret"), body, NOW)
        else {
            panic!("not a handshake");
        };
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(answer["plainToken"], "abcDEF0123456789_-abcd");
        let code = mac::sign(Hash::Sha256, b"not-so-secret", &[b"abcDEF0123456789_-abcd"]);
        assert_eq!(answer["encryptedToken"], HEXLOWER.encode(code.as_ref()));
        assert_eq!(reply.status, 200);
    }

    #[test]
    fn a_question_is_one_however_it_is_written() {
        let body = br#"{"event":"endpoint.url\u005fvalidation","payload":{"plainToken":"abcDEF0123456789_-abcd"}}"#;
        let result = come(&signed(body, NOW, "not-so-secret"), body, NOW);
        assert!(matches!(result, Ok(Delivery::Handshake(_))), "{result:?}");
        let named = br#"{"event":"meeting.started","payload":{"object":{"topic":"endpoint.url_validation"}}}"#;
        let result = come(&signed(named, NOW, "not-so-secret"), named, NOW);
        assert_eq!(result, Ok(Delivery::Event));
    }

    #[test]
    fn nobody_gets_a_signature_by_asking() {
        let forged = format!(
            r#"{{"event":"endpoint.url_validation","payload":{{"plainToken":"v0:{NOW}:{{}}"}}}}"#
        );
        let unsigned = come(&HeaderMap::new(), forged.as_bytes(), NOW);
        assert_eq!(unsigned, Err(Error::Missing(SIGNATURE)));
        let signed_badly = signed(forged.as_bytes(), NOW, "guess");
        assert_eq!(come(&signed_badly, forged.as_bytes(), NOW), Err(Error::Mismatch));
        // Even what Zoom itself signed is answered only if it has the form of a token.
        let signed_well = signed(forged.as_bytes(), NOW, "not-so-secret");
        assert_eq!(come(&signed_well, forged.as_bytes(), NOW), Err(Error::Challenge));
    }

    #[test]
    fn a_question_without_a_proper_token_is_not_answered() {
        for payload in
            ["{}", r#"{"plainToken":null}"#, r#"{"plainToken":17}"#, r#"{"plainToken":"short"}"#]
        {
            let body = format!(r#"{{"event":"endpoint.url_validation","payload":{payload}}}"#);
            let headers = signed(body.as_bytes(), NOW, "not-so-secret");
            assert_eq!(come(&headers, body.as_bytes(), NOW), Err(Error::Challenge), "{payload}");
        }
    }

    #[test]
    fn without_a_secret_nothing_is_believed() {
        let headers = signed(b"{}", NOW, "x");
        let result = receive(&headers, b"{}", &[], Tolerance::ZOOM, at(NOW));
        assert_eq!(result, Err(Error::NoSecret));
        assert!(Error::NoSecret.is_ours());
    }
}
