//! What must be learned for a batch besides the policy: whose the addresses are through which events arrived.

use std::collections::{BTreeSet, HashMap, HashSet};

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

    /// The company other than `company` that owns a recipient; the most specific owner counts. `proposed` are the names
    /// that `company` would own in the place of those it owns.
    pub(crate) fn stranger(
        &self,
        recipient: &str,
        company: &str,
        proposed: Option<&HashSet<String>>,
    ) -> Option<&str> {
        if self.of.is_empty() {
            return None;
        }
        for name in claims::candidates(recipient) {
            if proposed.is_some_and(|own| own.contains(&name)) {
                return None;
            }
            match self.of.get(&name) {
                Some(owner) if owner != company => return Some(owner),
                Some(_) if proposed.is_none() => return None,
                Some(_) | None => {}
            }
        }
        None
    }
}
