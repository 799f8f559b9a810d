//! RingCentral: recordings of calls.
//!
//! Documented: `GET /restapi/v1.0/account/~/recording/{id}` and its `content`, both with the token of the account, errors as
//! `{"errorCode": "CMN-102", "message"}`. The `contentUri` of a recording is not used, since where RingCentral lives is
//! configuration. No endpoint that deletes a recording was found, so there is none here. Assumed: that the content of a
//! recording RingCentral still works on answers 404.

use std::sync::Arc;

use serde_json::Value;

use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Download, Error, Http, InvalidBase, Look, Tokens,
};

const DIALECT: Worded =
    Worded { code: &[&["errorCode"]], text: &[&["message"]], verdict: |_, _, _| None };
/// What paths about the account the token is of begin with.
const ACCOUNT: [&str; 4] = ["restapi", "v1.0", "account", "~"];

/// What the paths of RingCentral's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://platform.ringcentral.com")
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
    base: Base,
    credentials: Credentials,
}

impl Client {
    /// An account whose tokens come from a grant of its own. `account` is whom its limits hold for.
    #[must_use]
    pub fn new(http: &Http, base: Base, account: &str, tokens: Tokens, budget: Budget) -> Self {
        let credentials = Credentials::Tokens(tokens);
        let (http, dialect) = (http.clone(), Arc::new(DIALECT));
        let api = Api::new(http, base.clone(), account, credentials.clone(), dialect, budget);
        Self { api, base, credentials }
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
        Download::of(&self.base, &path, &[], &self.credentials).await
    }
}
