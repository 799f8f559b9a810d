//! One request, one answer: no redirects, timeouts, bounded size.

use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::{Bytes, BytesMut};
use url::Url;

use crate::error::Fault;
use crate::{Error, InvalidBase};

/// How requests are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long everything may take, connection and whole answer included.
    pub timeout: Duration,
    /// Bytes of an answer, at most.
    pub largest_answer: usize,
    /// A proxy all requests go through; the environment is not asked.
    pub proxy: Option<Url>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            largest_answer: 8 * 1024 * 1024,
            proxy: None,
        }
    }
}

/// Sends requests; cheap to clone, and clones share connections. One serves all providers.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    largest_answer: usize,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Http {
    /// Sets up a client. It is to be used within a runtime of tokio.
    ///
    /// # Errors
    /// The proxy cannot be one, or this machine has no certificates to trust.
    pub fn new(settings: &Settings) -> Result<Self, InvalidBase> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .user_agent(concat!("callsheet/", env!("CARGO_PKG_VERSION")))
            // A client that sent twice by itself would hide what may have been carried out.
            .retry(reqwest::retry::never())
            .no_proxy();
        if let Some(proxy) = &settings.proxy {
            builder =
                builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(|_| InvalidBase::Proxy)?);
        }
        let client = builder.build().map_err(|_| InvalidBase::Trust)?;
        Ok(Self { client, largest_answer: settings.largest_answer })
    }

    /// Sends a request and waits for all of the answer, whatever its status.
    ///
    /// # Errors
    /// There is no answer, or it is too large.
    pub async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Answer, Error> {
        let mut request = self.client.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let mut response = request.send().await.map_err(|error| fault(&error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error))? {
            if body.len().saturating_add(chunk.len()) > self.largest_answer {
                return Err(Error::Unreadable("it is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// What a failure of the client means. Its own words hold the address, and so go no further.
fn fault(error: &reqwest::Error) -> Error {
    if error.is_connect() {
        // A connection that timed out is one that was never there.
        Error::unreached()
    } else if error.is_timeout() {
        Error::lost(Fault::Timeout)
    } else if error.is_builder() {
        Error::Argument("a request that cannot be built")
    } else {
        Error::lost(Fault::Broken)
    }
}
