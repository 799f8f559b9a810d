//! Link rewriters of mail gateways and search engines, undone without asking anybody.

mod proofpoint;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{MAX_LAYERS, MAX_LINK, host, provider::Provider, service};

/// Who rewrote a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wrapper {
    /// Microsoft Defender's Safe Links.
    SafeLinks,
    /// Proofpoint URL Defense, first form: percent escapes.
    ProofpointV1,
    /// Proofpoint URL Defense, second form: `-` for `%` and `_` for `/`.
    ProofpointV2,
    /// Proofpoint URL Defense, third form: replaced bytes in a base64 trailer.
    ProofpointV3,
    /// Barracuda Link Protect.
    Barracuda,
    /// Cisco Secure Web.
    CiscoSecureWeb,
    /// Google's redirect page.
    GoogleRedirect,
    /// FireEye, now Trellix.
    FireEye,
    /// Mimecast: the target is known to its servers only.
    Mimecast,
}

impl Wrapper {
    /// Lower case with underscores: `safelinks`, `proofpoint_v3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SafeLinks => "safelinks",
            Self::ProofpointV1 => "proofpoint_v1",
            Self::ProofpointV2 => "proofpoint_v2",
            Self::ProofpointV3 => "proofpoint_v3",
            Self::Barracuda => "barracuda",
            Self::CiscoSecureWeb => "cisco_secure_web",
            Self::GoogleRedirect => "google_redirect",
            Self::FireEye => "fireeye",
            Self::Mimecast => "mimecast",
        }
    }
}

/// Where rewritten links live, for telling quickly that a link is none; [`peel`] knows which is whose.
const DOMAINS: &[&str] = &[
    "safelinks.protection.outlook.com",
    "safelinks.protection.office365.us",
    "urldefense.com",
    "urldefense.us",
    "urldefense.proofpoint.com",
    "linkprotect.cudasvc.com",
    "secure-web.cisco.com",
    "fireeye.com",
    "mimecast.com",
];

/// One layer of wrapping.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The link inside.
    Around(Wrapper, String),
    /// A link inside that cannot be read; perhaps its host is named.
    Closed(Wrapper, Option<String>),
}

/// Undoes one layer: who rewrote the link, and the link as it was. Nothing if nobody did, or if it
/// cannot be decoded.
pub fn unwrap(link: &str) -> Option<(Wrapper, String)> {
    match peel(link)? {
        Layer::Around(wrapper, target) => Some((wrapper, target)),
        Layer::Closed(..) => None,
    }
}

/// Undoes all layers, [`MAX_LAYERS`] at most: what is inside, and who was undone.
pub(crate) fn unwrap_all(link: &str) -> Option<(String, Vec<Wrapper>, Option<Closed>)> {
    let mut link = link.to_owned();
    let mut wrappers = Vec::new();
    loop {
        match peel(&link) {
            None => return Some((link, wrappers, None)),
            Some(Layer::Closed(wrapper, named)) => {
                return Some((link, wrappers, Some(Closed::new(wrapper, named.as_deref()))));
            }
            Some(Layer::Around(..)) if wrappers.len() >= MAX_LAYERS => return None,
            Some(Layer::Around(wrapper, target)) => {
                wrappers.push(wrapper);
                link = target;
            }
        }
    }
}

/// What a link that cannot be decoded says about its target.
pub(crate) struct Closed {
    pub(crate) wrapper: Wrapper,
    pub(crate) provider: Option<Provider>,
    pub(crate) service: Option<&'static str>,
}

impl Closed {
    fn new(wrapper: Wrapper, named: Option<&str>) -> Self {
        let provider = named.and_then(Provider::of_host);
        let service = named.filter(|_| provider.is_none()).and_then(service::of_host);
        Self { wrapper, provider, service }
    }
}

pub(crate) fn peel(link: &str) -> Option<Layer> {
    let (host, rest) = split(link)?;
    let within = |domain| host::within(&host, domain);
    if within("safelinks.protection.outlook.com")
        || within("safelinks.protection.office365.us")
        || (is_teams_cdn(&host) && rest.contains("/safelinks"))
    {
        return around(Wrapper::SafeLinks, query_value(rest, &["url"])?);
    }
    if within("urldefense.com") || within("urldefense.us") || within("urldefense.proofpoint.com") {
        let path = rest.trim_start_matches('/');
        if let Some(path) = path.strip_prefix("v3/") {
            return Some(Layer::Around(Wrapper::ProofpointV3, link_in(proofpoint::v3(path)?)?));
        }
        if path.starts_with("v2/url") {
            let target = proofpoint::v2(query_value(rest, &["u"])?)?;
            return Some(Layer::Around(Wrapper::ProofpointV2, link_in(target)?));
        }
        if path.starts_with("v1/url") {
            let target = percent(query_value(rest, &["u"])?)?.replace("&amp;", "&");
            return Some(Layer::Around(Wrapper::ProofpointV1, link_in(target)?));
        }
        return None;
    }
    if within("linkprotect.cudasvc.com") {
        return around(Wrapper::Barracuda, query_value(rest, &["a"])?);
    }
    if within("secure-web.cisco.com") {
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        return around(Wrapper::CiscoSecureWeb, path.rsplit('/').next()?);
    }
    if is_google(&host) && rest.strip_prefix("/url").is_some_and(|rest| rest.starts_with('?')) {
        return around(Wrapper::GoogleRedirect, query_value(rest, &["q", "url"])?);
    }
    if within("fireeye.com") && host.starts_with("protect") {
        return around(Wrapper::FireEye, query_value(rest, &["u"])?);
    }
    if within("mimecast.com") && rest.starts_with("/s/") {
        let named = query_value(rest, &["domain"]).and_then(percent);
        return Some(Layer::Closed(Wrapper::Mimecast, named.map(|host| host.to_ascii_lowercase())));
    }
    None
}

/// The host, as browsers understand it, and the link's text from the path on, as written.
fn split(link: &str) -> Option<(String, &str)> {
    if link.len() > MAX_LINK {
        return None;
    }
    let (scheme, rest) = link.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let url = Url::parse(&format!("https://{authority}/")).ok()?;
    Some((host::of(&url)?.to_owned(), rest))
}

/// Whether rewritten links live on a host.
pub(crate) fn is_known(host: &str) -> bool {
    DOMAINS.iter().any(|domain| host::within(host, domain)) || is_google(host) || is_teams_cdn(host)
}

fn is_teams_cdn(host: &str) -> bool {
    host.starts_with("statics.teams.cdn.")
}

fn is_google(host: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    host.strip_prefix("google.").is_some_and(|rest| {
        let labels: Vec<&str> = rest.split('.').collect();
        match *labels.as_slice() {
            ["com"] => true,
            [country] => country.len() == 2,
            ["com" | "co", country] => country.len() == 2,
            _ => false,
        }
    })
}

/// The first of the named parameters that has a value, as written.
fn query_value<'a>(rest: &'a str, names: &[&str]) -> Option<&'a str> {
    let (_, query) = rest.split_once('?')?;
    // A hash does not end the value: a target that is escaped in part may hold one of its own.
    names.iter().find_map(|name| {
        query
            .split('&')
            .map(|pair| pair.strip_prefix("amp;").unwrap_or(pair))
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty())
            .map(|(_, value)| value)
    })
}

fn around(wrapper: Wrapper, escaped: &str) -> Option<Layer> {
    Some(Layer::Around(wrapper, link_in(percent(escaped)?)?))
}

/// Percent-decoded once; nothing if an escape is broken or the bytes are no text.
fn percent(escaped: &str) -> Option<String> {
    let mut rest = escaped;
    while let Some((_, after)) = rest.split_once('%') {
        let digits = after.get(..2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        rest = after;
    }
    percent_decode_str(escaped).decode_utf8().ok().map(Cow::into_owned)
}

/// The target, if it is a link.
fn link_in(target: String) -> Option<String> {
    let target = target.trim();
    let (scheme, rest) = target.split_once("://")?;
    let known = ["https", "http", "zoommtg", "msteams"];
    (known.iter().any(|it| scheme.eq_ignore_ascii_case(it)) && !rest.is_empty())
        .then(|| target.to_owned())
}
