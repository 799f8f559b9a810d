//! Google Meet: which room a space is, under the code people join it by.
//!
//! Documented (the descriptions of its REST API, version 2): `GET /spaces/{name}` takes the id of a space and its meeting code
//! alike and answers `{"name", "meetingUri", "meetingCode"}`; a conference record, `conferenceRecords/{id}`, names its `space`.
//! Errors are `{"error": {"code", "message", "status"}}`. A service account gets tokens for what it signs for itself
//! (RFC 7523), in the name of a user where the domain's administrator lets it (`sub`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;

use crate::rs256::Signer;
use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Error, Http, InvalidBase, Look, Mint, Minted, Now,
    Private, Tokens, Verdict,
};

/// What a token is asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/meetings.space.readonly";
/// For whom what is signed is made, as long as tokens come from Google's own place.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// How it is called that a token is asked for with a token.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long what is signed holds; Google allows an hour.
const LIFETIME: Duration = Duration::from_secs(600);
/// How long a token is taken to live if the answer does not say.
const USUAL: i64 = 300;

/// `{"error": {"code": 404, "message": "…", "status": "NOT_FOUND"}}`, and OAuth's own form.
const DIALECT: Worded = Worded {
    code: &[&["error", "status"], &["error"]],
    text: &[&["error", "message"], &["error_description"]],
    verdict,
};

fn verdict(_: StatusCode, code: Option<&str>, text: &str) -> Option<Verdict> {
    match code? {
        "UNAUTHENTICATED" | "invalid_grant" | "invalid_client" | "unauthorized_client" => {
            Some(Verdict::Unauthorised)
        }
        "PERMISSION_DENIED" => {
            let missing_scope = text.to_ascii_lowercase().contains("scope");
            Some(Verdict::Forbidden { missing_scope })
        }
        _ => None,
    }
}

/// What the paths of Google's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://meet.googleapis.com/v2")
}

/// Where Google's own tokens come from: the path `token` below it.
///
/// # Errors
/// Never: it can be read.
pub fn public_tokens() -> Result<Base, InvalidBase> {
    Base::new("https://oauth2.googleapis.com")
}

/// A service account.
pub struct ServiceAccount {
    api: Api,
    email: String,
    subject: Option<String>,
    key: Signer,
    now: Now,
}

impl ServiceAccount {
    /// The service account of an address, by its private key (PKCS #8 in PEM, as in the file Google hands out), which asks
    /// in the name of `subject`.
    ///
    /// # Errors
    /// [`Error::Argument`] where the key is none.
    pub fn new(
        http: &Http,
        tokens: Base,
        (email, key): (&str, &SecretString),
        subject: Option<&str>,
        now: Now,
    ) -> Result<Self, Error> {
        let (dialect, budget) = (Arc::new(DIALECT), Budget::unbounded());
        Ok(Self {
            api: Api::new(http.clone(), tokens, email, Credentials::None, dialect, budget),
            email: email.to_owned(),
            subject: subject.map(str::to_owned),
            key: Signer::new(key)?,
            now,
        })
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mint for ServiceAccount {
    async fn mint(&self) -> Result<Minted, Error> {
        let from = (self.now)().timestamp();
        let until = from.saturating_add(i64::try_from(LIFETIME.as_secs()).unwrap_or_default());
        let mut claims =
            json!({"iss": self.email, "scope": SCOPE, "aud": AUDIENCE, "iat": from, "exp": until});
        if let (Some(subject), Some(claims)) = (&self.subject, claims.as_object_mut()) {
            claims.insert("sub".to_owned(), json!(subject));
        }
        let signed = self.key.token(&claims).ok_or(Error::Argument("a key that signs nothing"))?;
        let call = Call::new(Method::POST, ["token"])
            .form(&[("grant_type", GRANT), ("assertion", &signed)]);
        let value = self.api.json(&call).await?;
        let token =
            value.secret(&["access_token"]).ok_or(Error::Unreadable("it holds no token"))?;
        let seconds = value.int(&["expires_in"]).unwrap_or(USUAL);
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Ok(Minted { token, lifetime })
    }
}

/// A space: a room of Google Meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Its name: `spaces/{id}`.
    pub name: String,
    /// The code people type.
    pub code: Option<String>,
    /// The link people join with.
    pub link: Option<Private>,
}

/// One domain. Clones share connections and token.
#[derive(Debug, Clone)]
pub struct Client {
    api: Api,
}

impl Client {
    /// A domain. `account` is whom its limits hold for.
    #[must_use]
    pub fn new(http: &Http, base: Base, account: &str, tokens: Tokens, budget: Budget) -> Self {
        let credentials = Credentials::Tokens(tokens);
        Self { api: Api::new(http.clone(), base, account, credentials, Arc::new(DIALECT), budget) }
    }

    /// A space, by its id or its meeting code.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Forbidden`] where there is none, or none that is shown; any other.
    pub async fn space(&self, id: &str) -> Result<Space, Error> {
        let value = self.api.json(&Call::get(["spaces", id])).await?;
        Ok(Space {
            name: value.id(&["name"]).ok_or(Error::Unreadable("a space without a name"))?,
            code: value.id(&["meetingCode"]),
            link: value.private(&["meetingUri"]),
        })
    }

    /// The id of the space in which a conference took place, by the id of its record.
    ///
    /// # Errors
    /// As with [`Client::space`].
    pub async fn space_of(&self, record: &str) -> Result<String, Error> {
        let value = self.api.json(&Call::get(["conferenceRecords", record])).await?;
        let name = value.id(&["space"]);
        let id = name.as_deref().and_then(|name| name.strip_prefix("spaces/"));
        id.map(str::to_owned).ok_or(Error::Unreadable("a conference without a space"))
    }
}
