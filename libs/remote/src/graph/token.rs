//! Tokens of an application, one for each tenant.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use async_trait::async_trait;
use secrecy::ExposeSecret;

use super::{Application, Settings};
use crate::worded::Worded;
use crate::{Api, Budget, Call, Credentials, Error, Http, Look, Mint, Minted, Verdict};

/// How long a token is taken to live if the answer does not say; Microsoft's live 60 to 90 minutes.
const LIFETIME: i64 = 300;

/// `{"error": "invalid_client", "error_description": "AADSTS7000215: …", "error_codes": [7000215]}`, mostly with 400.
const DIALECT: Worded = Worded { code: &[&["error"]], text: &[&["error_description"]], verdict };

fn verdict(_: StatusCode, code: Option<&str>, text: &str) -> Option<Verdict> {
    // A wrong or expired secret, an application or a tenant that is not there, consent that was taken away.
    let refused = ["invalid_client", "unauthorized_client", "invalid_grant", "access_denied"];
    let stranger = text.contains("AADSTS90002") || text.contains("AADSTS700016");
    (stranger || code.is_some_and(|code| refused.contains(&code))).then_some(Verdict::Unauthorised)
}

/// Fetches the tokens of one application in one tenant.
#[derive(Debug)]
pub struct ClientCredentials {
    api: Api,
    application: Application,
    scope: String,
}

impl ClientCredentials {
    /// The tokens of an application, from where [`Settings::login`] says.
    #[must_use]
    pub fn new(http: Http, settings: &Settings, application: Application) -> Self {
        let (base, dialect) = (settings.login.clone(), Arc::new(DIALECT));
        let (tenant, budget) = (&application.tenant, Budget::unbounded());
        let api = Api::new(http, base, tenant, Credentials::None, dialect, budget);
        Self { api, application, scope: settings.scope.clone() }
    }
}

#[async_trait]
impl Mint for ClientCredentials {
    async fn mint(&self) -> Result<Minted, Error> {
        let path = [self.application.tenant.as_str(), "oauth2", "v2.0", "token"];
        let call = Call::new(Method::POST, path).form(&[
            ("client_id", &self.application.id),
            ("client_secret", self.application.secret.expose_secret()),
            ("scope", &self.scope),
            ("grant_type", "client_credentials"),
        ]);
        let value = self.api.json(&call).await?;
        let token =
            value.secret(&["access_token"]).ok_or(Error::Unreadable("it holds no token"))?;
        let seconds = value.int(&["expires_in"]).unwrap_or(LIFETIME);
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Ok(Minted { token, lifetime })
    }
}
