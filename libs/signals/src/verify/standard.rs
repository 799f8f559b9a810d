//! Standard Webhooks, which Svix and many others sign with.
//!
//! Three headers, `webhook-id`, `webhook-timestamp` and `webhook-signature` (or `svix-…`, as they were called before).
//! Signed is `{id}.{timestamp}.{body}` with HMAC-SHA256; the signature is a list of `v1,{base64}`, one for each secret
//! that holds at the moment.

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use http::HeaderMap;

use super::mac::{self, Hash};
use super::{Error, Secret, Tolerance, header, size, timestamp};

/// At most this many signatures are looked at.
const MAX_SIGNATURES: usize = 8;

/// The names of the three headers.
struct Names {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

/// As the standard has them, and as Svix had them first.
const NAMES: [Names; 2] = [
    Names { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" },
    Names { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" },
];

/// The secret in a text as it is handed out: base64, mostly after `whsec_`.
///
/// # Errors
/// It is neither.
pub fn secret(text: &str) -> Result<Secret, Error> {
    let text = text.trim();
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = BASE64
        .decode(encoded.as_bytes())
        .map_err(|_| Error::BadSecret("secret (it is not base64)"))?;
    Secret::new(bytes)
}

/// Checks a request, and gives the id of the message: the same for every delivery of it.
///
/// # Errors
/// The signature is missing, wrong, or too old.
pub fn verify<'a>(
    headers: &'a HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    tolerance: Tolerance,
    now: DateTime<Utc>,
) -> Result<&'a str, Error> {
    size(body)?;
    let [standard, svix] = &NAMES;
    let names = if headers.contains_key(standard.signature) || !headers.contains_key(svix.signature)
    {
        standard
    } else {
        svix
    };
    let id = header(headers, names.id)?;
    let stamp = header(headers, names.timestamp)?;
    let signed = timestamp(stamp, names.timestamp)?;
    let list = header(headers, names.signature)?;
    // A dot in the id would let its end pass for a timestamp.
    if id.is_empty() || id.contains('.') {
        return Err(Error::Form(names.id));
    }
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", stamp.as_bytes(), b".", body];
    let mut codes = list
        .split_whitespace()
        .filter_map(|one| one.strip_prefix("v1,"))
        .take(MAX_SIGNATURES)
        .filter_map(|text| BASE64.decode(text.as_bytes()).ok())
        .peekable();
    if codes.peek().is_none() {
        return Err(Error::Form(names.signature));
    }
    let mut result = Err(Error::Mismatch);
    for code in codes {
        match mac::find(Hash::Sha256, secrets, &parts, &code) {
            Ok(_) => result = Ok(()),
            Err(Error::NoSecret) => return Err(Error::NoSecret),
            Err(_) => {}
        }
    }
    result?;
    tolerance.check(signed, now)?;
    Ok(id)
}

#[cfg(test)]
pub(crate) fn sign(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> String {
    let stamp = seconds.to_string();
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", stamp.as_bytes(), b".", body];
    format!("v1,{}", BASE64.encode(mac::sign(Hash::Sha256, secret.bytes(), &parts).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: i64 = 1_767_261_600;
    const SECRET: &str = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw==";

    fn headers(prefix: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("id", "msg_1"), ("timestamp", &NOW.to_string()), ("signature", signature)]
        {
            let name = http::HeaderName::from_bytes(format!("{prefix}-{name}").as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn come(headers: &HeaderMap, body: &[u8], now: i64) -> Result<String, Error> {
        let now = DateTime::from_timestamp(now, 0).unwrap();
        let secrets = [secret(SECRET).unwrap()];
        verify(headers, body, &secrets, Tolerance::STRICT, now).map(str::to_owned)
    }

    #[test]
    fn a_message_is_believed_under_either_name() {
        let signature = sign(&secret(SECRET).unwrap(), "msg_1", NOW, b"{}");
        for prefix in ["webhook", "svix"] {
            assert_eq!(come(&headers(prefix, &signature), b"{}", NOW), Ok("msg_1".to_owned()));
        }
    }

    #[test]
    fn one_fitting_signature_of_several_is_enough() {
        let signature = sign(&secret(SECRET).unwrap(), "msg_1", NOW, b"{}");
        let list = format!("v1a,abc v1,AAAA {signature}");
        assert!(come(&headers("webhook", &list), b"{}", NOW).is_ok());
    }

    #[test]
    fn tampered_and_replayed_messages_are_refused() {
        let signature = sign(&secret(SECRET).unwrap(), "msg_1", NOW, b"{}");
        let headers = headers("webhook", &signature);
        assert_eq!(come(&headers, b"{ }", NOW), Err(Error::Mismatch));
        assert_eq!(come(&headers, b"{}", NOW + 301), Err(Error::TooOld { age: 301, allowed: 300 }));
        assert!(matches!(come(&headers, b"{}", NOW - 301), Err(Error::TooNew { .. })));
        let mut other = headers.clone();
        other.insert("webhook-id", HeaderValue::from_static("msg_2"));
        assert_eq!(come(&other, b"{}", NOW), Err(Error::Mismatch));
    }

    #[test]
    fn headers_of_two_kinds_are_not_mixed() {
        let signature = sign(&secret(SECRET).unwrap(), "msg_1", NOW, b"{}");
        let mut mixed = headers("svix", &signature);
        mixed.insert("webhook-signature", HeaderValue::from_static("v1,AAAA"));
        assert_eq!(come(&mixed, b"{}", NOW), Err(Error::Missing("webhook-id")));
    }

    #[test]
    fn a_secret_is_base64() {
        assert!(secret("whsec_!").is_err());
        assert!(secret("whsec_").is_err());
        assert_eq!(secret("c2VjcmV0"), secret("whsec_c2VjcmV0"));
    }

    #[test]
    fn the_documented_example_of_svix_is_believed() {
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = b"{\"test\": 2432232314}";
        let code = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(code, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
