//! Where recordings of bots are: behind links the runtime makes anew each time, which let in whoever has them.

use async_trait::async_trait;
use decision::session::Signal;
use remote::Error;

use super::Bots;
use crate::attempts::Evidence;
use crate::carriers::files::Recorded;
use crate::carry::{Job, Kind, Trouble};
use crate::imports::{Located, Source};

/// What is told when the recording never comes.
const THEN: Signal = Signal::FilesLost;

#[async_trait]
impl Source for Bots {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn locate(&self, job: &Job) -> Result<Located, Trouble> {
        let Some(desk) = self.desk_of(job) else {
            if job.name(Kind::Connection).is_some() {
                // It may come back, and is asked then.
                return Err(Trouble { then: THEN, ..Trouble::unconnected() });
            }
            let why = Evidence::own("no_connection", "the connection is not set up any more");
            return Ok(Located::Lost(THEN, why));
        };
        let line = &desk.line;
        let bots = self.bots_for(desk, job, THEN).await?;
        let mut all = Recorded::default();
        if bots.is_empty() {
            let why = line.says("no_bot", "the runtime knows no bot of the attempt");
            all = Recorded::lost(THEN, why);
        }
        for bot in &bots {
            let answer = desk.runtime.recorded(bot).await;
            let found = match line.hear(answer, job.now).await {
                Ok(found) => found,
                Err(error @ Error::NotFound { .. }) => Recorded::lost(THEN, line.evidence(&error)),
                Err(error) => return Err(line.trouble(&error, THEN)),
            };
            all = all.and(found);
        }
        all.located(line, &desk.files, job, THEN)
    }
}
