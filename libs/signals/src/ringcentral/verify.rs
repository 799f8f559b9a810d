//! RingCentral's handshake and the token it sends along.
//!
//! Nothing is signed. When a subscription is made, a `Validation-Token` is to be echoed within three seconds; afterwards
//! every request carries the `Verification-Token` we gave the subscription.

use http::HeaderMap;

use crate::verify::mac;
use crate::verify::{Error, Secret, header, size};
use crate::{Delivery, Reply};

/// The header of the handshake.
pub const VALIDATION: &str = "validation-token";
/// The header with our own token.
pub const TOKEN: &str = "verification-token";

/// Characters of a token of the handshake, at most.
const MAX_TOKEN: usize = 512;

/// Tells a handshake, which is answered by its own token, from an event, which must carry ours.
///
/// # Errors
/// Our token is missing or another one, or the handshake's is none RingCentral would send.
pub fn receive(headers: &HeaderMap, body: &[u8], secrets: &[Secret]) -> Result<Delivery, Error> {
    size(body)?;
    if headers.contains_key(VALIDATION) {
        let token = header(headers, VALIDATION)?;
        // What goes back into a header must be one.
        if token.is_empty()
            || token.len() > MAX_TOKEN
            || !token.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Error::Challenge);
        }
        return Ok(Delivery::Handshake(Reply {
            status: 200,
            content_type: None,
            headers: vec![(VALIDATION, token.to_owned())],
            body: String::new(),
        }));
    }
    mac::token(secrets, header(headers, TOKEN)?.as_bytes())?;
    Ok(Delivery::Event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn come(name: &'static str, value: &'static str) -> Result<Delivery, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        receive(&headers, b"{}", &[Secret::new("ours").unwrap()])
    }

    #[test]
    fn a_handshake_is_echoed() {
        let Ok(Delivery::Handshake(reply)) = come(VALIDATION, "abc-123") else { panic!("no echo") };
        assert_eq!(reply.headers, [(VALIDATION, "abc-123".to_owned())]);
        assert_eq!(come(VALIDATION, "abc 123"), Err(Error::Challenge));
        assert_eq!(come(VALIDATION, ""), Err(Error::Challenge));
    }

    #[test]
    fn an_event_carries_our_token() {
        assert_eq!(come(TOKEN, "ours"), Ok(Delivery::Event));
        assert_eq!(come(TOKEN, "theirs"), Err(Error::Mismatch));
        assert_eq!(come("authorization", "ours"), Err(Error::Missing(TOKEN)));
    }
}
