//! RingCentral: recordings of calls.
//!
//! Documented: `GET /restapi/v1.0/account/~/recording/{id}` and its `content`, both with the token of the account, the latter
//! at a host of its own for media; the log of calls by `telephonySessionId`, whose records and legs name their recording;
//! tokens for a JWT (RFC 7523) that was made once, in the name of an application; errors as
//! `{"errorCode": "CMN-102", "message"}`. The `contentUri` of a recording is not used, since where RingCentral lives is
//! configuration. No endpoint that deletes a recording was found, so there is none here. Assumed: that the content of a
//! recording RingCentral still works on answers 404.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Download, Error, Http, InvalidBase, Look, Mint, Minted,
    Tokens, Verdict,
};

const DIALECT: Worded =
    Worded { code: &[&["errorCode"]], text: &[&["message"]], verdict: |_, _, _| None };
/// `{"error": "invalid_grant", "error_description": "…"}`, with 400 or 401.
const OF_TOKENS: Worded =
    Worded { code: &[&["error"]], text: &[&["error_description"]], verdict: of_tokens };

fn of_tokens(_: StatusCode, code: Option<&str>, _: &str) -> Option<Verdict> {
    // An application or a JWT that is not accepted: somebody has to look.
    let refused = ["invalid_client", "invalid_grant", "unauthorized_client"];
    code.is_some_and(|code| refused.contains(&code)).then_some(Verdict::Unauthorised)
}

/// What a JWT is exchanged as.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long a token is taken to live if the answer does not say; RingCentral's live an hour.
const LIFETIME: i64 = 300;
/// What paths about the account the token is of begin with.
const ACCOUNT: [&str; 4] = ["restapi", "v1.0", "account", "~"];

/// What the paths of RingCentral's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://platform.ringcentral.com")
}

/// What the paths of RingCentral's own media begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public_media() -> Result<Base, InvalidBase> {
    Base::new("https://media.ringcentral.com")
}

/// Fetches the tokens of an application that has a JWT of somebody's.
#[derive(Debug)]
pub struct JwtGrant {
    api: Api,
    assertion: SecretString,
}

impl JwtGrant {
    /// The tokens of an application, in the name of whoever made the JWT.
    #[must_use]
    pub fn new(
        http: Http,
        base: Base,
        client_id: &str,
        client_secret: &SecretString,
        assertion: SecretString,
    ) -> Self {
        let credentials = Credentials::basic(client_id, client_secret);
        let (dialect, budget) = (Arc::new(OF_TOKENS), Budget::unbounded());
        Self { api: Api::new(http, base, client_id, credentials, dialect, budget), assertion }
    }
}

#[async_trait]
impl Mint for JwtGrant {
    async fn mint(&self) -> Result<Minted, Error> {
        let form = [("grant_type", GRANT), ("assertion", self.assertion.expose_secret())];
        let call = Call::new(Method::POST, ["restapi", "oauth", "token"]).form(&form);
        let value = self.api.json(&call).await?;
        let token =
            value.secret(&["access_token"]).ok_or(Error::Unreadable("it holds no token"))?;
        let seconds = value.int(&["expires_in"]).unwrap_or(LIFETIME);
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Ok(Minted { token, lifetime })
    }
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// RingCentral's id of it.
    pub id: String,
    /// The media type of its content.
    pub content_type: Option<String>,
    /// How long it is.
    pub seconds: Option<i64>,
}

impl Recording {
    /// Reads a recording; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            content_type: value.id(&["contentType"]),
            seconds: value.int(&["duration"]),
        })
    }
}

/// One account of RingCentral. Clones share connections, token and budget.
#[derive(Debug, Clone)]
pub struct Client {
    api: Api,
    media: Base,
    credentials: Credentials,
}

impl Client {
    /// An account whose tokens come from a grant of its own. `account` is whom its limits hold for.
    #[must_use]
    pub fn new(http: &Http, base: Base, account: &str, tokens: Tokens, budget: Budget) -> Self {
        let credentials = Credentials::Tokens(tokens);
        let (http, dialect) = (http.clone(), Arc::new(DIALECT));
        let api = Api::new(http, base.clone(), account, credentials.clone(), dialect, budget);
        Self { api, media: base, credentials }
    }

    /// One whose media are elsewhere than its API.
    #[must_use]
    pub fn with_media(mut self, media: Base) -> Self {
        self.media = media;
        self
    }

    /// Ids of the recordings of a telephone session that began after an instant, each once; none while the log does not know
    /// them yet, which takes a minute or two.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn recordings(
        &self,
        session: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, Error> {
        let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
        let call = Call::get(ACCOUNT.into_iter().chain(["call-log"]))
            .query("telephonySessionId", Cow::from(session))
            .query("view", Cow::from("Detailed"))
            .query("recordingType", Cow::from("All"))
            .query("dateFrom", Cow::from(since));
        let value = self.api.json(&call).await?;
        let mut ids = Vec::new();
        for record in value.items(&["records"]) {
            // Some versions of the log ignore what they are asked for.
            if record.id(&["telephonySessionId"]).is_some_and(|of| of != session) {
                continue;
            }
            let legs = record.items(&["legs"]).iter();
            ids.extend(
                [record].into_iter().chain(legs).filter_map(|one| one.id(&["recording", "id"])),
            );
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// A recording.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none; any other.
    pub async fn recording(&self, id: &str) -> Result<Recording, Error> {
        let path = ACCOUNT.into_iter().chain(["recording", id]);
        let value = self.api.json(&Call::get(path)).await?;
        Recording::read(&value).ok_or(Error::Unreadable("a recording without id"))
    }

    /// Where a recording's content is.
    ///
    /// # Errors
    /// No token can be had, or the id cannot be one.
    pub async fn download(&self, id: &str) -> Result<Download, Error> {
        let path: Vec<&str> = ACCOUNT.into_iter().chain(["recording", id, "content"]).collect();
        Download::of(&self.media, &path, &[], &self.credentials).await
    }
}
