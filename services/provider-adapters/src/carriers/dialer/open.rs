//! Telephone systems that speak our own event API: the recording is where their events say.

use async_trait::async_trait;
use remote::{AUTHORIZATION, Download, Error, Private};
use secrecy::SecretString;

use super::{Call, Recorded, System};
use crate::carriers::files::Take;

/// A system.
#[derive(Debug)]
pub(in crate::carriers) struct Open {
    /// What the header `Authorization` says to the host of a link; nothing where links let in whoever has them.
    pub(in crate::carriers) header: Option<SecretString>,
}

#[async_trait]
impl System for Open {
    async fn recorded(&self, call: &Call<'_>) -> Result<Recorded, Error> {
        let listed = call.link.as_ref().map_or("", Private::expose);
        let take = |line: &str| {
            let (id, url) = line.split_once('\t')?;
            let header = self.header.clone().map(|value| (AUTHORIZATION, value));
            Some(Take::new(id, Download { url: Private::new(url), header }))
        };
        Ok(Recorded { takes: listed.lines().filter_map(take).collect(), ..Recorded::default() })
    }
}
