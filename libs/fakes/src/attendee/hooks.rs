//! How Attendee's webhooks come.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::python::{canonical, written};
use super::state::Bot;
use crate::{Manner, Notice, Random, Sign, sign};

/// Attendee's signature: HMAC-SHA256 in base64 over the body as canonical JSON.
#[derive(Debug)]
pub(super) struct Signer {
    secret: Mutex<(Vec<u8>, Random)>,
}

impl Signer {
    pub(super) fn new() -> Self {
        let mut random = Random::new(13);
        Self { secret: Mutex::new((random.bytes(32), random)) }
    }

    pub(super) fn secret(&self) -> String {
        BASE64.encode(&self.secret.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    pub(super) fn rotate(&self) -> String {
        let mut secret = self.secret.lock().unwrap_or_else(PoisonError::into_inner);
        secret.0 = secret.1.bytes(32);
        BASE64.encode(&secret.0)
    }
}

impl Sign for Signer {
    fn headers(&self, _: &Url, body: &[u8], _: DateTime<Utc>) -> HeaderMap {
        let body: Value = serde_json::from_slice(body).expect("a body of JSON");
        let secret = self.secret.lock().unwrap_or_else(PoisonError::into_inner);
        let code = sign::sha256_base64(&secret.0, canonical(&body).as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert("x-webhook-signature", HeaderValue::from_str(&code).expect("a value"));
        headers.insert("user-agent", HeaderValue::from_static("Attendee-Webhook/1.0"));
        headers
    }
}

/// A webhook as it is sent.
pub(super) fn notice(key: &str, bot: &Bot, trigger: &str, data: &Value) -> Notice {
    let text = format!(
        "{{\"idempotency_key\": {}, \"bot_id\": {}, \"bot_metadata\": {}, \"trigger\": {}, \"data\": {}}}",
        written(&key.into()),
        written(&bot.id.as_str().into()),
        written(&bot.order["metadata"]),
        written(&trigger.into()),
        written(data),
    );
    let body = Bytes::from(text);
    Notice { name: trigger.to_owned(), content_type: "application/json", body }
}

/// Attendee's manner: three attempts, each wait twice as long as the one before, after anything but a success.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(10),
        waits: vec![Duration::from_secs(1), Duration::from_secs(2)],
        content: |status| (200..300).contains(&status),
        retries: |status| !(200..300).contains(&status),
        signs_anew: false,
    }
}
