//! What can come of a call to a provider other than what was asked for.

use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};

use crate::http::Answer;
use crate::scrub::scrub;

/// Why there is no answer. Its message names no token, passcode, address or query string; `text` is what the provider
/// wrote, with all of that taken out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many calls; later it will do.
    #[error("too many calls ({limit})")]
    Busy {
        /// Which limit it is.
        limit: Limit,
        /// How long to wait, where that is known.
        retry_after: Option<Duration>,
    },
    /// The provider did not answer, or answered that it cannot now.
    #[error("provider is unavailable: {fault}")]
    Unavailable {
        /// What happened.
        fault: Fault,
        /// Whether the request may have been carried out all the same.
        effect: Effect,
        /// How long to wait, where the provider says so.
        retry_after: Option<Duration>,
    },
    /// The credentials are not accepted, also not after a new token was fetched.
    #[error("credentials are not accepted (code `{code}`)")]
    Unauthorised {
        /// The provider's own code, or the HTTP status.
        code: String,
        /// The provider's words.
        text: String,
    },
    /// The credentials are good, but not for this: a scope, a permission or a plan is missing.
    #[error("not permitted (code `{code}`)")]
    Forbidden {
        /// The provider's own code, or the HTTP status.
        code: String,
        /// The provider's words; it often names the scope.
        text: String,
        /// Whether the application lacks a scope, which an administrator mends.
        missing_scope: bool,
    },
    /// What was asked for is not there.
    #[error("not found (code `{code}`)")]
    NotFound {
        /// The provider's own code, or the HTTP status: it tells a missing user from a missing recording.
        code: String,
        /// The provider's words.
        text: String,
    },
    /// The provider understood and will not.
    #[error("refused (status {status}, code `{code}`)")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's own code, or the HTTP status.
        code: String,
        /// The provider's words.
        text: String,
    },
    /// The answer is not what the documentation promises.
    #[error("unreadable answer: {0}")]
    Unreadable(&'static str),
    /// An argument cannot be part of a request: nothing was sent.
    #[error("invalid argument: {0}")]
    Argument(&'static str),
}

impl Error {
    /// Whether the request may have been carried out although it failed. A caller looks before it does such a thing again.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::Unavailable { effect, .. } => *effect == Effect::Unknown,
            Self::Unreadable(_) => true,
            Self::Busy { .. }
            | Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Argument(_) => false,
        }
    }

    /// Whether the same call can succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. })
    }

    /// How long to wait, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Unreadable(_)
            | Self::Argument(_) => None,
        }
    }

    /// The provider's own code, where it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Unauthorised { code, .. }
            | Self::Forbidden { code, .. }
            | Self::NotFound { code, .. }
            | Self::Refused { code, .. } => Some(code),
            Self::Busy { .. }
            | Self::Unavailable { .. }
            | Self::Unreadable(_)
            | Self::Argument(_) => None,
        }
    }

    /// Nothing was sent, since the provider could not be reached.
    pub(crate) const fn unreached() -> Self {
        Self::Unavailable { fault: Fault::Connect, effect: Effect::None, retry_after: None }
    }

    /// What was sent may have arrived.
    pub(crate) const fn lost(fault: Fault) -> Self {
        Self::Unavailable { fault, effect: Effect::Unknown, retry_after: None }
    }
}

/// A limit on calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// The provider's, on calls per second or minute: it answered 429.
    Rate,
    /// The provider's, on calls per day: it answered 429.
    Day,
    /// Our own share of the provider's rate: nothing was sent.
    OurRate,
    /// Our own share of what the provider allows per day: nothing was sent.
    OurDay,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rate => "rate",
            Self::Day => "day",
            Self::OurRate => "own rate",
            Self::OurDay => "own day",
        })
    }
}

/// How a provider was unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// No connection: unknown name, refused, TLS.
    #[error("no connection")]
    Connect,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke before the answer was complete.
    #[error("connection broke")]
    Broken,
    /// It answered with this status, 500 or above.
    #[error("status {0}")]
    Status(u16),
    /// What keeps count of our calls is away: nothing was sent.
    #[error("calls cannot be counted")]
    Uncounted,
}

/// Whether a request that failed may have been carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It certainly was not.
    None,
    /// Nobody knows.
    Unknown,
}

/// What a provider says of an error, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Complaint {
    /// Its own code, raw.
    pub code: Option<String>,
    /// Its words, raw: they are cleaned before anybody sees them.
    pub text: String,
    /// What it means, where the HTTP status does not tell.
    pub verdict: Option<Verdict>,
    /// How long to wait, where the provider does not say so in `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What an error of a provider means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// [`Error::Busy`] with this limit.
    Busy(Limit),
    /// [`Error::Unauthorised`]: another token may help.
    Unauthorised,
    /// [`Error::Forbidden`].
    Forbidden {
        /// Whether a scope is missing.
        missing_scope: bool,
    },
    /// [`Error::NotFound`].
    NotFound,
    /// [`Error::Refused`].
    Refused,
}

/// How a provider words its errors.
pub trait Dialect: Send + Sync + std::fmt::Debug {
    /// Reads the body of an answer whose status is no success. What is no error body gives an empty complaint.
    fn complaint(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Complaint;
}

/// What `Retry-After` says: seconds, or a date, which is compared with the `Date` of the same answer, so that it does not
/// matter what time it is here. Zoom writes RFC 3339 where HTTP has a form of its own. At most a day.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    const DAY: Duration = Duration::from_secs(86_400);
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(DAY));
    }
    let until = instant(text)?;
    let wait = until.signed_duration_since(date(headers)?).to_std().unwrap_or_default();
    Some(wait.min(DAY))
}

/// When the provider answered, by its own clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    instant(headers.get("date")?.to_str().ok()?)
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let read = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
    read.map(|at| at.to_utc()).ok()
}

/// The error in an answer, or the answer if it is none.
pub(crate) fn judge(dialect: &dyn Dialect, answer: Answer) -> Result<Answer, Error> {
    let status = answer.status;
    if status.is_success() {
        return Ok(answer);
    }
    let complaint = dialect.complaint(status, &answer.headers, &answer.body);
    let retry_after = retry_after(&answer.headers).or(complaint.retry_after);
    let code = complaint.code.map_or_else(|| status.as_u16().to_string(), |code| shown(&code));
    let text = scrub(&complaint.text);
    Err(match complaint.verdict.unwrap_or_else(|| by_status(status)) {
        // A failure of theirs stays one, whatever its body says.
        _ if status.is_server_error() => Error::Unavailable {
            fault: Fault::Status(status.as_u16()),
            effect: Effect::Unknown,
            retry_after,
        },
        Verdict::Busy(limit) => Error::Busy { limit, retry_after },
        Verdict::Unauthorised => Error::Unauthorised { code, text },
        Verdict::Forbidden { missing_scope } => Error::Forbidden { code, text, missing_scope },
        Verdict::NotFound => Error::NotFound { code, text },
        Verdict::Refused => Error::Refused { status: status.as_u16(), code, text },
    })
}

/// A provider's code: a few digits are one (Twilio: `20404`), where in a text they might be a telephone number.
fn shown(code: &str) -> String {
    let number = code.len() <= 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    if number { code.to_owned() } else { scrub(code) }
}

/// What a status means where the body does not say.
fn by_status(status: StatusCode) -> Verdict {
    match status.as_u16() {
        401 => Verdict::Unauthorised,
        402 | 403 => Verdict::Forbidden { missing_scope: false },
        404 | 410 => Verdict::NotFound,
        429 => Verdict::Busy(Limit::Rate),
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[derive(Debug)]
    struct Plain;

    impl Dialect for Plain {
        fn complaint(&self, _: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
            Complaint { text: String::from_utf8_lossy(body).into_owned(), ..Complaint::default() }
        }
    }

    fn judged(status: u16, headers: &[(&'static str, &'static str)]) -> Error {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: Bytes::from_static(b"no ada@acme.example here"),
        };
        judge(&Plain, answer).unwrap_err()
    }

    #[test]
    fn a_status_has_its_error() {
        let text = "no [address] here".to_owned();
        let code = |code: &str| code.to_owned();
        assert_eq!(judged(401, &[]), Error::Unauthorised { code: code("401"), text: text.clone() });
        assert_eq!(
            judged(403, &[]),
            Error::Forbidden { code: code("403"), text: text.clone(), missing_scope: false }
        );
        assert_eq!(judged(404, &[]), Error::NotFound { code: code("404"), text: text.clone() });
        assert_eq!(judged(302, &[]), Error::Refused { status: 302, code: code("302"), text });
        assert_eq!(judged(429, &[]), Error::Busy { limit: Limit::Rate, retry_after: None });
    }

    #[test]
    fn a_code_may_be_a_number_and_no_more() {
        assert_eq!(shown("20404"), "20404");
        assert_eq!(shown("15550100123"), "[number]");
        assert_eq!(shown("ada@acme.example"), "[address]");
    }

    #[test]
    fn what_failed_at_their_end_may_have_been_done() {
        let error = judged(503, &[("retry-after", "7")]);
        assert!(error.may_have_been_done() && error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert!(!judged(429, &[]).may_have_been_done());
        assert!(!Error::unreached().may_have_been_done());
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_none() {
        for (text, wait) in [
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("900000", Some(86_400)),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
            ("1e99", None),
        ] {
            let error = judged(429, &[("retry-after", text)]);
            assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_date_to_wait_for_is_compared_with_the_date_of_the_answer() {
        let date = ("date", "Sun, 31 May 2026 23:59:50 GMT");
        for until in ["2026-06-01T00:00:00Z", "Mon, 01 Jun 2026 00:00:00 GMT"] {
            let error = judged(429, &[date, ("retry-after", until)]);
            assert_eq!(error.retry_after(), Some(Duration::from_secs(10)), "{until}");
            assert_eq!(judged(429, &[("retry-after", until)]).retry_after(), None);
        }
        let past = judged(429, &[date, ("retry-after", "2026-05-01T00:00:00Z")]);
        assert_eq!(past.retry_after(), Some(Duration::ZERO));
    }

    #[test]
    fn a_message_says_nothing_of_people() {
        for status in [400, 401, 403, 404, 410, 429, 500] {
            let error = judged(status, &[]);
            assert!(!format!("{error} {error:?}").contains("ada"), "{error:?}");
        }
    }
}
