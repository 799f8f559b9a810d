//! Telephone systems: the call is theirs, and so is the recording, unless they are told to begin one.
//!
//! What happens in a call comes by webhooks. To carry an order out is to note what the system calls the call; most systems
//! record by themselves, or not at all. One that is to be told (`starts` of its connection) is told when the session asks for
//! it, which it does once somebody has answered and the policy wants the number recorded; before that it is noted that a
//! recording is about to begin, so that it is found again, is not taken for one that a person began, and goes when the call
//! must not have been recorded.

mod aircall;
mod fetch;
mod open;
mod ringcentral;
mod set_up;
mod telnyx;
#[cfg(test)]
mod tests;
mod twilio;
mod vonage;
mod zoom_phone;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use decision::provider::Adapter as Which;
use decision::session::Signal;
use proto::provider::v1::{Act, Method};
use remote::{Error, Private};
use signals::Event;
use tracing::info;

use super::files::{Origin, Recorded};
use super::line::{Line, unwritten};
use crate::attempts::{Evidence, Order};
use crate::carry::{Carrier, Job, Kind, Told, Trouble};
use crate::inbox::{means, news};
use crate::journal::Journal;

use aircall::Aircall;
use open::Open;
use ringcentral::RingCentral;
use telnyx::Telnyx;
use twilio::Twilio;
use vonage::Vonage;
use zoom_phone::ZoomPhone;

pub(super) use set_up::{desk, of_zoom};

/// What is told when nothing came of it in time.
const THEN: Signal = Signal::DialerImportFailed;
/// The note that we are about to have a call recorded: the recording's id, or [`ASKED`] while that is not known.
pub(crate) const BEGUN: &str = "dialer_begun";
const ASKED: &str = "asked";
/// Ids of legs and recordings that are asked for, at most.
const MOST: usize = 20;

/// A telephone call of an attempt.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The id all its legs have in common, as it was registered.
    id: &'a str,
    /// When it was placed, or the attempt was planned to begin.
    placed: Option<DateTime<Utc>>,
    /// A link that came with a webhook.
    link: Option<Private>,
    job: &'a Job,
}

impl<'a> Call<'a> {
    fn of(job: &'a Job) -> Option<Self> {
        let call = job.order.phone_call.as_ref()?;
        let placed = proto::time::optional("placed_at", call.placed_at.as_ref()).ok().flatten();
        let link = job.order.join_url.as_ref().map(|link| Private::new(link.expose()));
        let placed = placed.or(job.order.start);
        Some(Self { id: &call.external_id, placed, link, job })
    }

    /// The call and its legs, as far as they are known.
    fn ids(&self) -> Vec<&str> {
        let mut ids = vec![self.id];
        ids.extend(self.job.names(Kind::Call).filter(|one| *one != self.id));
        ids.truncate(MOST);
        ids
    }

    /// Recordings that webhooks spoke of.
    fn recordings(&self) -> impl Iterator<Item = &str> {
        self.job.names(Kind::Recording).take(MOST)
    }
}

/// A telephone system, as far as it is needed here.
#[async_trait]
pub(super) trait System: fmt::Debug + Send + Sync {
    /// What there is of the recordings of a call, with links of this moment. A system that knows of none says so by
    /// [`Recorded::default`].
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error>;

    /// What became of a call, in the words of a webhook; nothing where the system cannot be asked.
    async fn look(&self, _: &Call<'_>) -> Result<Vec<Event>, Error> {
        Ok(Vec::new())
    }

    /// Begins to record a call; the id of the recording, or none where the system records by itself.
    async fn begin(&self, _: &Call<'_>) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Recordings of a call that somebody began through the API, and that run.
    async fn running(&self, _: &Call<'_>) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Ends a recording; one that has ended stays so.
    async fn stop(&self, _: &Call<'_>, _: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Deletes a recording at the provider.
    async fn delete(&self, _: &Call<'_>, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// A company's connection to a telephone system.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) line: Line,
    pub(super) system: Box<dyn System>,
    /// Where its files come from.
    pub(super) files: Origin,
    /// It is to be told when to begin.
    pub(super) starts: bool,
    /// The system's own copies go when a recording is thrown away.
    pub(super) discards: bool,
}

/// All telephone systems.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(super) desks: Vec<Desk>,
    pub(super) journal: Journal,
}

fn no_connection() -> Evidence {
    Evidence::own("no_connection", "the connection is not set up to ask the telephone system")
}

impl Dialer {
    /// The desk of a job's call, and the call.
    fn about<'a>(&'a self, job: &'a Job) -> Option<(&'a Desk, Call<'a>)> {
        let call = Call::of(job)?;
        let name = &job.order.phone_call.as_ref()?.connection;
        let company = &job.order.attempt.company;
        self.desk(name, company).map(|desk| (desk, call))
    }

    fn desk(&self, name: &str, company: &str) -> Option<&Desk> {
        self.desks.iter().find(|one| one.line.name == name && one.line.company == company)
    }

    /// Trouble where the attempt was done by a connection that is not set up here any more; it may come back.
    fn unless_gone(job: &Job) -> Result<(), Trouble> {
        match job.name(Kind::Connection) {
            Some(_) => Err(Trouble { then: THEN, ..Trouble::unconnected() }),
            None => Ok(()),
        }
    }

    /// What was noted of a recording we began; nothing where we began none.
    async fn begun(&self, job: &Job) -> Result<Option<String>, Trouble> {
        let note = self.journal.note(&job.order.attempt, BEGUN).await;
        Ok(note.map_err(|error| unwritten(error, THEN))?.map(|note| note.value))
    }

    async fn note(&self, job: &Job, call: &Call<'_>, value: &str) -> Result<(), Trouble> {
        let noted = self.journal.write_note(&job.order.attempt, BEGUN, call.id, value).await;
        noted.map_err(|error| unwritten(error, THEN))
    }

    /// Begins to record a call, once.
    async fn begin(&self, desk: &Desk, call: &Call<'_>, job: &Job) -> Result<Told, Trouble> {
        let failed = |error: &Error| desk.line.trouble(error, THEN);
        match self.begun(job).await?.as_deref() {
            None => {}
            // An earlier word may have come through.
            Some(ASKED) => {
                let running = desk.line.hear(desk.system.running(call).await, job.now).await;
                if let Some(id) = running.map_err(|error| failed(&error))?.into_iter().next() {
                    self.note(job, call, &id).await?;
                    return Ok(Told::default().named(Kind::Recording, id));
                }
            }
            Some(_) => return Ok(Told::default()),
        }
        self.note(job, call, ASKED).await?;
        let error = match desk.line.hear(desk.system.begin(call).await, job.now).await {
            Ok(Some(id)) => {
                self.note(job, call, &id).await?;
                // That it came true is told by a webhook.
                return Ok(Told::default().named(Kind::Recording, id));
            }
            Ok(None) => None,
            Err(error) if error.may_have_been_done() => return Err(failed(&error)),
            Err(error) => Some(error),
        };
        let forgotten = self.journal.forget_note(&job.order.attempt, BEGUN).await;
        forgotten.map_err(|error| unwritten(error, THEN))?;
        match error {
            None => Ok(Told::default()),
            Some(
                error @ (Error::Busy { .. }
                | Error::Unavailable { .. }
                | Error::Unauthorised { .. }),
            ) => Err(failed(&error)),
            // The call is over by now, or may not be recorded: that there is nothing shows when it is asked for.
            Some(error) => {
                info!(connection = desk.line.name, %error, "a call could not be recorded");
                Ok(Told::default())
            }
        }
    }

    /// Ids of the recordings we began, if any.
    async fn ours(&self, desk: &Desk, call: &Call<'_>, job: &Job) -> Result<Vec<String>, Trouble> {
        match self.begun(job).await? {
            None => Ok(Vec::new()),
            Some(id) if id != ASKED => Ok(vec![id]),
            Some(_) => {
                let running = desk.line.hear(desk.system.running(call).await, job.now).await;
                running.map_err(|error| desk.line.trouble(&error, THEN))
            }
        }
    }

    /// Ends what we began, and deletes it where that is wanted.
    async fn end(
        &self,
        desk: &Desk,
        call: &Call<'_>,
        job: &Job,
        deletes: bool,
    ) -> Result<Told, Trouble> {
        for id in self.ours(desk, call, job).await? {
            let answer = desk.system.stop(call, &id).await;
            match desk.line.hear(answer, job.now).await {
                // It has ended, or is gone.
                Ok(()) | Err(Error::Refused { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(desk.line.trouble(&error, THEN)),
            }
            if deletes {
                self.delete(desk, call, job, &id).await?;
            }
        }
        Ok(Told::default())
    }

    async fn delete(
        &self,
        desk: &Desk,
        call: &Call<'_>,
        job: &Job,
        id: &str,
    ) -> Result<(), Trouble> {
        let answer = desk.system.delete(call, id).await;
        match desk.line.hear(answer, job.now).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(desk.line.trouble(&error, THEN)),
        }
    }

    /// Throws away what was recorded for us at the provider: what we began, and the system's own copies where they are to go.
    async fn discard(&self, desk: &Desk, call: &Call<'_>, job: &Job) -> Result<Told, Trouble> {
        self.end(desk, call, job, true).await?;
        if desk.discards {
            let answer = desk.line.hear(desk.system.recorded(call).await, job.now).await;
            let found = match answer {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(Told::default()),
                Err(error) => return Err(desk.line.trouble(&error, THEN)),
            };
            for take in &found.takes {
                self.delete(desk, call, job, &take.id).await?;
            }
            if found.unfinished {
                let raw = desk.line.says("processing", "a recording cannot be deleted yet");
                return Err(Trouble { raw, after: None, then: THEN });
            }
        }
        Ok(Told::default())
    }

    /// Tells what became of the call.
    async fn look(&self, desk: &Desk, call: &Call<'_>, job: &Job) -> Result<Told, Trouble> {
        let answer = desk.line.hear(desk.system.look(call).await, job.now).await;
        let events = match answer {
            Ok(events) => events,
            Err(Error::NotFound { .. }) => return Ok(Told::default()),
            Err(error) => return Err(desk.line.trouble(&error, THEN)),
        };
        let mut told = Told::default();
        for event in &events {
            for heard in event.heard(means(job.order.method), job.now, |_| false) {
                // Which was begun by whom is told by webhooks alone.
                if heard.signal != Signal::ManualStart {
                    told = told.and(news(event, &job.order.attempt, heard));
                }
            }
        }
        Ok(told)
    }

    /// Tells what became of the recording.
    async fn check_files(&self, desk: &Desk, call: &Call<'_>, job: &Job) -> Result<Told, Trouble> {
        let line = &desk.line;
        let answer = line.hear(desk.system.recorded(call).await, job.now).await;
        let found = match answer {
            Ok(found) => found,
            Err(error @ Error::NotFound { .. }) => {
                let raw = line.evidence(&error);
                return Ok(Told::that(job.says(Signal::FilesMissing).because(raw)));
            }
            Err(error) => return Err(line.trouble(&error, THEN)),
        };
        let (signal, raw) = match (found.unfinished, found.takes.is_empty(), found.lost) {
            (true, ..) => (Signal::FilesProcessing, line.says("processing", "")),
            (_, false, _) => (Signal::FilesReady, line.says("completed", "")),
            (_, true, Some((signal, why))) => (signal, why),
            (_, true, None) => (Signal::FilesMissing, line.says("no_recording", "")),
        };
        let mut told = Told::that(job.says(signal).because(raw));
        for take in &found.takes {
            told = told.named(Kind::Recording, take.id.as_str());
        }
        Ok(told)
    }
}

#[async_trait]
impl Carrier for Dialer {
    fn name(&self) -> &'static str {
        "dialer"
    }

    fn serves(&self, company: &str, adapter: Which, method: Method) -> bool {
        adapter == Which::Dialer
            && method == Method::DialerImport
            && self.desks.iter().any(|one| one.line.company == company)
    }

    fn connection(&self, order: &Order) -> Option<&str> {
        let name = &order.phone_call.as_ref()?.connection;
        self.desk(name, &order.attempt.company).map(|desk| desk.line.name.as_str())
    }

    fn connections(&self) -> Vec<String> {
        self.desks.iter().map(|desk| desk.line.name.clone()).collect()
    }

    async fn carry(&self, job: &Job) -> Result<Told, Trouble> {
        match self.about(job) {
            Some((_, call)) => Ok(Told::default().named(Kind::Call, call.id)),
            None => Ok(Told::that(job.says(THEN).because(no_connection()))),
        }
    }

    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble> {
        match self.about(job) {
            Some((desk, call)) => self.end(desk, &call, job, true).await,
            None => Self::unless_gone(job).map(|()| Told::default()),
        }
    }

    async fn act(&self, job: &Job, act: Act) -> Result<Told, Trouble> {
        let Some((desk, call)) = self.about(job) else {
            return Self::unless_gone(job).map(|()| Told::default());
        };
        match act {
            Act::StartRecording | Act::StartLiveRecording if desk.starts => {
                self.begin(desk, &call, job).await
            }
            Act::CheckMeeting => self.look(desk, &call, job).await,
            Act::CheckFiles => self.check_files(desk, &call, job).await,
            Act::Stop => self.end(desk, &call, job, false).await,
            Act::Discard => self.discard(desk, &call, job).await,
            // It records by itself, or not at all; nobody is asked, nothing is played, and fetching is not this carrier's.
            Act::StartRecording
            | Act::StartLiveRecording
            | Act::AskPermission
            | Act::Announce
            | Act::Fetch
            | Act::Unspecified => Ok(Told::default()),
        }
    }
}

/// A word of a system's on a recording that will never be had.
fn gone(provider: &'static str, signal: Signal, code: &str) -> Recorded {
    let code = code.chars().filter(|one| *one != '\0').take(240).collect();
    Recorded::lost(signal, Evidence { provider: provider.to_owned(), code, text: String::new() })
}
