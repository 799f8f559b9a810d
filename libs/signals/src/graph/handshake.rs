//! Graph's question whether an endpoint is ours.

use crate::Reply;
use crate::verify::Error;

/// Characters of a token, at most: real ones have some hundred.
const MAX_TOKEN: usize = 2048;

/// The answer to a request that asks: the `validationToken` of its query as plain text, decoded, within ten seconds.
/// Nothing for a request that does not ask.
///
/// Whoever sends a token gets it back, so it goes back as text that no browser takes for a page.
///
/// # Errors
/// The token is none Graph would send.
pub fn handshake(query: &str) -> Result<Option<Reply>, Error> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, token)) = pairs.find(|(name, _)| name == "validationToken") else {
        return Ok(None);
    };
    if token.is_empty() || token.len() > MAX_TOKEN || token.contains(char::is_control) {
        return Err(Error::Challenge);
    }
    Ok(Some(Reply {
        status: 200,
        content_type: Some("text/plain"),
        headers: vec![("x-content-type-options", "nosniff".to_owned())],
        body: token.into_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_back_decoded_as_text() {
        let query = "validationToken=Validation%3A+Testing+client+%3Cb%3E&x=1";
        let reply = handshake(query).unwrap().unwrap();
        assert_eq!(reply.body, "Validation: Testing client <b>");
        assert_eq!(reply.content_type, Some("text/plain"));
        assert_eq!(reply.headers[0].1, "nosniff");
    }

    #[test]
    fn a_request_without_a_token_does_not_ask() {
        assert_eq!(handshake(""), Ok(None));
        assert_eq!(handshake("validationtoken=x"), Ok(None));
    }

    #[test]
    fn what_is_no_token_is_not_echoed() {
        for query in [
            "validationToken=",
            "validationToken=a%0d%0ab",
            &format!("validationToken={}", "a".repeat(3000)),
        ] {
            assert_eq!(handshake(query), Err(Error::Challenge));
        }
    }
}
