//! Vonage: recordings are files that its events name, and nothing lists them.

use async_trait::async_trait;
use remote::Error;
use remote::vonage::Client;

use super::{Call, Recorded, System};
use crate::carriers::files::Take;

/// An application.
#[derive(Debug)]
pub(in crate::carriers) struct Vonage {
    pub(in crate::carriers) client: Client,
}

#[async_trait]
impl System for Vonage {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let mut found = Recorded::default();
        for id in call.recordings() {
            found.takes.push(Take::new(id, self.client.file(id).await?));
        }
        Ok(found)
    }
}
