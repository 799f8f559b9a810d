//! What providers allow per user and day, counted for all replicas and across restarts.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use remote::{DailyBudget, Uncounted};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use storage::insert_many;

use super::Journal;
use super::entity::budget;
use crate::error::Error;

/// Users told of in a description, those with least left.
const TOLD: u64 = 20;

/// So many calls per user and day, in an account.
#[derive(Debug, Clone)]
pub(crate) struct Daily {
    journal: Journal,
    limit: u32,
}

fn number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

impl Journal {
    /// A budget of so many calls per user and day.
    pub(crate) fn daily(&self, limit: u32) -> Daily {
        Daily { journal: self.clone(), limit }
    }

    /// Users of an account that have used something today, and how much.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn used(
        &self,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, u64)>, Error> {
        let rows = budget::Entity::find()
            .filter(budget::Column::Account.eq(account))
            .filter(budget::Column::Day.eq(number(now.date_naive())))
            .order_by_desc(budget::Column::Used)
            .limit(TOLD)
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(|row| (row.subject, super::unsigned(row.used))).collect())
    }
}

#[async_trait]
impl DailyBudget for Daily {
    async fn take(&self, account: &str, user: &str, day: NaiveDate) -> Result<bool, Uncounted> {
        use budget::Column as C;
        let key = [C::Account, C::Subject, C::Day];
        let limit = i64::from(self.limit);
        let taken = self.journal.database.write(|tx| async move {
            let row = budget::ActiveModel {
                account: Set(account.to_owned()),
                subject: Set(user.to_owned()),
                day: Set(number(day)),
                used: Set(0),
            };
            let leave = OnConflict::columns(key).do_nothing().to_owned();
            insert_many(&tx, [row], Some(leave)).await?;
            let taken = budget::Entity::update_many()
                .col_expr(C::Used, Expr::col(C::Used).add(1))
                .filter(C::Account.eq(account))
                .filter(C::Subject.eq(user))
                .filter(C::Day.eq(number(day)))
                .filter(C::Used.lt(limit))
                .exec(&tx)
                .await?;
            Ok::<_, storage::Error>(taken.rows_affected > 0)
        });
        taken.await.map_err(|_| Uncounted)
    }
}
