//! Asks Zoom what a meeting does and what became of its recording: the repair for webhooks that were lost.
//!
//! What is told here and by a webhook is told twice, at about the same time, which changes nothing: whoever decides joins
//! facts. What is told here twice has one key.

use chrono::{DateTime, TimeDelta, Utc};
use decision::session::Signal;
use remote::Error;
use remote::zoom::{Instance, Meeting, MeetingKind, Recordings, Which as At};

use super::{THEN, ZoomNative};
use crate::attempts::{Evidence, News};
use crate::carriers::zoom::Account;
use crate::carry::{Job, Kind, Told, Trouble};

/// How long before its planned start a run may begin that is of the event.
const EARLY: TimeDelta = TimeDelta::hours(1);
/// The same in a personal room, where the run before may be somebody else's.
const EARLY_IN_ROOM: TimeDelta = TimeDelta::minutes(5);
/// How long after its planned end a run may begin.
const LATE: TimeDelta = TimeDelta::hours(1);
/// How long an event takes of which no end is known.
const LENGTH: TimeDelta = TimeDelta::hours(1);
/// Runs of one event that are asked for.
pub(super) const RUNS: usize = 20;

/// When a run of the event may begin.
fn window(job: &Job, personal: bool) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let start = job.order.start?;
    let early = if personal { EARLY_IN_ROOM } else { EARLY };
    let end = job.order.end.unwrap_or(start + LENGTH);
    Some((start - early, if personal { end } else { end + LATE }))
}

fn is_personal(meeting: &Meeting) -> bool {
    meeting.kind == Some(MeetingKind::Personal)
}

fn of_run(job: &Job, uuid: &str, signal: Signal, at: DateTime<Utc>, raw: Evidence) -> News {
    let key = format!("rest:{uuid}:{}", signal.as_str());
    News::of(&job.order.attempt, signal, at, key).because(raw)
}

impl ZoomNative {
    /// Tells what the meeting does.
    pub(super) async fn check_meeting(&self, job: &Job) -> Result<Told, Trouble> {
        let Ok((account, number)) = self.about(job) else { return Ok(Told::default()) };
        let answer = account.client.meeting(number).await;
        let meeting = match account.line.hear(answer, job.now).await {
            Ok(meeting) => meeting,
            Err(error @ Error::NotFound { .. }) => {
                let raw = account.line.evidence(&error);
                return Ok(Told::that(job.says(Signal::NeverStarted).because(raw)));
            }
            Err(error) => return Err(account.line.trouble(&error, THEN)),
        };
        let window = window(job, is_personal(&meeting));
        let fits = |at: DateTime<Utc>| window.is_none_or(|(from, to)| at >= from && at <= to);
        let runs = self.runs(account, job, number).await?;
        let mut told = Told::default();
        for run in runs.iter().filter(|run| run.start.is_some_and(fits)).take(RUNS) {
            let Some(began) = run.start else { continue };
            let raw = |code: &str| account.line.says(code, "past_meetings");
            let news = |signal, at, raw| of_run(job, &run.uuid, signal, at, raw);
            told = told.named(Kind::Instance, run.uuid.as_str());
            told = told.and(news(Signal::MeetingStarted, began, raw("started")));
            let (ended, how) = self.end_of(account, job, run, began).await?;
            told = told.and(news(Signal::MeetingEnded, ended, raw(how)));
        }
        if meeting.status.as_deref() == Some("started") && fits(job.now) {
            let uuid = meeting.uuid.as_deref().unwrap_or(number);
            let raw = account.line.says("started", "meetings");
            told = told.named(Kind::Instance, uuid);
            return Ok(told.and(of_run(job, uuid, Signal::MeetingStarted, job.now, raw)));
        }
        if told.news.is_empty() && job.order.start.is_some_and(|start| start < job.now) {
            let raw = account.line.says("no_run", "past_meetings");
            told = told.and(job.says(Signal::NeverStarted).because(raw));
        }
        Ok(told)
    }

    /// The runs of the event that are over. Of a meeting that is not to be seen any more nobody knows whether it was in a
    /// personal room, and of an event without a time there is none.
    pub(super) async fn runs_of_event(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
    ) -> Result<Vec<String>, Trouble> {
        let answer = account.client.meeting(number).await;
        let personal = match account.line.hear(answer, job.now).await {
            Ok(meeting) => is_personal(&meeting),
            Err(Error::NotFound { .. } | Error::Forbidden { .. }) => true,
            Err(error) => return Err(account.line.trouble(&error, THEN)),
        };
        let Some((from, to)) = window(job, personal) else { return Ok(Vec::new()) };
        let runs = self.runs(account, job, number).await?.into_iter();
        let fits = |run: &Instance| run.start.is_some_and(|began| began >= from && began <= to);
        Ok(runs.filter(fits).take(RUNS).map(|run| run.uuid).collect())
    }

    async fn runs(
        &self,
        account: &Account,
        job: &Job,
        number: &str,
    ) -> Result<Vec<Instance>, Trouble> {
        let answer = account.client.instances(number).await;
        match account.line.hear(answer, job.now).await {
            Ok(mut runs) => {
                runs.sort_by(|a, b| (a.start, &a.uuid).cmp(&(b.start, &b.uuid)));
                Ok(runs)
            }
            Err(Error::NotFound { .. } | Error::Forbidden { .. }) => Ok(Vec::new()),
            Err(error) => Err(account.line.trouble(&error, THEN)),
        }
    }

    /// When a run that is over ended: as Zoom tells of it, else not later than now.
    async fn end_of(
        &self,
        account: &Account,
        job: &Job,
        run: &Instance,
        began: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, &'static str), Trouble> {
        let answer = account.client.past_meeting(At::Run(&run.uuid)).await;
        match account.line.hear(answer, job.now).await {
            Ok(past) => Ok(match past.end.filter(|end| *end >= began && *end <= job.now) {
                Some(end) => (end, "ended"),
                None => (job.now, "ended_before"),
            }),
            Err(Error::NotFound { .. } | Error::Forbidden { .. }) => Ok((job.now, "ended_before")),
            Err(error) => Err(account.line.trouble(&error, THEN)),
        }
    }

    /// Tells what became of the recording of all runs that are known to be of the event.
    pub(super) async fn check_files(&self, job: &Job) -> Result<Told, Trouble> {
        let Ok((account, number)) = self.about(job) else { return Ok(Told::default()) };
        let mut runs: Vec<At<'_>> = job.names(Kind::Instance).take(RUNS).map(At::Run).collect();
        if runs.is_empty() {
            runs.push(At::Meeting(number));
        }
        let (mut ready, mut unfinished, mut missing) = (Vec::new(), None, None);
        for run in runs {
            let answer = account.client.recordings(run).await;
            match account.line.hear(answer, job.now).await {
                // Of a number the last run is meant, which need not be of the event.
                Ok(found) if !is_of(job, &found, run) => {
                    missing = Some(account.line.says("of_another_time", ""));
                }
                Ok(found) if found.ready() => ready.push(found),
                Ok(_) => unfinished = Some(account.line.says("processing", "")),
                Err(error @ Error::NotFound { .. }) => {
                    missing = Some(account.line.evidence(&error))
                }
                Err(error) => return Err(account.line.trouble(&error, THEN)),
            }
        }
        // Of several runs all must be there before they are fetched; one that nobody recorded is none to wait for.
        if let Some(raw) = unfinished {
            return Ok(Told::that(job.says(Signal::FilesProcessing).because(raw)));
        }
        if ready.is_empty() {
            let told = job.says(Signal::FilesMissing);
            return Ok(Told::that(match missing {
                Some(raw) => told.because(raw),
                None => told,
            }));
        }
        let raw = account.line.says("completed", "recordings");
        let mut told = Told::that(job.says(Signal::FilesReady).because(raw));
        for uuid in ready.iter().filter_map(|one| one.uuid.as_deref()) {
            told = told.named(Kind::Instance, uuid).named(Kind::Recording, uuid);
        }
        Ok(told)
    }
}

/// Whether what was recorded is of the event.
pub(super) fn is_of(job: &Job, found: &Recordings, asked: At<'_>) -> bool {
    let (At::Meeting(_), Some(began), Some(start)) = (asked, found.start, job.order.start) else {
        return true;
    };
    let end = job.order.end.unwrap_or(start + LENGTH);
    began >= start - EARLY && began <= end + LATE
}
