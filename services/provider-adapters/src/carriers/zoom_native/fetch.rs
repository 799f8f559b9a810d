//! Where the recordings in Zoom's cloud are: those of all runs of the event, asked for just in time, with a token for each.

use async_trait::async_trait;
use decision::session::Signal;
use remote::zoom::{File as ZoomFile, Recordings, Which as At};
use remote::{Download, Error};
use secrecy::{ExposeSecret as _, SecretString};

use super::ZoomNative;
use super::check::{RUNS, is_of};
use crate::attempts::Evidence;
use crate::carriers::files::{Recorded, Take};
use crate::carriers::line::Line;
use crate::carry::{Job, Kind, Trouble};
use crate::imports::{Located, Source};

/// What is told when the recording never comes.
const THEN: Signal = Signal::FilesLost;
/// Zoom's code for a recording that does not exist: none was made, or it is gone.
const NO_RECORDING: &str = "3301";

/// Whether a file holds picture or sound. Chats, timelines and transcripts are no recording.
fn is_medium(file: &ZoomFile) -> bool {
    let media = ["MP4", "M4A", "MP3"];
    file.kind.as_deref().is_some_and(|kind| media.iter().any(|one| one.eq_ignore_ascii_case(kind)))
}

/// What Zoom has of a run.
fn of_run(found: &Recordings) -> Recorded {
    let mut all = Recorded::default();
    let header = |token: &SecretString| {
        let text = format!("Bearer {}", token.expose_secret());
        (remote::AUTHORIZATION, text.into())
    };
    for file in found.files.iter().filter(|one| is_medium(one)) {
        let Some(url) = file.url.clone().filter(|_| file.ready()) else {
            all.unfinished = true;
            continue;
        };
        let began = file.started.map(|at| at.timestamp().to_string()).unwrap_or_default();
        let part = || format!("{}-{began}", file.content.as_deref().unwrap_or("file"));
        all.takes.push(Take {
            id: file.id.clone().unwrap_or_else(part),
            download: Download { url, header: found.download_token.as_ref().map(header) },
            bytes: file.bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        });
    }
    all
}

fn lost(line: &Line, code: &str, text: &str) -> Recorded {
    Recorded::lost(THEN, line.says(code, text))
}

#[async_trait]
impl Source for ZoomNative {
    fn name(&self) -> &'static str {
        "zoom-native"
    }

    async fn locate(&self, job: &Job) -> Result<Located, Trouble> {
        let Ok((account, number)) = self.about(job) else {
            if self.account_of(job).is_none() && job.name(Kind::Connection).is_some() {
                // It may come back, and is asked then.
                return Err(Trouble { then: THEN, ..Trouble::unconnected() });
            }
            let why = Evidence::own("no_connection", "the connection is not set up any more");
            return Ok(Located::Lost(THEN, why));
        };
        let line = &account.line;
        let mut runs: Vec<At<'_>> = job.names(Kind::Instance).take(RUNS).map(At::Run).collect();
        if runs.is_empty() {
            runs.push(At::Meeting(number));
        }
        let mut all = Recorded::default();
        for run in runs {
            let answer = account.client.recordings(run).await;
            let found = match line.hear(answer, job.now).await {
                // Of a number the last run is meant, which need not be of the event.
                Ok(found) if !is_of(job, &found, run) => lost(line, "of_another_time", ""),
                Ok(found) => {
                    let found = of_run(&found);
                    let nothing = found.takes.is_empty() && !found.unfinished;
                    let why = || line.says("no_medium", "there is no file with picture or sound");
                    if nothing { Recorded::lost(Signal::MediaEmpty, why()) } else { found }
                }
                Err(error @ Error::NotFound { .. }) if error.code() == Some(NO_RECORDING) => {
                    Recorded::lost(THEN, line.evidence(&error))
                }
                Err(error) => return Err(line.trouble(&error, THEN)),
            };
            all = all.and(found);
        }
        all.located(line, &account.files, job, THEN)
    }
}
