//! Attempts that come to nothing at fleets of bots: the fleet is gone, has lost them, or none took them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use decision::session::Signal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{chunks, claim, database_now};

use super::entity::{attempt, fleet, work};
use super::fleets::{AT_ONCE, Fleet};
use super::{Journal, State, corrupt, key, log, micros};
use crate::attempts::{Attempt, Change, Evidence, News};
use crate::carry::FLEET;
use crate::error::Error;

impl Journal {
    /// Gives up what fleets have that were not seen since an instant. Answers how many attempts that were.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn lose_fleets(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<usize, Error> {
        use attempt::Column as C;
        let gone: Option<String> = fleet::Entity::find()
            .select_only()
            .column(fleet::Column::Id)
            .filter(fleet::Column::SeenUs.lt(micros(since)))
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        if gone.is_none() {
            return Ok(0);
        }
        let lost = self
            .database
            .write(|tx| async move {
                // Theirs no more from here on: one that is seen meanwhile waits, and finds nothing left.
                let gone = fleet::Entity::delete_many()
                    .filter(fleet::Column::SeenUs.lt(micros(since)))
                    .exec_with_returning(&tx)
                    .await?;
                let why = Evidence::own("fleet_gone", "the fleet was not heard of for too long");
                let mut news = Vec::new();
                for fleet in gone {
                    let rows = attempt::Entity::update_many()
                        .col_expr(C::State, Expr::value(State::Lost as i16))
                        .col_expr(C::Secret, Expr::value(None::<String>))
                        .filter(C::Carrier.eq(FLEET))
                        .filter(C::Fleet.eq(fleet.id))
                        .filter(C::State.eq(State::Running as i16))
                        .exec_with_returning(&tx)
                        .await?;
                    news.extend(failed(&rows, "gone", Signal::ConnectionFailed, &why, now)?);
                }
                log::append(&tx, &news).await?;
                Ok::<_, storage::Error>(news.len())
            })
            .await?;
        if lost > 0 {
            self.wake();
        }
        Ok(lost)
    }

    /// Notes that a fleet knows of attempts of its own.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn named(&self, fleet: &Fleet, attempts: &[Attempt]) -> Result<(), Error> {
        use attempt::Column as C;
        let (owner, ids) = (fleet.id(), attempts.iter().map(key::attempt).collect::<Vec<_>>());
        let (owner, ids) = (owner.as_str(), ids.as_slice());
        if ids.is_empty() {
            return Ok(());
        }
        self.database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                for ids in chunks(ids) {
                    attempt::Entity::update_many()
                        .col_expr(C::NamedUs, Expr::value(today))
                        .filter(C::Id.is_in(ids.iter().map(String::as_str)))
                        .filter(C::Fleet.eq(owner))
                        .exec(&tx)
                        .await?;
                }
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }

    /// Gives up attempts that a fleet had and does not know any more: that it has not named for so long on any of its streams.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn lose(
        &self,
        fleet: &Fleet,
        attempts: &[Attempt],
        silence: Duration,
        now: DateTime<Utc>,
    ) -> Result<usize, Error> {
        use attempt::Column as C;
        let owner = fleet.id();
        let owner = owner.as_str();
        let lost = self
            .database
            .write(|tx| async move {
                let silence = i64::try_from(silence.as_micros()).unwrap_or(i64::MAX);
                let since = micros(database_now(&tx).await?).saturating_sub(silence);
                let silent = Condition::any().add(C::NamedUs.is_null()).add(C::NamedUs.lt(since));
                let rows = attempt::Entity::update_many()
                    .filter(silent)
                    .col_expr(C::State, Expr::value(State::Lost as i16))
                    .col_expr(C::Secret, Expr::value(None::<String>))
                    .filter(C::Id.is_in(attempts.iter().map(key::attempt)))
                    .filter(C::Fleet.eq(owner))
                    .filter(C::State.eq(State::Running as i16))
                    .exec_with_returning(&tx)
                    .await?;
                let why = Evidence::own("fleet_lost_it", "the fleet does not name it any more");
                let news = failed(&rows, "lost", Signal::ConnectionFailed, &why, now)?;
                log::append(&tx, &news).await?;
                Ok::<_, storage::Error>(news.len())
            })
            .await?;
        if lost > 0 {
            self.wake();
        }
        Ok(lost)
    }

    /// Gives up attempts that no fleet took in time, and forgets what no fleet came to be told.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn miss_offers(&self, now: DateTime<Utc>) -> Result<usize, Error> {
        use attempt::Column as C;
        let waiting = [State::Kept as i16, State::Offered as i16];
        let missed = self
            .database
            .write(|tx| async move {
                let late = attempt::Entity::find()
                    .filter(C::Carrier.eq(FLEET))
                    .filter(C::State.is_in(waiting))
                    .filter(C::UntilUs.lt(micros(now)))
                    .order_by_asc(C::UntilUs);
                let change = [
                    (C::State, Expr::value(State::Over as i16)),
                    (C::Secret, Expr::value(None::<String>)),
                ];
                let rows = claim(&tx, late, AT_ONCE, change).await?;
                // Nobody is told any more what would be of no use.
                work::Entity::delete_many()
                    .filter(work::Column::Carrier.eq(FLEET))
                    .filter(work::Column::UntilUs.lt(micros(now)))
                    .exec(&tx)
                    .await?;
                let why = Evidence::own("no_fleet", "no fleet of bots took it in time");
                let news = failed(&rows, "missed", Signal::DispatchMissed, &why, now)?;
                log::append(&tx, &news).await?;
                Ok::<_, storage::Error>(news.len())
            })
            .await?;
        if missed > 0 {
            self.wake();
        }
        Ok(missed)
    }
}

/// What is told of attempts that came to nothing.
fn failed(
    rows: &[attempt::Model],
    how: &str,
    signal: Signal,
    why: &Evidence,
    now: DateTime<Utc>,
) -> Result<Vec<Change>, storage::Error> {
    let told = |row: &attempt::Model| {
        let attempt = Attempt {
            company: row.company.clone(),
            call_id: row.call_id.clone(),
            plan_revision: super::unsigned(row.plan_revision),
            run: u32::try_from(row.run).map_err(|_| corrupt("no attempt"))?,
        };
        let key = format!("{}:{how}", row.id);
        Ok(Change::Told(News::of(&attempt, signal, now, key).because(why.clone())))
    };
    rows.iter().map(told).collect()
}
