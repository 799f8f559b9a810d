//! Aircall: calls and their recordings.
//!
//! Documented: `GET /v1/calls/{id}` with the `recording` in it as a link that holds for a short time,
//! `DELETE /v1/calls/{id}/recording`, an id and a token of the API as name and password, errors as
//! `{"error", "troubleshoot"}`. Assumed: that a call without a recording has null, also while Aircall works on it (about
//! half a minute after the end), and that the link lets in whoever has it.

use std::sync::Arc;

use ::http::Method;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;

use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Download, Error, Http, InvalidBase, Look, Private,
};

const DIALECT: Worded =
    Worded { code: &[], text: &[&["error"], &["troubleshoot"]], verdict: |_, _, _| None };

/// What the paths of Aircall's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://api.aircall.io/v1")
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneCall {
    /// Aircall's id of it.
    pub id: String,
    /// `initial`, `answered`, `done`, as Aircall writes it.
    pub status: Option<String>,
    /// `inbound` or `outbound`, as Aircall writes it.
    pub direction: Option<String>,
    /// Why nobody took it, as Aircall writes it.
    pub missed: Option<String>,
    /// When it was answered.
    pub answered: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// Where its recording is, for a short time.
    pub link: Option<Private>,
}

impl PhoneCall {
    /// Reads a call; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let at = |key| value.int(&[key]).and_then(|time| DateTime::from_timestamp(time, 0));
        Some(Self {
            id: value.id(&["id"])?,
            status: value.id(&["status"]),
            direction: value.id(&["direction"]),
            missed: value.id(&["missed_call_reason"]),
            answered: at("answered_at"),
            ended: at("ended_at"),
            link: value.private(&["recording"]),
        })
    }

    /// Where its recording can be fetched; ask for the call again rather than keep it.
    #[must_use]
    pub fn download(&self) -> Option<Download> {
        Some(Download { url: self.link.clone()?, header: None })
    }
}

/// One account of Aircall. Clones share connections and budget.
#[derive(Debug, Clone)]
pub struct Client {
    api: Api,
}

impl Client {
    /// An account, by the id and the token of its API.
    #[must_use]
    pub fn new(http: &Http, base: Base, id: &str, token: &SecretString, budget: Budget) -> Self {
        let credentials = Credentials::basic(id, token);
        Self { api: Api::new(http.clone(), base, id, credentials, Arc::new(DIALECT), budget) }
    }

    /// A call with a link of this moment.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none; any other.
    pub async fn call(&self, id: &str) -> Result<PhoneCall, Error> {
        let value = self.api.json(&Call::get(["calls", id])).await?;
        let call = value.at(&["call"]).and_then(PhoneCall::read);
        call.ok_or(Error::Unreadable("a call without id"))
    }

    /// Deletes the recording of a call.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such call; any other.
    pub async fn delete_recording(&self, call: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::DELETE, ["calls", call, "recording"])).await
    }
}
