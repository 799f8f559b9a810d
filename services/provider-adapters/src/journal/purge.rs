//! What is over for long is deleted, with all that hangs on it.
//!
//! An attempt of which a recording is stored stays as long as the recording does: only through it can that be thrown away.
//! So does one for which something is still to be done. What is stored of one that could not be fetched is thrown away first. News go by their own age, whatever they are of: whoever watches has
//! read them long ago, and places are given once, so that nobody who reads on sees a gap as news.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager, Table};
use storage::{Tx, chunks, find_in};

use super::entity::{attempt, budget, done, fence, name, news, presence, work};
use super::imports::{Stage, import};
use super::migration::number;
use super::notes::note;
use super::{Journal, micros};
use crate::error::Error;

/// Rows looked at in one transaction.
const BATCH: u64 = 500;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Where the next batch begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    until_us: i64,
    id: String,
}

impl Journal {
    /// Deletes a batch of attempts that were over before an instant. Answers how many those were, and where to go on; none
    /// at the end.
    ///
    /// # Errors
    /// Those of the database; nothing is deleted then.
    pub(crate) async fn purge_attempts(
        &self,
        before: DateTime<Utc>,
        from: Option<&Place>,
    ) -> Result<(usize, Option<Place>), Error> {
        use attempt::Column as C;
        let mut old = attempt::Entity::find()
            .select_only()
            .columns([C::Id, C::Call, C::UntilUs, C::EndUs])
            .filter(C::UntilUs.lt(micros(before)))
            .order_by_asc(C::UntilUs)
            .order_by_asc(C::Id)
            .limit(BATCH);
        if let Some(Place { until_us, id }) = from {
            let same = C::UntilUs.eq(*until_us).and(C::Id.gt(id.as_str()));
            old = old.filter(Condition::any().add(C::UntilUs.gt(*until_us)).add(same));
        }
        let old: Vec<(String, String, i64, Option<i64>)> =
            old.into_tuple().all(self.database.reader()).await.map_err(storage::Error::from)?;
        let next =
            old.last().map(|(id, _, until_us, _)| Place { until_us: *until_us, id: id.clone() });
        let is_last = u64::try_from(old.len()).is_ok_and(|read| read < BATCH);
        let old: Vec<(String, String)> = old
            .into_iter()
            .filter(|(_, _, _, end)| end.is_none_or(|end| end < micros(before)))
            .map(|(id, call, ..)| (id, call))
            .collect();
        let old = &old;
        let gone = match old.is_empty() {
            true => 0,
            false => self.database.write(|tx| async move { purge(&tx, old).await }).await?,
        };
        Ok((gone, next.filter(|_| !is_last)))
    }

    /// Deletes a batch of the oldest news, as far as they were told before an instant. Answers how many.
    ///
    /// # Errors
    /// Those of the database; nothing is deleted then.
    pub(crate) async fn purge_news(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        use news::Column as C;
        let before = micros(before);
        let gone = self
            .database
            .write(|tx| async move {
                let oldest: Vec<(i64, Option<i64>)> = news::Entity::find()
                    .select_only()
                    .columns([C::Place, C::ToldUs])
                    .order_by_asc(C::Place)
                    .limit(BATCH)
                    .into_tuple()
                    .all(&tx)
                    .await?;
                let is_old = |told: Option<i64>| told.is_some_and(|told| told < before);
                let mut last = oldest.iter().rev().find(|(_, told)| is_old(*told)).copied();
                if last.is_none() && oldest.iter().all(|(_, told)| told.is_none()) {
                    // Of news from before there was such a column it is known what they are older than.
                    let dated: Option<i64> = news::Entity::find()
                        .select_only()
                        .column(C::ToldUs)
                        .filter(C::ToldUs.is_not_null())
                        .order_by_asc(C::Place)
                        .limit(1)
                        .into_tuple()
                        .one(&tx)
                        .await?;
                    last = oldest.last().filter(|_| is_old(dated)).copied();
                }
                let Some((last, _)) = last else { return Ok(0) };
                let gone = news::Entity::delete_many().filter(C::Place.lte(last)).exec(&tx).await?;
                Ok::<_, storage::Error>(gone.rows_affected)
            })
            .await?;
        Ok(gone)
    }

    /// Forgets what providers allowed on days before an instant.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn purge_budgets(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let day = micros(before).div_euclid(DAY);
        let gone = self
            .database
            .write(|tx| async move {
                let old = budget::Entity::delete_many().filter(budget::Column::Day.lt(day));
                Ok::<_, storage::Error>(old.exec(&tx).await?.rows_affected)
            })
            .await?;
        Ok(gone)
    }
}

/// Deletes those attempts, given with their calls, for which nothing is to be done and of which nothing is stored.
async fn purge(tx: &Tx, old: &[(String, String)]) -> Result<usize, storage::Error> {
    let ids = || old.iter().map(|(id, _)| id.as_str());
    let mut kept: HashSet<String> = HashSet::new();
    for row in find_in::<work::Entity, _>(tx, work::Column::Attempt, ids()).await? {
        kept.insert(row.attempt);
    }
    let mut failed = Vec::new();
    for row in find_in::<import::Entity, _>(tx, import::Column::Attempt, ids()).await? {
        let has_files = row.files != "[]" && row.stage != Stage::Gone as i16;
        if has_files && row.stage == Stage::Failed as i16 {
            failed.push(row.attempt.clone());
        }
        if has_files || Stage::OPEN.contains(&row.stage) {
            kept.insert(row.attempt);
        }
    }
    throw_away(tx, &failed).await?;
    let gone: Vec<&(String, String)> = old.iter().filter(|(id, _)| !kept.contains(id)).collect();
    let ids: Vec<&str> = gone.iter().map(|(id, _)| id.as_str()).collect();
    for ids in chunks(&ids) {
        let list = || ids.iter().copied();
        done::Entity::delete_many().filter(done::Column::Attempt.is_in(list())).exec(tx).await?;
        name::Entity::delete_many().filter(name::Column::Attempt.is_in(list())).exec(tx).await?;
        note::Entity::delete_many().filter(note::Column::Attempt.is_in(list())).exec(tx).await?;
        let there = presence::Entity::delete_many();
        there.filter(presence::Column::Attempt.is_in(list())).exec(tx).await?;
        let imports = import::Entity::delete_many();
        imports.filter(import::Column::Attempt.is_in(list())).exec(tx).await?;
        attempt::Entity::delete_many().filter(attempt::Column::Id.is_in(list())).exec(tx).await?;
    }
    // A call of which nothing is known any more fences nothing.
    let calls: HashSet<&str> = gone.iter().map(|(_, call)| call.as_str()).collect();
    let left = find_in::<attempt::Entity, _>(tx, attempt::Column::Call, calls.iter().copied());
    let left: HashSet<String> = left.await?.into_iter().map(|row| row.call).collect();
    let calls: Vec<&str> = calls.into_iter().filter(|call| !left.contains(*call)).collect();
    for calls in chunks(&calls) {
        let list = calls.iter().copied();
        fence::Entity::delete_many().filter(fence::Column::Id.is_in(list)).exec(tx).await?;
    }
    Ok(ids.len())
}

/// Has parts thrown away that are stored of what could not be fetched. Their attempts go when that is done.
async fn throw_away(tx: &Tx, attempts: &[String]) -> Result<(), storage::Error> {
    use import::Column as C;
    for ids in chunks(attempts) {
        import::Entity::update_many()
            .col_expr(C::Stage, Expr::value(Stage::Discard as i16))
            .col_expr(C::DueUs, Expr::value(0))
            .col_expr(C::Tries, Expr::value(0))
            .col_expr(C::Refusals, Expr::value(0))
            .filter(C::Attempt.is_in(ids.iter().map(String::as_str)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// The column that tells how old news are.
pub(crate) struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &'static str {
        "m0007_told"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("provider_adapters_news")
            .add_column(number("told_us").null())
            .to_owned();
        manager.alter_table(table).await
    }
}
