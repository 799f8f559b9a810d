//! Calls as a report has them: by start, UID and recurrence id, page by page, or only counted.

use decision::conflict::OwnedContender;
use prost::Message as _;
use proto::orchestrator::v1 as wire;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::commit::touching;
use super::entity::{call, storm};
use super::row::{corrupt, unsigned};
use super::{Call, Calls, Filter, Page};
use crate::error::Error;

/// What a report tells of a call, and where the next page begins.
#[derive(Debug, FromQueryResult)]
struct Row {
    call_id: String,
    start: i64,
    sort_key: Vec<u8>,
    decision: Vec<u8>,
}

/// Calls of one outcome.
#[derive(Debug, FromQueryResult)]
struct Counted {
    kind: i16,
    code: i32,
    calls: i64,
}

/// How many calls have a kind of decision, and a primary code; 0 where they have none.
pub(crate) type Count = (i32, i32, u64);

impl Calls {
    /// Whether anything was ever decided of a company.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn knows(&self, company: &str) -> Result<bool, Error> {
        let found: Option<String> = call::Entity::find()
            .select_only()
            .column(call::Column::CallId)
            .filter(call::Column::Company.eq(company))
            .limit(1)
            .into_tuple()
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(found.is_some())
    }

    /// The decisions that hold, a page of them, and where the next one begins.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn decisions(
        &self,
        company: &str,
        filter: &Filter,
        size: u64,
    ) -> Result<(Vec<wire::Decision>, Option<Page>), Error> {
        use call::Column as C;
        let rows: Vec<Row> = call::Entity::find()
            .select_only()
            .columns([C::CallId, C::Start, C::SortKey, C::Decision])
            .filter(filter.condition(company))
            .order_by_asc(C::Start)
            .order_by_asc(C::SortKey)
            .order_by_asc(C::CallId)
            .limit(size)
            .into_model()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        let is_last = u64::try_from(rows.len()).unwrap_or(u64::MAX) < size;
        let next = rows.last().filter(|_| !is_last).map(|row| Page {
            start: row.start,
            key: row.sort_key.clone(),
            call_id: row.call_id.clone(),
        });
        let decisions = rows
            .iter()
            .map(|row| wire::Decision::decode(row.decision.as_slice()).map_err(corrupt))
            .collect::<Result<_, _>>()?;
        Ok((decisions, next))
    }

    /// How many calls there are of each outcome, in no order.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn count(&self, company: &str, filter: &Filter) -> Result<Vec<Count>, Error> {
        use call::Column as C;
        let rows: Vec<Counted> = call::Entity::find()
            .select_only()
            .columns([C::Kind, C::Code])
            .column_as(C::CallId.count(), "calls")
            .filter(filter.condition(company))
            .group_by(C::Kind)
            .group_by(C::Code)
            .into_model()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(|row| (row.kind.into(), row.code, unsigned(row.calls))).collect())
    }

    /// The stored calls that contend with one of these.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn contending_with(
        &self,
        company: &str,
        contests: &[OwnedContender],
    ) -> Result<Vec<Call>, Error> {
        let found = touching(self.store.reader(), company, contests).await?;
        self.get(company, &found).await
    }

    /// How many calls are still to be looked at after changes of policy, as far as is known.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn storms_left(&self) -> Result<f64, Error> {
        let rows: Vec<(i64, i64)> = storm::Entity::find()
            .select_only()
            .columns([storm::Column::Total, storm::Column::Done])
            .filter(storm::Column::FinishedAt.is_null())
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        // A number for a gauge: what a double cannot tell apart nobody can see.
        Ok(rows.into_iter().map(|(total, done)| (total - done).max(0) as f64).sum())
    }
}
