//! The shape of a recording-consent link.

use url::Url;

use crate::host;

/// Whether a consent page is the same for every meeting or made for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConsentKind {
    /// `/s/`: one page for all meetings.
    Static,
    /// `/d/`: a page per meeting.
    Dynamic,
}

impl ConsentKind {
    /// `static` or `dynamic`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

/// A shorter last segment is an ordinary page's.
const SHORTEST_TOKEN: usize = 16;

/// Services whose own links have the shape: `docs.google.com/document/d/{id}`.
const NEVER: &[&str] = &["google.com", "dropbox.com", "sharepoint.com"];

/// Host, company, kind and token of `https://{host}/{company}/{s|d}/{token}`.
///
/// The token must look like one: 16 characters or more of the base64url alphabet, dots and tildes.
/// Under a host that begins with `consent.` any text will do.
pub fn consent_shape(url: &Url) -> Option<(String, String, ConsentKind, String)> {
    shape(url, None)
}

/// As [`consent_shape`]; under `consent_host` any token will do.
pub(crate) fn shape(
    url: &Url,
    consent_host: Option<&str>,
) -> Option<(String, String, ConsentKind, String)> {
    if url.scheme() != "https" || !url.username().is_empty() {
        return None;
    }
    let host = url.host_str()?.trim_end_matches('.');
    let mut segments = url.path().trim_end_matches('/').strip_prefix('/')?.split('/');
    let (company, kind, token) = (segments.next()?, segments.next()?, segments.next()?);
    if segments.next().is_some() || company.is_empty() || token.is_empty() {
        return None;
    }
    let kind = match kind {
        "s" => ConsentKind::Static,
        "d" => ConsentKind::Dynamic,
        _ => return None,
    };
    let known =
        consent_host.is_some_and(|ours| ours.trim_end_matches('.').eq_ignore_ascii_case(host));
    let plausible = known
        || host.starts_with("consent.")
        || (looks_like_token(token) && !NEVER.iter().any(|domain| host::within(host, domain)));
    plausible.then(|| (host.to_owned(), host::decode(company), kind, token.to_owned()))
}

fn looks_like_token(text: &str) -> bool {
    text.len() >= SHORTEST_TOKEN
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}
