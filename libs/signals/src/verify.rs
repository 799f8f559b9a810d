//! Whether a request comes from whom it says: over the raw bytes, and in constant time.

pub mod jwt;
pub(crate) mod mac;
pub mod standard;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;

use crate::MAX_BODY;

/// Why a request is not believed. Nothing in here tells a secret, nor the signature that would have been right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A header that carries the signature, or goes into it, is absent.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// Such a header stands there more than once, so that nobody can tell which one counts.
    #[error("header `{0}` stands more than once")]
    Repeated(&'static str),
    /// Such a header has another form than it should.
    #[error("header `{0}` has not the form it should have")]
    Form(&'static str),
    /// The signature is not that of the body, or made with another secret.
    #[error("the signature does not match")]
    Mismatch,
    /// Signed too long ago: a replay, or a very late retry.
    #[error("signed {age} s ago, where {allowed} s are allowed")]
    TooOld {
        /// Seconds since it was signed.
        age: i64,
        /// Seconds that are allowed.
        allowed: i64,
    },
    /// Signed in the future: the clocks differ.
    #[error("signed {ahead} s in the future, where {allowed} s are allowed")]
    TooNew {
        /// Seconds until it will have been signed.
        ahead: i64,
        /// Seconds that are allowed.
        allowed: i64,
    },
    /// More bytes than [`crate::MAX_BODY`].
    #[error("a body of {0} bytes is too large")]
    TooLarge(usize),
    /// A part of the body that is compared or signed is absent or has another form.
    #[error("`{0}` in the request has not the form it should have")]
    Body(&'static str),
    /// What the provider wants us to prove with our secret is not what providers ask: answering would sign it for a forger.
    #[error("the challenge has not the form of one")]
    Challenge,
    /// A token says something else than it should.
    #[error("the token's `{0}` is not the expected one")]
    Claim(&'static str),
    /// A token names a key that is not among those we have: fetch the keys again before giving up.
    #[error("the token is signed with a key that is not known")]
    UnknownKey,
    /// No secret is configured, so that nothing can be believed.
    #[error("no secret is configured")]
    NoSecret,
    /// A configured secret or key cannot be used.
    #[error("the configured {0} cannot be used")]
    BadSecret(&'static str),
}

impl Error {
    /// Whether the fault is on our side. Such a request is to be asked for again (with a 5xx), where a forged one is
    /// refused: most providers never repeat what was answered with 4xx.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::NoSecret | Self::BadSecret(_) | Self::UnknownKey)
    }
}

/// A secret shared with a provider. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        mac::equal(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl Secret {
    /// Takes a secret as it is configured.
    ///
    /// # Errors
    /// It is empty: with an empty secret everybody can sign.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            Err(Error::BadSecret("secret (it is empty)"))
        } else {
            Ok(Self(bytes))
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How far the time of signing may lie from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// Into the past: late retries, if they are not signed anew.
    pub past: TimeDelta,
    /// Into the future: clocks that differ.
    pub future: TimeDelta,
}

impl Tolerance {
    /// Five minutes both ways: what Standard Webhooks advises, and most providers do.
    pub const STRICT: Self = Self { past: TimeDelta::minutes(5), future: TimeDelta::minutes(5) };

    /// For Zoom: its last retry comes 85 minutes after the first delivery, and whether it is signed anew is not written.
    pub const ZOOM: Self = Self { past: TimeDelta::minutes(90), future: TimeDelta::minutes(5) };

    /// Checks a time of signing.
    ///
    /// # Errors
    /// It lies too far away.
    pub fn check(self, signed: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        let age = now.signed_duration_since(signed);
        if age > self.past {
            return Err(Error::TooOld { age: age.num_seconds(), allowed: self.past.num_seconds() });
        }
        let ahead = signed.signed_duration_since(now);
        if ahead > self.future {
            return Err(Error::TooNew {
                ahead: ahead.num_seconds(),
                allowed: self.future.num_seconds(),
            });
        }
        Ok(())
    }
}

/// The one value of a header, as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Error> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Error::Missing(name))?;
    if values.next().is_some() {
        return Err(Error::Repeated(name));
    }
    value.to_str().map(str::trim).map_err(|_| Error::Form(name))
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    const NAME: &str = "authorization";
    let (scheme, token) = header(headers, NAME)?.split_once(' ').ok_or(Error::Form(NAME))?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Error::Form(NAME)) }
}

/// Digits of seconds since 1970, as they stand in a header.
pub(crate) fn timestamp(digits: &str, name: &'static str) -> Result<DateTime<Utc>, Error> {
    if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Form(name));
    }
    let seconds: i64 = digits.parse().map_err(|_| Error::Form(name))?;
    DateTime::from_timestamp(seconds, 0).ok_or(Error::Form(name))
}

/// Refuses what is too large to be looked at.
pub(crate) fn size(body: &[u8]) -> Result<(), Error> {
    if body.len() > MAX_BODY { Err(Error::TooLarge(body.len())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn tolerance_holds_both_ways() {
        let zoom = Tolerance::ZOOM;
        assert_eq!(zoom.check(at(1_000_000), at(1_000_000 + 5400)), Ok(()));
        assert_eq!(
            zoom.check(at(1_000_000), at(1_000_000 + 5401)),
            Err(Error::TooOld { age: 5401, allowed: 5400 })
        );
        assert_eq!(zoom.check(at(1_000_300), at(1_000_000)), Ok(()));
        assert_eq!(
            zoom.check(at(1_000_301), at(1_000_000)),
            Err(Error::TooNew { ahead: 301, allowed: 300 })
        );
    }

    #[test]
    fn a_secret_is_neither_empty_nor_shown() {
        assert!(Secret::new("").is_err());
        assert_eq!(format!("{:?}", Secret::new("hunter2").unwrap()), "[secret]");
    }

    #[test]
    fn a_header_that_stands_twice_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(header(&headers, "x-sig"), Err(Error::Missing("x-sig")));
        headers.append("x-sig", HeaderValue::from_static("a"));
        assert_eq!(header(&headers, "X-Sig"), Ok("a"));
        headers.append("x-sig", HeaderValue::from_static("b"));
        assert_eq!(header(&headers, "x-sig"), Err(Error::Repeated("x-sig")));
    }

    #[test]
    fn a_timestamp_is_digits_and_nothing_else() {
        assert_eq!(timestamp("1720705455", "t"), Ok(at(1_720_705_455)));
        for wrong in ["", "-1", "+1", "1.5", "1720705455 ", "9999999999999", "١"] {
            assert_eq!(timestamp(wrong, "t"), Err(Error::Form("t")), "{wrong}");
        }
    }
}
