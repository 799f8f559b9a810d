//! JSON Web Tokens in compact form (RFC 7515, RFC 7519), with the algorithm fixed by whoever asks.
//!
//! Written here because time is an argument and the algorithm is never taken from the token, which is what goes wrong with
//! tokens most of the time. Signatures themselves are the library's.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::mac::{self, Hash};
use super::{Error, Secret};
use crate::json::Look;

/// A token longer than this many bytes is none.
const MAX_TOKEN: usize = 16 * 1024;

/// Public keys of an issuer, by their ids: what stands in its JWKS document (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys(Vec<RsaKey>);

/// One RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RsaKey {
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
}

impl Keys {
    /// Reads a JWKS document. Keys that are not for RSA signatures are left out.
    ///
    /// # Errors
    /// It is no such document, or has no key we can use.
    pub fn read(jwks: &[u8]) -> Result<Self, Error> {
        let unusable = Error::BadSecret("set of public keys");
        let document = crate::json::object(jwks).map_err(|_| unusable.clone())?;
        let keys: Vec<RsaKey> = document.items(&["keys"]).iter().filter_map(RsaKey::read).collect();
        if keys.is_empty() { Err(unusable) } else { Ok(Self(keys)) }
    }

    /// Whether there is a key of that id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }
}

impl RsaKey {
    fn read(key: &Value) -> Option<Self> {
        let other = |name: &str, expected: &str| key.id(&[name]).is_some_and(|is| is != expected);
        if key.id(&["kty"])? != "RSA" || other("use", "sig") || other("alg", "RS256") {
            return None;
        }
        let number = |name: &str| {
            let text = key.id(&[name])?;
            let bytes = BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            bytes.get(zeros..).map(<[u8]>::to_vec)
        };
        Some(Self { id: key.id(&["kid"])?, n: number("n")?, e: number("e")? })
    }
}

/// The parts of a token.
struct Parts<'a> {
    header: Value,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

fn split<'a>(token: &'a str, algorithm: &str) -> Result<Parts<'a>, Error> {
    if token.len() > MAX_TOKEN {
        return Err(Error::Body("token"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Error::Body("token"))?;
    let (header, payload) = signed.split_once('.').ok_or(Error::Body("token"))?;
    let header = part(header)?;
    if header.at(&["alg"]).and_then(Value::as_str) != Some(algorithm) {
        return Err(Error::Claim("alg"));
    }
    // A critical extension that is not understood makes a token invalid (RFC 7515, 4.1.11), and none is understood here.
    if header.get("crit").is_some() {
        return Err(Error::Claim("crit"));
    }
    let signature =
        BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Error::Body("token"))?;
    Ok(Parts { header, signed, payload, signature })
}

/// A part of a token that is JSON.
fn part(text: &str) -> Result<Value, Error> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Error::Body("token"))?;
    crate::json::object(&bytes).map_err(|_| Error::Body("token"))
}

/// The claims of a token signed with HS256.
///
/// # Errors
/// It is no such token, or not signed with any of the secrets.
pub fn hs256(token: &str, secrets: &[Secret]) -> Result<Value, Error> {
    let parts = split(token, "HS256")?;
    mac::find(Hash::Sha256, secrets, &[parts.signed.as_bytes()], &parts.signature)?;
    part(parts.payload)
}

/// The claims of a token signed with RS256.
///
/// # Errors
/// It is no such token, signed with a key we do not have, or not signed with the one it names.
pub fn rs256(token: &str, keys: &Keys) -> Result<Value, Error> {
    let parts = split(token, "RS256")?;
    let id = parts.header.id(&["kid"]).ok_or(Error::Claim("kid"))?;
    let key = keys.0.iter().find(|key| key.id == id).ok_or(Error::UnknownKey)?;
    PublicKeyComponents { n: &key.n, e: &key.e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, parts.signed.as_bytes(), &parts.signature)
        .map_err(|_| Error::Mismatch)?;
    part(parts.payload)
}

/// Checks `exp`, which must be there, and `nbf`, which may be.
///
/// # Errors
/// The token has expired, or does not hold yet.
pub fn lifetime(claims: &Value, leeway: TimeDelta, now: DateTime<Utc>) -> Result<(), Error> {
    let instant =
        |name: &str| claims.int(&[name]).and_then(|time| DateTime::from_timestamp(time, 0));
    let expires = instant("exp").ok_or(Error::Claim("exp"))?;
    if now.signed_duration_since(expires) > leeway {
        return Err(Error::Claim("exp"));
    }
    match instant("nbf") {
        Some(begins) if begins.signed_duration_since(now) > leeway => Err(Error::Claim("nbf")),
        _ => Ok(()),
    }
}

/// Makes a token signed with HS256, for tests.
#[cfg(test)]
pub(crate) fn make_hs256(header: &str, claims: &str, secret: &[u8]) -> String {
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let code = mac::sign(Hash::Sha256, secret, &[signed.as_bytes()]);
    format!("{signed}.{}", encode(code.as_ref()))
}

/// An issuer of tokens signed with RS256, for tests.
#[cfg(test)]
pub(crate) struct Issuer(aws_lc_rs::signature::RsaKeyPair);

#[cfg(test)]
impl Issuer {
    pub(crate) fn new() -> Self {
        let size = aws_lc_rs::rsa::KeySize::Rsa2048;
        Self(aws_lc_rs::signature::RsaKeyPair::generate(size).unwrap())
    }

    pub(crate) fn keys(&self) -> Keys {
        use aws_lc_rs::signature::KeyPair as _;
        // RSAPublicKey in DER, of 2048 bits: headers of fixed length, the modulus, and 65537.
        let public = self.0.public_key().as_ref();
        let n = BASE64URL_NOPAD.encode(&public[9..265]);
        let e = BASE64URL_NOPAD.encode(&public[public.len() - 3..]);
        let key = serde_json::json!({"kty": "RSA", "use": "sig", "kid": "k1", "n": n, "e": e});
        Keys::read(serde_json::json!({ "keys": [key] }).to_string().as_bytes()).unwrap()
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        let chance = aws_lc_rs::rand::SystemRandom::new();
        let algorithm = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
        self.0.sign(algorithm, &chance, signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn secrets() -> [Secret; 1] {
        [Secret::new("k").unwrap()]
    }

    #[test]
    fn a_token_is_believed_when_it_is_signed() {
        let token = make_hs256(HS256, r#"{"iat":1}"#, b"k");
        assert_eq!(hs256(&token, &secrets()), Ok(json!({"iat": 1})));
        assert_eq!(hs256(&make_hs256(HS256, "{}", b"other"), &secrets()), Err(Error::Mismatch));
    }

    #[test]
    fn a_changed_claim_is_noticed() {
        let token = make_hs256(HS256, r#"{"iat":1}"#, b"k");
        let other = make_hs256(HS256, r#"{"iat":2}"#, b"x");
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = other.split('.').nth(1).unwrap();
        assert_eq!(hs256(&parts.join("."), &secrets()), Err(Error::Mismatch));
    }

    #[test]
    fn the_token_does_not_choose_the_algorithm() {
        let none = make_hs256(r#"{"alg":"none"}"#, "{}", b"k");
        assert_eq!(hs256(&none, &secrets()), Err(Error::Claim("alg")));
        let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
        assert_eq!(hs256(&unsigned, &secrets()), Err(Error::Claim("alg")));
        let token = make_hs256(HS256, "{}", b"k");
        assert_eq!(rs256(&token, &Keys::default()), Err(Error::Claim("alg")));
    }

    #[test]
    fn a_critical_extension_is_not_overlooked() {
        let token = make_hs256(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, "{}", b"k");
        assert_eq!(hs256(&token, &secrets()), Err(Error::Claim("crit")));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", &"a".repeat(20_000)] {
            assert!(hs256(text, &secrets()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_expired_token_is_refused() {
        let now = DateTime::from_timestamp(1000, 0).unwrap();
        let check = |claims: Value| lifetime(&claims, TimeDelta::seconds(60), now);
        assert_eq!(check(json!({"exp": 940})), Ok(()));
        assert_eq!(check(json!({"exp": 939})), Err(Error::Claim("exp")));
        assert_eq!(check(json!({})), Err(Error::Claim("exp")));
        assert_eq!(check(json!({"exp": 2000, "nbf": 1060})), Ok(()));
        assert_eq!(check(json!({"exp": 2000, "nbf": 1061})), Err(Error::Claim("nbf")));
    }

    #[test]
    fn keys_for_other_purposes_are_left_out() {
        let set = br#"{"keys":[{"kty":"EC","kid":"a","x":"AA"},{"kty":"RSA","kid":"b","use":"enc","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","kid":"c","use":"sig","n":"AQAB","e":"AQAB"}]}"#;
        let keys = Keys::read(set).unwrap();
        assert!(keys.has("c") && !keys.has("a") && !keys.has("b"));
        assert!(Keys::read(b"{}").is_err());
    }
}
