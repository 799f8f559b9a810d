//! Attendee's signature.
//!
//! `X-Webhook-Signature` is the base64 of HMAC-SHA256 over the body as canonical JSON: keys sorted, no space, letters
//! beyond ASCII as they are. The key is the project's secret, decoded from base64. There is no time in what is signed but
//! the event's own, so that a replay is only told by its [`crate::Key`].

use data_encoding::BASE64;
use http::HeaderMap;

use super::canonical::canonical;
use crate::verify::mac::{self, Hash};
use crate::verify::{Error, Secret, header, size};

/// The header with the signature.
pub const SIGNATURE: &str = "x-webhook-signature";

/// The secret in a text as Attendee shows it: base64.
///
/// # Errors
/// It is not.
pub fn secret(text: &str) -> Result<Secret, Error> {
    let bytes = BASE64
        .decode(text.trim().as_bytes())
        .map_err(|_| Error::BadSecret("secret (it is not base64)"))?;
    Secret::new(bytes)
}

/// Checks a request.
///
/// # Errors
/// The signature is missing or wrong, or the body is not JSON.
pub fn verify(headers: &HeaderMap, body: &[u8], secrets: &[Secret]) -> Result<(), Error> {
    size(body)?;
    let code = mac::decode(&BASE64, header(headers, SIGNATURE)?, SIGNATURE)?;
    let canonical = canonical(body).ok_or(Error::Body("json"))?;
    mac::find(Hash::Sha256, secrets, &[&canonical], &code).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn signed(canonical: &str) -> HeaderMap {
        let code = mac::sign(Hash::Sha256, b"secret", &[canonical.as_bytes()]);
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&BASE64.encode(code.as_ref())).unwrap();
        headers.insert(SIGNATURE, value);
        headers
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_values_do() {
        let secrets = [secret("c2VjcmV0").unwrap()];
        let headers = signed(r#"{"a":[1,2.50],"b":"é"}"#);
        assert_eq!(
            verify(&headers, r#"{ "b" : "\u00e9", "a": [1, 2.50] }"#.as_bytes(), &secrets),
            Ok(())
        );
        let tampered = verify(&headers, r#"{"a":[1,2.51],"b":"é"}"#.as_bytes(), &secrets);
        assert_eq!(tampered, Err(Error::Mismatch));
        assert_eq!(verify(&headers, b"{", &secrets), Err(Error::Body("json")));
        assert_eq!(verify(&HeaderMap::new(), b"{}", &secrets), Err(Error::Missing(SIGNATURE)));
        assert_eq!(verify(&headers, b"{}", &[]), Err(Error::NoSecret));
    }
}
