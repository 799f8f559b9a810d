//! Aircall: the recording is a link in the call, made anew each time it is asked for.

use async_trait::async_trait;
use remote::Error;
use remote::aircall::Client;

use super::{Call, Recorded, System};
use crate::carriers::files::Take;

/// An account.
#[derive(Debug)]
pub(in crate::carriers) struct Aircall {
    pub(in crate::carriers) client: Client,
}

/// Aircall's own number of a call, by which its API knows it. Webhooks name another id besides.
fn number<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    let plain = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    call.ids().into_iter().find(plain)
}

#[async_trait]
impl System for Aircall {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let Some(id) = number(call) else { return Ok(Recorded::default()) };
        let found = self.client.call(id).await?;
        // While Aircall works on it, there is no link either.
        let take = found.download().map(|download| Take::new(found.id.clone(), download));
        Ok(Recorded { takes: take.into_iter().collect(), ..Recorded::default() })
    }

    async fn delete(&self, call: &Call<'_>, _: &str) -> Result<(), Error> {
        match number(call) {
            Some(id) => self.client.delete_recording(id).await,
            None => Ok(()),
        }
    }
}
