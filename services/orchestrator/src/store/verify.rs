//! What is looked at when a history is verified, beside its chain: decisions that are in no chain, and calls that hold
//! another decision than the newest of their history.

use sea_orm::sea_query::{Alias, Condition, ExprTrait as _, JoinType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, FromQueryResult, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::Calls;
use super::entity::{call, decision as history, head, log, outbox};
use super::log::{Head, of, same_decision};
use super::row::{decode, unsigned};
use crate::error::Error;

/// Calls that are looked at twice at once.
const PAGE: u64 = 100;

/// A decision by its call and its number.
pub(crate) type Named = (String, u64);

/// Calls by their ids: those after one, and up to another where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<'a> {
    /// After this one; empty for the first.
    pub(crate) after: &'a str,
    /// Up to this one, or to the last.
    pub(crate) until: Option<&'a str>,
}

impl Range<'_> {
    fn holds(&self, table: &'static str) -> Condition {
        Condition::all()
            .add(of(table, "call_id").gt(self.after))
            .add_option(self.until.map(|until| of(table, "call_id").lte(until)))
    }
}

#[derive(Debug, FromQueryResult)]
struct Found {
    call_id: String,
    revision: i64,
}

#[derive(Debug, FromQueryResult)]
struct Differing {
    call_id: String,
    revision: i64,
    held: Vec<u8>,
    decided: Option<Vec<u8>>,
}

impl Calls {
    /// Heads of companies in the order of their ids, after one.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn heads(&self, after: &str, size: u64) -> Result<Vec<(String, Head)>, Error> {
        let rows = head::Entity::find()
            .filter(head::Column::Company.gt(after))
            .order_by_asc(head::Column::Company)
            .limit(size)
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows
            .into_iter()
            .map(|row| (row.company, Head { number: unsigned(row.number), hash: row.hash }))
            .collect())
    }

    /// A decision that was announced and is not there any more.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn announced_in_vain(&self, company: &str) -> Result<Option<Named>, Error> {
        let mut query = Query::select();
        query
            .expr(of("o", "call_id"))
            .expr(of("o", "revision"))
            .from_as(outbox::Entity, Alias::new("o"))
            .join_as(JoinType::LeftJoin, history::Entity, Alias::new("d"), same_decision("o"))
            .and_where(of("o", "company").eq(company))
            .and_where(of("d", "revision").is_null())
            .order_by_expr(of("o", "id"), sea_orm::Order::Asc);
        self.first(query).await
    }

    /// A decision that was never announced: one that is neither in the log nor waits for it. `chained` is how many are in
    /// the log, for where the numbers agree nothing has to be looked for.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn unannounced(
        &self,
        company: &str,
        chained: u64,
    ) -> Result<Option<Named>, Error> {
        let reader = self.store.reader();
        let kept = history::Entity::find()
            .filter(history::Column::Company.eq(company))
            .count(reader)
            .await
            .map_err(storage::Error::from)?;
        // One that is made meanwhile only leads to a closer look.
        if kept == chained {
            return Ok(None);
        }
        let same = |table: &'static str| {
            of(table, "company")
                .eq(of("d", "company"))
                .and(of(table, "call_id").eq(of("d", "call_id")))
                .and(of(table, "revision").eq(of("d", "revision")))
        };
        let mut query = Query::select();
        query
            .expr(of("d", "call_id"))
            .expr(of("d", "revision"))
            .from_as(history::Entity, Alias::new("d"))
            .join_as(JoinType::LeftJoin, log::Entity, Alias::new("l"), same("l"))
            .join_as(JoinType::LeftJoin, outbox::Entity, Alias::new("o"), same("o"))
            .and_where(of("d", "company").eq(company))
            .and_where(of("l", "position").is_null())
            .and_where(of("o", "id").is_null())
            .order_by_expr(of("d", "call_id"), sea_orm::Order::Asc)
            .order_by_expr(of("d", "revision"), sea_orm::Order::Asc);
        self.first(query).await
    }

    /// The last of so many calls after one; nothing if there are fewer.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn call_after(
        &self,
        company: &str,
        after: &str,
        size: u64,
    ) -> Result<Option<String>, Error> {
        Ok(call::Entity::find()
            .select_only()
            .column(call::Column::CallId)
            .filter(call::Column::Company.eq(company))
            .filter(call::Column::CallId.gt(after))
            .order_by_asc(call::Column::CallId)
            .offset(size.saturating_sub(1))
            .limit(1)
            .into_tuple()
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?)
    }

    /// A decision of no call, or a newer one than its call holds.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn beyond_its_call(
        &self,
        company: &str,
        range: Range<'_>,
    ) -> Result<Option<Named>, Error> {
        let same = of("c", "company")
            .eq(of("d", "company"))
            .and(of("c", "call_id").eq(of("d", "call_id")));
        let mut query = Query::select();
        query
            .expr(of("d", "call_id"))
            .expr(of("d", "revision"))
            .from_as(history::Entity, Alias::new("d"))
            .join_as(JoinType::LeftJoin, call::Entity, Alias::new("c"), same)
            .and_where(of("d", "company").eq(company))
            .cond_where(range.holds("d"))
            .cond_where(
                Condition::any()
                    .add(of("c", "call_id").is_null())
                    .add(of("d", "revision").gt(of("c", "revision"))),
            )
            .order_by_expr(of("d", "call_id"), sea_orm::Order::Asc)
            .order_by_expr(of("d", "revision"), sea_orm::Order::Asc);
        self.first(query).await
    }

    /// A call that holds another decision than its history has under that number.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn unlike_its_history(
        &self,
        company: &str,
        range: Range<'_>,
    ) -> Result<Option<Named>, Error> {
        let mut after = range.after.to_owned();
        loop {
            let mut query = Query::select();
            query
                .expr(of("c", "call_id"))
                .expr(of("c", "revision"))
                .expr_as(of("c", "decision"), Alias::new("held"))
                .expr_as(of("d", "decision"), Alias::new("decided"))
                .from_as(call::Entity, Alias::new("c"))
                .join_as(JoinType::LeftJoin, history::Entity, Alias::new("d"), same_decision("c"))
                .and_where(of("c", "company").eq(company))
                .cond_where(Range { after: &after, ..range }.holds("c"))
                .cond_where(
                    Condition::any()
                        .add(of("d", "decision").is_null())
                        .add(of("d", "decision").ne(of("c", "decision"))),
                )
                .order_by_expr(of("c", "call_id"), sea_orm::Order::Asc)
                .limit(PAGE);
            let reader = self.store.reader();
            let rows = Differing::find_by_statement(reader.get_database_backend().build(&query))
                .all(reader)
                .await
                .map_err(storage::Error::from)?;
            let Some(last) = rows.last() else { return Ok(None) };
            after.clone_from(&last.call_id);
            for row in rows {
                // The same decision may be written in other bytes by another version.
                let is_same = match (&row.decided, decode(&row.held)) {
                    (Some(decided), Ok(held)) => decode(decided).is_ok_and(|one| one == held),
                    (Some(_) | None, _) => false,
                };
                if !is_same {
                    return Ok(Some((row.call_id, unsigned(row.revision))));
                }
            }
        }
    }

    /// The first that a query finds.
    async fn first(&self, mut query: SelectStatement) -> Result<Option<Named>, Error> {
        query.limit(1);
        let reader = self.store.reader();
        let found = Found::find_by_statement(reader.get_database_backend().build(&query))
            .one(reader)
            .await
            .map_err(storage::Error::from)?;
        Ok(found.map(|row| (row.call_id, unsigned(row.revision))))
    }
}
