//! Aircall's token.
//!
//! Nothing is signed: the body carries the token the webhook was given when it was made. So the body is the one thing that
//! is parsed before it is believed.

use crate::json::{self, Look};
use crate::verify::mac;
use crate::verify::{Error, Secret};

/// Checks a request.
///
/// # Errors
/// The token is missing, or another one.
pub fn verify(body: &[u8], secrets: &[Secret]) -> Result<(), Error> {
    let value = json::object(body).map_err(|_| Error::Body("json"))?;
    let token = value.id(&["token"]).ok_or(Error::Missing("token"))?;
    mac::token(secrets, token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_token_is_believed() {
        let secrets = [Secret::new("t0k3n").unwrap()];
        assert_eq!(verify(br#"{"token":"t0k3n"}"#, &secrets), Ok(()));
        assert_eq!(verify(br#"{"token":"t0k3"}"#, &secrets), Err(Error::Mismatch));
        assert_eq!(verify(br#"{"token":null}"#, &secrets), Err(Error::Missing("token")));
        assert_eq!(verify(b"t0k3n", &secrets), Err(Error::Body("json")));
        assert_eq!(verify(br#"{"token":"t0k3n"}"#, &[]), Err(Error::NoSecret));
    }
}
