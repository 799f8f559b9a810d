//! Signed tokens of recording-consent links (DOMAIN 8.17).
//!
//! A link is `https://{host}/{company}/s/{token}` (static) or `/d/{token}` (dynamic). The token is
//! `{claims}.{signature}`, both in base64url: the claims are JSON, the signature is Ed25519 over
//! them. Whoever has the public key can tell where a link leads, without asking anybody.

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::company::LinkType;
use crate::links::Resolution;
use crate::meeting::{Conference, Provider};
use crate::text;

/// Keeps these signatures apart from any other made with the same key.
const CONTEXT: &[u8] = b"callsheet consent link v1\0";

/// No token is longer than this, in bytes.
pub const MAX_TOKEN: usize = 4_096;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Id of the company.
    pub company: String,
    /// Type of the link.
    pub link_type: LinkType,
    /// Where it leads.
    pub conference: Conference,
    /// Last instant at which it is valid, to the second.
    pub expires_at: DateTime<Utc>,
}

/// Claims as they are written; the names are short because links are mailed around.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    k: String,
    c: String,
    t: LinkType,
    p: String,
    i: String,
    e: i64,
}

/// A key that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key in PEM form")]
pub struct InvalidKey;

/// A key that verifies tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: String,
}

impl PublicKey {
    /// Reads a public key in PEM (SPKI) form.
    ///
    /// # Errors
    /// It is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        VerifyingKey::from_public_key_pem(pem.trim()).map(Self::new).map_err(|_| InvalidKey)
    }

    fn new(key: VerifyingKey) -> Self {
        let id =
            key.as_bytes().get(..9).map(|head| BASE64URL_NOPAD.encode(head)).unwrap_or_default();
        Self { key, id }
    }
}

/// A key that signs tokens. Shows nothing of itself.
pub struct PrivateKey(SigningKey);

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl PrivateKey {
    /// Makes a key of 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// Reads a private key in PEM (PKCS#8) form.
    ///
    /// # Errors
    /// It is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        SigningKey::from_pkcs8_pem(pem.trim()).map(Self).map_err(|_| InvalidKey)
    }

    /// Writes the private key in PEM (PKCS#8) form.
    ///
    /// # Errors
    /// It cannot be written, which does not happen for a key that was made or read here.
    pub fn to_pem(&self) -> Result<String, InvalidKey> {
        self.0.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| InvalidKey)
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.0.verifying_key())
    }

    /// Writes the public key in PEM (SPKI) form.
    ///
    /// # Errors
    /// It cannot be written, which does not happen for a key that was made or read here.
    pub fn public_pem(&self) -> Result<String, InvalidKey> {
        self.0.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|_| InvalidKey)
    }

    /// Signs claims: the token.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let written = Written {
            k: self.public().id,
            c: claims.company.clone(),
            t: claims.link_type,
            p: claims.conference.provider.as_str().to_owned(),
            i: claims.conference.id.clone(),
            e: claims.expires_at.timestamp(),
        };
        // Strings and numbers always serialise.
        let payload = BASE64URL_NOPAD.encode(&serde_json::to_vec(&written).unwrap_or_default());
        let signature = self.0.sign(&signed(&payload));
        format!("{payload}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes()))
    }
}

fn signed(payload: &str) -> Vec<u8> {
    [CONTEXT, payload.as_bytes()].concat()
}

/// The parts of a URL that may be a consent link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape<'a> {
    /// Host name.
    pub host: &'a str,
    /// First segment of the path.
    pub company: &'a str,
    /// Type by the path.
    pub link_type: LinkType,
    /// Last segment of the path.
    pub token: &'a str,
}

/// The URL of a consent link.
#[must_use]
pub fn url(host: &str, company: &str, link_type: LinkType, token: &str) -> String {
    let segment = match link_type {
        LinkType::Static => 's',
        LinkType::Dynamic => 'd',
    };
    format!("https://{host}/{company}/{segment}/{token}")
}

/// Tells what a URL of that shape is. `our_host` is the host of the company's own consent pages:
/// there anything of that shape is a consent link, elsewhere only what reads as a token.
#[must_use]
pub fn resolve(
    shape: &Shape<'_>,
    our_host: Option<&str>,
    keys: &[PublicKey],
    now: DateTime<Utc>,
) -> Resolution {
    let unresolvable = |reason: &'static str| Resolution::Unresolvable {
        link_type: shape.link_type,
        reason: reason.into(),
    };
    let Some((payload, signature, written, conference)) = read(shape.token) else {
        let ours = our_host.is_some() && text::domain(shape.host).as_deref() == our_host;
        return if ours { unresolvable("unreadable") } else { Resolution::NotAConsentLink };
    };
    let mut known = keys.iter().filter(|key| key.id == written.k).peekable();
    if known.peek().is_none() {
        return unresolvable("unknown_key");
    }
    if !known.any(|key| key.key.verify_strict(&signed(payload), &signature).is_ok()) {
        return unresolvable("bad_signature");
    }
    if written.c != shape.company || written.t != shape.link_type {
        return unresolvable("mismatch");
    }
    if now.timestamp() > written.e {
        return unresolvable("expired");
    }
    Resolution::Resolved { company: written.c, link_type: written.t, conference }
}

fn read(token: &str) -> Option<(&str, Signature, Written, Conference)> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let (payload, signature) = token.split_once('.')?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    let signature = Signature::from_slice(&signature).ok()?;
    let written: Written =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?).ok()?;
    let conference =
        Conference { provider: Provider::from_name(&written.p)?, id: written.i.clone() };
    Some((payload, signature, written, conference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            company: "acme".into(),
            link_type: LinkType::Dynamic,
            conference: Conference { provider: Provider::Zoom, id: "123456789".into() },
            expires_at: DateTime::from_timestamp(2_000, 0).unwrap(),
        }
    }

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_bytes(&[seed; 32])
    }

    fn reason(token: &str, company: &str, keys: &[PublicKey], now: i64) -> String {
        let shape =
            Shape { host: "consent.acme.example", company, link_type: LinkType::Dynamic, token };
        let now = DateTime::from_timestamp(now, 0).unwrap();
        match resolve(&shape, Some("consent.acme.example"), keys, now) {
            Resolution::Resolved { .. } => "resolved".into(),
            Resolution::NotAConsentLink => "none".into(),
            Resolution::Unresolvable { reason, .. } => reason.into_owned(),
        }
    }

    #[test]
    fn a_token_leads_to_its_conference_until_it_expires() {
        let token = key(1).sign(&claims());
        let keys = [key(2).public(), key(1).public()];
        assert_eq!(reason(&token, "acme", &keys, 2_000), "resolved");
        assert_eq!(reason(&token, "acme", &keys, 2_001), "expired");
        assert_eq!(reason(&token, "other", &keys, 1), "mismatch");
        assert_eq!(reason(&token, "acme", &keys[..1], 1), "unknown_key");
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = key(1).sign(&claims());
        let (payload, signature) = token.split_once('.').unwrap();
        let mut json: serde_json::Value =
            serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
        json["i"] = "987654321".into();
        let forged = format!("{}.{signature}", BASE64URL_NOPAD.encode(json.to_string().as_bytes()));
        assert_eq!(reason(&forged, "acme", &[key(1).public()], 1), "bad_signature");
        assert_eq!(reason("garbage", "acme", &[key(1).public()], 1), "unreadable");
    }

    #[test]
    fn garbage_on_another_host_is_no_consent_link() {
        let shape = Shape {
            host: "www.example",
            company: "docs",
            link_type: LinkType::Static,
            token: "introduction",
        };
        let resolution = resolve(&shape, Some("consent.acme.example"), &[], DateTime::UNIX_EPOCH);
        assert_eq!(resolution, Resolution::NotAConsentLink);
    }

    #[test]
    fn keys_survive_their_written_form() {
        let key = key(7);
        assert_eq!(PrivateKey::from_pem(&key.to_pem().unwrap()).unwrap().public(), key.public());
        assert_eq!(PublicKey::from_pem(&key.public_pem().unwrap()).unwrap(), key.public());
        assert!(!format!("{key:?}").contains('7'));
    }
}
