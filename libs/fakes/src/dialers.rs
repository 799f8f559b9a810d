//! Smaller providers of telephony: how they prove their webhooks, and the recordings they keep.
//!
//! [`Dialers`] serves the recordings of RingCentral, Aircall, Vonage and Telnyx on one port, each under its documented path
//! and with its credentials. Their webhooks are sent through a [`Sender`] with [`RingCentral`], [`Vonage`], [`Telnyx`] or
//! [`Generic`] as [`Sign`]; [`aircall`] puts the token into the body. Documented: all five verifications, the paths, the
//! fields read. A guess: the words of refusals, and how often each of them tries (here twice more).

mod rest;
mod sign;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

pub use sign::{Generic, RingCentral, Telnyx, Vonage};

use crate::{Attempt, Clock, Faults, Log, Manner, Notice, Sender, Server, Sign};

/// What lets in: a token for those who use one, the password of Aircall.
const TOKEN: &str = "dialer-token";

/// Four providers on a loopback port. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Dialers {
    server: Arc<Server>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    files: Mutex<BTreeMap<String, File>>,
    url: OnceLock<String>,
}

#[derive(Debug, Clone)]
struct File {
    call: String,
    body: Bytes,
}

impl Dialers {
    /// Providers without recordings.
    pub async fn start(clock: Clock) -> Self {
        let inner = Arc::new(Inner { clock, files: Mutex::default(), url: OnceLock::new() });
        let server = Arc::new(Server::start(rest::routes(Arc::clone(&inner))).await);
        inner.url.get_or_init(|| server.url(""));
        Self { server, inner }
    }

    /// What the paths begin with, with what a provider puts before them: `/v2` for Telnyx, `/aircall` for Aircall, nothing
    /// for RingCentral and Vonage.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// What lets in.
    #[must_use]
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// What goes wrong with them.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// What they were asked.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.server.log()
    }

    /// There is a recording of a call.
    pub fn record(&self, id: &str, call: &str, body: Bytes) {
        self.inner.files().insert(id.to_owned(), File { call: call.to_owned(), body });
    }
}

impl Inner {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The manner of all of them, as it is played.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(3),
        waits: vec![Duration::from_secs(1), Duration::from_secs(2)],
        content: |status| (200..300).contains(&status),
        retries: |status| !(200..300).contains(&status),
        signs_anew: true,
    }
}

/// Sends webhooks of a provider to an address, with its repetitions in hundredths of their time.
#[must_use]
pub fn sender(target: &str, sign: Arc<dyn Sign>, clock: &Clock) -> Sender {
    Sender::new(target, sign, manner().faster(100), clock.clone())
}

/// Asks an address whether it is ours, as RingCentral does when somebody subscribes; whether it echoed the token.
///
/// # Panics
/// No client can be made.
pub async fn validate(target: &str, token: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.post(target).header("validation-token", token).send().await;
    answer.is_ok_and(|answer| {
        let echo = answer.headers().get("validation-token").and_then(|value| value.to_str().ok());
        answer.status().as_u16() == 200 && echo == Some(token)
    })
}

/// A webhook of Aircall, which proves itself with the token in its body.
#[must_use]
pub fn aircall(token: &str, event: &str, seconds: i64, data: &Value) -> Notice {
    let body = json!({"resource": "call", "event": event, "timestamp": seconds, "token": token, "data": data});
    Notice::json(event, &body)
}

/// Whether an attempt was taken.
#[must_use]
pub fn taken(attempt: Attempt) -> bool {
    matches!(attempt, Attempt::Status(status) if (200..300).contains(&status))
}
