//! Plans that sessions carry out, and the calls they are of.

use std::collections::{BTreeMap, HashMap};

use proto::orchestrator::v1::Decision;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::entity::decision as history;
use super::row::{decode, number};
use super::{Call, Calls, chunks};
use crate::error::Error;

/// What is known of plans of a company, and of their calls.
#[derive(Debug)]
pub(crate) struct Plans {
    plans: HashMap<(String, u64), Decision>,
    calls: HashMap<String, Call>,
}

impl Plans {
    /// The plan of a call at a revision.
    pub(crate) fn plan(&self, call: &str, revision: u64) -> Option<&Decision> {
        self.plans.get(&(call.to_owned(), revision))
    }

    /// A call, as it stands.
    pub(crate) fn call(&self, call: &str) -> Option<&Call> {
        self.calls.get(call)
    }
}

impl Calls {
    /// What is known of plans, each a call and a revision of its decision, and of their calls.
    ///
    /// # Errors
    /// Those of the database; what is stored cannot be read.
    pub(crate) async fn plans(
        &self,
        company: &str,
        wanted: &[(&str, u64)],
    ) -> Result<Plans, Error> {
        let mut by_revision: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for (id, revision) in wanted {
            by_revision.entry(*revision).or_default().push(id);
        }
        let mut plans = HashMap::with_capacity(wanted.len());
        for (revision, ids) in by_revision {
            for part in chunks(&ids) {
                let rows = history::Entity::find()
                    .filter(history::Column::Company.eq(company))
                    .filter(history::Column::CallId.is_in(part.iter().copied()))
                    .filter(history::Column::Revision.eq(number(revision)))
                    .all(self.store.reader())
                    .await
                    .map_err(storage::Error::from)?;
                for row in rows {
                    let plan: Decision = decode(&row.decision)?;
                    plans.insert((plan.call_id.clone(), plan.revision), plan);
                }
            }
        }
        let mut ids: Vec<String> = wanted.iter().map(|(id, _)| (*id).to_owned()).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Plans { plans, calls: self.by_id(company, &ids).await? })
    }
}
