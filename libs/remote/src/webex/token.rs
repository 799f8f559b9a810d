//! Tokens of an integration or a service application, from the token it was granted for good.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::worded::Worded;
use crate::{Api, Base, Budget, Call, Credentials, Error, Http, Look, Mint, Minted, Verdict};

/// How long a token is taken to live if the answer does not say; Webex's live some days.
const LIFETIME: i64 = 300;

/// Errors as everywhere at Webex, or as OAuth words them.
const DIALECT: Worded = Worded {
    code: &[&["error"], &["errorCode"]],
    text: &[&["error_description"], &["message"]],
    verdict,
};

fn verdict(_: StatusCode, code: Option<&str>, _: &str) -> Option<Verdict> {
    // A wrong secret, or a grant that was taken away or has lapsed: somebody has to grant it again.
    let refused = ["invalid_client", "invalid_grant", "unauthorized_client", "access_denied"];
    code.is_some_and(|code| refused.contains(&code)).then_some(Verdict::Unauthorised)
}

/// An application, as somebody let it in.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretString,
    /// The token that was granted for good. Webex prolongs it when it is used, and does not replace it.
    pub refresh_token: SecretString,
}

/// Fetches the tokens of a grant.
#[derive(Debug)]
pub struct Refresh {
    api: Api,
    grant: Grant,
}

impl Refresh {
    /// The tokens of a grant, from where the API is.
    #[must_use]
    pub fn new(http: Http, base: Base, grant: Grant) -> Self {
        let (dialect, budget) = (Arc::new(DIALECT), Budget::unbounded());
        let api = Api::new(http, base, &grant.client_id, Credentials::None, dialect, budget);
        Self { api, grant }
    }
}

#[async_trait]
impl Mint for Refresh {
    async fn mint(&self) -> Result<Minted, Error> {
        let call = Call::new(Method::POST, ["access_token"]).form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &self.grant.client_id),
            ("client_secret", self.grant.client_secret.expose_secret()),
            ("refresh_token", self.grant.refresh_token.expose_secret()),
        ]);
        let value = self.api.json(&call).await?;
        let token =
            value.secret(&["access_token"]).ok_or(Error::Unreadable("it holds no token"))?;
        let seconds = value.int(&["expires_in"]).unwrap_or(LIFETIME);
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Ok(Minted { token, lifetime })
    }
}

/// A token that somebody fetched, and fetches again when its time is over.
#[derive(Debug)]
pub struct Given(pub SecretString);

#[async_trait]
impl Mint for Given {
    async fn mint(&self) -> Result<Minted, Error> {
        // How long it lives is not known: one that is refused is refused again.
        Ok(Minted { token: self.0.clone(), lifetime: Duration::from_secs(3600) })
    }
}
