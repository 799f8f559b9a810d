//! Zoom Phone: the recording of a call, behind a link that wants the token of the account.

use std::sync::Arc;

use async_trait::async_trait;
use remote::Error;

use super::{Call, Recorded, System};
use crate::carriers::files::Take;
use crate::carriers::zoom::Account;

/// An account of Zoom with telephones.
#[derive(Debug)]
pub(in crate::carriers) struct ZoomPhone {
    pub(in crate::carriers) account: Arc<Account>,
}

#[async_trait]
impl System for ZoomPhone {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let client = &self.account.client;
        let found = client.phone_recording(call.id).await?;
        let Some(download) = client.phone_download(&found).await? else {
            return Ok(Recorded { unfinished: true, ..Recorded::default() });
        };
        Ok(Recorded { takes: vec![Take::new(found.id, download)], ..Recorded::default() })
    }
}
