//! What is to be done at providers: rows that replicas claim, in the order of each attempt, until they are done.
//!
//! What ends an attempt or throws away what it recorded waits for nothing but what is being done at this moment: it goes
//! before all that waits. What would begin something in an attempt that was stopped or called back is not done any more,
//! whoever had claimed it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::Act;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use storage::{Tx, chunks, claim, database_now, find_in, insert_many};

use super::entity::{attempt, name, work};
use super::row::order;
use super::{Journal, State, instant, key, log, micros, unsigned};
use crate::attempts::{Attempt, Change, Order};
use crate::carry::{self, Name};
use crate::error::Error;

/// Instructions are stored with this added to the number of their act.
const ACT: i16 = 10;

/// What begins something in a conference.
const BEGINNING: [Kind; 5] = [
    Kind::Carry,
    Kind::Act(Act::AskPermission),
    Kind::Act(Act::Announce),
    Kind::Act(Act::StartRecording),
    Kind::Act(Act::StartLiveRecording),
];

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

    /// Whether it ends something, and goes before whatever waits.
    pub(crate) const fn ends(self) -> bool {
        matches!(self, Self::Withdraw | Self::Act(Act::Stop | Act::Discard))
    }

    /// Those that end something, as they are stored.
    fn ending() -> [i16; 3] {
        [Self::Withdraw, Self::Act(Act::Stop), Self::Act(Act::Discard)].map(Self::stored)
    }

    /// What of an attempt is not to be done any more once this is asked for, as it is stored. What a recording came to is
    /// looked for and fetched after a withdrawal as well.
    pub(super) fn overrules(self) -> Vec<i16> {
        let mut all: Vec<i16> = match self {
            Self::Withdraw | Self::Act(Act::Stop | Act::Discard) => {
                BEGINNING.map(Self::stored).into()
            }
            Self::Carry | Self::Act(_) => Vec::new(),
        };
        if self == Self::Act(Act::Discard) {
            all.push(Self::Act(Act::Fetch).stored());
        }
        all
    }

    /// Whether it begins something, which nobody may who was stopped.
    pub(super) fn begins(self) -> bool {
        BEGINNING.contains(&self)
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
    /// Names this claim, and no other one.
    pub(crate) claim: String,
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
    /// When the first of all there is to do for these carriers by these connections becomes due, or became so.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_work(
        &self,
        carriers: &[&'static str],
        connections: &[String],
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let due: Option<i64> = work::Entity::find()
            .select_only()
            .column(work::Column::DueUs)
            .filter(by(carriers, connections))
            .order_by_asc(work::Column::DueUs)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant).transpose()?)
    }

    /// How much there is to do for these carriers by other connections than these.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn foreign_work(
        &self,
        carriers: &[&'static str],
        connections: &[String],
    ) -> Result<u64, Error> {
        let foreign = work::Entity::find()
            .filter(work::Column::Carrier.is_in(carriers.iter().copied()))
            .filter(by(carriers, connections).not())
            .count(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(foreign)
    }

    /// Has an attempt done by another connection from here on, before anything was done by the one it had.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn connect(&self, attempt: &Attempt, connection: &str) -> Result<(), Error> {
        let id = key::attempt(attempt);
        let id = id.as_str();
        self.database
            .write(|tx| async move {
                attempt::Entity::update_many()
                    .col_expr(attempt::Column::Connection, Expr::value(connection))
                    .filter(attempt::Column::Id.eq(id))
                    .exec(&tx)
                    .await?;
                work::Entity::update_many()
                    .col_expr(work::Column::Connection, Expr::value(connection))
                    .filter(work::Column::Attempt.eq(id))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }

    /// Claims what is due for some carriers by some connections, for so long: nothing of an attempt before what comes first in it is done, and
    /// nothing while something of it is being done. What ends it comes first.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_work(
        &self,
        (carriers, connections): (&[&'static str], &[String]),
        now: DateTime<Utc>,
        lease: Duration,
        limit: u64,
    ) -> Result<Vec<Due>, Error> {
        use work::Column as C;
        let token = &token();
        let rows: Vec<work::Model> = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until = today.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(0));
                let other = Alias::new("other");
                let of = |column: C| Expr::col((other.clone(), column));
                let own = |column: C| Expr::col((work::Entity, column));
                let waits = || own(C::Kind).is_not_in(Kind::ending());
                let is_earlier = || of(C::Id).lt(own(C::Id));
                let ends_now = of(C::Kind).is_in(Kind::ending()).and(of(C::DueUs).lte(micros(now)));
                let goes_first = Condition::any()
                    .add(of(C::ClaimedUntil).gt(today))
                    .add(ends_now.and(waits().or(is_earlier())))
                    .add(waits().and(is_earlier()));
                let first = Query::select()
                    .expr(Expr::val(1))
                    .from_as(work::Entity, other.clone())
                    .and_where(of(C::Attempt).equals((work::Entity, C::Attempt)))
                    .and_where(of(C::Id).ne(own(C::Id)))
                    .cond_where(goes_first)
                    .to_owned();
                let free =
                    Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
                let due = work::Entity::find()
                    .filter(by(carriers, connections))
                    .filter(C::DueUs.lte(micros(now)))
                    .filter(free)
                    .filter(Expr::exists(first).not())
                    .order_by_asc(C::DueUs)
                    .order_by_asc(C::Id);
                let change = [
                    (C::ClaimedUntil, Expr::value(until)),
                    (C::Claim, Expr::value(token.as_str())),
                    (C::Tries, Expr::col((work::Entity, C::Tries)).add(1)),
                ];
                let claimed = claim(&tx, due, limit, change).await?;
                drop_overruled(&tx, claimed).await
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
            let connection = (carry::Kind::Connection, row.connection.as_str());
            let connection = Some(connection).filter(|(_, value)| !value.is_empty());
            let connection = connection.map(|(kind, value)| Name { kind, value: value.to_owned() });
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
                claim: row.claim.clone().unwrap_or_default(),
                order: order(attempt)?,
                names: connection
                    .into_iter()
                    .chain(names.get(&row.attempt).into_iter().flatten().cloned())
                    .collect(),
            });
        }
        Ok(all)
    }

    /// Notes what has become of something that was claimed: all of it, or nothing where there is another claim by now, which
    /// may well be of the same process. Answers whether it was ours.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn finish_work(&self, due: &Due, finish: &Finish) -> Result<bool, Error> {
        use work::Column as C;
        let ours = self
            .database
            .write(|tx| async move {
                let nothing = carry::Told::default();
                let told = match finish {
                    Finish::Again(_) if is_overruled(&tx, due).await? => &nothing,
                    Finish::Again(at) => {
                        let done = work::Entity::update_many()
                            .col_expr(C::DueUs, Expr::value(micros(*at)))
                            .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                            .col_expr(C::Claim, Expr::value(None::<String>))
                            .filter(C::Id.eq(due.id))
                            .filter(C::Claim.eq(due.claim.as_str()))
                            .exec(&tx)
                            .await
                            .map_err(storage::Error::from)?;
                        return Ok::<_, Error>(done.rows_affected > 0);
                    }
                    Finish::Done(told) => told,
                };
                let done = work::Entity::delete_many()
                    .filter(C::Id.eq(due.id))
                    .filter(C::Claim.eq(due.claim.as_str()))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                if done.rows_affected == 0 {
                    return Ok(false);
                }
                let attempt = key::attempt(&due.order.attempt);
                if due.kind == Kind::Carry && matches!(finish, Finish::Done(_)) {
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

/// What is done by some of these carriers, by some of these connections or by none.
fn by(carriers: &[&'static str], connections: &[String]) -> Condition {
    use work::Column as C;
    let connections = connections.iter().map(String::as_str).chain([""]);
    Condition::all()
        .add(C::Carrier.is_in(carriers.iter().copied()))
        .add(C::Connection.is_in(connections))
}

/// A name for a claim.
pub(super) fn token() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Deletes what some of these are no longer to do, which nobody is doing.
pub(super) async fn overrule(tx: &Tx, attempts: &[&str], by: Kind) -> Result<(), storage::Error> {
    use work::Column as C;
    if attempts.is_empty() {
        return Ok(());
    }
    let today = micros(database_now(tx).await?);
    for attempts in chunks(attempts) {
        // Also what somebody had claimed who is gone.
        let free = Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
        work::Entity::delete_many()
            .filter(C::Attempt.is_in(attempts.iter().copied()))
            .filter(C::Kind.is_in(by.overrules()))
            .filter(free)
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Deletes from what was claimed whatever would begin something in attempts that were stopped, and answers what is left.
pub(super) async fn drop_overruled(
    tx: &Tx,
    claimed: Vec<work::Model>,
) -> Result<Vec<work::Model>, storage::Error> {
    let begins = |row: &work::Model| Kind::of(row.kind).is_some_and(Kind::begins);
    let ids: Vec<&str> =
        claimed.iter().filter(|row| begins(row)).map(|row| row.attempt.as_str()).collect();
    if ids.is_empty() {
        return Ok(claimed);
    }
    let attempts = find_in::<attempt::Entity, _>(tx, attempt::Column::Id, ids).await?;
    let stopped: HashSet<String> =
        attempts.into_iter().filter(|row| row.stopped_us.is_some()).map(|row| row.id).collect();
    let (dropped, left): (Vec<_>, Vec<_>) =
        claimed.into_iter().partition(|row| begins(row) && stopped.contains(&row.attempt));
    let dropped: Vec<i64> = dropped.iter().map(|row| row.id).collect();
    for ids in chunks(&dropped) {
        let rows = work::Entity::delete_many().filter(work::Column::Id.is_in(ids.iter().copied()));
        rows.exec(tx).await?;
    }
    Ok(left)
}

/// Whether something that is to be tried again is not wanted any more.
async fn is_overruled(tx: &Tx, due: &Due) -> Result<bool, storage::Error> {
    let attempt = key::attempt(&due.order.attempt);
    if due.kind.begins() {
        let row = attempt::Entity::find_by_id(attempt).one(tx).await?;
        return Ok(row.is_some_and(|row| row.stopped_us.is_some()));
    }
    if due.kind != Kind::Act(Act::Fetch) {
        return Ok(false);
    }
    let discard = work::Entity::find()
        .filter(work::Column::Attempt.eq(attempt))
        .filter(work::Column::Kind.eq(Kind::Act(Act::Discard).stored()));
    Ok(discard.one(tx).await?.is_some())
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
