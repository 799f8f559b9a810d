//! What may be fetched from where: hosts, schemes, addresses, sizes, and who sees a token.

mod address;

pub use address::{AddressKind, kind_of};

use crate::error::{Error, Site};
use data_encoding::BASE64;
use std::fmt;
use std::str::FromStr;
use url::{Host, Url};

/// One entry of a list of hosts. As text: `zoom.us` is the host and all below it, `=files.example` that host alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRule {
    /// This host and no other.
    Exact(String),
    /// This domain and all its sub-domains.
    Domain(String),
}

impl FromStr for HostRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (exact, name) = match text.strip_prefix('=') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let invalid =
            || Error::Setting(format!("`{text}` is no host; write `zoom.us` or `=files.example`"));
        // As URLs are read, so that both sides are spelled alike.
        let host = Host::parse(name.trim_end_matches('.')).map_err(|_| invalid())?;
        match (host, exact) {
            (Host::Domain(name), false) if name.contains('.') => Ok(Self::Domain(name)),
            // All of a top-level domain is hardly meant, and an address has nothing below it.
            (host, _) => Ok(Self::Exact(host.to_string())),
        }
    }
}

impl HostRule {
    /// Whether a URL lies there.
    pub fn matches(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Exact(name) => host == name,
            Self::Domain(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        }
    }
}

/// Which hosts may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// Whatever host, if its addresses are public: for URLs that customers give.
    AnyPublic,
    /// These alone: for providers, whose hosts are known. They must have public addresses as well.
    Only(Vec<HostRule>),
}

/// What opens a recording, and for whom it is.
#[derive(Clone)]
pub struct Authorization {
    value: String,
    hosts: Vec<HostRule>,
}

impl Authorization {
    /// A bearer token, shown to these hosts and to no others, wherever redirects lead.
    pub fn bearer(token: &str, hosts: Vec<HostRule>) -> Self {
        Self { value: format!("Bearer {token}"), hosts }
    }

    /// A user and a password, shown to these hosts and to no others.
    pub fn basic(user: &str, password: &str, hosts: Vec<HostRule>) -> Self {
        let both = BASE64.encode(format!("{user}:{password}").as_bytes());
        Self { value: format!("Basic {both}"), hosts }
    }

    /// What the header says, as it stands, shown to these hosts and to no others.
    pub fn verbatim(value: &str, hosts: Vec<HostRule>) -> Self {
        Self { value: value.to_owned(), hosts }
    }

    /// What the header says to this URL: nothing, unless its host is on the list.
    pub(crate) fn for_url(&self, url: &Url) -> Option<&str> {
        self.hosts.iter().any(|host| host.matches(url)).then_some(&self.value)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// What is let through that the open internet must not have. All of it is off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// `http://` too. For tests and laptops: everybody on the way could read a token.
    pub plain_http: bool,
    /// This very machine too. For tests and laptops.
    pub loopback: bool,
}

impl Reach {
    /// Whether a URL may be asked at all, as far as it tells by itself. What its name resolves to is judged when it is
    /// resolved, see [`Guard`](crate::fetch::Guard).
    pub(crate) fn check(self, url: &Url, hosts: &Hosts) -> Result<Site, Error> {
        let site = Site::of(url);
        match self.refusal(url, hosts) {
            Some(why) => Err(Error::Refused { site, why }),
            None => Ok(site),
        }
    }

    fn refusal(self, url: &Url, hosts: &Hosts) -> Option<Refusal> {
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http => {}
            _ => return Some(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some(Refusal::Credentials);
        }
        // A connection to an address in the URL asks no resolver.
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(kind) = literal.and_then(|ip| self.forbids(ip)) {
            return Some(Refusal::Address(kind));
        }
        match hosts {
            Hosts::AnyPublic => None,
            Hosts::Only(list) if list.iter().any(|rule| rule.matches(url)) => None,
            Hosts::Only(_) => Some(Refusal::Host),
        }
    }

    /// Why no connection may be made to an address; nothing if one may.
    pub(crate) fn forbids(self, ip: std::net::IpAddr) -> Option<AddressKind> {
        let kind = kind_of(ip);
        let fine = kind == AddressKind::Public || (kind == AddressKind::Loopback && self.loopback);
        (!fine).then_some(kind)
    }
}

/// The rule that refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not https.
    #[error("only https is fetched; give a link that begins with https://")]
    Scheme,
    /// Not on the list.
    #[error(
        "the host is not on the list of allowed hosts; add it there, if recordings come from it"
    )]
    Host,
    /// A user or a password in the URL.
    #[error("the link holds a user or password; give them apart from the link")]
    Credentials,
    /// An address that is none of the open internet.
    #[error("it leads to {0}, and only public addresses are asked")]
    Address(AddressKind),
    /// Bigger than permitted, as announced or as counted.
    #[error("it is larger than {limit} bytes; raise the limit, if such recordings are wanted")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Led on too often.
    #[error("more than {limit} redirects; give the link they lead to")]
    Redirects {
        /// How many are followed.
        limit: u8,
    },
}

#[cfg(test)]
mod tests;
