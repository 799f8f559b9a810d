//! Where recordings of telephone calls are.

use async_trait::async_trait;
use remote::Error;

use super::{Dialer, THEN, no_connection};
use crate::carriers::files::Recorded;
use crate::carry::{Job, Trouble};
use crate::imports::{Located, Source};

#[async_trait]
impl Source for Dialer {
    fn name(&self) -> &'static str {
        "dialer"
    }

    async fn locate(&self, job: &Job) -> Result<Located, Trouble> {
        let Some((desk, call)) = self.about(job) else {
            Self::unless_gone(job)?;
            return Ok(Located::Lost(THEN, no_connection()));
        };
        let answer = desk.system.recorded(&call).await;
        let found = match desk.line.hear(answer, job.now).await {
            Ok(found) => found,
            // Not there yet, or not any more: that it was deleted would be told by an event.
            Err(Error::NotFound { .. }) => Recorded::default(),
            Err(error) => return Err(desk.line.trouble(&error, THEN)),
        };
        found.located(&desk.line, &desk.files, job, THEN)
    }
}
