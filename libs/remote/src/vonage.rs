//! Vonage: recordings of calls.
//!
//! Documented: a recording is a file at the `recording_url` of its event, `/v1/files/{id}`, fetched with the token an
//! application signs for itself with its private key (RS256; `application_id`, `iat`, `exp`, `jti`): [`SelfSigned`]. The host
//! in the address is not used: where Vonage lives is configuration. No endpoint that deletes a file was found, so there is
//! none here; Vonage keeps them for a month.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use secrecy::SecretString;
use serde_json::json;

use crate::rs256::Signer;
use crate::{Base, Credentials, Download, Error, InvalidBase, Mint, Minted, Now, Tokens};

/// How long a token lives; Vonage allows a day.
const LIFETIME: Duration = Duration::from_secs(900);

/// Makes the tokens of an application.
pub struct SelfSigned {
    application: String,
    key: Signer,
    now: Now,
}

impl SelfSigned {
    /// The tokens of an application, by its id and its private key (PKCS #8 in PEM, as Vonage hands it out).
    ///
    /// # Errors
    /// [`Error::Argument`] where the key is none.
    pub fn new(application: &str, key: &SecretString, now: Now) -> Result<Self, Error> {
        Ok(Self { application: application.to_owned(), key: Signer::new(key)?, now })
    }

    fn token(&self) -> Option<String> {
        let mut id = [0; 16];
        rand::fill(&mut id).ok()?;
        let from = (self.now)().timestamp();
        let until = from.saturating_add(i64::try_from(LIFETIME.as_secs()).unwrap_or_default());
        let claims = json!({"application_id": self.application, "iat": from, "exp": until,
            "jti": HEXLOWER.encode(&id)});
        self.key.token(&claims)
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfSigned").field("application", &self.application).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mint for SelfSigned {
    async fn mint(&self) -> Result<Minted, Error> {
        let token = self.token().ok_or(Error::Argument("a key that signs nothing"))?;
        Ok(Minted { token: token.into(), lifetime: LIFETIME })
    }
}

/// What the paths of Vonage's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://api.nexmo.com")
}

/// One application of Vonage. Clones share the token.
#[derive(Debug, Clone)]
pub struct Client {
    base: Base,
    credentials: Credentials,
}

impl Client {
    /// An application.
    #[must_use]
    pub fn new(base: Base, tokens: Tokens) -> Self {
        Self { base, credentials: Credentials::Tokens(tokens) }
    }

    /// Where the recording of an event is, by its `recording_url`.
    ///
    /// # Errors
    /// [`Error::Argument`] where the address is none of a file; no token can be had.
    pub async fn download(&self, recording_url: &str) -> Result<Download, Error> {
        let id = file(recording_url).ok_or(Error::Argument("an address that is none of a file"))?;
        self.file(&id).await
    }

    /// Where a file is, by its [id](file).
    ///
    /// # Errors
    /// [`Error::Argument`] where that cannot be one; no token can be had.
    pub async fn file(&self, id: &str) -> Result<Download, Error> {
        Download::of(&self.base, &["v1", "files", id], &[], &self.credentials).await
    }
}

/// The id of a file in an address that ends with `/v1/files/{id}`; none in another one.
#[must_use]
pub fn file(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let mut parts = url.path_segments()?;
    let end = [parts.next()?, parts.next()?, parts.next()?];
    let [version, files, id] = end;
    let fits = version == "v1" && files == "files" && !id.is_empty() && parts.next().is_none();
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use chrono::DateTime;
    use data_encoding::{BASE64, BASE64URL_NOPAD};
    use std::sync::Arc;

    #[test]
    fn a_token_is_signed_for_its_time_and_application() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let text = BASE64.encode(pkcs8.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let now: Now = Arc::new(|| DateTime::from_timestamp(1_767_261_600, 0).unwrap());
        let mint = SelfSigned::new("app-1", &pem.into(), now).unwrap();
        let token = mint.token().unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let claims = BASE64URL_NOPAD.decode(signed.split('.').nth(1).unwrap().as_bytes()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(
            (&claims["application_id"], &claims["iat"]),
            (&json!("app-1"), &json!(1_767_261_600))
        );
        assert_eq!(claims["exp"], json!(1_767_262_500));
        assert_ne!(mint.token().unwrap(), token, "each has an id of its own");
        assert!(!format!("{mint:?}").contains("PRIVATE"));
        let none = SelfSigned::new(
            "app-1",
            &"no key".to_owned().into(),
            Arc::new(|| DateTime::UNIX_EPOCH),
        );
        assert!(matches!(none, Err(Error::Argument(_))));
    }

    #[test]
    fn only_the_address_of_a_file_is_one() {
        let found = file("https://api-us.nexmo.example/v1/files/aa-bb");
        assert_eq!(found.as_deref(), Some("aa-bb"));
        for wrong in [
            "https://a.example/v1/files/",
            "https://a.example/x/v1/files/a",
            "aa-bb",
            "https://a.example/v1/files/a/b",
        ] {
            assert_eq!(file(wrong), None, "{wrong}");
        }
        assert!(public().is_ok());
    }
}
