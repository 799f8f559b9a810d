//! How Zoom signs and retries webhooks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::{Manner, Sign, sign};

/// `x-zm-signature`: `v0=` and HMAC-SHA256 over `v0:{time}:{body}`.
#[derive(Debug, Clone)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// With a secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(secret.as_bytes().to_vec())
    }
}

impl Sign for Signature {
    fn headers(&self, _: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let seconds = at.timestamp().to_string();
        let text = [b"v0:", seconds.as_bytes(), b":", body].concat();
        let signature = format!("v0={}", sign::sha256_hex(&self.0, &text));
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-zm-signature", signature.as_str()),
            ("x-zm-request-timestamp", &seconds),
            ("x-zm-trackingid", "v=2.0;clid=us05;rid=WEB_acme"),
            ("user-agent", "Zoom Marketplace/1.0a"),
        ] {
            headers.insert(name, HeaderValue::from_str(value).expect("the value of a header"));
        }
        headers
    }
}

/// Zoom's manner: content with 200 and 204 within 3 s; after 500 and above, silence or no connection again after 5, 20 and
/// 60 minutes. Whether a further attempt is signed anew is not known; here it is not.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(3),
        waits: [5, 20, 60].map(|minutes| Duration::from_secs(minutes * 60)).to_vec(),
        content: |status| matches!(status, 200 | 204),
        retries: |status| status >= 500,
        signs_anew: false,
    }
}
