//! Does what is to be done at providers: claims what is due, calls its carrier, and notes what came of it.

use std::sync::Arc;
use std::time::Duration;

use chassis::metrics::{self, Counter, Gauge, Histogram};
use chassis::{Clock, chain};
use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::Act;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Carrier, Carriers, Job, Told, Trouble};
use crate::attempts::Evidence;
use crate::config;
use crate::journal::{Due, Finish, Journal, WorkKind as Kind};

/// The shortest and the longest pause before something is tried again.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::seconds(2), TimeDelta::minutes(5));

/// The pause before that where it has not worked for long.
const LATE: TimeDelta = TimeDelta::hours(1);

/// Of a connection by which a recorder could not be called back.
pub(crate) const NOT_WITHDRAWN: &str = "not_withdrawn";
/// Of one by which a recording could not be deleted.
pub(crate) const NOT_DELETED: &str = "recording_not_deleted";

/// The longest pause before somebody is told again to end something, whatever the provider wants.
const ENDING: TimeDelta = TimeDelta::seconds(60);

/// When it is time to end, what is under way may take so much longer.
const GRACE: Duration = Duration::from_secs(2);

/// Things done at providers, by `carrier`, `kind` and `result`: `done`, `again` after trouble that may pass, `late` after
/// which it was given up, `lost` where it had been taken over, or is not to be done any more.
static HANDLED: Counter = metrics::counter("callsheet.work.handled");

/// How long after it was due something was begun, by `kind`.
static LATENESS: Histogram = metrics::histogram("callsheet.work.lateness", "s");

/// Things to do by connections this process does not know: they wait for one that does.
static FOREIGN: Gauge = metrics::gauge("callsheet.work.foreign", "{job}");

/// For how long the first of what is to be done has been due; nothing while nothing is.
static BEHIND: Gauge = metrics::gauge("callsheet.work.behind", "s");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// Where it is written what is to be done.
    pub(crate) journal: Journal,
    /// Who does it.
    pub(crate) carriers: Carriers,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How it is looked for.
    pub(crate) settings: config::Work,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

impl Worker {
    /// Does what is due until shutdown.
    pub(crate) async fn run(self) {
        let names: Vec<&'static str> = self.carriers.names().collect();
        let connections = self.carriers.connections();
        let by = (names.as_slice(), connections.as_slice());
        if names.is_empty() {
            return self.shutdown.cancelled().await;
        }
        let mut jobs: JoinSet<()> = JoinSet::new();
        let mut next = Instant::now();
        loop {
            let room = self.settings.parallel.saturating_sub(jobs.len());
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                Some(ended) = jobs.join_next() => {
                    if let Err(failed) = ended {
                        error!(error = chain(&failed), "something was not done at a provider");
                    }
                    // What comes next in the same attempt may be done now.
                    next = Instant::now();
                }
                () = self.journal.work_came(), if room > 0 => next = Instant::now(),
                () = tokio::time::sleep_until(next), if room > 0 => {
                    next = Instant::now() + self.settings.poll;
                    match self.look(by, room).await {
                        Ok(claimed) => {
                            if claimed.len() >= room {
                                next = Instant::now();
                            }
                            for due in claimed {
                                let worker = self.clone();
                                jobs.spawn(async move { worker.work(due).await });
                            }
                        }
                        Err(error) => {
                            warn!(error = chain(&error), "what is to be done could not be claimed");
                        }
                    }
                }
            }
        }
        let ended =
            tokio::time::timeout(GRACE, async { while jobs.join_next().await.is_some() {} });
        // What is cut off is done again by whoever claims it when the claim is over.
        drop(ended.await);
    }

    async fn look(
        &self,
        by: (&[&'static str], &[String]),
        room: usize,
    ) -> Result<Vec<Due>, crate::error::Error> {
        let now = self.clock.now();
        // Asked first without a transaction: mostly there is nothing to do.
        let first = self.journal.first_work(by.0, by.1).await?;
        let behind = first.map_or(TimeDelta::zero(), |first| (now - first).max(TimeDelta::zero()));
        BEHIND.record(behind.as_seconds_f64(), &[]);
        FOREIGN.record(self.journal.foreign_work(by.0, by.1).await? as f64, &[]);
        if first.is_none_or(|first| now < first) {
            return Ok(Vec::new());
        }
        let limit = u64::try_from(room).unwrap_or(1);
        self.journal.claim_work(by, now, self.settings.lease, limit).await
    }

    async fn work(self, due: Due) {
        let now = self.clock.now();
        let kind = due.kind.as_str();
        LATENESS.record((now - due.due).as_seconds_f64().max(0.0), &[("kind", kind)]);
        let Some(carrier) = self.carriers.get(&due.carrier) else { return };
        let (finish, result) = self.outcome(carrier.as_ref(), &due, now).await;
        let labels = |result| [("carrier", carrier.name()), ("kind", kind), ("result", result)];
        match self.journal.finish_work(&due, &finish).await {
            Ok(true) => HANDLED.add(1, &labels(result)),
            Ok(false) => {
                warn!(carrier = carrier.name(), kind, "this was taken over");
                HANDLED.add(1, &labels("lost"));
            }
            // It is claimed by somebody when our claim is over, and done again.
            Err(error) => warn!(error = chain(&error), kind, "what was done could not be noted"),
        }
    }

    /// Does it, and says what becomes of it.
    async fn outcome(
        &self,
        carrier: &dyn Carrier,
        due: &Due,
        now: DateTime<Utc>,
    ) -> (Finish, &'static str) {
        let job = Job {
            order: due.order.clone(),
            names: due.names.clone(),
            number: due.number,
            what: due.kind.as_str(),
            tries: due.tries,
            now,
        };
        if due.kind == Kind::Carry && now > due.until {
            return (Finish::Done(given_up(due, &job, None)), "late");
        }
        let called = async {
            match due.kind {
                Kind::Carry => carrier.carry(&job).await,
                Kind::Withdraw => carrier.withdraw(&job).await,
                Kind::Act(act) => carrier.act(&job, act).await,
            }
        };
        let trouble = match tokio::time::timeout(self.settings.patience, called).await {
            Ok(Ok(told)) => {
                if due.kind.ends() && now > due.until {
                    self.complain(due, false).await;
                }
                return (Finish::Done(told), "done");
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::passing(Evidence::own("no_answer", "the provider took too long")),
        };
        info!(
            carrier = carrier.name(),
            kind = job.what,
            tries = due.tries,
            code = trouble.raw.code,
            "trouble at a provider"
        );
        let at = self.clock.now() + pause(&trouble, due);
        if at <= due.until {
            return (Finish::Again(at), "again");
        }
        if !due.kind.ends() {
            return (Finish::Done(given_up(due, &job, Some(trouble))), "late");
        }
        // Whoever was told that it ends must be able to rely on it: it is tried for as long as it takes, and shown.
        error!(
            carrier = carrier.name(),
            kind = job.what,
            code = trouble.raw.code,
            "what is to end or to be deleted at a provider does not"
        );
        self.complain(due, true).await;
        (Finish::Again(self.clock.now() + LATE), "late")
    }

    /// Notes that something is not ended, or that it is by now.
    async fn complain(&self, due: &Due, is_wrong: bool) {
        let connection = due.names.iter().find(|name| name.kind == super::Kind::Connection);
        let Some(connection) = connection else { return };
        let code = if due.kind == Kind::Act(Act::Discard) { NOT_DELETED } else { NOT_WITHDRAWN };
        let noted = self.journal.complain(&connection.value, code, is_wrong, self.clock.now());
        if let Err(error) = noted.await {
            warn!(error = chain(&error), code, "what is wrong could not be noted");
        }
    }
}

/// How long to wait before it is tried again: twice as long each time, and not all at once that failed at once.
fn pause(trouble: &Trouble, due: &Due) -> TimeDelta {
    let (shortest, longest) = PAUSES;
    let doubled = shortest * 2_i32.saturating_pow(due.tries.min(16));
    let wanted = trouble.after.and_then(|after| TimeDelta::from_std(after).ok());
    let spread = TimeDelta::milliseconds(due.id.rem_euclid(1000));
    let pause = doubled.min(longest).max(wanted.unwrap_or_default());
    let pause = if due.kind.ends() { pause.min(ENDING) } else { pause };
    pause + spread
}

/// What is told of something that is not tried any more.
fn given_up(due: &Due, job: &Job, trouble: Option<Trouble>) -> Told {
    let tells = match due.kind {
        Kind::Carry | Kind::Act(Act::Fetch) => true,
        Kind::Withdraw | Kind::Act(_) => false,
    };
    if !tells {
        return Told::default();
    }
    let (signal, raw) = match trouble {
        Some(trouble) => (trouble.then, trouble.raw),
        None => (
            decision::session::Signal::DispatchMissed,
            Evidence::own("too_late", "the latest instant to join had passed"),
        ),
    };
    Told::that(job.says(signal).because(raw))
}
