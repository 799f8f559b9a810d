//! RingCentral: recordings that its notifications name, or its log of calls.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use remote::Error;
use remote::ringcentral::Client;

use super::{Call, Recorded, System};
use crate::carriers::files::Take;

/// How long before it was registered a call may have begun, for the log.
const BEFORE: TimeDelta = TimeDelta::hours(1);

/// An account.
#[derive(Debug)]
pub(in crate::carriers) struct RingCentral {
    pub(in crate::carriers) client: Client,
}

#[async_trait]
impl System for RingCentral {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let mut ids: Vec<String> = call.recordings().map(str::to_owned).collect();
        if ids.is_empty() {
            let since = call.placed.map_or(DateTime::UNIX_EPOCH, |at| at - BEFORE);
            ids = self.client.recordings(call.id, since).await?;
        }
        let mut found = Recorded::default();
        for id in ids {
            match self.client.recording(&id).await {
                Ok(one) => {
                    let download = self.client.download(&one.id).await?;
                    found.takes.push(Take::new(one.id, download));
                }
                // A notification speaks of it before it can be had.
                Err(Error::NotFound { .. }) => found.unfinished = true,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
