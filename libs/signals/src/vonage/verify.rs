//! Vonage's signed webhooks.
//!
//! `Authorization: Bearer` carries a JWT signed with HS256 and the account's signature secret. Its `payload_hash` is the
//! SHA-256 of the body, its `iat` the time of signing.

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER_PERMISSIVE;
use http::HeaderMap;

use crate::json::Look;
use crate::time;
use crate::verify::{Error, Secret, Tolerance, bearer, jwt, mac, size};

/// Checks a request.
///
/// # Errors
/// The token is missing, wrong or too old, or the body is not the one it was made for.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    tolerance: Tolerance,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    size(body)?;
    let claims = jwt::hs256(bearer(headers)?, secrets)?;
    let hash = claims.id(&["payload_hash"]).ok_or(Error::Claim("payload_hash"))?;
    let hash = mac::decode(&HEXLOWER_PERMISSIVE, &hash, "payload_hash")?;
    if !mac::equal(digest::digest(&digest::SHA256, body).as_ref(), &hash) {
        return Err(Error::Mismatch);
    }
    let signed = claims.int(&["iat"]).and_then(time::seconds).ok_or(Error::Claim("iat"))?;
    tolerance.check(signed, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::jwt::make_hs256;
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

    const NOW: i64 = 1_767_261_600;

    fn come(body: &[u8], claims: &str, secret: &[u8], now: i64) -> Result<(), Error> {
        let token = make_hs256(r#"{"alg":"HS256","typ":"JWT"}"#, claims, secret);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        let secrets = [Secret::new("signature secret").unwrap()];
        let now = DateTime::from_timestamp(now, 0).unwrap();
        verify(&headers, body, &secrets, Tolerance::STRICT, now)
    }

    fn claims(body: &[u8]) -> String {
        let hash = HEXLOWER_PERMISSIVE.encode(digest::digest(&digest::SHA256, body).as_ref());
        format!(r#"{{"iat":{NOW},"iss":"Vonage","payload_hash":"{hash}"}}"#)
    }

    #[test]
    fn a_body_with_its_token_is_believed() {
        assert_eq!(come(b"{}", &claims(b"{}"), b"signature secret", NOW), Ok(()));
    }

    #[test]
    fn tampered_and_replayed_requests_are_refused() {
        let secret = b"signature secret";
        assert_eq!(come(b"{ }", &claims(b"{}"), secret, NOW), Err(Error::Mismatch));
        assert_eq!(come(b"{}", &claims(b"{}"), b"other", NOW), Err(Error::Mismatch));
        let late = come(b"{}", &claims(b"{}"), secret, NOW + 301);
        assert_eq!(late, Err(Error::TooOld { age: 301, allowed: 300 }));
    }

    #[test]
    fn a_token_without_a_hash_vouches_for_nothing() {
        let none = come(b"{}", r#"{"iat":1767261600}"#, b"signature secret", NOW);
        assert_eq!(none, Err(Error::Claim("payload_hash")));
    }
}
