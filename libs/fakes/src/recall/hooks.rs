//! How Recall's webhooks come: through Svix.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{Manner, Random, Sign, sign};

/// Svix's signature (Standard Webhooks): of `{id}.{seconds}.{body}`, once for every secret that holds.
///
/// A message is known by its body here, so that what is sent twice has one id.
#[derive(Debug)]
pub(super) struct Svix {
    /// The newest one first.
    secrets: Mutex<Vec<Vec<u8>>>,
    random: Mutex<Random>,
    legacy: AtomicBool,
}

impl Svix {
    pub(super) fn new() -> Self {
        let mut random = Random::new(11);
        Self {
            secrets: Mutex::new(vec![random.bytes(24)]),
            random: Mutex::new(random),
            legacy: AtomicBool::new(false),
        }
    }

    pub(super) fn secret(&self) -> String {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        format!("whsec_{}", BASE64.encode(&secrets[0]))
    }

    pub(super) fn rotate(&self) -> String {
        let fresh = self.random.lock().unwrap_or_else(PoisonError::into_inner).bytes(24);
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(0, fresh);
        self.secret()
    }

    pub(super) fn forget(&self) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).truncate(1);
    }

    pub(super) fn legacy(&self) {
        self.legacy.store(true, Ordering::SeqCst);
    }
}

impl Sign for Svix {
    fn headers(&self, _: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let hash = digest::digest(&digest::SHA256, body);
        let id = format!("msg_{}", HEXLOWER.encode(&hash.as_ref()[..12]));
        let seconds = at.timestamp().to_string();
        let text = [id.as_bytes(), b".", seconds.as_bytes(), b".", body].concat();
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let codes: Vec<String> = secrets
            .iter()
            .map(|secret| format!("v1,{}", sign::sha256_base64(secret, &text)))
            .collect();
        let prefix = if self.legacy.load(Ordering::SeqCst) { "svix" } else { "webhook" };
        let header = |name: &str, value: &str| {
            let name: HeaderName = format!("{prefix}-{name}").parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        [header("id", &id), header("timestamp", &seconds), header("signature", &codes.join(" "))]
            .into_iter()
            .collect()
    }
}

/// Svix's manner: eight attempts over 27 hours, after anything but a success.
#[must_use]
pub fn manner() -> Manner {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let waits = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
    Manner {
        timeout: Duration::from_secs(15),
        waits: waits.map(Duration::from_secs).into(),
        content: |status| (200..300).contains(&status),
        retries: |status| !(200..300).contains(&status),
        signs_anew: true,
    }
}
