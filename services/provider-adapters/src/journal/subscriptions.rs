//! What providers are to notify us of, as it is kept: a row for each thing, what the provider calls the subscription to it,
//! how long it holds, and when it is to be looked after next. Replicas claim what is due, so that one of them does it.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use sea_orm_migration::prelude::{
    ColumnDef, DbErr, MigrationName, MigrationTrait, SchemaManager, Table,
};
use storage::{claim, database_now, insert_many};

use super::migration::{index, number, text};
use super::{Journal, instant, key, micros};
use crate::error::Error;

/// What a provider asked for, or what befell a subscription. The numbers are stored; the greater ones outweigh the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Need {
    /// Nothing besides what its time asks for.
    Nothing = 0,
    /// It is to be confirmed, or tells nothing more.
    Confirm = 1,
    /// The provider removed it: it is to be made again.
    Again = 2,
}

impl Need {
    const fn of(stored: i16) -> Self {
        match stored {
            1 => Self::Confirm,
            2 => Self::Again,
            _ => Self::Nothing,
        }
    }
}

/// A subscription, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Its row.
    pub(crate) id: String,
    /// The connection it is of.
    pub(crate) connection: String,
    /// What it is to.
    pub(crate) resource: String,
    /// What the provider calls it; empty while there is none.
    pub(crate) remote: String,
    /// A digest of what it was made with.
    pub(crate) made: String,
    /// How long it holds; nothing where it holds for good.
    pub(crate) expires: Option<DateTime<Utc>>,
    /// What the provider asked for.
    pub(crate) need: Need,
    /// How often that happened, so that what happens meanwhile is not overlooked.
    pub(crate) asked: i64,
    /// How often it was tried in vain.
    pub(crate) tries: u32,
    /// What went wrong at the last try; empty if nothing did.
    pub(crate) trouble: String,
}

/// What became of a subscription that was looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tended {
    /// It is as it should be.
    Holds {
        /// What the provider calls it.
        remote: String,
        /// A digest of what it was made with.
        made: String,
        /// How long it holds.
        expires: Option<DateTime<Utc>>,
        /// When it is to be looked after next.
        due: DateTime<Utc>,
    },
    /// Something went wrong; it is tried again then.
    Trouble {
        /// What, in a word.
        code: String,
        /// When it is tried again.
        due: DateTime<Utc>,
    },
    /// Nobody wants it any more, and it is gone.
    Gone,
}

impl Journal {
    /// Notes what a connection is to be notified of, each with a digest of how. What is not noted so yet, or otherwise, or
    /// is not wanted any more, is due at once.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn want_subscriptions(
        &self,
        connection: &str,
        wanted: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        use subscription::Column as C;
        self.database
            .write(|tx| async move {
                let rows = wanted.iter().map(|(resource, _)| subscription::ActiveModel {
                    id: Set(key::subscription(connection, resource)),
                    connection: Set(connection.to_owned()),
                    resource: Set(resource.clone()),
                    remote: Set(String::new()),
                    made: Set(String::new()),
                    expires_us: Set(None),
                    need: Set(Need::Nothing as i16),
                    asked: Set(0),
                    due_us: Set(micros(now)),
                    tries: Set(0),
                    trouble: Set(String::new()),
                    claimed_until: Set(None),
                    claim: Set(None),
                });
                let leave = OnConflict::column(C::Id).do_nothing().to_owned();
                insert_many(&tx, rows.collect::<Vec<_>>(), Some(leave)).await?;
                let as_wanted = wanted.iter().fold(Condition::any(), |any, (resource, made)| {
                    any.add(C::Resource.eq(resource.as_str()).and(C::Made.eq(made.as_str())))
                });
                let mut others = subscription::Entity::update_many()
                    .col_expr(C::DueUs, Expr::value(micros(now)))
                    .col_expr(C::Asked, Expr::col(C::Asked).add(1))
                    .filter(C::Connection.eq(connection));
                if !wanted.is_empty() {
                    others = others.filter(as_wanted.not());
                }
                others.exec(&tx).await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        self.woken.subscriptions.notify_one();
        Ok(())
    }

    /// When the first subscription of some connections is to be looked after.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_subscription(
        &self,
        connections: &[&str],
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let due: Option<i64> = subscription::Entity::find()
            .select_only()
            .column(subscription::Column::DueUs)
            .filter(subscription::Column::Connection.is_in(connections.iter().copied()))
            .order_by_asc(subscription::Column::DueUs)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant).transpose()?)
    }

    /// Claims subscriptions that are due, for so long.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_subscriptions(
        &self,
        connections: &[&str],
        now: DateTime<Utc>,
        lease: Duration,
        limit: u64,
        claimant: &str,
    ) -> Result<Vec<Subscription>, Error> {
        use subscription::Column as C;
        let rows: Vec<subscription::Model> = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until = today.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(0));
                let free =
                    Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
                let due = subscription::Entity::find()
                    .filter(C::Connection.is_in(connections.iter().copied()))
                    .filter(C::DueUs.lte(micros(now)))
                    .filter(free)
                    .order_by_asc(C::DueUs)
                    .order_by_asc(C::Id);
                let change = [
                    (C::ClaimedUntil, Expr::value(until)),
                    (C::Claim, Expr::value(claimant)),
                    (C::Tries, Expr::col((subscription::Entity, C::Tries)).add(1)),
                ];
                claim(&tx, due, limit, change).await
            })
            .await?;
        Ok(rows.into_iter().map(Subscription::read).collect::<Result<_, _>>()?)
    }

    /// Notes what became of a subscription that was claimed, unless the claim is somebody else's by now; answers whether it
    /// was ours. What the provider asked for meanwhile stays to be done.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn finish_subscription(
        &self,
        row: &Subscription,
        claimant: &str,
        tended: &Tended,
    ) -> Result<bool, Error> {
        use subscription::Column as C;
        let ours = self
            .database
            .write(|tx| async move {
                let mine = Condition::all().add(C::Id.eq(&row.id)).add(C::Claim.eq(claimant));
                if *tended == Tended::Gone {
                    let gone = subscription::Entity::delete_many().filter(mine).exec(&tx).await?;
                    return Ok::<_, storage::Error>(gone.rows_affected > 0);
                }
                let quiet = mine.clone().add(C::Asked.eq(row.asked));
                let timed = subscription::Entity::update_many().filter(quiet);
                let timed = match tended {
                    Tended::Holds { due, .. } => timed
                        .col_expr(C::DueUs, Expr::value(micros(*due)))
                        .col_expr(C::Need, Expr::value(Need::Nothing as i16)),
                    Tended::Trouble { due, .. } => {
                        timed.col_expr(C::DueUs, Expr::value(micros(*due)))
                    }
                    Tended::Gone => timed,
                };
                timed.exec(&tx).await?;
                let freed = subscription::Entity::update_many()
                    .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                    .col_expr(C::Claim, Expr::value(None::<String>))
                    .filter(mine);
                let freed = match tended {
                    Tended::Holds { remote, made, expires, .. } => freed
                        .col_expr(C::Remote, Expr::value(remote.as_str()))
                        .col_expr(C::Made, Expr::value(made.as_str()))
                        .col_expr(C::ExpiresUs, Expr::value(expires.map(micros)))
                        .col_expr(C::Tries, Expr::value(0_i64))
                        .col_expr(C::Trouble, Expr::value("")),
                    Tended::Trouble { code, .. } => {
                        freed.col_expr(C::Trouble, Expr::value(code.as_str()))
                    }
                    Tended::Gone => freed,
                };
                Ok(freed.exec(&tx).await?.rows_affected > 0)
            })
            .await?;
        if ours {
            self.woken.subscriptions.notify_one();
        }
        Ok(ours)
    }

    /// The subscriptions of a connection, by what they are to.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn subscriptions(&self, connection: &str) -> Result<Vec<Subscription>, Error> {
        let rows = subscription::Entity::find()
            .filter(subscription::Column::Connection.eq(connection))
            .order_by_asc(subscription::Column::Resource)
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(Subscription::read).collect::<Result<_, _>>()?)
    }

    /// Waits until this process has written something that concerns subscriptions.
    pub(crate) async fn subscriptions_came(&self) {
        self.woken.subscriptions.notified().await;
    }
}

/// Notes what befell subscriptions: they are looked after at once. What is of another subscription than the one we keep is
/// of one that was replaced, and concerns nobody.
pub(super) async fn befell(
    tx: &storage::Tx,
    befallen: &[(String, String, Need)],
) -> Result<(), storage::Error> {
    use subscription::Column as C;
    let mut seen = HashSet::new();
    for (connection, remote, need) in befallen.iter().filter(|one| seen.insert(*one)) {
        let stored = *need as i16;
        let need = Expr::case(C::Need.lt(stored), stored).finally(Expr::col(C::Need));
        subscription::Entity::update_many()
            .col_expr(C::Need, need.into())
            .col_expr(C::Asked, Expr::col(C::Asked).add(1))
            .col_expr(C::DueUs, Expr::value(0_i64))
            .filter(C::Connection.eq(connection.as_str()))
            .filter(C::Remote.eq(remote.as_str()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

impl Subscription {
    fn read(row: subscription::Model) -> Result<Self, storage::Error> {
        Ok(Self {
            id: row.id,
            connection: row.connection,
            resource: row.resource,
            remote: row.remote,
            made: row.made,
            expires: row.expires_us.map(instant).transpose()?,
            need: Need::of(row.need),
            asked: row.asked,
            tries: u32::try_from(row.tries.saturating_sub(1)).unwrap_or_default(),
            trouble: row.trouble,
        })
    }
}

mod subscription {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_subscription")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: String,
        pub(super) connection: String,
        pub(super) resource: String,
        pub(super) remote: String,
        pub(super) made: String,
        pub(super) expires_us: Option<i64>,
        /// A [`super::Need`].
        pub(super) need: i16,
        pub(super) asked: i64,
        pub(super) due_us: i64,
        pub(super) tries: i64,
        pub(super) trouble: String,
        pub(super) claimed_until: Option<i64>,
        pub(super) claim: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of subscriptions, and when providers last answered.
pub(crate) struct Subscriptions;

impl MigrationName for Subscriptions {
    fn name(&self) -> &'static str {
        "m0006_subscriptions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Subscriptions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("provider_adapters_subscription")
            .col(text("id").not_null().primary_key())
            .col(text("connection").not_null())
            .col(text("resource").not_null())
            .col(text("remote").not_null())
            .col(text("made").not_null())
            .col(number("expires_us").null())
            .col(ColumnDef::new("need").small_integer().not_null())
            .col(number("asked").not_null())
            .col(number("due_us").not_null())
            .col(number("tries").not_null())
            .col(text("trouble").not_null())
            .col(number("claimed_until").null())
            .col(text("claim").null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_subscription";
        index(manager, "provider_adapters_subscription_due", of, &["due_us"], false).await?;
        let remote = ["connection", "remote"];
        index(manager, "provider_adapters_subscription_remote", of, &remote, false).await?;

        let table = Table::create()
            .table("provider_adapters_answer")
            .col(text("connection").not_null().primary_key())
            .col(number("at_us").not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
