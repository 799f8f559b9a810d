//! One import: asked where it is, fetched, looked at, told of.

use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use chrono::{DateTime, TimeDelta, Utc};
use decision::session::Signal;
use media::{Download, Error, Fetcher};
use tracing::{info, warn};

use super::verdict::{Failure, Looked, Verdict, failure, verdict};
use super::{File, Imports, Located, Source, failed, filed, stored};
use crate::attempts::{Evidence, News};
use crate::carry::Job;
use crate::journal::{Import, ImportStage as Stage, Settle};

/// The longest pause before something is tried again.
const LONGEST: TimeDelta = TimeDelta::minutes(5);
/// How often in a row a provider is asked for another link, when the one it gave opens nothing.
const REFUSALS: u32 = 4;
/// How long a provider may take to say where a recording is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a try.
pub(super) enum Came {
    /// It is settled so.
    Settled(Settle, &'static str),
    /// Another replica has it by now, or it is to be thrown away.
    Lost,
}

impl Imports {
    /// Does what is due with an import.
    pub(super) async fn work(
        &self,
        import: &Import,
        source: Option<&Arc<dyn Source>>,
    ) -> Result<Came, crate::error::Error> {
        match (import.stage, source) {
            (Stage::Wanted, Some(source)) => self.import(import, source.as_ref()).await,
            (Stage::Discard, _) => Ok(self.throw_away(import).await),
            // A link that nobody has asked to fetch.
            _ => Ok(Came::Settled(Settle::Over(Vec::new()), "unwanted")),
        }
    }

    async fn throw_away(&self, import: &Import) -> Came {
        let deleted = async {
            let store = self.shelf.store()?;
            for file in &import.files {
                store.delete(&stored(&import.order.attempt, file)?).await?;
            }
            Ok::<_, Error>(())
        };
        if import.files.is_empty() {
            return Came::Settled(Settle::Gone, "discarded");
        }
        match deleted.await {
            // Once more when whoever was fetching it has surely heard: something may have been noted meanwhile.
            Ok(()) if import.refusals == 0 => {
                let lease = TimeDelta::from_std(self.settings.lease).unwrap_or(LONGEST);
                Came::Settled(Settle::Again(self.now() + lease, 1), "discarding")
            }
            Ok(()) => Came::Settled(Settle::Gone, "discarded"),
            // However long it takes: it must go.
            Err(error) => {
                warn!(error = chain(&error), "what was imported could not be thrown away yet");
                let later = self.later(import.tries, None);
                Came::Settled(Settle::Again(later, import.refusals), "again")
            }
        }
    }

    async fn import(
        &self,
        import: &Import,
        source: &dyn Source,
    ) -> Result<Came, crate::error::Error> {
        let job = Job {
            order: import.order.clone(),
            names: import.names.clone(),
            number: import.number,
            what: "import",
            tries: import.tries,
            now: self.now(),
        };
        let signal = failed(job.order.method);
        if job.now > import.until {
            return Ok(over(
                &job,
                signal,
                Evidence::own("too_late", "it was tried for too long"),
                "late",
            ));
        }
        let fetching = crate::attempts::Change::Told(job.says(Signal::Fetching));
        self.journal.tell(&[fetching]).await?;
        let files = match tokio::time::timeout(PATIENCE, source.locate(&job)).await {
            Ok(Ok(Located::Files(files))) => files,
            Ok(Ok(Located::Lost(signal, why))) => return Ok(over(&job, signal, why, "failed")),
            Ok(Err(trouble)) => {
                info!(source = source.name(), code = trouble.raw.code, "trouble at a provider");
                return Ok(self.again(import, trouble.after, import.refusals, "located"));
            }
            Err(_) => return Ok(self.again(import, None, import.refusals, "no_answer")),
        };
        if files.is_empty() {
            let failure = Failure::Stale("no_files".to_owned(), signal);
            return Ok(self.judged(import, &job, failure));
        }
        let mut names: Vec<String> = import.files.clone();
        for file in &files {
            let name = filed(&job.order.attempt, &file.name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !self.journal.note_files(import, &names).await? {
            return Ok(Came::Lost);
        }
        Ok(match self.all(&job, files).await {
            Ok(looked) => told(&job, &verdict(&looked)),
            Err(error) => {
                let failure = match &error {
                    Some(error) => failure(job.order.method, error),
                    None => Failure::Passing("no_store", None),
                };
                self.judged(import, &job, failure)
            }
        })
    }

    /// Fetches all files and looks at them. One that is not to be had leaves the others to judge by; one that may come yet is
    /// waited for.
    async fn all(&self, job: &Job, files: Vec<File>) -> Result<Vec<Looked>, Option<Error>> {
        let fetcher = self.shelf.fetcher().map_err(|error| {
            // Where there is no store at all, that is told elsewhere.
            Some(error).filter(|error| !matches!(error, Error::Setting(_)))
        })?;
        let mut looked = Vec::with_capacity(files.len());
        let mut missing = None;
        for file in files {
            match self.one(&fetcher, job, file).await {
                Ok(one) => looked.push(one),
                Err(error) => match failure(job.order.method, &error) {
                    Failure::Final(..) => missing = Some(error),
                    Failure::Passing(..) | Failure::Stale(..) | Failure::Deleted => {
                        return Err(Some(error));
                    }
                },
            }
        }
        match missing {
            Some(error) if looked.is_empty() => Err(Some(error)),
            _ => Ok(looked),
        }
    }

    async fn one(&self, fetcher: &Fetcher, job: &Job, file: File) -> Result<Looked, Error> {
        let attempt = &job.order.attempt;
        let download = Download {
            key: stored(attempt, &filed(attempt, &file.name))?,
            url: file.url,
            hosts: file.hosts,
            authorization: file.authorization,
            expected: file.expected,
            largest: self.settings.largest,
        };
        let recording = fetcher.fetch(&download).await?;
        match media::probe::probe(&self.shelf.store()?, &recording, media::Bounds::default()).await
        {
            Ok(probe) => Ok(Some(probe)),
            Err(Error::UnknownMedia(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is to be done after a failure.
    fn judged(&self, import: &Import, job: &Job, failure: Failure) -> Came {
        match failure {
            Failure::Passing(code, after) => self.again(import, after, 0, code),
            Failure::Stale(code, _) if import.refusals + 1 < REFUSALS => {
                info!(code, "a provider is asked for another link");
                self.again(import, None, import.refusals + 1, "stale")
            }
            Failure::Stale(code, signal) | Failure::Final(code, signal) => {
                over(job, signal, Evidence::own(&code, ""), "failed")
            }
            Failure::Deleted => Came::Settled(Settle::Gone, "discarded"),
        }
    }

    fn again(&self, import: &Import, after: Option<Duration>, refusals: u32, code: &str) -> Came {
        info!(code, tries = import.tries, carrier = import.carrier, "an import is tried again");
        Came::Settled(Settle::Again(self.later(import.tries, after), refusals), "again")
    }

    /// When something is tried again: after twice as long each time, and no sooner than is wanted.
    fn later(&self, tries: u32, after: Option<Duration>) -> DateTime<Utc> {
        let first = TimeDelta::from_std(self.settings.pause).unwrap_or(LONGEST);
        let doubled = first.checked_mul(2_i32.saturating_pow(tries.min(16))).unwrap_or(LONGEST);
        let wanted = after.and_then(|after| TimeDelta::from_std(after).ok()).unwrap_or_default();
        self.now() + doubled.min(LONGEST.max(first)).max(wanted)
    }
}

fn over(job: &Job, signal: Signal, why: Evidence, result: &'static str) -> Came {
    Came::Settled(Settle::Over(vec![job.says(signal).because(why)]), result)
}

/// What is told of a recording that was looked at. All of it happened at one instant, whatever of it is heard first.
fn told(job: &Job, verdict: &Verdict) -> Came {
    let news = verdict.signals.iter().map(|(signal, code)| {
        let news = job.says(*signal);
        let length = verdict.length.filter(|_| *signal == Signal::Imported);
        let news = News { length, ..news };
        if code.is_empty() { news } else { news.because(Evidence::own(code, "")) }
    });
    Came::Settled(Settle::Over(news.collect()), "imported")
}
