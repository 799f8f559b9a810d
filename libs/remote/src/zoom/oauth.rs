//! Tokens of server-to-server applications.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use async_trait::async_trait;
use serde_json::Value;

use super::Account;
use crate::{
    Api, Base, Budget, Call, Complaint, Credentials, Dialect, Error, Http, Look, Mint, Minted,
    Verdict,
};

/// How long a token is taken to live if the answer does not say; Zoom's live an hour.
const LIFETIME: i64 = 300;

/// Fetches the tokens of one application. The address of a cluster that comes with a token is not used: where Zoom lives
/// is configuration.
#[derive(Debug)]
pub struct ServerToServer {
    api: Api,
}

impl ServerToServer {
    /// The tokens of an application, from where [`Settings::oauth`](super::Settings::oauth) says.
    #[must_use]
    pub fn new(http: Http, base: Base, account: Account) -> Self {
        let credentials = Credentials::basic(&account.client_id, &account.client_secret);
        let budget = Budget::unbounded();
        Self { api: Api::new(http, base, &account.id, credentials, Arc::new(Oauth), budget) }
    }
}

#[async_trait]
impl Mint for ServerToServer {
    async fn mint(&self) -> Result<Minted, Error> {
        let call = Call::new(Method::POST, ["oauth", "token"])
            .query("grant_type", std::borrow::Cow::from("account_credentials"))
            .query("account_id", std::borrow::Cow::from(self.api.account()));
        let value = self.api.json(&call).await?;
        let token =
            value.secret(&["access_token"]).ok_or(Error::Unreadable("it holds no token"))?;
        let seconds = value.int(&["expires_in"]).unwrap_or(LIFETIME);
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Ok(Minted { token, lifetime })
    }
}

/// `{"reason": "Invalid client_id or client_secret", "error": "invalid_client"}`, with 400 or 401.
#[derive(Debug)]
struct Oauth;

impl Dialect for Oauth {
    fn complaint(&self, _: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = value.id(&["error"]);
        let text =
            value.id(&["reason"]).or_else(|| value.id(&["errorMessage"])).unwrap_or_default();
        // A wrong secret, a wrong account, an application that is switched off: an administrator has to look.
        let refused = ["invalid_client", "invalid_grant", "unauthorized_client", "access_denied"];
        let verdict = code
            .as_deref()
            .is_some_and(|code| refused.contains(&code))
            .then_some(Verdict::Unauthorised);
        Complaint { code, text, verdict, retry_after: None }
    }
}
