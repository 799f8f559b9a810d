//! Cloud recordings.

use std::borrow::Cow;

use ::http::Method;
use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use serde_json::Value;

use super::client::paged;
use super::{Client, NextPage, Page, Which};
use crate::{Call, Error, Look, Private, Weight};

/// Meetings of a list, per call.
const PAGE: u32 = 300;

/// How long a token for files is asked for, in seconds.
const FILES: u32 = 24 * 3600;

/// What was recorded of one run of a meeting.
#[derive(Debug, Clone)]
pub struct Recordings {
    /// Which run.
    pub uuid: Option<String>,
    /// The number of the meeting.
    pub meeting: Option<String>,
    /// Whose it is, also where a co-host recorded.
    pub host: Option<String>,
    /// When the run began.
    pub start: Option<DateTime<Utc>>,
    /// How long it lasted, in minutes.
    pub minutes: Option<i64>,
    /// Bytes of all files.
    pub bytes: Option<i64>,
    /// The files. While Zoom works on them, some may be absent and others incomplete.
    pub files: Vec<File>,
    /// Opens the files for a day.
    pub download_token: Option<SecretString>,
}

/// One file of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Zoom's id of it. Some that Zoom derives, a timeline for instance, have none.
    pub id: Option<String>,
    /// `MP4`, `M4A`, `TRANSCRIPT`, `CHAT`, `TIMELINE` and so on, as Zoom writes it.
    pub kind: Option<String>,
    /// How its name ends.
    pub extension: Option<String>,
    /// `shared_screen_with_speaker_view`, `audio_only` and so on, as Zoom writes it.
    pub content: Option<String>,
    /// `completed` or `processing`, as Zoom writes it.
    pub status: Option<String>,
    /// When it begins.
    pub started: Option<DateTime<Utc>>,
    /// When it ends.
    pub ended: Option<DateTime<Utc>>,
    /// How large it is.
    pub bytes: Option<i64>,
    /// Where it is. What fetches it must check the host, and follow redirects without the token.
    pub url: Option<Private>,
}

impl File {
    /// Reads a file.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        Self {
            id: value.id(&["id"]),
            kind: value.id(&["file_type"]),
            extension: value.id(&["file_extension"]),
            content: value.id(&["recording_type"]),
            status: value.id(&["status"]),
            started: value.time(&["recording_start"]),
            ended: value.time(&["recording_end"]),
            bytes: value.int(&["file_size"]),
            url: value.private(&["download_url"]),
        }
    }

    /// Whether it can be fetched.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.url.is_some() && self.status.as_deref().is_none_or(|status| status == "completed")
    }
}

impl Recordings {
    /// Reads what was recorded of a run.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        Self {
            uuid: value.id(&["uuid"]),
            meeting: value.id(&["id"]),
            host: value.id(&["host_id"]),
            start: value.time(&["start_time"]),
            minutes: value.int(&["duration"]),
            bytes: value.int(&["total_size"]),
            files: value.items(&["recording_files"]).iter().map(File::read).collect(),
            download_token: value.secret(&["download_access_token"]),
        }
    }

    /// Whether there is something, and Zoom has finished with all of it.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(File::ready)
    }
}

/// How thoroughly a recording is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Into the bin, from where it can be brought back for 30 days.
    Trash,
    /// For good.
    Delete,
}

impl Removal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Trash => "trash",
            Self::Delete => "delete",
        }
    }
}

impl Client {
    /// What was recorded of a run, or of the last run of a meeting, with a token that opens the files. Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] with 3301 where nothing was recorded, or where Zoom has not finished: it takes about twice as
    /// long as the meeting, and up to a day. Any other.
    pub async fn recordings(&self, which: Which<'_>) -> Result<Recordings, Error> {
        let call = Call::get(["meetings", &which.segment(), "recordings"])
            .query("include_fields", Cow::from("download_access_token"))
            .query("ttl", Cow::from(FILES.to_string()));
        Ok(Recordings::read(&self.api.json(&call).await?))
    }

    /// What was recorded of a user's meetings between two days, at most a month apart. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn user_recordings(
        &self,
        user: &str,
        from: NaiveDate,
        to: NaiveDate,
        next: Option<&NextPage>,
    ) -> Result<Page<Recordings>, Error> {
        let call = Call::get(["users", user, "recordings"])
            .weight(Weight::Medium)
            .query("from", Cow::from(from.to_string()))
            .query("to", Cow::from(to.to_string()));
        let value = self.api.json(&paged(call, PAGE, next)).await?;
        Ok(Page::read(&value, "meetings", |one| Some(Recordings::read(one))))
    }

    /// Removes what was recorded of a run. Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] with 3301 where there is nothing any more; any other.
    pub async fn remove_recordings(&self, which: Which<'_>, removal: Removal) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, ["meetings", &which.segment(), "recordings"])
            .query("action", Cow::from(removal.as_str()));
        self.api.done(&call).await
    }

    /// Removes one file. Light.
    ///
    /// # Errors
    /// As [`remove_recordings`](Self::remove_recordings).
    pub async fn remove_file(
        &self,
        which: Which<'_>,
        file: &str,
        removal: Removal,
    ) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, ["meetings", &which.segment(), "recordings", file])
            .query("action", Cow::from(removal.as_str()));
        self.api.done(&call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_recording_is_ready_when_all_of_it_is() {
        let read = |files: Value| Recordings::read(&json!({"recording_files": files}));
        let done =
            json!({"id": "a", "status": "completed", "download_url": "https://zoom.example/a"});
        let running =
            json!({"id": "b", "status": "processing", "download_url": "https://zoom.example/b"});
        let unlinked = json!({"id": "c", "status": "completed"});
        // Zoom gives what it derives neither an id nor a status.
        let derived = json!({"download_url": "https://zoom.example/d"});
        assert!(read(json!([done, derived])).ready());
        assert!(!read(json!([done, running])).ready());
        assert!(!read(json!([done, unlinked])).ready());
        assert!(!read(json!([])).ready());
    }

    #[test]
    fn links_and_tokens_are_not_shown() {
        let recordings = Recordings::read(&json!({"id": "6840331990", "uuid": "a/b==",
            "download_access_token": "eyJabc", "recording_play_passcode": "yNYIS408", "password": "hush",
            "recording_files": [{"download_url": "https://zoom.example/secret", "recording_end": null}]}));
        let shown = format!("{recordings:?}");
        for hidden in ["eyJabc", "yNYIS408", "hush", "secret"] {
            assert!(!shown.contains(hidden), "{hidden}");
        }
        assert!(recordings.download_token.is_some() && recordings.files[0].url.is_some());
    }
}
