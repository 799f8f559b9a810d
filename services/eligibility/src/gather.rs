//! What must be learned for a batch besides the policy: whose the addresses are through which events arrived.

use std::collections::{BTreeSet, HashMap};

use crate::claims;
use crate::store::Store;

/// Owners of the addresses and domains of a batch.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    of: HashMap<String, String>,
}

impl Owners {
    /// Learns who owns the recipients, in one query for all of them; in none where there are none.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn of<'r>(
        store: &dyn Store,
        recipients: impl Iterator<Item = &'r str>,
    ) -> Result<Self, storage::Error> {
        let distinct: BTreeSet<&str> =
            recipients.filter(|recipient| !recipient.is_empty()).collect();
        let names: BTreeSet<String> = distinct.into_iter().flat_map(claims::candidates).collect();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<String> = names.into_iter().collect();
        Ok(Self { of: store.owners(&names).await?.into_iter().collect() })
    }

    /// The company that owns a recipient; the most specific owner counts.
    pub(crate) fn owner(&self, recipient: &str) -> Option<&str> {
        if self.of.is_empty() {
            return None;
        }
        claims::candidates(recipient).iter().find_map(|name| self.of.get(name)).map(String::as_str)
    }
}
