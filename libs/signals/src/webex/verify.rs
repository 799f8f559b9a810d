//! Webex's signature.
//!
//! `X-Spark-Signature` is the hex of HMAC-SHA1 over the body, keyed with the webhook's own secret. A webhook made without a
//! secret is not signed, so it must have one. There is no time in it: a replay is only told by its [`crate::Key`].

use data_encoding::HEXLOWER_PERMISSIVE;
use http::HeaderMap;

use crate::verify::mac::{self, Hash};
use crate::verify::{Error, Secret, header, size};

/// The header with the signature.
pub const SIGNATURE: &str = "x-spark-signature";

/// Checks a request.
///
/// # Errors
/// The signature is missing or wrong.
pub fn verify(headers: &HeaderMap, body: &[u8], secrets: &[Secret]) -> Result<(), Error> {
    size(body)?;
    let code = mac::decode(&HEXLOWER_PERMISSIVE, header(headers, SIGNATURE)?, SIGNATURE)?;
    mac::find(Hash::Sha1, secrets, &[body], &code).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_signed_body_is_believed_and_another_is_not() {
        let secrets = [Secret::new("webex secret").unwrap()];
        let body = br#"{"resource":"meetings"}"#;
        let code = mac::sign(Hash::Sha1, b"webex secret", &[body]);
        let hex = HEXLOWER_PERMISSIVE.encode(code.as_ref());
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, HeaderValue::from_str(&hex).unwrap());
        assert_eq!(verify(&headers, body, &secrets), Ok(()));
        assert_eq!(verify(&headers, b"{}", &secrets), Err(Error::Mismatch));
        let other = [Secret::new("other").unwrap()];
        assert_eq!(verify(&headers, body, &other), Err(Error::Mismatch));
        headers.insert(SIGNATURE, HeaderValue::from_str(&hex[2..]).unwrap());
        assert_eq!(verify(&headers, body, &secrets), Err(Error::Mismatch));
        headers.insert(SIGNATURE, HeaderValue::from_static("xyz"));
        assert_eq!(verify(&headers, body, &secrets), Err(Error::Form(SIGNATURE)));
        assert_eq!(verify(&HeaderMap::new(), body, &secrets), Err(Error::Missing(SIGNATURE)));
    }
}
