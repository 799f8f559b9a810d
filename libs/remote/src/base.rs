//! Where a provider lives: always configuration.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use crate::Error;

/// What is escaped in a segment of a path: all but the unreserved (RFC 3986, 2.3).
pub(crate) const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes of one id in a path, at most.
const SEGMENT: usize = 512;

/// The address all paths of an API begin with: `https`, or `http` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Base(Url);

/// Why an address cannot be a [`Base`], or a client cannot be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBase {
    /// It cannot be read.
    #[error("base address is no url")]
    Url,
    /// It is neither `https` nor on this machine.
    #[error("base address must begin with `https://`")]
    Scheme,
    /// It holds what belongs elsewhere: credentials, a query, a fragment.
    #[error("base address holds more than a host and a path")]
    Extra,
    /// A proxy cannot be one.
    #[error("proxy cannot be one")]
    Proxy,
    /// This machine has no certificates to trust.
    #[error("no certificates to trust")]
    Trust,
}

impl Base {
    /// Reads an address.
    ///
    /// # Errors
    /// It is none to send credentials to.
    pub fn new(text: &str) -> Result<Self, InvalidBase> {
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidBase::Url)?;
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            None => return Err(InvalidBase::Url),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err(InvalidBase::Scheme);
        }
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(InvalidBase::Extra);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address of a path and a query below this one. Each segment is escaped whole, so an id can neither add a
    /// segment nor leave the path.
    ///
    /// # Errors
    /// A segment is empty, `.` or `..`, or too long.
    pub fn join(&self, segments: &[String], query: &[(&str, String)]) -> Result<Url, Error> {
        let mut path = self.0.path().trim_end_matches('/').to_owned();
        for segment in segments {
            if matches!(segment.as_str(), "" | "." | "..") || segment.len() > SEGMENT {
                return Err(Error::Argument("an id that cannot stand in a path"));
            }
            path.push('/');
            path.extend(utf8_percent_encode(segment, ESCAPED));
        }
        let mut url = self.0.clone();
        url.set_path(&path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(segments: &[&str], query: &[(&str, &str)]) -> Result<String, Error> {
        let segments: Vec<String> = segments.iter().map(|&one| one.to_owned()).collect();
        let query: Vec<_> = query.iter().map(|&(key, value)| (key, value.to_owned())).collect();
        Base::new("https://api.zoom.example/v2/").unwrap().join(&segments, &query).map(Into::into)
    }

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(
            joined(&["users", "a/../b?x=#%2F"], &[]).unwrap(),
            "https://api.zoom.example/v2/users/a%2F..%2Fb%3Fx%3D%23%252F"
        );
        assert_eq!(
            joined(&["users", "ada+1@acme.example"], &[("page", "a&b=c")]).unwrap(),
            "https://api.zoom.example/v2/users/ada%2B1%40acme.example?page=a%26b%3Dc"
        );
        for wrong in ["", ".", "..", &"x".repeat(600)] {
            assert!(joined(&["users", wrong], &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn credentials_are_sent_encrypted_or_to_this_machine() {
        assert!(Base::new("http://127.0.0.1:8080").is_ok());
        assert!(Base::new("http://[::1]:8080/v2").is_ok());
        assert!(Base::new("http://localhost").is_ok());
        assert_eq!(Base::new("http://api.zoom.example"), Err(InvalidBase::Scheme));
        assert_eq!(Base::new("http://localhost.evil.example"), Err(InvalidBase::Scheme));
        assert_eq!(Base::new("ftp://127.0.0.1"), Err(InvalidBase::Scheme));
        assert_eq!(Base::new("https://a:b@zoom.example"), Err(InvalidBase::Extra));
        assert_eq!(Base::new("https://zoom.example/?x=1"), Err(InvalidBase::Extra));
        assert_eq!(Base::new("zoom.example"), Err(InvalidBase::Url));
    }
}
