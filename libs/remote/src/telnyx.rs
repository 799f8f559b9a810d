//! Telnyx: recordings of calls.
//!
//! Documented (Telnyx's OpenAPI description): paths, `download_urls` that let in whoever has them for some ten minutes,
//! lists by `filter[call_session_id]` in numbered pages, errors as `{"errors": [{"code", "title", "detail"}]}`. Assumed:
//! that a recording in a list has links too.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, Method, StatusCode};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{
    Api, Base, Budget, Call, Complaint, Credentials, Dialect, Download, Error, Http, InvalidBase,
    Look, Private,
};

/// Recordings of a page.
const PAGE: &str = "100";
/// Pages of a list, at most.
const PAGES: i64 = 20;

/// What the paths of Telnyx's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://api.telnyx.com/v2")
}

/// The first of the errors counts.
#[derive(Debug)]
struct Telnyx;

impl Dialect for Telnyx {
    fn complaint(&self, _: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let first = value.items(&["errors"]).first().unwrap_or(&Value::Null);
        let words = [first.id(&["title"]), first.id(&["detail"])];
        let text = words.into_iter().flatten().collect::<Vec<_>>().join("; ");
        Complaint { code: first.id(&["code"]), text, ..Complaint::default() }
    }
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Telnyx's id of it.
    pub id: String,
    /// What all legs of the call have in common.
    pub session: Option<String>,
    /// The leg.
    pub leg: Option<String>,
    /// `completed`, as Telnyx writes it.
    pub status: Option<String>,
    /// `single` or `dual`, as Telnyx writes it.
    pub channels: Option<String>,
    /// When it begins.
    pub started: Option<DateTime<Utc>>,
    /// When it ends.
    pub ended: Option<DateTime<Utc>>,
    /// How long it is, in thousandths of a second.
    pub millis: Option<i64>,
    /// Where it can be fetched at once: uncompressed if there is such a file.
    pub link: Option<Private>,
}

impl Recording {
    /// Reads a recording; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let of = |format| value.private(&["download_urls", format]);
        Some(Self {
            id: value.id(&["id"])?,
            session: value.id(&["call_session_id"]),
            leg: value.id(&["call_leg_id"]),
            status: value.id(&["status"]),
            channels: value.id(&["channels"]),
            started: value.time(&["recording_started_at"]),
            ended: value.time(&["recording_ended_at"]),
            millis: value.int(&["duration_millis"]),
            link: of("wav").or_else(|| of("mp3")),
        })
    }

    /// Where it can be fetched; ask for the recording again rather than keep it.
    #[must_use]
    pub fn download(&self) -> Option<Download> {
        Some(Download { url: self.link.clone()?, header: None })
    }
}

/// One account of Telnyx. Clones share connections and budget.
#[derive(Debug, Clone)]
pub struct Client {
    api: Api,
}

impl Client {
    /// An account, by its API key. `account` is whom its limits hold for.
    #[must_use]
    pub fn new(http: &Http, base: Base, account: &str, key: &SecretString, budget: Budget) -> Self {
        let bearer = format!("Bearer {}", key.expose_secret());
        let credentials = Credentials::Header(AUTHORIZATION, bearer.into());
        let api = Api::new(http.clone(), base, account, credentials, Arc::new(Telnyx), budget);
        Self { api }
    }

    /// All recordings of a call.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn recordings(&self, session: &str) -> Result<Vec<Recording>, Error> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let call = Call::get(["recordings"])
                .query("filter[call_session_id]", Cow::from(session))
                .query("page[size]", Cow::from(PAGE))
                .query("page[number]", Cow::from(page.to_string()));
            let value = self.api.json(&call).await?;
            all.extend(value.items(&["data"]).iter().filter_map(Recording::read));
            if value.int(&["meta", "total_pages"]).is_none_or(|pages| page >= pages) {
                return Ok(all);
            }
        }
        Err(Error::Unreadable("a list without end"))
    }

    /// A recording with links of this moment.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or none any more; any other.
    pub async fn recording(&self, id: &str) -> Result<Recording, Error> {
        let value = self.api.json(&Call::get(["recordings", id])).await?;
        let data = value.at(&["data"]).and_then(Recording::read);
        data.ok_or(Error::Unreadable("a recording without id"))
    }

    /// Deletes a recording for good.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone already; any other.
    pub async fn delete_recording(&self, id: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::DELETE, ["recordings", id])).await
    }
}
