//! The log of decisions: what transactions leave in the outbox, put into one order and chained company by company.
//!
//! Transactions of several replicas end in another order than they begin in, so that a position drawn inside of them
//! would be seen late. Positions are therefore drawn here, by one at a time.

use std::collections::HashMap;

use proto::orchestrator::v1 as wire;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, JoinType, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, FromQueryResult, PaginatorTrait as _,
    QueryFilter as _, QuerySelect as _,
};
use sha2::{Digest as _, Sha256};
use storage::{LockKey, chunks, find_in, insert_many};

use super::Calls;
use super::entity::{decision as history, head, log, outbox, progress};
use super::row::{decode, number, unsigned};
use crate::error::Error;

/// Decisions put into the log at once.
const BATCH: u64 = 1_000;

/// How far the log has come, in the table of progress.
const LOG: &str = "log";

/// The end of a company's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Number of its newest decision, from 1; 0 for none.
    pub(crate) number: u64,
    /// Its hash.
    pub(crate) hash: Vec<u8>,
}

/// A link of a company's chain, with the decision it is of where that is still there.
#[derive(Debug, Clone)]
pub(crate) struct Chained {
    /// Its number in the company.
    pub(crate) number: u64,
    /// The call.
    pub(crate) call_id: String,
    /// Number of the decision of the call.
    pub(crate) revision: u64,
    /// The hash as it is stored.
    pub(crate) hash: Vec<u8>,
    /// The decision as it is stored.
    pub(crate) decision: Option<Vec<u8>>,
}

/// The hash of a link: SHA-256 over the one before, and call, revision, decision and number, each preceded by its length
/// in bytes as eight bytes, big-endian. The one before the first is empty.
pub(crate) fn link(
    before: &[u8],
    number: u64,
    call_id: &str,
    revision: u64,
    decision: &[u8],
) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in
        [before, call_id.as_bytes(), &revision.to_be_bytes(), decision, &number.to_be_bytes()]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// A decision with its place in the outbox.
#[derive(Debug, FromQueryResult)]
struct Announced {
    id: i64,
    company: String,
    call_id: String,
    revision: i64,
    decision: Vec<u8>,
}

/// A decision with its place in the log.
#[derive(Debug, FromQueryResult)]
struct Logged {
    position: i64,
    decision: Vec<u8>,
}

#[derive(Debug, FromQueryResult)]
struct Link {
    number: i64,
    call_id: String,
    revision: i64,
    hash: Vec<u8>,
    decision: Option<Vec<u8>>,
}

pub(super) fn of(table: &'static str, column: &'static str) -> Expr {
    Expr::col((Alias::new(table), Alias::new(column)))
}

impl Calls {
    /// Puts decisions of the outbox into the log, at most a thousand. Answers how many.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn relay(&self) -> Result<usize, Error> {
        // Asked first without a transaction: mostly there is nothing to do.
        let waiting = outbox::Entity::find()
            .select_only()
            .column(outbox::Column::Id)
            .limit(1)
            .into_tuple::<i64>()
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        if waiting.is_none() {
            return Ok(0);
        }
        self.store
            .write(|tx| async move {
                tx.lock(&[LockKey::of("orchestrator.log", &[])]).await?;
                let announced = announced(&tx).await?;
                if announced.is_empty() {
                    return Ok(0);
                }
                let companies: Vec<&str> = {
                    let mut companies: Vec<&str> =
                        announced.iter().map(|one| one.company.as_str()).collect();
                    companies.sort_unstable();
                    companies.dedup();
                    companies
                };
                let mut heads: HashMap<String, Head> =
                    find_in::<head::Entity, _>(&tx, head::Column::Company, companies)
                        .await?
                        .into_iter()
                        .map(|row| {
                            (row.company, Head { number: unsigned(row.number), hash: row.hash })
                        })
                        .collect();
                let end = progress::Entity::find_by_id(LOG)
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?
                    .map_or(0, |row| row.position);
                let mut rows = Vec::with_capacity(announced.len());
                for (position, one) in (end + 1..).zip(&announced) {
                    let head = heads
                        .entry(one.company.clone())
                        .or_insert_with(|| Head { number: 0, hash: Vec::new() });
                    head.number += 1;
                    head.hash = link(
                        &head.hash,
                        head.number,
                        &one.call_id,
                        unsigned(one.revision),
                        &one.decision,
                    );
                    rows.push(log::ActiveModel {
                        position: Set(position),
                        company: Set(one.company.clone()),
                        number: Set(number(head.number)),
                        call_id: Set(one.call_id.clone()),
                        revision: Set(one.revision),
                        hash: Set(head.hash.clone()),
                    });
                }
                let end = end.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
                insert_many(&tx, rows, None).await?;
                let heads = heads.into_iter().map(|(company, head)| head::ActiveModel {
                    company: Set(company),
                    number: Set(number(head.number)),
                    hash: Set(head.hash),
                });
                let replace = OnConflict::column(head::Column::Company)
                    .update_columns([head::Column::Number, head::Column::Hash])
                    .to_owned();
                insert_many(&tx, heads, Some(replace)).await?;
                let replace = OnConflict::column(progress::Column::Name)
                    .update_column(progress::Column::Position)
                    .to_owned();
                let row = progress::ActiveModel { name: Set(LOG.to_owned()), position: Set(end) };
                insert_many(&tx, [row], Some(replace)).await?;
                let ids: Vec<i64> = announced.iter().map(|one| one.id).collect();
                for part in chunks(&ids) {
                    outbox::Entity::delete_many()
                        .filter(outbox::Column::Id.is_in(part.iter().copied()))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                }
                Ok(ids.len())
            })
            .await
    }

    /// Puts into the log what is in the outbox now, and not without end what is decided meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        let waiting = outbox::Entity::find()
            .count(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        let batch = usize::try_from(BATCH).unwrap_or(usize::MAX);
        for _ in 0..waiting.div_ceil(BATCH) {
            if self.relay().await? < batch {
                break;
            }
        }
        Ok(())
    }

    /// The newest position of the log; 0 while it is empty.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn newest(&self) -> Result<u64, Error> {
        self.progress(LOG).await
    }

    /// Decisions after a position, in the order of the log; of all companies when none is named.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn after(
        &self,
        company: Option<&str>,
        cursor: u64,
        size: u64,
    ) -> Result<Vec<(u64, wire::Decision)>, Error> {
        let (l, d) = (Alias::new("l"), Alias::new("d"));
        let mut query = Query::select();
        query
            .expr(of("l", "position"))
            .expr(of("d", "decision"))
            .from_as(log::Entity, l)
            .join_as(JoinType::InnerJoin, history::Entity, d, same_decision("l"))
            .and_where(of("l", "position").gt(number(cursor)))
            .order_by_expr(of("l", "position"), sea_orm::Order::Asc)
            .limit(size);
        if let Some(company) = company {
            query.and_where(of("l", "company").eq(company));
        }
        let reader = self.store.reader();
        let rows = Logged::find_by_statement(reader.get_database_backend().build(&query))
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        rows.into_iter().map(|row| Ok((unsigned(row.position), decode(&row.decision)?))).collect()
    }

    /// The chain of a company after a number, in order.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn chain(
        &self,
        company: &str,
        after: u64,
        size: u64,
    ) -> Result<Vec<Chained>, Error> {
        let (l, d) = (Alias::new("l"), Alias::new("d"));
        let mut query = Query::select();
        query
            .expr(of("l", "number"))
            .expr(of("l", "call_id"))
            .expr(of("l", "revision"))
            .expr(of("l", "hash"))
            .expr(of("d", "decision"))
            .from_as(log::Entity, l)
            .join_as(JoinType::LeftJoin, history::Entity, d, same_decision("l"))
            .and_where(of("l", "company").eq(company))
            .and_where(of("l", "number").gt(number(after)))
            .order_by_expr(of("l", "number"), sea_orm::Order::Asc)
            .limit(size);
        let reader = self.store.reader();
        let rows = Link::find_by_statement(reader.get_database_backend().build(&query))
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        Ok(rows
            .into_iter()
            .map(|row| Chained {
                number: unsigned(row.number),
                call_id: row.call_id,
                revision: unsigned(row.revision),
                hash: row.hash,
                decision: row.decision,
            })
            .collect())
    }

    /// The end of a company's chain as it was noted.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn head(&self, company: &str) -> Result<Option<Head>, Error> {
        let row = head::Entity::find_by_id(company)
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(row.map(|row| Head { number: unsigned(row.number), hash: row.hash }))
    }
}

/// The join of a row about a decision with the decision.
pub(super) fn same_decision(table: &'static str) -> Expr {
    of("d", "company")
        .eq(of(table, "company"))
        .and(of("d", "call_id").eq(of(table, "call_id")))
        .and(of("d", "revision").eq(of(table, "revision")))
}

async fn announced<C: ConnectionTrait>(tx: &C) -> Result<Vec<Announced>, Error> {
    let (o, d) = (Alias::new("o"), Alias::new("d"));
    let mut query = Query::select();
    query
        .expr(of("o", "id"))
        .expr(of("o", "company"))
        .expr(of("o", "call_id"))
        .expr(of("o", "revision"))
        .expr(of("d", "decision"))
        .from_as(outbox::Entity, o)
        .join_as(JoinType::InnerJoin, history::Entity, d, same_decision("o"))
        .order_by_expr(of("o", "id"), sea_orm::Order::Asc)
        .limit(BATCH);
    Ok(Announced::find_by_statement(tx.get_database_backend().build(&query))
        .all(tx)
        .await
        .map_err(storage::Error::from)?)
}
