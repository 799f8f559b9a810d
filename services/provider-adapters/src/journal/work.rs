//! What is to be done at providers: rows that replicas claim, in the order of each attempt, until they are done.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::Act;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{claim, database_now, find_in, insert_many};

use super::entity::{attempt, name, work};
use super::row::order;
use super::{Journal, State, instant, key, log, micros, unsigned};
use crate::attempts::{Change, Order};
use crate::carry::{self, Name};
use crate::error::Error;

/// Instructions are stored with this added to the number of their act.
const ACT: i16 = 10;

/// What kind of thing is to be done. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The order is carried out: 1.
    Carry,
    /// The attempt is called back: 2.
    Withdraw,
    /// An instruction: 10 and the number of its act.
    Act(Act),
}

impl Kind {
    pub(super) fn stored(self) -> i16 {
        match self {
            Self::Carry => 1,
            Self::Withdraw => 2,
            Self::Act(act) => ACT + i16::try_from(i32::from(act)).unwrap_or_default(),
        }
    }

    fn of(stored: i16) -> Option<Self> {
        match stored {
            1 => Some(Self::Carry),
            2 => Some(Self::Withdraw),
            _ => Act::try_from(i32::from(stored.checked_sub(ACT)?))
                .ok()
                .filter(|act| *act != Act::Unspecified)
                .map(Self::Act),
        }
    }

    /// Its name, in metrics and keys.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Withdraw => "withdraw",
            Self::Act(act) => act.as_str_name(),
        }
    }

    /// How long it is tried where nothing else says so. What concerns people who do not want to be recorded is tried for
    /// longer than what would be of no use later.
    pub(super) fn patience(self) -> TimeDelta {
        match self {
            Self::Carry => TimeDelta::minutes(10),
            Self::Withdraw | Self::Act(Act::Stop | Act::Discard) => TimeDelta::hours(24),
            Self::Act(Act::Fetch | Act::CheckFiles) => TimeDelta::hours(6),
            Self::Act(
                Act::Unspecified
                | Act::AskPermission
                | Act::Announce
                | Act::StartRecording
                | Act::StartLiveRecording
                | Act::CheckMeeting,
            ) => TimeDelta::minutes(10),
        }
    }
}

/// Something to do that is due, and ours for a while.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    /// Its row.
    pub(crate) id: i64,
    /// Who does it.
    pub(crate) carrier: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// The number of an instruction.
    pub(crate) number: u64,
    /// After this it is not tried again.
    pub(crate) until: DateTime<Utc>,
    /// When it became due.
    pub(crate) due: DateTime<Utc>,
    /// How often it was claimed before.
    pub(crate) tries: u32,
    /// What was ordered.
    pub(crate) order: Order,
    /// What providers call it.
    pub(crate) names: Vec<Name>,
}

/// What becomes of something that was claimed.
#[derive(Debug, Clone)]
pub(crate) enum Finish {
    /// It is done; the provider calls the attempt so, and this has happened.
    Done(carry::Told),
    /// It is to be tried again then.
    Again(DateTime<Utc>),
}

impl Journal {
    /// When the first of all there is to do for these carriers becomes due, or became so.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_work(
        &self,
        carriers: &[&'static str],
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let due: Option<i64> = work::Entity::find()
            .select_only()
            .column(work::Column::DueUs)
            .filter(work::Column::Carrier.is_in(carriers.iter().copied()))
            .order_by_asc(work::Column::DueUs)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant).transpose()?)
    }

    /// Claims what is due for some carriers, for so long: nothing of an attempt before what comes first in it is done.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_work(
        &self,
        carriers: &[&'static str],
        now: DateTime<Utc>,
        lease: Duration,
        limit: u64,
        claimant: &str,
    ) -> Result<Vec<Due>, Error> {
        use work::Column as C;
        let rows: Vec<work::Model> = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until = today.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(0));
                let other = Alias::new("earlier");
                let of = |column: C| Expr::col((other.clone(), column));
                let earlier = Query::select()
                    .expr(Expr::val(1))
                    .from_as(work::Entity, other.clone())
                    .and_where(of(C::Attempt).equals((work::Entity, C::Attempt)))
                    .and_where(of(C::Id).lt(Expr::col((work::Entity, C::Id))))
                    .to_owned();
                let free =
                    Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
                let due = work::Entity::find()
                    .filter(C::Carrier.is_in(carriers.iter().copied()))
                    .filter(C::DueUs.lte(micros(now)))
                    .filter(free)
                    .filter(Expr::exists(earlier).not())
                    .order_by_asc(C::DueUs)
                    .order_by_asc(C::Id);
                let change = [
                    (C::ClaimedUntil, Expr::value(until)),
                    (C::Claim, Expr::value(claimant)),
                    (C::Tries, Expr::col((work::Entity, C::Tries)).add(1)),
                ];
                claim(&tx, due, limit, change).await
            })
            .await?;
        self.read(rows).await
    }

    /// With what is to be done, the order and the names it is about.
    pub(super) async fn read(&self, mut rows: Vec<work::Model>) -> Result<Vec<Due>, Error> {
        let reader = self.database.reader();
        rows.sort_by_key(|row| (row.due_us, row.id));
        let ids = || rows.iter().map(|row| row.attempt.as_str());
        let attempts = find_in::<attempt::Entity, _>(reader, attempt::Column::Id, ids()).await?;
        let attempts: HashMap<&str, &attempt::Model> =
            attempts.iter().map(|row| (row.id.as_str(), row)).collect();
        let mut names: HashMap<String, Vec<Name>> = HashMap::new();
        for row in find_in::<name::Entity, _>(reader, name::Column::Attempt, ids()).await? {
            if let Some(kind) = carry::Kind::of(row.kind) {
                names.entry(row.attempt).or_default().push(Name { kind, value: row.value });
            }
        }
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let (Some(attempt), Some(kind)) =
                (attempts.get(row.attempt.as_str()), Kind::of(row.kind))
            else {
                continue;
            };
            all.push(Due {
                id: row.id,
                carrier: row.carrier.clone(),
                kind,
                number: unsigned(row.number),
                until: instant(row.until_us)?,
                due: instant(row.due_us)?,
                tries: u32::try_from(row.tries.saturating_sub(1)).unwrap_or_default(),
                order: order(attempt)?,
                names: names.get(&row.attempt).cloned().unwrap_or_default(),
            });
        }
        Ok(all)
    }

    /// Notes what has become of something that was claimed: all of it, or nothing where the claim is somebody else's by now.
    /// Answers whether it was ours.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn finish_work(
        &self,
        due: &Due,
        claimant: &str,
        finish: &Finish,
    ) -> Result<bool, Error> {
        use work::Column as C;
        let ours = self
            .database
            .write(|tx| async move {
                let told = match finish {
                    Finish::Again(at) => {
                        let done = work::Entity::update_many()
                            .col_expr(C::DueUs, Expr::value(micros(*at)))
                            .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                            .col_expr(C::Claim, Expr::value(None::<String>))
                            .filter(C::Id.eq(due.id))
                            .filter(C::Claim.eq(claimant))
                            .exec(&tx)
                            .await
                            .map_err(storage::Error::from)?;
                        return Ok::<_, Error>(done.rows_affected > 0);
                    }
                    Finish::Done(told) => told,
                };
                let done = work::Entity::delete_many()
                    .filter(C::Id.eq(due.id))
                    .filter(C::Claim.eq(claimant))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                if done.rows_affected == 0 {
                    return Ok(false);
                }
                let attempt = key::attempt(&due.order.attempt);
                if due.kind == Kind::Carry {
                    attempt::Entity::update_many()
                        .col_expr(attempt::Column::State, Expr::value(State::Running as i16))
                        .col_expr(attempt::Column::Secret, Expr::value(None::<String>))
                        .filter(attempt::Column::Id.eq(attempt.as_str()))
                        .filter(attempt::Column::State.eq(State::Kept as i16))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                }
                let company = &due.order.attempt.company;
                let rows = told.names.iter().map(|one| name::ActiveModel {
                    attempt: Set(attempt.clone()),
                    kind: Set(one.kind as i16),
                    value: Set(one.value.clone()),
                    name: Set(key::name(company, one.kind.as_str(), &one.value)),
                });
                let columns = [name::Column::Attempt, name::Column::Kind, name::Column::Value];
                let leave = OnConflict::columns(columns).do_nothing().to_owned();
                insert_many(&tx, rows, Some(leave)).await?;
                let changes: Vec<Change> = told.news.iter().cloned().map(Change::Told).collect();
                log::append(&tx, &changes).await?;
                Ok(true)
            })
            .await?;
        if ours {
            self.wake();
        }
        Ok(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_were_stored() {
        let acts = (1..=9).filter_map(|act| Act::try_from(act).ok()).map(Kind::Act);
        for kind in [Kind::Carry, Kind::Withdraw].into_iter().chain(acts) {
            assert_eq!(Kind::of(kind.stored()), Some(kind));
        }
        assert_eq!(Kind::of(0), None);
        assert_eq!(Kind::of(ACT), None);
    }
}
