//! Recordings of meetings.

use std::borrow::Cow;

use ::http::Method;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Client;
use crate::{Call, Download, Error, Look, Private};

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Webex's id of it.
    pub id: String,
    /// The run of a meeting.
    pub meeting: Option<String>,
    /// The series.
    pub series: Option<String>,
    /// When it begins.
    pub started: Option<DateTime<Utc>>,
    /// How long it is.
    pub seconds: Option<i64>,
    /// How large it is.
    pub bytes: Option<i64>,
    /// `MP4` or `ARF`, as Webex writes it.
    pub format: Option<String>,
    /// `available`, `deleted`, `purged`, as Webex writes it.
    pub status: Option<String>,
    /// Where it can be fetched for some hours. A list does not tell, and nothing tells where the host prevents it.
    pub link: Option<Private>,
    /// Where its sound alone can be fetched.
    pub sound: Option<Private>,
    /// How long both links hold.
    pub expires: Option<DateTime<Utc>>,
}

impl Recording {
    /// Reads a recording; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        const LINKS: &str = "temporaryDirectDownloadLinks";
        Some(Self {
            id: value.id(&["id"])?,
            meeting: value.id(&["meetingId"]),
            series: value.id(&["meetingSeriesId"]),
            started: value.time(&["timeRecorded"]),
            seconds: value.int(&["durationSeconds"]),
            bytes: value.int(&["sizeBytes"]),
            format: value.id(&["format"]),
            status: value.id(&["status"]),
            link: value.private(&[LINKS, "recordingDownloadLink"]),
            sound: value.private(&[LINKS, "audioDownloadLink"]),
            expires: value.time(&[LINKS, "expiration"]),
        })
    }

    /// Where it can be fetched at this moment: the link lets in whoever has it.
    #[must_use]
    pub fn download(&self, now: DateTime<Utc>) -> Option<Download> {
        let holds = self.expires.is_none_or(|until| until > now);
        let url = self.link.clone().filter(|_| holds)?;
        Some(Download { url, header: None })
    }
}

impl Client {
    /// All recordings of a run, or of a series.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn recordings(&self, meeting: &str) -> Result<Vec<Recording>, Error> {
        let call = Call::get(["recordings"]).query("meetingId", Cow::from(meeting));
        self.all(call, Recording::read).await
    }

    /// A recording with links of this moment.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or none any more; any other.
    pub async fn recording(&self, id: &str) -> Result<Recording, Error> {
        let value = self.api.json(&Call::get(["recordings", id])).await?;
        Recording::read(&value).ok_or(Error::Unreadable("a recording without id"))
    }

    /// Moves a recording into the bin.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone already; any other.
    pub async fn delete_recording(&self, id: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::DELETE, ["recordings", id])).await
    }
}
