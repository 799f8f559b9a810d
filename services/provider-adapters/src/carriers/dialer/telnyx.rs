//! Telnyx: all recordings of a session, behind links that hold for ten minutes.

use async_trait::async_trait;
use remote::Error;
use remote::telnyx::Client;

use super::{Call, Recorded, System};
use crate::carriers::files::Take;

/// An account.
#[derive(Debug)]
pub(in crate::carriers) struct Telnyx {
    pub(in crate::carriers) client: Client,
}

#[async_trait]
impl System for Telnyx {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let mut found = Recorded::default();
        for one in self.client.recordings(call.id).await? {
            // Lists may leave the links out.
            let one = match one.link {
                Some(_) => one,
                None => self.client.recording(&one.id).await?,
            };
            match one.download() {
                Some(download) => found.takes.push(Take::new(one.id, download)),
                None => found.unfinished = true,
            }
        }
        Ok(found)
    }

    async fn delete(&self, _: &Call<'_>, recording: &str) -> Result<(), Error> {
        self.client.delete_recording(recording).await
    }
}
