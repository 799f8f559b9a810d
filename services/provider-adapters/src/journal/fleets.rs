//! What fleets of bots have, and what they are asked to take: by one fleet at a time, and by no other before it is certain
//! that the first has it no more.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{BinOper, Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};
use storage::{claim, database_now, find_in, insert_many};

use super::entity::{attempt, fence, fleet, work};
use super::row::order;
use super::work::{Due, drop_overruled, token};
use super::{Journal, State, key, micros, signed};
use crate::attempts::{Attempt, Order};
use crate::carry::FLEET;
use crate::error::Error;

/// After how long a fleet that did not take an attempt is asked again, if nobody else did.
const AGAIN: TimeDelta = TimeDelta::seconds(60);

/// Attempts that are declared lost or late at once.
pub(super) const AT_ONCE: u64 = 500;

/// A fleet of bots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fleet {
    /// The company it works for; empty for all of the installation.
    pub(crate) company: String,
    /// Its name in the company.
    pub(crate) name: String,
}

impl Fleet {
    /// The name of its row.
    pub(crate) fn id(&self) -> String {
        key::fleet(&self.company, &self.name)
    }

    fn may_have(&self, row: &attempt::Model) -> bool {
        self.company.is_empty() || self.company == row.company
    }
}

/// How an attempt stands to a fleet that speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mine {
    /// It was offered to the fleet, whose word that it takes it may have got lost.
    Offered,
    /// The fleet has it.
    Running,
    /// The fleet has it, and it has ended: late news of it counts.
    Over,
    /// The fleet had it, and it was called back: what happens until it has left still counts.
    Leaving,
    /// A newer plan or attempt is known: what the fleet tells of it changes nothing.
    Fenced,
    /// It is another's, or nobody's, or nobody knows it.
    No,
}

impl Journal {
    /// Notes that a fleet is there.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn fleet_seen(&self, fleet: &Fleet, now: DateTime<Utc>) -> Result<(), Error> {
        let row = fleet::ActiveModel {
            id: Set(fleet.id()),
            company: Set(fleet.company.clone()),
            name: Set(fleet.name.clone()),
            seen_us: Set(micros(now)),
        };
        let row = &row;
        let seen =
            OnConflict::column(fleet::Column::Id).update_column(fleet::Column::SeenUs).to_owned();
        let seen = &seen;
        self.database
            .write(|tx| async move { insert_many(&tx, [row.clone()], Some(seen.clone())).await })
            .await?;
        Ok(())
    }

    /// What a fleet has under way.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn owned(&self, fleet: &Fleet) -> Result<Vec<Order>, Error> {
        let rows = attempt::Entity::find()
            .filter(attempt::Column::Carrier.eq(FLEET))
            .filter(attempt::Column::State.eq(State::Running as i16))
            .filter(attempt::Column::Fleet.eq(fleet.id()))
            .order_by_asc(attempt::Column::Id)
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.iter().map(order).collect::<Result<_, _>>()?)
    }

    /// Offers some of what nobody has to a fleet, until an instant.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn offer(
        &self,
        fleet: &Fleet,
        adapters: &[i16],
        limit: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Order>, Error> {
        use attempt::Column as C;
        let id = fleet.id();
        let id = id.as_str();
        let rows =
            self.database
                .write(|tx| async move {
                    let lapsed = Condition::all()
                        .add(C::State.eq(State::Offered as i16))
                        .add(C::OfferedUs.lte(micros(now)));
                    let free = Condition::any().add(C::State.eq(State::Kept as i16)).add(lapsed);
                    let mut due = attempt::Entity::find()
                        .filter(C::Carrier.eq(FLEET))
                        .filter(free)
                        .filter(C::Adapter.is_in(adapters.iter().copied()))
                        .filter(C::UntilUs.gte(micros(now)))
                        .filter(Condition::any().add(C::Declined.contains(id).not()).add(
                            C::State.eq(State::Kept as i16).and(C::OfferedUs.lte(micros(now))),
                        ));
                    if !fleet.company.is_empty() {
                        due = due.filter(C::Company.eq(fleet.company.as_str()));
                    }
                    let due = due.order_by_asc(C::UntilUs).order_by_asc(C::Id);
                    let change = [
                        (C::State, Expr::value(State::Offered as i16)),
                        (C::Fleet, Expr::value(id)),
                        (C::OfferedUs, Expr::value(micros(until))),
                    ];
                    claim(&tx, due, limit, change).await
                })
                .await?;
        Ok(rows.iter().map(order).collect::<Result<_, _>>()?)
    }

    /// Whether something could be offered.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn has_offers(&self) -> Result<bool, Error> {
        use attempt::Column as C;
        let waiting = [State::Kept as i16, State::Offered as i16];
        let found: Option<String> = attempt::Entity::find()
            .select_only()
            .column(C::Id)
            .filter(C::Carrier.eq(FLEET))
            .filter(C::State.is_in(waiting))
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(found.is_some())
    }

    /// Gives an attempt to the fleet it was offered to. Answers whether it is that fleet's now, or was before.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn accept(&self, fleet: &Fleet, attempt: &Attempt) -> Result<bool, Error> {
        use attempt::Column as C;
        let (id, owner) = (key::attempt(attempt), fleet.id());
        let (id, owner) = (id.as_str(), owner.as_str());
        let given = self
            .database
            .write(|tx| async move {
                let given = attempt::Entity::update_many()
                    .col_expr(C::State, Expr::value(State::Running as i16))
                    .col_expr(C::OfferedUs, Expr::value(None::<i64>))
                    .filter(C::Id.eq(id))
                    .filter(C::Fleet.eq(owner))
                    .filter(C::State.is_in([State::Offered as i16, State::Running as i16]))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(given.rows_affected > 0)
            })
            .await?;
        Ok(given)
    }

    /// Takes an attempt back that a fleet does not want, for others to be asked.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn decline(
        &self,
        fleet: &Fleet,
        attempt: &Attempt,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        use attempt::Column as C;
        let (id, owner) = (key::attempt(attempt), fleet.id());
        let (id, owner) = (id.as_str(), owner.as_str());
        self.database
            .write(|tx| async move {
                attempt::Entity::update_many()
                    .col_expr(C::State, Expr::value(State::Kept as i16))
                    .col_expr(C::Fleet, Expr::value(""))
                    .col_expr(C::OfferedUs, Expr::value(micros(now + AGAIN)))
                    .col_expr(
                        C::Declined,
                        Expr::col(C::Declined).binary(BinOper::Custom("||"), format!("{owner}\n")),
                    )
                    .filter(C::Id.eq(id))
                    .filter(C::Fleet.eq(owner))
                    .filter(C::State.eq(State::Offered as i16))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        self.wake();
        Ok(())
    }

    /// What a fleet is asked to take, each with the instant until which nobody else is.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn offered(
        &self,
        fleet: &Fleet,
    ) -> Result<Vec<(Order, DateTime<Utc>)>, Error> {
        use attempt::Column as C;
        let rows = attempt::Entity::find()
            .filter(C::Carrier.eq(FLEET))
            .filter(C::State.eq(State::Offered as i16))
            .filter(C::Fleet.eq(fleet.id()))
            .order_by_asc(C::Id)
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        let read = |row: &attempt::Model| {
            Ok((order(row)?, super::instant(row.offered_us.unwrap_or_default())?))
        };
        Ok(rows.iter().map(read).collect::<Result<_, storage::Error>>()?)
    }

    /// How attempts stand to a fleet that speaks of them.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn standing(
        &self,
        fleet: &Fleet,
        attempts: &[Attempt],
    ) -> Result<Vec<Mine>, Error> {
        let reader = self.database.reader();
        let ids: Vec<String> = attempts.iter().map(key::attempt).collect();
        let rows: HashMap<String, attempt::Model> =
            find_in::<attempt::Entity, _>(reader, attempt::Column::Id, &ids)
                .await?
                .into_iter()
                .map(|row| (row.id.clone(), row))
                .collect();
        let fences: HashMap<String, (i64, i64)> =
            find_in::<fence::Entity, _>(reader, fence::Column::Id, attempts.iter().map(key::call))
                .await?
                .into_iter()
                .map(|row| (row.id, (row.plan_revision, row.run)))
                .collect();
        let owner = fleet.id();
        let of = |attempt: &Attempt, id: &String| {
            let Some(row) = rows.get(id).filter(|row| fleet.may_have(row) && row.fleet == owner)
            else {
                return Mine::No;
            };
            let place = (signed(attempt.plan_revision), i64::from(attempt.run));
            if fences.get(&row.call).is_some_and(|newest| place < *newest) {
                return Mine::Fenced;
            }
            match State::of(row.state) {
                Some(State::Running) => Mine::Running,
                Some(State::Over) => Mine::Over,
                Some(State::Withdrawn) => Mine::Leaving,
                Some(State::Offered) => Mine::Offered,
                Some(State::Kept | State::Lost) | None => Mine::No,
            }
        };
        Ok(attempts.iter().zip(&ids).map(|(attempt, id)| of(attempt, id)).collect())
    }

    /// Claims what fleets are to be told of attempts they have.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_messages(
        &self,
        fleets: &[String],
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Vec<(Due, String)>, Error> {
        use work::Column as C;
        let token = &token();
        let rows: Vec<work::Model> = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until = today.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(0));
                let theirs = attempt::Entity::find()
                    .select_only()
                    .column(attempt::Column::Id)
                    .filter(attempt::Column::Carrier.eq(FLEET))
                    .filter(attempt::Column::Fleet.is_in(fleets.iter().map(String::as_str)))
                    .into_query();
                let free =
                    Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
                let due = work::Entity::find()
                    .filter(C::Carrier.eq(FLEET))
                    .filter(C::DueUs.lte(micros(now)))
                    .filter(free)
                    .filter(C::Attempt.in_subquery(theirs))
                    .order_by_asc(C::Id);
                let change = [
                    (C::ClaimedUntil, Expr::value(until)),
                    (C::Claim, Expr::value(token.as_str())),
                    (C::Tries, Expr::col((work::Entity, C::Tries)).add(1)),
                ];
                let claimed = claim(&tx, due, AT_ONCE, change).await?;
                drop_overruled(&tx, claimed).await
            })
            .await?;
        let ids: Vec<String> = rows.iter().map(|row| row.attempt.clone()).collect();
        let reader = self.database.reader();
        let owners: HashMap<String, String> =
            find_in::<attempt::Entity, _>(reader, attempt::Column::Id, &ids)
                .await?
                .into_iter()
                .map(|row| (row.id, row.fleet))
                .collect();
        let due = self.read(rows).await?;
        let owner = |due: &Due| owners.get(&key::attempt(&due.order.attempt)).cloned();
        Ok(due.into_iter().filter_map(|due| owner(&due).map(|owner| (due, owner))).collect())
    }

    /// Whether fleets are to be told something.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn has_messages(&self) -> Result<bool, Error> {
        let found: Option<i64> = work::Entity::find()
            .select_only()
            .column(work::Column::Id)
            .filter(work::Column::Carrier.eq(FLEET))
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(found.is_some())
    }
}
