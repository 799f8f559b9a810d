//! A tenant, and how Graph is asked about it.

use std::sync::Arc;

use ::http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

use super::ClientCredentials;
use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Error, Http, InvalidBase, Look, Tokens, Verdict,
};

/// Pages of a list, at most.
const PAGES: usize = 50;

/// `{"error": {"code": "ResourceNotFound", "message": "…", "innerError": {…}}}`
const DIALECT: Worded =
    Worded { code: &[&["error", "code"]], text: &[&["error", "message"]], verdict };

fn verdict(status: StatusCode, code: Option<&str>, text: &str) -> Option<Verdict> {
    let words = text.to_ascii_lowercase();
    match code? {
        "InvalidAuthenticationToken" => Some(Verdict::Unauthorised),
        "Authorization_RequestDenied" => Some(Verdict::Forbidden { missing_scope: true }),
        _ if status == StatusCode::FORBIDDEN => {
            // An access policy that is missing is no permission of the application.
            let missing_scope = words.contains("scope") || words.contains("role");
            Some(Verdict::Forbidden { missing_scope })
        }
        _ => None,
    }
}

/// Where Graph lives: a national cloud has addresses of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the paths of the API begin with; Microsoft's own is `https://graph.microsoft.com/v1.0`.
    pub api: Base,
    /// Where tokens come from; Microsoft's own is `https://login.microsoftonline.com`.
    pub login: Base,
    /// What a token is asked for; Microsoft's own is `https://graph.microsoft.com/.default`.
    pub scope: String,
}

impl Settings {
    /// Microsoft's own addresses.
    ///
    /// # Errors
    /// Never: they can be read.
    pub fn public() -> Result<Self, InvalidBase> {
        Ok(Self {
            api: Base::new("https://graph.microsoft.com/v1.0")?,
            login: Base::new("https://login.microsoftonline.com")?,
            scope: "https://graph.microsoft.com/.default".to_owned(),
        })
    }
}

/// An application, as a tenant let it in.
#[derive(Debug, Clone)]
pub struct Application {
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub id: String,
    /// The application's secret.
    pub secret: SecretString,
}

/// One tenant. Clones share connections, token and budgets; a process has one per tenant.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) api: Api,
    pub(super) base: Base,
    pub(super) credentials: Credentials,
}

impl Client {
    /// A tenant.
    #[must_use]
    pub fn new(http: &Http, settings: &Settings, application: Application, budget: Budget) -> Self {
        let tenant = application.tenant.clone();
        let mint = ClientCredentials::new(http.clone(), settings, application);
        Self::with_tokens(http, settings, &tenant, Tokens::new(Arc::new(mint)), budget)
    }

    /// A tenant whose tokens come from elsewhere.
    #[must_use]
    pub fn with_tokens(
        http: &Http,
        settings: &Settings,
        tenant: &str,
        tokens: Tokens,
        budget: Budget,
    ) -> Self {
        let credentials = Credentials::Tokens(tokens);
        let (base, dialect) = (settings.api.clone(), Arc::new(DIALECT));
        let api =
            Api::new(http.clone(), base.clone(), tenant, credentials.clone(), dialect, budget);
        Self { api, base, credentials }
    }

    /// The tenant's id.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.api.account()
    }

    /// Whether the tenant lets the application in.
    ///
    /// # Errors
    /// [`Error::Unauthorised`] where an administrator has to look; any other.
    pub async fn sign_in(&self) -> Result<(), Error> {
        self.api.sign_in().await
    }

    /// Everything in a list; what cannot be read is left out.
    pub(super) async fn all<T>(
        &self,
        call: Call,
        item: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut next: Option<(&'static str, String)> = None;
        for _ in 0..PAGES {
            let asked = match next.take() {
                Some((key, token)) => call.clone().query(key, std::borrow::Cow::from(token)),
                None => call.clone(),
            };
            let value = self.api.json(&asked).await?;
            all.extend(value.items(&["value"]).iter().filter_map(&item));
            next = value.id(&["@odata.nextLink"]).and_then(|link| follow(&link));
            if next.is_none() {
                return Ok(all);
            }
        }
        Err(Error::Unreadable("a list without end"))
    }
}

/// What tells the next page from this one.
fn follow(link: &str) -> Option<(&'static str, String)> {
    let (_, query) = link.split_once('?')?;
    ["$skiptoken", "$skip"].into_iter().find_map(|wanted| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(wanted))?;
        Some((wanted, value.into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_graph_can_be_read() {
        assert!(Settings::public().is_ok());
    }

    #[test]
    fn the_next_page_is_its_token() {
        let next = |query: &str| follow(&format!("https://graph.example/v1.0/x?{query}"));
        assert_eq!(next("%24skiptoken=a%2Fb&$top=5"), Some(("$skiptoken", "a/b".to_owned())));
        assert_eq!(next("$skip=20"), Some(("$skip", "20".to_owned())));
        assert_eq!(next("$top=5"), None);
    }
}
