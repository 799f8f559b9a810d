//! Recordings of Zoom Phone.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::client::paged;
use super::{Client, NextPage, Page};
use crate::{Call, Download, Error, Look, Private, Weight};

/// Recordings of a list, per call.
const PAGE: u32 = 100;

/// A recording of a telephone call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRecording {
    /// Zoom's id of it.
    pub id: String,
    /// The call; the same id its webhooks carry.
    pub call: Option<String>,
    /// The entry of the log.
    pub call_log: Option<String>,
    /// `inbound` or `outbound`, as Zoom writes it.
    pub direction: Option<String>,
    /// Who called.
    pub from: Option<Private>,
    /// Who was called.
    pub to: Option<Private>,
    /// Whose recording it is: the id of a user, queue or line.
    pub owner: Option<String>,
    /// `OnDemand`: somebody pressed a button; `Automatic`: it began by itself; as Zoom writes it.
    pub kind: Option<String>,
    /// When it begins.
    pub started: Option<DateTime<Utc>>,
    /// When it ends.
    pub ended: Option<DateTime<Utc>>,
    /// How long it is.
    pub duration: Option<Duration>,
    /// Where it is; it wants the same token as the API.
    pub url: Option<Private>,
}

impl PhoneRecording {
    /// Reads a recording; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let seconds = value.int(&["duration"]).and_then(|seconds| u64::try_from(seconds).ok());
        Some(Self {
            id: value.id(&["id"])?,
            call: value.id(&["call_id"]),
            call_log: value.id(&["call_log_id"]),
            direction: value.id(&["direction"]),
            from: value.private(&["caller_number"]),
            to: value.private(&["callee_number"]),
            owner: value.id(&["owner", "id"]),
            kind: value.id(&["recording_type"]),
            started: value.time(&["date_time"]),
            ended: value.time(&["end_time"]),
            duration: seconds.map(Duration::from_secs),
            url: value.private(&["download_url"]),
        })
    }
}

impl Client {
    /// All recordings of the account between two days, at most a month apart. Heavy.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn phone_recordings(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        next: Option<&NextPage>,
    ) -> Result<Page<PhoneRecording>, Error> {
        let call = Call::get(["phone", "recordings"])
            .weight(Weight::Heavy)
            .query("from", Cow::from(from.to_string()))
            .query("to", Cow::from(to.to_string()));
        let value = self.api.json(&paged(call, PAGE, next)).await?;
        Ok(Page::read(&value, "recordings", PhoneRecording::read))
    }

    /// The recording of a call, by the id of the call or of its entry in the log. Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or none yet; any other.
    pub async fn phone_recording(&self, call: &str) -> Result<PhoneRecording, Error> {
        let value = self.api.json(&Call::get(["phone", "call_logs", call, "recordings"])).await?;
        PhoneRecording::read(&value).ok_or(Error::Unreadable("a recording without id"))
    }
    /// Where the sound of a recording is; none while Zoom has no link. What fetches it must check the host, and show the
    /// token to Zoom alone.
    ///
    /// # Errors
    /// No token can be had.
    pub async fn phone_download(
        &self,
        recording: &PhoneRecording,
    ) -> Result<Option<Download>, Error> {
        let Some(url) = recording.url.clone() else { return Ok(None) };
        Ok(Some(Download { url, header: self.api.header().await? }))
    }
}
