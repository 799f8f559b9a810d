//! Twilio's signature.
//!
//! `X-Twilio-Signature` is the base64 of HMAC-SHA1, keyed with the auth token, over the URL Twilio called and, for a form,
//! every parameter's name and value in the order of names. A body of another kind is hashed into the URL instead
//! (`bodySHA256`). Twilio signs the URL sometimes with and sometimes without the port, so both are tried. The URL is the
//! public one: behind a proxy, what the request says of itself is something else.
//!
//! There is no time in it, so that a replay is only told by its [`crate::Key`].

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use http::HeaderMap;
use url::Url;

use crate::verify::mac::{self, Hash};
use crate::verify::{Error, Secret, header, size};

/// The header with the signature.
pub const SIGNATURE: &str = "x-twilio-signature";

/// Parameter of the URL with the hash of a body that is no form.
const BODY_HASH: &str = "bodySHA256";

/// Checks a request whose body is a form, or that has none (a GET). `url` is the public address Twilio was given, query
/// included.
///
/// # Errors
/// The signature is missing or wrong.
pub fn verify_form(
    headers: &HeaderMap,
    url: &str,
    body: &[u8],
    secrets: &[Secret],
) -> Result<(), Error> {
    size(body)?;
    let mut form: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        form.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    // The same value twice is signed once; several values of one name in their own order.
    let mut parameters = String::new();
    for (name, values) in &form {
        for value in values {
            parameters.push_str(name);
            parameters.push_str(value);
        }
    }
    signature(headers, url, &parameters, secrets)
}

/// Checks a request whose body is not a form. `url` is the public address Twilio was given, with the `bodySHA256` it
/// added.
///
/// # Errors
/// The signature is missing or wrong, or the body is not the one that was hashed.
pub fn verify_json(
    headers: &HeaderMap,
    url: &str,
    body: &[u8],
    secrets: &[Secret],
) -> Result<(), Error> {
    size(body)?;
    signature(headers, url, "", secrets)?;
    let parsed = Url::parse(url).map_err(|_| Error::Body("url"))?;
    let (_, hash) = parsed
        .query_pairs()
        .find(|(name, _)| name == BODY_HASH)
        .ok_or(Error::Missing(BODY_HASH))?;
    let hash = mac::decode(&HEXLOWER_PERMISSIVE, &hash, BODY_HASH)?;
    if mac::equal(digest::digest(&digest::SHA256, body).as_ref(), &hash) {
        Ok(())
    } else {
        Err(Error::Mismatch)
    }
}

/// Checks the signature of a URL and what follows it.
fn signature(
    headers: &HeaderMap,
    url: &str,
    parameters: &str,
    secrets: &[Secret],
) -> Result<(), Error> {
    let code = mac::decode(&BASE64, header(headers, SIGNATURE)?, SIGNATURE)?;
    if secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    let fits = |url: &str| {
        let parts = [url.as_bytes(), parameters.as_bytes()];
        mac::find(Hash::Sha1, secrets, &parts, &code).is_ok()
    };
    // Both are always tried, so that time does not tell which one it was.
    let found = spellings(url).iter().filter(|url| fits(url)).count();
    if found > 0 { Ok(()) } else { Err(Error::Mismatch) }
}

/// The URL as it is, without its port, and with one (the scheme's, where it has none). What stands before and behind is
/// left byte for byte, as it is signed like that.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return all };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let usual = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    // A colon inside brackets belongs to an IPv6 address.
    let port = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    all.push(match port {
        Some((host, _)) => format!("{scheme}://{host}{path}"),
        None => format!("{scheme}://{authority}:{usual}{path}"),
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("token").unwrap()]
    }

    fn signed(text: &str) -> HeaderMap {
        let code = mac::sign(Hash::Sha1, b"token", &[text.as_bytes()]);
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&BASE64.encode(code.as_ref())).unwrap();
        headers.insert(SIGNATURE, value);
        headers
    }

    #[test]
    fn a_form_is_signed_in_the_order_of_its_names() {
        let headers = signed("https://hooks.acme.example/t?x=1CallSidCA1CallStatusbusyTo+15550100");
        let url = "https://hooks.acme.example/t?x=1";
        let body = b"To=%2B15550100&CallStatus=busy&CallSid=CA1";
        assert_eq!(verify_form(&headers, url, body, &secrets()), Ok(()));
        let other = b"To=%2B15550100&CallStatus=completed&CallSid=CA1";
        assert_eq!(verify_form(&headers, url, other, &secrets()), Err(Error::Mismatch));
        let elsewhere = "https://hooks.acme.example/t?x=2";
        assert_eq!(verify_form(&headers, elsewhere, body, &secrets()), Err(Error::Mismatch));
    }

    #[test]
    fn a_port_may_be_signed_or_not() {
        for (signed_url, url) in [
            ("https://a.example/p", "https://a.example:8443/p"),
            ("https://a.example:443/p", "https://a.example/p"),
            ("http://a.example:80?q=1", "http://a.example?q=1"),
            ("https://[2001:db8::1]/p", "https://[2001:db8::1]:8443/p"),
        ] {
            assert_eq!(verify_form(&signed(signed_url), url, b"", &secrets()), Ok(()), "{url}");
        }
        let elsewhere = signed("https://a.example:8443/p");
        let result = verify_form(&elsewhere, "https://a.example:9443/p", b"", &secrets());
        assert_eq!(result, Err(Error::Mismatch));
    }

    #[test]
    fn a_body_that_is_no_form_is_hashed_into_the_url() {
        let body = b"{\"a\":1}";
        let hash = HEXLOWER_PERMISSIVE.encode(digest::digest(&digest::SHA256, body).as_ref());
        let url = format!("https://a.example/p?bodySHA256={hash}");
        let headers = signed(&url);
        assert_eq!(verify_json(&headers, &url, body, &secrets()), Ok(()));
        assert_eq!(verify_json(&headers, &url, b"{\"a\":2}", &secrets()), Err(Error::Mismatch));
        let bare = "https://a.example/p";
        let result = verify_json(&signed(bare), bare, body, &secrets());
        assert_eq!(result, Err(Error::Missing(BODY_HASH)));
    }

    #[test]
    fn a_signature_of_another_form_is_refused() {
        let mut headers = HeaderMap::new();
        let url = "https://a.example/p";
        assert_eq!(verify_form(&headers, url, b"", &secrets()), Err(Error::Missing(SIGNATURE)));
        headers.insert(SIGNATURE, HeaderValue::from_static("not base64"));
        assert_eq!(verify_form(&headers, url, b"", &secrets()), Err(Error::Form(SIGNATURE)));
        assert_eq!(verify_form(&signed(url), url, b"", &[]), Err(Error::NoSecret));
    }
}
