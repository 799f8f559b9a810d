//! Tokens somebody signs for themselves with a private key (RS256).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::Error;

/// What tells the time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A private key that signs.
pub(crate) struct Signer {
    key: RsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    /// A key, PKCS #8 in PEM.
    ///
    /// # Errors
    /// [`Error::Argument`] where it is none.
    pub(crate) fn new(pem: &SecretString) -> Result<Self, Error> {
        let none = || Error::Argument("a private key that is none");
        let der = der(pem.expose_secret()).ok_or_else(none)?;
        let key = RsaKeyPair::from_pkcs8(&der).map_err(|_| none())?;
        Ok(Self { key, random: SystemRandom::new() })
    }

    /// A token with these claims; none if the key signs nothing.
    pub(crate) fn token(&self, claims: &Value) -> Option<String> {
        let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let header = json!({"alg": "RS256", "typ": "JWT"});
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let key = &self.key;
        key.sign(&RSA_PKCS1_SHA256, &self.random, signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

/// What a PEM of one key holds. A key that stood in JSON may have its line ends written out.
fn der(pem: &str) -> Option<Vec<u8>> {
    let pem = pem.replace("\\n", "\n");
    let body: String =
        pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    BASE64.decode(body.as_bytes()).ok().filter(|bytes| !bytes.is_empty())
}
