//! Twilio: calls that are recorded by their plan, or because we say so.

use std::collections::BTreeMap;

use async_trait::async_trait;
use decision::session::Signal;
use remote::Error;
use remote::twilio::{Client, Format, Recording};
use signals::Event;

use super::{Call, Recorded, System, gone};
use crate::carriers::files::Take;

/// An account.
#[derive(Debug)]
pub(in crate::carriers) struct Twilio {
    pub(in crate::carriers) client: Client,
    /// Where it tells what becomes of recordings we begin.
    pub(in crate::carriers) callback: Option<String>,
}

impl Twilio {
    /// All recordings of a call and its legs, each once.
    async fn all(&self, call: &Call<'_>) -> Result<Vec<Recording>, Error> {
        let mut all: Vec<Recording> = Vec::new();
        for id in call.ids() {
            for one in self.client.recordings(id).await? {
                if !all.iter().any(|known| known.sid == one.sid) {
                    all.push(one);
                }
            }
        }
        Ok(all)
    }
}

#[async_trait]
impl System for Twilio {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let mut found = Recorded::default();
        for one in self.all(call).await? {
            let status = one.status.as_deref().unwrap_or_default();
            if one.lost() {
                // Whether a person deleted it shows in the status alone.
                let signal = match status {
                    "deleted" => Signal::FilesDeleted,
                    _ => Signal::DialerImportFailed,
                };
                let code = one.error.as_deref().unwrap_or(status);
                found = found.and(gone("twilio", signal, code));
            } else if one.encrypted && one.ready() {
                found = found.and(gone("twilio", Signal::DialerImportFailed, "encrypted"));
            } else if one.ready() {
                let channels = one.channels.and_then(|count| u32::try_from(count).ok());
                let download = self.client.download(&one.sid, Format::Wav, channels).await?;
                found.takes.push(Take::new(one.sid, download));
            } else {
                found.unfinished = true;
            }
        }
        Ok(found)
    }

    async fn look(&self, call: &Call<'_>) -> Result<Vec<Event>, Error> {
        let found = self.client.call(call.id).await?;
        let mut form = BTreeMap::from([("CallSid".to_owned(), found.sid.clone())]);
        let mut set = |name: &str, value: Option<String>| {
            form.extend(value.map(|value| (name.to_owned(), value)));
        };
        set("CallStatus", found.status.clone());
        set("ParentCallSid", found.parent.clone());
        set("AnsweredBy", found.answered_by.clone());
        set("CallDuration", found.seconds.map(|seconds| seconds.to_string()));
        let at = if found.over() { found.ended } else { found.started };
        set("Timestamp", at.map(|at| at.to_rfc2822()));
        Ok(signals::twilio::event(&form).into_iter().collect())
    }

    async fn begin(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        let begun = self.client.start_recording(call.id, self.callback.as_deref()).await?;
        Ok(Some(begun.sid))
    }

    async fn running(&self, call: &Call<'_>) -> Result<Vec<String>, Error> {
        let all = self.client.recordings(call.id).await?;
        Ok(all.into_iter().filter(Recording::runs_by_api).map(|one| one.sid).collect())
    }

    async fn stop(&self, call: &Call<'_>, recording: &str) -> Result<(), Error> {
        self.client.stop_recording(call.id, recording).await
    }

    async fn delete(&self, _: &Call<'_>, recording: &str) -> Result<(), Error> {
        self.client.delete_recording(recording).await
    }
}
