//! A text in, conference links out: provider, canonical id, join URL.
//!
//! Nothing in here reads a clock, a file or the network, and no input makes it panic or take more
//! than linear time. What bounds the work: [`MAX_TEXT`], [`MAX_LINKS`], [`MAX_LINK`], [`MAX_LAYERS`].
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects
    )
)]

mod collect;
mod consent;
mod host;
mod provider;
mod scan;
mod service;
mod wrapper;

pub use consent::{ConsentKind, consent_shape};
pub use provider::{Provider, UnknownProvider};
pub use wrapper::{Wrapper, unwrap};

/// Only this many bytes of a text are looked at; what comes after is as if it were not there.
pub const MAX_TEXT: usize = 256 * 1024;
/// A text yields at most this many links.
pub const MAX_LINKS: usize = 200;
/// A URL longer than this many bytes is no link.
pub const MAX_LINK: usize = 8 * 1024;
/// Link rewriters are unwrapped at most this many times, one inside the other.
pub const MAX_LAYERS: usize = 6;

/// What a link turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A conference of a supported provider.
    Join {
        /// Whose conference.
        provider: Provider,
        /// The conference, without passcodes or other secrets: the same for every link to it.
        id: String,
    },
    /// The shape of a supported provider's join link, but no conference can be told from it.
    NoMeetingId {
        /// Whose link.
        provider: Provider,
    },
    /// A conference of a service that is known by name and not supported.
    Unsupported {
        /// The service, lower case with underscores: `goto`, `whereby`.
        service: &'static str,
        /// `host/room` where a host stands for an installation (Jitsi), else nothing.
        id: Option<String>,
    },
    /// Rewritten by a service whose links cannot be decoded offline, and which names the host it
    /// leads to. Nothing is guessed beyond that name.
    Undecodable {
        /// Who rewrote it.
        wrapper: Wrapper,
        /// The supported provider whose host is named.
        provider: Option<Provider>,
        /// The unsupported service whose host is named.
        service: Option<&'static str>,
    },
    /// The shape `https://{host}/{company}/{s|d}/{token}`. Whether it is a recording-consent link
    /// is told by the signature of the token, so by whoever has the keys.
    Consent {
        /// Lower case.
        host: String,
        /// The company's id, percent-decoded.
        company: String,
        /// From the path: `s` static, `d` dynamic.
        kind: ConsentKind,
        /// As written, not verified.
        token: String,
    },
}

/// A link to a conference, found in a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    /// What it is.
    pub kind: Kind,
    /// Where to join: unwrapped, with passcodes, scheme and host in lower case. A secret.
    pub url: String,
    /// The rewriters that were undone, outermost first.
    pub unwrapped: Vec<Wrapper>,
}

impl Link {
    /// The supported provider, where one is known.
    pub fn provider(&self) -> Option<Provider> {
        match &self.kind {
            Kind::Join { provider, .. } | Kind::NoMeetingId { provider } => Some(*provider),
            Kind::Undecodable { provider, .. } => *provider,
            Kind::Unsupported { .. } | Kind::Consent { .. } => None,
        }
    }

    /// The canonical id of the conference, where one is known.
    pub fn id(&self) -> Option<&str> {
        match &self.kind {
            Kind::Join { id, .. } => Some(id),
            Kind::Unsupported { id, .. } => id.as_deref(),
            Kind::NoMeetingId { .. } | Kind::Undecodable { .. } | Kind::Consent { .. } => None,
        }
    }

    /// The provider's or the service's name; `consent` for a consent link, and the rewriter's name
    /// where nothing else is known.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Join { provider, .. } | Kind::NoMeetingId { provider } => provider.as_str(),
            Kind::Unsupported { service, .. } => service,
            Kind::Undecodable { wrapper, provider, service } => {
                provider.map(Provider::as_str).or(*service).unwrap_or_else(|| wrapper.as_str())
            }
            Kind::Consent { .. } => "consent",
        }
    }

    /// Whether somebody who has no keys sees a join link in it: everything but consent links.
    pub fn is_join_shape(&self) -> bool {
        !matches!(self.kind, Kind::Consent { .. })
    }
}

/// The conference links of a plain or HTML text, in order of appearance.
///
/// A conference is listed once, where it first appears and with its longest URL (the one that
/// carries the passcode); so is a consent token. Recording, sign-up, chat and help pages are no
/// links.
pub fn find(text: &str) -> Vec<Link> {
    collect::collect(text, None)
}

/// As [`find`], with every `https://{consent_host}/{company}/{s|d}/{anything}` a consent link.
pub fn find_with(text: &str, consent_host: Option<&str>) -> Vec<Link> {
    collect::collect(text, consent_host)
}

/// What one URL is; nothing if it is no conference link.
pub fn classify(url: &str) -> Option<Link> {
    collect::classify(url, None)
}
