//! Telnyx's signature: Ed25519 over `{telnyx-timestamp}|{body}`, with the public key of the account.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use http::HeaderMap;

use crate::verify::{Error, Tolerance, header, mac, size, timestamp};

/// The header with the signature, in base64.
pub const SIGNATURE: &str = "telnyx-signature-ed25519";
/// The header with the seconds since 1970 that are part of what is signed.
pub const TIMESTAMP: &str = "telnyx-timestamp";

/// The public key of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key as Telnyx shows it: base64.
    ///
    /// # Errors
    /// It is not, or has not 32 bytes.
    pub fn new(text: &str) -> Result<Self, Error> {
        let bytes = BASE64.decode(text.trim().as_bytes()).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(Error::BadSecret("public key"))
    }
}

/// Checks a request.
///
/// # Errors
/// The signature is missing, wrong, or too old.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    keys: &[PublicKey],
    tolerance: Tolerance,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    size(body)?;
    if keys.is_empty() {
        return Err(Error::NoSecret);
    }
    let signature = mac::decode(&BASE64, header(headers, SIGNATURE)?, SIGNATURE)?;
    let stamp = header(headers, TIMESTAMP)?;
    let signed = timestamp(stamp, TIMESTAMP)?;
    let message = [stamp.as_bytes(), b"|", body].concat();
    let fits =
        |key: &PublicKey| UnparsedPublicKey::new(&ED25519, key.0).verify(&message, &signature);
    if !keys.iter().any(|key| fits(key).is_ok()) {
        return Err(Error::Mismatch);
    }
    tolerance.check(signed, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use http::HeaderValue;

    const NOW: i64 = 1_767_261_600;

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn key(pair: &Ed25519KeyPair) -> PublicKey {
        PublicKey::new(&BASE64.encode(pair.public_key().as_ref())).unwrap()
    }

    fn come(signer: &Ed25519KeyPair, signed: &[u8], body: &[u8], now: i64) -> Result<(), Error> {
        let message = [NOW.to_string().as_bytes(), b"|", signed].concat();
        let signature = BASE64.encode(signer.sign(&message).as_ref());
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature).unwrap());
        headers.insert(TIMESTAMP, HeaderValue::from(NOW));
        let now = DateTime::from_timestamp(now, 0).unwrap();
        verify(&headers, body, &[key(&pair(2)), key(&pair(1))], Tolerance::STRICT, now)
    }

    #[test]
    fn what_the_account_signed_is_believed() {
        assert_eq!(come(&pair(1), b"{}", b"{}", NOW), Ok(()));
        assert_eq!(come(&pair(2), b"{}", b"{}", NOW), Ok(()));
    }

    #[test]
    fn tampered_and_replayed_requests_are_refused() {
        assert_eq!(come(&pair(3), b"{}", b"{}", NOW), Err(Error::Mismatch));
        assert_eq!(come(&pair(1), b"{}", b"{ }", NOW), Err(Error::Mismatch));
        assert!(matches!(come(&pair(1), b"{}", b"{}", NOW + 301), Err(Error::TooOld { .. })));
    }

    #[test]
    fn a_key_has_32_bytes() {
        assert_eq!(PublicKey::new("AAAA"), Err(Error::BadSecret("public key")));
        assert_eq!(PublicKey::new("?"), Err(Error::BadSecret("public key")));
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let result = verify(&HeaderMap::new(), b"", &[], Tolerance::STRICT, now);
        assert_eq!(result, Err(Error::NoSecret));
    }
}
