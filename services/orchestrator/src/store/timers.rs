//! Timers: what is to be done when its time has come, as rows that replicas claim.
//!
//! When a timer is due is told by the service's clock, for which calls are decided. Until when a claim holds is told by the
//! database's, since replicas must agree on it. A claim is no lock: whoever finishes a timer or puts it off names the claim
//! by which they have it, and one that was taken over has no effect any more.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{Tx, chunks, claim, database_now, insert_many};

use super::Calls;
use super::commit::hold;
use super::entity::{call, plan, timer};
use super::row::{instant, number, unsigned};
use crate::error::Error;

/// What a timer is for. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The plan is handed to its adapter.
    Dispatch = 1,
    /// The last instant at which it may be has passed.
    Window = 2,
    /// The last instant to decide what waits for a peer.
    Deadline = 3,
    /// What was judged without the answer of a peer is judged again.
    Retry = 4,
}

impl Kind {
    /// All of them.
    const ALL: [Self; 4] = [Self::Dispatch, Self::Window, Self::Deadline, Self::Retry];

    fn of(stored: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i16 == stored)
    }

    /// The name, in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Window => "window",
            Self::Deadline => "deadline",
            Self::Retry => "retry",
        }
    }
}

/// A timer that is due, and ours for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its row.
    pub(crate) id: i64,
    /// The company of the call.
    pub(crate) company: String,
    /// The call.
    pub(crate) call_id: String,
    /// What it is for.
    pub(crate) kind: Kind,
    /// When it became due.
    pub(crate) due: DateTime<Utc>,
    /// The revision of the decision that armed it: with any other it is void.
    pub(crate) revision: u64,
    /// How often it has been claimed, this time among them.
    pub(crate) tries: u32,
}

/// Timers claimed at once.
#[derive(Debug)]
pub(crate) struct Claimed {
    /// Names the claim.
    pub(crate) claim: String,
    /// The timers, by when they became due.
    pub(crate) timers: Vec<Due>,
}

/// Makes a call be decided again at an instant, for as long as the decision that holds now does.
///
/// # Errors
/// Those of the database.
pub(super) async fn try_again(
    tx: &Tx,
    company: &str,
    call_id: &str,
    at: DateTime<Utc>,
) -> Result<(), storage::Error> {
    use timer::Column as C;
    let revision: Option<i64> = call::Entity::find()
        .select_only()
        .column(call::Column::Revision)
        .filter(call::Column::Company.eq(company))
        .filter(call::Column::CallId.eq(call_id))
        .into_tuple()
        .one(tx)
        .await?;
    let Some(revision) = revision else { return Ok(()) };
    // One that waits already is taken from whoever handles it: they may not know yet what has changed.
    let waiting = timer::Entity::update_many()
        .col_expr(C::Due, Expr::value(at.timestamp_micros()))
        .col_expr(C::Tries, Expr::value(0_i64))
        .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
        .col_expr(C::Claim, Expr::value(None::<String>))
        .filter(C::Company.eq(company))
        .filter(C::CallId.eq(call_id))
        .filter(C::Kind.eq(Kind::Retry as i16))
        .filter(C::Revision.eq(revision))
        .exec(tx)
        .await?;
    if waiting.rows_affected > 0 {
        return Ok(());
    }
    let row = timer::ActiveModel {
        id: NotSet,
        company: Set(company.to_owned()),
        call_id: Set(call_id.to_owned()),
        kind: Set(Kind::Retry as i16),
        due: Set(at.timestamp_micros()),
        revision: Set(revision),
        tries: Set(0),
        claimed_until: Set(None),
        claim: Set(None),
    };
    insert_many(tx, [row], None).await
}

impl Calls {
    /// When the first of all timers becomes due, or became so, whether somebody has claimed it or not.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let due = timer::Entity::find()
            .select_only()
            .column(timer::Column::Due)
            .order_by_asc(timer::Column::Due)
            .order_by_asc(timer::Column::Id)
            .limit(1)
            .into_tuple::<i64>()
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant))
    }

    /// Claims timers that are due at `now`, up to `limit`, those that became so first, for as long as `lease`. Those that
    /// somebody has claimed already are left out, and those of companies in `busy`.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_timers(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u64,
        busy: &[String],
    ) -> Result<Claimed, Error> {
        use timer::Column as C;
        let token = &format!("{:032x}", rand::random::<u128>());
        let lease = TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
        let rows = self
            .store
            .write(|tx| async move {
                let clock = database_now(&tx).await?;
                let until = clock.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC);
                let free = Condition::any()
                    .add(C::ClaimedUntil.is_null())
                    .add(C::ClaimedUntil.lt(clock.timestamp_micros()));
                let mut due = timer::Entity::find()
                    .filter(C::Due.lte(now.timestamp_micros()))
                    .filter(free)
                    // A newer version beside this one may have others, and knows what to do with them.
                    .filter(C::Kind.is_in(Kind::ALL.map(|kind| kind as i16)))
                    .order_by_asc(C::Due)
                    .order_by_asc(C::Id);
                if let Some(last) = busy.last() {
                    // Lists of a few lengths only, so that prepared statements are found again.
                    let rest = busy.len().next_power_of_two() - busy.len();
                    let list = busy.iter().chain(std::iter::repeat_n(last, rest));
                    due = due.filter(C::Company.is_not_in(list.map(String::as_str)));
                }
                let change = [
                    (C::ClaimedUntil, Expr::value(until.timestamp_micros())),
                    (C::Claim, Expr::value(token.as_str())),
                    (C::Tries, Expr::col(C::Tries).add(1)),
                ];
                Ok::<_, Error>(claim(&tx, due, limit, change).await?)
            })
            .await?;
        let mut timers: Vec<Due> = rows
            .into_iter()
            .filter_map(|row| {
                Some(Due {
                    id: row.id,
                    kind: Kind::of(row.kind)?,
                    due: instant(row.due),
                    revision: unsigned(row.revision),
                    tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
                    company: row.company,
                    call_id: row.call_id,
                })
            })
            .collect();
        timers.sort_by_key(|timer| (timer.due, timer.id));
        Ok(Claimed { claim: token.clone(), timers })
    }

    /// Removes timers that have been handled, those that are still held by the claim. Answers how many.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn finish_timers(&self, claim: &str, ids: &[i64]) -> Result<u64, Error> {
        let mut removed = 0;
        for part in chunks(ids) {
            removed += self
                .store
                .write(|tx| async move {
                    let done = timer::Entity::delete_many()
                        .filter(timer::Column::Id.is_in(part.iter().copied()))
                        .filter(timer::Column::Claim.eq(claim))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                    Ok::<_, Error>(done.rows_affected)
                })
                .await?;
        }
        Ok(removed)
    }

    /// Makes timers due at another time, those that are still held by the claim, which ends. Answers how many.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn put_off_timers(
        &self,
        claim: &str,
        timers: &[(i64, DateTime<Utc>)],
    ) -> Result<u64, Error> {
        use timer::Column as C;
        let mut by_due: BTreeMap<DateTime<Utc>, Vec<i64>> = BTreeMap::new();
        for (id, due) in timers {
            by_due.entry(*due).or_default().push(*id);
        }
        let by_due = &by_due;
        if by_due.is_empty() {
            return Ok(0);
        }
        self.store
            .write(|tx| async move {
                let mut changed = 0;
                for (due, ids) in by_due {
                    for part in chunks(ids) {
                        let done = timer::Entity::update_many()
                            .col_expr(C::Due, Expr::value(due.timestamp_micros()))
                            .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                            .col_expr(C::Claim, Expr::value(None::<String>))
                            .filter(C::Id.is_in(part.iter().copied()))
                            .filter(C::Claim.eq(claim))
                            .exec(&tx)
                            .await
                            .map_err(storage::Error::from)?;
                        changed += done.rows_affected;
                    }
                }
                Ok(changed)
            })
            .await
    }

    /// Notes that plans are handed to their adapters, each a call and the revision of its plan. Answers those of which that
    /// very revision holds, and had not been handed over before.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn release(
        &self,
        company: &str,
        plans: &[(&str, u64)],
        at: DateTime<Utc>,
    ) -> Result<Vec<String>, Error> {
        let mut ids: Vec<&str> = plans.iter().map(|(id, _)| *id).collect();
        // Rows are locked in one order across the pieces, too.
        ids.sort_unstable();
        let mut by_revision: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for (id, revision) in plans {
            by_revision.entry(number(*revision)).or_default().push(id);
        }
        let (ids, by_revision) = (&ids, &by_revision);
        self.store
            .write(|tx| async move {
                // Whoever is deciding one of the calls, and may find that its plan was handed over or was not, is done
                // before or comes after.
                for part in chunks(ids) {
                    hold(&tx, company, part).await?;
                }
                let mut released = Vec::new();
                for (revision, ids) in by_revision {
                    for part in chunks(ids) {
                        let rows = plan::Entity::update_many()
                            .col_expr(plan::Column::ReleasedAt, Expr::value(at.timestamp_micros()))
                            .filter(plan::Column::Company.eq(company))
                            .filter(plan::Column::CallId.is_in(part.iter().copied()))
                            .filter(plan::Column::Revision.eq(*revision))
                            .filter(plan::Column::ReleasedAt.is_null())
                            .exec_with_returning(&tx)
                            .await
                            .map_err(storage::Error::from)?;
                        released.extend(rows.into_iter().map(|row| row.call_id));
                    }
                }
                Ok(released)
            })
            .await
    }

    /// Which of these calls have a plan that has been handed to its adapter.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn released(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<Vec<String>, Error> {
        let mut released = Vec::new();
        for part in chunks(ids) {
            released.extend(
                plan::Entity::find()
                    .select_only()
                    .column(plan::Column::CallId)
                    .filter(plan::Column::Company.eq(company))
                    .filter(plan::Column::CallId.is_in(part.iter().map(String::as_str)))
                    .filter(plan::Column::ReleasedAt.is_not_null())
                    .into_tuple::<String>()
                    .all(self.store.reader())
                    .await
                    .map_err(storage::Error::from)?,
            );
        }
        Ok(released)
    }
}
