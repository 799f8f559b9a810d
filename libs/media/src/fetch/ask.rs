//! One question to a server, led on by redirects, each hop judged anew.

use super::guard::{Guard, Lookup, refused};
use super::{Download, Pace};
use crate::error::{BreakOff, Error, Site};
use crate::rules::{Reach, Refusal};
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_RANGE, LOCATION, RANGE,
    RETRY_AFTER,
};
use reqwest::{Client, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How much of a refusal is read to see whether it speaks of an expiry.
const REFUSAL: usize = 16 << 10;

/// For how long a server may be left alone: whoever it is, it is asked again after that.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// From where on, and of which version.
pub(super) struct From<'a> {
    pub(super) bytes: u64,
    pub(super) version: &'a str,
}

/// What asks.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    client: Client,
    reach: Reach,
    pub(super) pace: Pace,
}

impl Asker {
    pub(super) fn new(reach: Reach, lookup: Lookup, pace: Pace) -> Result<Self, Error> {
        let client = Client::builder()
            // Each hop is judged by ourselves, and no proxy resolves names in our stead.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .dns_resolver(Arc::new(Guard::new(reach, lookup)))
            .connect_timeout(pace.connect)
            .user_agent(concat!("callsheet/", env!("CARGO_PKG_VERSION")))
            .build();
        let client =
            client.map_err(|error| Error::Setting(format!("no client of HTTP: {error}")))?;
        Ok(Self { client, reach, pace })
    }

    /// Asks for a recording, all of it or from somewhere on. The answer is 200, 206 or 416, and what comes with it is
    /// still to be read.
    pub(super) async fn ask(
        &self,
        download: &Download,
        from: Option<From<'_>>,
        deadline: Instant,
    ) -> Result<(Site, Response), Error> {
        let mut url = download.url.clone();
        for _ in 0..=self.pace.redirects {
            let site = self.reach.check(&url, &download.hosts)?;
            let headers = headers(download, &url, from.as_ref())?;
            let request = self.client.get(url.clone()).headers(headers).send();
            let patience = deadline.min(Instant::now() + self.pace.idle);
            let response = match timeout_at(patience, request).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(failed(site, &error)),
                Err(_) => {
                    let why = BreakOff::Idle(self.pace.idle);
                    return Err(Error::BrokenOff { site, bytes: 0, why });
                }
            };
            match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => url = led_to(&url, site, response.headers())?,
                _ => return judged(site, response, from.is_some(), patience).await,
            }
        }
        let why = Refusal::Redirects { limit: self.pace.redirects };
        Err(Error::Refused { site: Site::of(&url), why })
    }
}

fn headers(download: &Download, url: &Url, from: Option<&From<'_>>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str, secret: bool| {
        let value = HeaderValue::from_str(value);
        let mut value = value
            .map_err(|_| Error::Setting(format!("a value of `{name}` that no header takes")))?;
        value.set_sensitive(secret);
        headers.insert(name, value);
        Ok::<_, Error>(())
    };
    // What is summed and counted is the recording, not a compression of it.
    set(ACCEPT_ENCODING, "identity", false)?;
    if let Some(token) = download.authorization.as_ref().and_then(|token| token.for_url(url)) {
        set(AUTHORIZATION, token, true)?;
    }
    if let Some(From { bytes, version }) = from {
        set(RANGE, &format!("bytes={bytes}-"), false)?;
        set(IF_RANGE, version, false)?;
    }
    Ok(headers)
}

fn led_to(url: &Url, site: Site, headers: &HeaderMap) -> Result<Url, Error> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    match location.map(|location| url.join(location)) {
        Some(Ok(url)) => Ok(url),
        Some(Err(_)) | None => {
            Err(Error::Unusable { site, what: "a redirect that leads nowhere".to_owned() })
        }
    }
}

fn failed(site: Site, error: &reqwest::Error) -> Error {
    if let Some(kind) = refused(error) {
        return Error::Refused { site, why: Refusal::Address(kind) };
    }
    let why = match error.is_connect() {
        // Of the chain only the last, which names neither URL nor header.
        true => BreakOff::Connect(last_cause(error)),
        false => BreakOff::Early,
    };
    Error::BrokenOff { site, bytes: 0, why }
}

fn last_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Sorts an answer by its status.
async fn judged(
    site: Site,
    response: Response,
    ranged: bool,
    patience: Instant,
) -> Result<(Site, Response), Error> {
    let status = response.status();
    Err(match status {
        StatusCode::OK => return Ok((site, response)),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if ranged => {
            return Ok((site, response));
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::Gone { site, status: status.as_u16() },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let status = status.as_u16();
            match timeout_at(patience, speaks_of_expiry(response)).await {
                Ok(true) => Error::Expired { site },
                Ok(false) | Err(_) => Error::NotPermitted { site, status },
            }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            busy(site, &response)
        }
        _ if status.is_server_error() => busy(site, &response),
        _ => Error::Unusable { site, what: format!("status {}", status.as_u16()) },
    })
}

/// How long a server wants to be left alone: seconds, and no more than can be waited for. A date would need a clock, and is
/// not what the providers here send.
fn pause(wanted: &str) -> Option<Duration> {
    let seconds: u64 = wanted.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn busy(site: Site, response: &Response) -> Error {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(pause);
    Error::Busy { site, status: response.status().as_u16(), retry_after }
}

/// Whether a refusal says that a link or token has had its time: `Request has expired` of S3, `Access token is expired`
/// of Zoom, `error_description="The access token expired"`, and the time frame of Azure.
async fn speaks_of_expiry(mut response: Response) -> bool {
    let mut text = Vec::new();
    for value in response.headers().get_all(http::header::WWW_AUTHENTICATE) {
        text.extend_from_slice(value.as_bytes());
    }
    while text.len() < REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        text.extend(chunk.iter().take(REFUSAL));
    }
    let text = String::from_utf8_lossy(&text).to_lowercase();
    text.contains("expired") || text.contains("not valid in the specified time frame")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_server_is_left_alone_for_longer_than_an_hour() {
        assert_eq!(pause(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(pause("9000000000000000"), Some(Duration::from_secs(3600)));
        assert_eq!(pause("Sun, 22 Nov 2026 10:00:00 GMT"), None);
    }
}
