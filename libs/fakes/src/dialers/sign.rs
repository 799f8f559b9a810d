//! How smaller providers prove their webhooks.

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use url::Url;

use crate::{Sign, sign};

/// `Verification-Token`: the token the subscription was given.
#[derive(Debug, Clone)]
pub struct RingCentral(pub String);

impl Sign for RingCentral {
    fn headers(&self, _: &Url, _: &[u8], _: DateTime<Utc>) -> HeaderMap {
        headers(&[("verification-token", &self.0)])
    }
}

/// `Authorization`: a token signed with HS256, with the hash of the body and the time in it.
#[derive(Debug, Clone)]
pub struct Vonage(pub String);

impl Sign for Vonage {
    fn headers(&self, _: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let hash = HEXLOWER.encode(digest::digest(&digest::SHA256, body).as_ref());
        let claims = json!({"iat": at.timestamp(), "jti": "played", "iss": "Vonage", "payload_hash": hash,
            "api_key": "acme", "application_id": "app-1"});
        let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let code = BASE64URL_NOPAD.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
        headers(&[("authorization", &format!("Bearer {signed}.{code}"))])
    }
}

/// `Telnyx-Signature-Ed25519` over the time and the body.
#[derive(Debug)]
pub struct Telnyx(Ed25519KeyPair);

impl Telnyx {
    /// With a key of one's own choice.
    ///
    /// # Panics
    /// Never: every seed makes a key.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
    }

    /// The public key, as Telnyx shows it.
    #[must_use]
    pub fn public_key(&self) -> String {
        BASE64.encode(self.0.public_key().as_ref())
    }
}

impl Sign for Telnyx {
    fn headers(&self, _: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let stamp = at.timestamp().to_string();
        let code = self.0.sign(&[stamp.as_bytes(), b"|", body].concat());
        let code = BASE64.encode(code.as_ref());
        headers(&[("telnyx-signature-ed25519", &code), ("telnyx-timestamp", &stamp)])
    }
}

/// `X-Callsheet-Signature`: a dialer that speaks our own event API.
#[derive(Debug, Clone)]
pub struct Generic(pub String);

impl Sign for Generic {
    fn headers(&self, _: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let stamp = at.timestamp().to_string();
        let text = [b"v1:", stamp.as_bytes(), b":", body].concat();
        let code = format!("v1={}", sign::sha256_hex(self.0.as_bytes(), &text));
        headers(&[("x-callsheet-signature", &code), ("x-callsheet-timestamp", &stamp)])
    }
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let one = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).expect("the value of a header");
        (HeaderName::from_static(name), value)
    };
    all.iter().map(one).collect()
}
