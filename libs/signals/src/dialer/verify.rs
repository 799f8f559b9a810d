//! The signature of our own event API.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use http::HeaderMap;

use crate::verify::mac::{self, Hash};
use crate::verify::{Error, Secret, Tolerance, header, size, timestamp};

/// The header with the signature.
pub const SIGNATURE: &str = "x-callsheet-signature";
/// The header with the seconds since 1970 that are part of what is signed.
pub const TIMESTAMP: &str = "x-callsheet-timestamp";

/// At most this many signatures are looked at.
const MAX_SIGNATURES: usize = 4;

/// The signature of a body, as a sender puts it into [`SIGNATURE`].
#[must_use]
pub fn sign(secret: &Secret, seconds: i64, body: &[u8]) -> String {
    let stamp = seconds.to_string();
    let parts: [&[u8]; 4] = [b"v1:", stamp.as_bytes(), b":", body];
    let code = mac::sign(Hash::Sha256, secret.bytes(), &parts);
    format!("v1={}", HEXLOWER.encode(code.as_ref()))
}

/// Checks a request. [`Tolerance::STRICT`] is what is meant for `tolerance`.
///
/// # Errors
/// The signature is missing, wrong, or too old.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    tolerance: Tolerance,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    size(body)?;
    let stamp = header(headers, TIMESTAMP)?;
    let signed = timestamp(stamp, TIMESTAMP)?;
    let codes: Vec<Vec<u8>> = header(headers, SIGNATURE)?
        .split(',')
        .filter_map(|one| one.trim().strip_prefix("v1="))
        .take(MAX_SIGNATURES)
        .filter_map(|hex| HEXLOWER.decode(hex.as_bytes()).ok())
        .collect();
    if codes.is_empty() {
        return Err(Error::Form(SIGNATURE));
    }
    let parts: [&[u8]; 4] = [b"v1:", stamp.as_bytes(), b":", body];
    let mut result = Err(Error::Mismatch);
    for code in &codes {
        match mac::find(Hash::Sha256, secrets, &parts, code) {
            Ok(_) => result = Ok(()),
            Err(Error::NoSecret) => return Err(Error::NoSecret),
            Err(_) => {}
        }
    }
    result?;
    tolerance.check(signed, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: i64 = 1_767_261_600;

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn come(signature: &str, body: &[u8], now: i64) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, HeaderValue::from_str(signature).unwrap());
        headers.insert(TIMESTAMP, HeaderValue::from(NOW));
        let now = DateTime::from_timestamp(now, 0).unwrap();
        verify(&headers, body, &[secret("k")], Tolerance::STRICT, now)
    }

    #[test]
    fn what_is_signed_is_believed() {
        let signature = sign(&secret("k"), NOW, b"{}");
        assert_eq!(come(&signature, b"{}", NOW), Ok(()));
        let both = format!("{}, {signature}", sign(&secret("old"), NOW, b"{}"));
        assert_eq!(come(&both, b"{}", NOW), Ok(()));
    }

    #[test]
    fn tampered_and_replayed_requests_are_refused() {
        let signature = sign(&secret("k"), NOW, b"{}");
        assert_eq!(come(&signature, b"{ }", NOW), Err(Error::Mismatch));
        assert_eq!(come(&sign(&secret("x"), NOW, b"{}"), b"{}", NOW), Err(Error::Mismatch));
        assert_eq!(come(&sign(&secret("k"), NOW - 1, b"{}"), b"{}", NOW), Err(Error::Mismatch));
        assert!(matches!(come(&signature, b"{}", NOW + 301), Err(Error::TooOld { .. })));
        assert_eq!(come("v2=00", b"{}", NOW), Err(Error::Form(SIGNATURE)));
    }
}
