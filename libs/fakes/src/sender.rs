//! Sends one webhook as a provider does: signed, and again if nobody took it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use crate::Clock;

/// How a provider signs what it sends.
pub trait Sign: Send + Sync + std::fmt::Debug {
    /// The headers that go with a body. `at` is the time it is sent.
    fn headers(&self, url: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap;
}

/// What a provider has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it calls it, for tests that look for it.
    pub name: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl Notice {
    /// One of JSON.
    #[must_use]
    pub fn json(name: &str, body: &Value) -> Self {
        let body = body.to_string().into();
        Self { name: name.to_owned(), content_type: "application/json", body }
    }

    /// One that is a form.
    #[must_use]
    pub fn form(name: &str, pairs: &[(&str, &str)]) -> Self {
        let text =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let content_type = "application/x-www-form-urlencoded";
        Self { name: name.to_owned(), content_type, body: text.into() }
    }
}

/// A notice as it goes over the wire. It can be sent as it is as often as one likes, which is a replay.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What it says.
    pub notice: Notice,
    /// All headers.
    pub headers: HeaderMap,
}

impl Signed {
    /// The same signature over another body: the last letter or digit of the body is another one, so that it still parses.
    #[must_use]
    pub fn tampered(mut self) -> Self {
        let mut body = self.notice.body.to_vec();
        if let Some(byte) = body.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric()) {
            *byte = if *byte == b'1' { b'2' } else { b'1' };
        }
        self.notice.body = body.into();
        self
    }

    /// Without one of its headers.
    #[must_use]
    pub fn without(mut self, header: &str) -> Self {
        self.headers.remove(header);
        self
    }
}

/// When a provider is content, and what it does if it is not.
#[derive(Debug, Clone)]
pub struct Manner {
    /// How long it waits for an answer.
    pub timeout: Duration,
    /// How long it waits before each further attempt.
    pub waits: Vec<Duration>,
    /// Which answers it takes for success.
    pub content: fn(u16) -> bool,
    /// After which answers it tries again; silence and no connection count as such.
    pub retries: fn(u16) -> bool,
    /// Whether a further attempt is signed anew, with its own time.
    pub signs_anew: bool,
}

impl Manner {
    /// The same manner in less time: all waits divided by `factor`. How long it waits for an answer stays.
    #[must_use]
    pub fn faster(mut self, factor: u32) -> Self {
        for wait in &mut self.waits {
            *wait /= factor.max(1);
        }
        self
    }

    /// The same manner with another time for an answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// This status was answered.
    Status(u16),
    /// Nothing was answered in time.
    Timeout,
    /// There was no connection, or it broke.
    Broken,
}

/// What came of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What it was.
    pub notice: Notice,
    /// All attempts, in order.
    pub attempts: Vec<Attempt>,
    /// Whether the last one was a success.
    pub delivered: bool,
}

/// Sends a provider's webhooks to one address. Clones share connections.
#[derive(Debug, Clone)]
pub struct Sender {
    client: reqwest::Client,
    target: Url,
    sign: Arc<dyn Sign>,
    manner: Manner,
    clock: Clock,
}

impl Sender {
    /// A sender.
    ///
    /// # Panics
    /// The address is none, or no client can be made.
    #[must_use]
    pub fn new(target: &str, sign: Arc<dyn Sign>, manner: Manner, clock: Clock) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Self { client, target: target.parse().expect("an address"), sign, manner, clock }
    }

    /// A notice with its signature of this moment.
    #[must_use]
    pub fn sign(&self, notice: &Notice) -> Signed {
        self.sign_at(notice, self.clock.now())
    }

    /// A notice with its signature of another moment.
    #[must_use]
    pub fn sign_at(&self, notice: &Notice, at: DateTime<Utc>) -> Signed {
        let mut headers = self.sign.headers(&self.target, &notice.body, at);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(notice.content_type));
        Signed { notice: notice.clone(), headers }
    }

    /// Sends once what is signed.
    pub async fn post(&self, signed: &Signed) -> Attempt {
        self.ask(signed).await.0
    }

    /// Sends once what is signed, and returns the body of the answer too: handshakes have one.
    pub async fn ask(&self, signed: &Signed) -> (Attempt, Bytes) {
        let request = self
            .client
            .post(self.target.clone())
            .headers(signed.headers.clone())
            .timeout(self.manner.timeout)
            .body(signed.notice.body.clone());
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                (Attempt::Status(status), response.bytes().await.unwrap_or_default())
            }
            Err(error) if error.is_timeout() => (Attempt::Timeout, Bytes::new()),
            Err(_) => (Attempt::Broken, Bytes::new()),
        }
    }

    /// Sends a notice as the provider does, until it is taken or given up.
    pub async fn deliver(&self, notice: &Notice) -> Delivery {
        let signed = self.sign(notice);
        let first = self.post(&signed).await;
        self.persist(signed, first).await
    }

    /// What follows a first attempt.
    pub(crate) async fn persist(&self, mut signed: Signed, first: Attempt) -> Delivery {
        let mut attempts = vec![first];
        for wait in &self.manner.waits {
            let again = match attempts.last() {
                Some(Attempt::Status(status)) => (self.manner.retries)(*status),
                Some(Attempt::Timeout | Attempt::Broken) | None => true,
            };
            if !again {
                break;
            }
            tokio::time::sleep(*wait).await;
            if self.manner.signs_anew {
                signed = self.sign(&signed.notice);
            }
            attempts.push(self.post(&signed).await);
        }
        let delivered = matches!(attempts.last(), Some(Attempt::Status(status)) if (self.manner.content)(*status));
        Delivery { notice: signed.notice, attempts, delivered }
    }
}
