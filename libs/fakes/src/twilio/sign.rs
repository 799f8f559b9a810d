//! How Twilio signs callbacks, and how it makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::{Manner, Sign, sign};

/// `X-Twilio-Signature`: HMAC-SHA1 in base64 over the address and the sorted form; over the address alone where the hash
/// of the body stands in it.
#[derive(Debug, Clone)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// With the auth token.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.as_bytes().to_vec())
    }
}

impl Sign for Signature {
    fn headers(&self, url: &Url, body: &[u8], _: DateTime<Utc>) -> HeaderMap {
        let mut text = url.as_str().to_owned();
        if !url.query_pairs().any(|(key, _)| key == "bodySHA256") {
            let mut form: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (key, value) in url::form_urlencoded::parse(body).into_owned() {
                form.entry(key).or_default().insert(value);
            }
            for (key, values) in &form {
                for value in values {
                    text.push_str(key);
                    text.push_str(value);
                }
            }
        }
        let signature = sign::sha1_base64(&self.0, text.as_bytes());
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&signature).expect("the value of a header");
        headers.insert("x-twilio-signature", value);
        headers.insert("user-agent", HeaderValue::from_static("TwilioProxy/1.1"));
        headers.insert("i-twilio-idempotency-token", HeaderValue::from_static("played"));
        headers
    }
}

/// An address with the hash of a body that is no form.
pub(super) fn hashed(target: &str, body: &[u8]) -> String {
    let mut url: Url = target.parse().expect("an address");
    let hash = HEXLOWER.encode(digest::digest(&digest::SHA256, body).as_ref());
    url.query_pairs_mut().append_pair("bodySHA256", &hash);
    url.into()
}

/// Twilio's manner: fifteen seconds, and only where nothing was answered once more at once. An answer of any kind is the
/// end of it.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(15),
        waits: vec![Duration::ZERO],
        content: |status| (200..300).contains(&status),
        retries: |_| false,
        signs_anew: false,
    }
}
