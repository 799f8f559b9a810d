//! Zoom's own recording in the cloud: set to begin by itself, stopped, looked after. Nobody joins.
//!
//! What stands in the way is read just in time: a licence or a setting may be gone since the plan was made. What cannot be
//! read for the moment is trouble and is read again, for a limit that was reached is no licence that is missing.

mod arm;
mod check;
mod fetch;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use decision::provider::Adapter as Which;
use decision::session::Signal;
use proto::provider::v1::{Act, Method};
use remote::Error;
use remote::zoom::preconditions::{Obstacle, Possibility, Risk};
use remote::zoom::{Control, MeetingKind, Removal, Which as At};

use super::line::unwritten;
use super::members::{Members, address};
use super::zoom::{Account, Found, Seen, number};
use crate::attempts::{Evidence, Order};
use crate::carry::{Carrier, Job, Kind, Told, Trouble};
use crate::journal::Journal;

/// What is told when nothing came of it in time: there may be another method.
const THEN: Signal = Signal::NativeImpossible;

/// The note that a running conference was told to record.
const ASKED_LIVE: &str = "zoom_live_start";

/// How long before its start an event may be under way.
const AHEAD: TimeDelta = TimeDelta::minutes(15);

/// Zoom's own recording.
#[derive(Debug)]
pub(crate) struct ZoomNative {
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) members: Members,
    pub(super) journal: Journal,
}

impl ZoomNative {
    fn account(&self, company: &str) -> Option<&Account> {
        self.accounts.iter().find(|one| one.line.company == company).map(|one| &**one)
    }

    /// The account in which an attempt is carried out.
    fn account_of(&self, job: &Job) -> Option<&Account> {
        let company = &job.order.attempt.company;
        let Some(name) = job.name(Kind::Connection) else { return self.account(company) };
        let mut accounts = self.accounts.iter().map(|one| &**one);
        accounts.find(|one| one.line.name == name && one.line.company == *company)
    }

    /// The account and the number a job is about; what is told where there is none.
    fn about<'a>(&'a self, job: &'a Job) -> Result<(&'a Account, &'a str), Box<Told>> {
        let account = self.account_of(job);
        let account = account.ok_or_else(|| Box::new(cannot(job, own("no_connection", ""))))?;
        let number = number(job.order.conference.as_ref());
        let why = "the link names a room, not a meeting";
        Ok((account, number.ok_or_else(|| Box::new(cannot(job, own("no_number", why))))?))
    }

    /// Sends the recording of a running conference a word that it may be too late for.
    async fn control(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
        control: Control,
    ) -> Result<Result<(), Error>, Trouble> {
        let answer = account.client.control_recording(number, control).await;
        match account.line.hear(answer, job.now).await {
            Err(error @ (Error::Refused { .. } | Error::NotFound { .. })) => Ok(Err(error)),
            Err(error) => Err(account.line.trouble(&error, THEN)),
            Ok(()) => Ok(Ok(())),
        }
    }

    /// Another account of the company in which the meeting is to be found, and all there is to see of it. The attempt is
    /// carried out there from here on.
    async fn elsewhere(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
        host: Option<&str>,
    ) -> Result<Option<(&Account, Seen)>, Trouble> {
        let company = &job.order.attempt.company;
        let others = self.accounts.iter().map(|one| &**one);
        let others = others.filter(|one| one.line.company == *company);
        for other in others.filter(|one| one.line.name != account.line.name) {
            let seen = match other.look(number, host, job.now).await {
                Ok(seen) => seen,
                Err(error) if error.is_transient() => return Err(other.line.trouble(&error, THEN)),
                Err(_) => continue,
            };
            if !seen.is_of_another() {
                let moved = self.journal.connect(&job.order.attempt, &other.line.name).await;
                moved.map_err(|error| unwritten(error, THEN))?;
                return Ok(Some((other, seen)));
            }
        }
        Ok(None)
    }

    async fn start(&self, job: &Job) -> Result<Told, Trouble> {
        let (account, number) = match self.about(job) {
            Ok(about) => about,
            Err(told) => return Ok(*told),
        };
        let attempt = &job.order.attempt;
        let failed = |error| unwritten(error, THEN);
        let asked = self.journal.note(attempt, ASKED_LIVE).await.map_err(failed)?;
        self.journal.write_note(attempt, ASKED_LIVE, number, "asked").await.map_err(failed)?;
        let answer = account.client.control_recording(number, Control::Start).await;
        let error = match account.line.hear(answer, job.now).await {
            // That it came true is told by a webhook.
            Ok(()) => return Ok(Told::default()),
            Err(error) => error,
        };
        if error.may_have_been_done() {
            return Err(account.line.trouble(&error, THEN));
        }
        if asked.is_none() {
            self.journal.forget_note(attempt, ASKED_LIVE).await.map_err(failed)?;
        }
        match (&error, asked) {
            (Error::Busy { .. } | Error::Unavailable { .. } | Error::Unauthorised { .. }, _) => {
                Err(account.line.trouble(&error, THEN))
            }
            // An earlier word may have come through, and what records cannot be told to begin. If it did not, the session
            // finds out by itself that nothing records.
            (_, Some(_)) => Ok(Told::default()),
            (_, None) => {
                let raw = account.line.evidence(&error);
                Ok(Told::that(job.says(Signal::NativeRefused).because(raw)))
            }
        }
    }

    /// Stops what records, and keeps it from beginning again.
    async fn stop(&self, job: &Job) -> Result<Told, Trouble> {
        if self.account_of(job).is_none() {
            return Err(Trouble::unconnected());
        }
        let Ok((account, number)) = self.about(job) else { return Ok(Told::default()) };
        drop(self.control(account, job, number, Control::Stop).await?);
        self.disarm(account, job, number).await?;
        Ok(Told::default())
    }

    /// Throws away what was recorded for us. The copy at Zoom is its owner's, who may want it to go too.
    async fn discard(&self, job: &Job) -> Result<Told, Trouble> {
        if self.account_of(job).is_none() {
            return Err(Trouble::unconnected());
        }
        let Ok((account, number)) = self.about(job) else { return Ok(Told::default()) };
        if !account.removes_copies {
            return Ok(Told::default());
        }
        let mut runs: Vec<String> = job.names(Kind::Instance).map(str::to_owned).collect();
        if runs.is_empty() {
            // No webhook told any.
            runs = self.runs_of_event(account, job, number).await?;
        }
        for run in &runs {
            let answer = account.client.remove_recordings(At::Run(run), Removal::Trash).await;
            match account.line.hear(answer, job.now).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(account.line.trouble(&error, THEN)),
            }
        }
        Ok(Told::default())
    }
}

#[async_trait]
impl Carrier for ZoomNative {
    fn name(&self) -> &'static str {
        "zoom-native"
    }

    fn serves(&self, company: &str, adapter: Which, method: Method) -> bool {
        adapter == Which::ZoomNative && method == Method::Native && self.account(company).is_some()
    }

    fn connection(&self, order: &Order) -> Option<&str> {
        self.account(&order.attempt.company).map(|account| account.line.name.as_str())
    }

    fn connections(&self) -> Vec<String> {
        self.accounts.iter().map(|account| account.line.name.clone()).collect()
    }

    async fn carry(&self, job: &Job) -> Result<Told, Trouble> {
        let (mut account, number) = match self.about(job) {
            Ok(about) => about,
            Err(told) => return Ok(*told),
        };
        let known = self.members.facts(&job.order, THEN).await?;
        let host = address(known.as_deref(), &job.order.organizer);
        let seen = match account.look(number, host.as_deref(), job.now).await {
            Ok(seen) if seen.is_of_another() => {
                match self.elsewhere(account, job, number, host.as_deref()).await? {
                    Some((there, seen)) => {
                        account = there;
                        seen
                    }
                    None => seen,
                }
            }
            Ok(seen) => seen,
            Err(error @ Error::Forbidden { .. }) => {
                return Ok(cannot(job, account.line.evidence(&error)));
            }
            Err(error) => return Err(account.line.trouble(&error, THEN)),
        };
        if let Some((signal, why)) = obstacle(&seen, number) {
            let raw = account.line.says(why, "");
            return Ok(named(Told::that(job.says(signal).because(raw)), &seen, number));
        }
        let Some(meeting) = seen.meeting.as_ref() else {
            return Ok(cannot(job, account.line.says("meeting_not_found", "")));
        };
        let Some(owner) = meeting.host.as_deref() else {
            return Ok(cannot(job, account.line.says("host_unknown", "")));
        };
        let told = match self.arm(account, job, number, owner).await? {
            Ok(()) => {
                let risks = seen.assess(number).risks;
                let risks: Vec<&str> = risks.into_iter().map(Risk::as_str).collect();
                let raw = account.line.says("auto_recording", risks.join(", "));
                Told::that(job.says(Signal::Armed).because(raw))
            }
            Err(why) => cannot(job, why),
        };
        Ok(named(told, &seen, number))
    }

    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble> {
        if self.account_of(job).is_none() {
            return Err(Trouble::unconnected());
        }
        let Ok((account, number)) = self.about(job) else { return Ok(Told::default()) };
        // What records long before the event is of another one.
        let near = job.order.start.is_none_or(|start| job.now >= start - AHEAD);
        if near && self.is_ours(account, job, number).await? {
            drop(self.control(account, job, number, Control::Stop).await?);
        }
        self.disarm(account, job, number).await?;
        Ok(Told::default())
    }

    async fn act(&self, job: &Job, act: Act) -> Result<Told, Trouble> {
        match act {
            Act::StartLiveRecording | Act::StartRecording => self.start(job).await,
            Act::CheckMeeting => self.check_meeting(job).await,
            Act::CheckFiles => self.check_files(job).await,
            Act::Stop => self.stop(job).await,
            Act::Discard => self.discard(job).await,
            // Fetching is not this carrier's, and nobody of ours is in the conference who could ask or speak.
            Act::Fetch | Act::AskPermission | Act::Announce | Act::Unspecified => {
                Ok(Told::default())
            }
        }
    }
}

/// What is known to stand in the way.
fn obstacle(seen: &Seen, number: &str) -> Option<(Signal, &'static str)> {
    match &seen.host {
        Found::Unnamed => return Some((THEN, "host_unknown")),
        // The meeting is somebody's of the account, who is not the one of the calendar.
        Found::Nowhere(_) if seen.meeting.is_some() => {
            return Some((THEN, Obstacle::HostMismatch.as_str()));
        }
        Found::Nowhere(code) if code == "1001" => {
            return Some((Signal::HostInactive, "host_unknown_to_zoom"));
        }
        Found::Nowhere(_) => return Some((THEN, "host_not_in_account")),
        Found::User(_) => {}
    }
    match seen.assess(number).native {
        Possibility::Impossible(Obstacle::HostInactive) => {
            Some((Signal::HostInactive, Obstacle::HostInactive.as_str()))
        }
        Possibility::Impossible(obstacle) => Some((THEN, obstacle.as_str())),
        // Where nothing is known against it, it shows when the meeting is read again whether it is armed.
        Possibility::Possible | Possibility::Unknown => None,
    }
}

fn own(code: &str, text: &str) -> Evidence {
    Evidence::own(code, text)
}

fn cannot(job: &Job, why: Evidence) -> Told {
    Told::that(job.says(THEN).because(why))
}

/// With what Zoom calls it.
fn named(told: Told, seen: &Seen, number: &str) -> Told {
    let told = told.named(Kind::Conference, number);
    let Some(meeting) = &seen.meeting else { return told };
    let told = match &meeting.host {
        Some(host) => told.named(Kind::Host, host.as_str()),
        None => told,
    };
    match meeting.kind {
        Some(kind) => told.named(Kind::Type, stored(kind).to_string()),
        None => told,
    }
}

/// The number of a kind of meeting, as Zoom has it.
const fn stored(kind: MeetingKind) -> i64 {
    match kind {
        MeetingKind::Instant => 1,
        MeetingKind::Scheduled => 2,
        MeetingKind::RecurringOpen => 3,
        MeetingKind::Personal => 4,
        MeetingKind::Pac => 7,
        MeetingKind::RecurringFixed => 8,
        MeetingKind::Other(other) => other,
    }
}
