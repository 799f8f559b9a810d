//! Sets a meeting to be recorded by itself, and takes that back: at most once, within what Zoom allows in a day, and never
//! over a choice that was somebody else's.
//!
//! Zoom does not tell who armed a meeting. So it is noted before it is done, with what was set before; and what several
//! attempts want armed stays so until the last of them is called back.

use remote::zoom::{AutoRecording, Meeting};
use remote::{Error, Limit};
use serde_json::{Value, json};

use super::{ASKED_LIVE, THEN, ZoomNative};
use crate::attempts::Evidence;
use crate::carriers::line::unwritten;
use crate::carriers::zoom::Account;
use crate::carry::{Job, Trouble};
use crate::journal::Note;

/// The note that a meeting is to be armed, or is.
const ARMED: &str = "zoom_armed";

/// What was set before we changed it; nothing where it was armed by somebody else.
fn before(note: &Note) -> Option<String> {
    let value: Value = serde_json::from_str(&note.value).ok()?;
    value.get("before")?.as_str().map(str::to_owned)
}

/// What a word of Zoom's stands for.
fn choice(word: &str) -> AutoRecording {
    match word {
        "cloud" => AutoRecording::Cloud,
        "local" => AutoRecording::Local,
        "none" => AutoRecording::None,
        other => AutoRecording::Other(other.to_owned()),
    }
}

fn is_armed(meeting: &Meeting) -> bool {
    meeting.settings.auto_recording == Some(AutoRecording::Cloud)
}

/// What is set: the same for all who set it.
fn target(account: &Account, number: &str) -> String {
    format!("{}/{number}", account.client.account())
}

/// Whether no call is left for today, of ours or of those the account has.
fn is_spent(error: &Error) -> bool {
    matches!(error, Error::Busy { limit: Limit::OurDay | Limit::Day, .. })
}

impl ZoomNative {
    /// Arms a meeting unless it is; says why not where that cannot be.
    pub(super) async fn arm(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
        host: &str,
    ) -> Result<Result<(), Evidence>, Trouble> {
        let attempt = &job.order.attempt;
        let target = target(account, number);
        let failed = |error| unwritten(error, THEN);
        let known = self.journal.note(attempt, ARMED).await.map_err(failed)?;
        let write = async |before: Option<&str>| {
            let value = json!({ "before": before, "host": host }).to_string();
            self.journal.write_note(attempt, ARMED, &target, &value).await.map_err(failed)
        };
        // Noted before the meeting is read, so that whoever takes it back meanwhile knows of us.
        if known.is_none() {
            write(None).await?;
        }
        let meeting = self.read(account, job, number).await?;
        if is_armed(&meeting) {
            if known.as_ref().and_then(before).is_none() {
                let others = self.journal.notes_of_others(attempt, ARMED, &target).await;
                let ours = others.map_err(failed)?.iter().find_map(before);
                write(ours.as_deref()).await?;
            }
            return Ok(Ok(()));
        }
        let set = meeting.settings.auto_recording.unwrap_or(AutoRecording::None);
        write(Some(set.as_str())).await?;
        let (zoom, cloud) = (&account.client, AutoRecording::Cloud);
        let answer = zoom.set_auto_recording(number, None, &cloud, host, job.now).await;
        match account.line.hear(answer, job.now).await {
            Ok(()) => {}
            Err(error) if is_spent(&error) => {
                let raw = account.line.evidence(&error);
                return Ok(Err(Evidence { code: "daily_budget".to_owned(), ..raw }));
            }
            Err(
                error @ (Error::Refused { .. } | Error::NotFound { .. } | Error::Forbidden { .. }),
            ) => return Ok(Err(account.line.evidence(&error))),
            Err(error) => return Err(account.line.trouble(&error, THEN)),
        }
        // A success is no proof: where an administrator locked the setting, nothing changes.
        let meeting = self.read(account, job, number).await?;
        if is_armed(&meeting) {
            return Ok(Ok(()));
        }
        Ok(Err(account.line.says("arming_without_effect", "")))
    }

    /// Takes back what we set, if nobody else wants it and it still stands.
    pub(super) async fn disarm(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
    ) -> Result<(), Trouble> {
        let attempt = &job.order.attempt;
        let failed = |error| unwritten(error, THEN);
        let Some(note) = self.journal.note(attempt, ARMED).await.map_err(failed)? else {
            return Ok(());
        };
        if let Some(set) = before(&note) {
            let noted: Value = serde_json::from_str(&note.value).unwrap_or_default();
            let host = noted.get("host").and_then(Value::as_str).unwrap_or_default();
            let mut undone = noted.get("undone").and_then(Value::as_bool).unwrap_or_default();
            if !self.is_wanted(account, job, number).await? {
                if !undone {
                    // Noted before it is done: whoever tries again knows that it may have been.
                    let value = json!({ "before": set, "host": host, "undone": true }).to_string();
                    let target = target(account, number);
                    let written = self.journal.write_note(attempt, ARMED, &target, &value).await;
                    written.map_err(failed)?;
                    undone = true;
                }
                self.put(account, job, number, host, &choice(&set)).await?;
            }
            if undone && self.is_wanted(account, job, number).await? {
                // Somebody came to want it meanwhile, and took it for armed.
                self.put(account, job, number, host, &AutoRecording::Cloud).await?;
            }
        }
        self.journal.forget_note(attempt, ARMED).await.map_err(failed)
    }

    /// Sets a meeting, unless it is set so already or is gone.
    async fn put(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
        host: &str,
        wanted: &AutoRecording,
    ) -> Result<(), Trouble> {
        let zoom = &account.client;
        let there = zoom.meeting(number).await;
        let changed = match account.line.hear(there, job.now).await {
            // Whoever set something else since wanted that.
            Ok(meeting) if is_armed(&meeting) == (*wanted == AutoRecording::Cloud) => Ok(()),
            Ok(_) => {
                let answer = zoom.set_auto_recording(number, None, wanted, host, job.now).await;
                account.line.hear(answer, job.now).await
            }
            Err(error) => Err(error),
        };
        match changed {
            Ok(())
            | Err(Error::NotFound { .. } | Error::Refused { .. } | Error::Forbidden { .. }) => {
                Ok(())
            }
            Err(error) => Err(account.line.trouble(&error, THEN)),
        }
    }

    /// Whether another attempt wants the meeting armed.
    async fn is_wanted(&self, account: &Account, job: &Job, number: &str) -> Result<bool, Trouble> {
        let target = target(account, number);
        let others = self.journal.notes_of_others(&job.order.attempt, ARMED, &target).await;
        Ok(!others.map_err(|error| unwritten(error, THEN))?.is_empty())
    }

    /// Whether what may record in the conference does so for this attempt alone.
    pub(super) async fn is_ours(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
    ) -> Result<bool, Trouble> {
        let attempt = &job.order.attempt;
        let failed = |error| unwritten(error, THEN);
        let armed = self.journal.note(attempt, ARMED).await.map_err(failed)?;
        let asked = self.journal.note(attempt, ASKED_LIVE).await.map_err(failed)?;
        let ours = asked.is_some() || armed.as_ref().and_then(before).is_some();
        Ok(ours && !self.is_wanted(account, job, number).await?)
    }

    async fn read(&self, account: &Account, job: &Job, number: &str) -> Result<Meeting, Trouble> {
        let answer = account.client.meeting(number).await;
        let heard = account.line.hear(answer, job.now).await;
        heard.map_err(|error| account.line.trouble(&error, THEN))
    }
}
