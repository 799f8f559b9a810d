//! What sessions ask of adapters: rows that wait until the adapter has them. Those of one session are handed over in the
//! order in which they were asked for, but for what takes an attempt back, which waits for nothing.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1 as provider;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use storage::{Tx, chunks, claim, database_now};

use super::entity::command;
use super::row::{instant, number, unsigned};
use super::{Calls, Running};
use crate::error::Error;

/// What is asked. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Carry the plan out, by one method.
    Dispatch,
    /// Take an attempt back.
    Withdraw,
    /// Something else.
    Instruct(provider::Act),
}

impl Kind {
    /// Acts come after what is no act.
    const ACTS: i16 = 100;

    /// All there are. What a newer version stored beside this one is left to that.
    const ALL: [Self; 11] = [
        Self::Dispatch,
        Self::Withdraw,
        Self::Instruct(provider::Act::AskPermission),
        Self::Instruct(provider::Act::Announce),
        Self::Instruct(provider::Act::StartRecording),
        Self::Instruct(provider::Act::StartLiveRecording),
        Self::Instruct(provider::Act::CheckMeeting),
        Self::Instruct(provider::Act::CheckFiles),
        Self::Instruct(provider::Act::Fetch),
        Self::Instruct(provider::Act::Discard),
        Self::Instruct(provider::Act::Stop),
    ];

    pub(in crate::store) fn number(self) -> i16 {
        match self {
            Self::Dispatch => 1,
            Self::Withdraw => 2,
            Self::Instruct(act) => {
                Self::ACTS.saturating_add(i16::try_from(i32::from(act)).unwrap_or(i16::MAX))
            }
        }
    }

    fn of(stored: i16) -> Option<Self> {
        match stored {
            1 => Some(Self::Dispatch),
            2 => Some(Self::Withdraw),
            _ => {
                let act = stored.checked_sub(Self::ACTS).filter(|act| *act > 0)?;
                provider::Act::try_from(i32::from(act)).ok().map(Self::Instruct)
            }
        }
    }

    /// Whether it is for a recorder that is sent or there: of no use once its attempt is taken back, and perhaps of harm.
    pub(super) const fn falls_with_its_attempt(self) -> bool {
        match self {
            Self::Dispatch
            | Self::Instruct(
                provider::Act::AskPermission
                | provider::Act::Announce
                | provider::Act::StartRecording
                | provider::Act::StartLiveRecording
                | provider::Act::CheckMeeting,
            ) => true,
            Self::Withdraw
            | Self::Instruct(
                provider::Act::Unspecified
                | provider::Act::CheckFiles
                | provider::Act::Fetch
                | provider::Act::Discard
                | provider::Act::Stop,
            ) => false,
        }
    }

    /// Whether it is of no use any more once its session is over: all but what ends something.
    pub(super) const fn falls_with_its_session(self) -> bool {
        !self.ends_something()
    }

    /// Whether something goes on until it is done.
    pub(crate) const fn ends_something(self) -> bool {
        matches!(
            self,
            Self::Withdraw | Self::Instruct(provider::Act::Discard | provider::Act::Stop)
        )
    }

    /// The numbers of those of which that is so.
    pub(super) fn numbers(which: impl Fn(Self) -> bool) -> Vec<i16> {
        Self::ALL.into_iter().filter(|kind| which(*kind)).map(Self::number).collect()
    }

    /// The name, in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Withdraw => "withdraw",
            Self::Instruct(_) => "instruct",
        }
    }
}

/// Something an adapter is to do, ours to hand over for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its row.
    pub(crate) id: i64,
    /// The company.
    pub(crate) company: String,
    /// The call.
    pub(crate) call_id: String,
    /// Revision of the plan.
    pub(crate) plan_revision: u64,
    /// The attempt.
    pub(crate) run: u8,
    /// What is to be done.
    pub(crate) kind: Kind,
    /// The method of the attempt, as the wire has it.
    pub(crate) method: i32,
    /// The adapter, as the wire has it.
    pub(crate) adapter: i32,
    /// Number among the instructions of the session.
    pub(crate) number: u64,
    /// Since when it is to be handed over.
    pub(crate) due: DateTime<Utc>,
    /// How often that was tried, this time among them.
    pub(crate) tries: u32,
}

impl Command {
    /// The attempt on the wire.
    pub(crate) fn attempt(&self) -> provider::Attempt {
        provider::Attempt {
            company: self.company.clone(),
            call_id: self.call_id.clone(),
            plan_revision: self.plan_revision,
            run: u32::from(self.run),
        }
    }
}

/// For which adapters commands are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lane {
    /// One of these, as the wire has them.
    For(Vec<i32>),
    /// None of these.
    ForOthers(Vec<i32>),
}

impl Lane {
    /// Commands for these adapters, of the kinds there are.
    fn condition(&self) -> Condition {
        use command::Column as C;
        let adapters = match self {
            Self::For(adapters) => C::Adapter.is_in(adapters.iter().copied()),
            Self::ForOthers(adapters) => C::Adapter.is_not_in(adapters.iter().copied()),
        };
        Condition::all().add(adapters).add(C::Kind.is_in(Kind::numbers(|_| true)))
    }
}

/// Commands claimed at once.
#[derive(Debug)]
pub(crate) struct Claimed {
    /// Names the claim.
    pub(crate) claim: String,
    /// The commands, oldest first.
    pub(crate) commands: Vec<Command>,
}

impl Calls {
    /// Claims commands that are due, for as long as `lease`: those first that take attempts back, then of each session the
    /// oldest, and of these the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_commands(
        &self,
        lane: &Lane,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u64,
    ) -> Result<Claimed, Error> {
        use command::Column as C;
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
                let due = command::Entity::find()
                    .filter(C::Due.lte(now.timestamp_micros()))
                    .filter(lane.condition())
                    .filter(free)
                    .order_by_asc(C::Due)
                    .order_by_asc(C::Id);
                let change = || {
                    [
                        (C::ClaimedUntil, Expr::value(until.timestamp_micros())),
                        (C::Claim, Expr::value(token.as_str())),
                        (C::Tries, Expr::col(C::Tries).add(1)),
                    ]
                };
                let withdraw = Kind::Withdraw.number();
                // They fence what comes late.
                let urgent = due.clone().filter(C::Kind.eq(withdraw));
                let mut rows = claim(&tx, urgent, limit, change()).await?;
                let left = limit.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
                if left > 0 {
                    let others =
                        due.filter(C::Kind.ne(withdraw)).filter(Expr::exists(before_own()).not());
                    rows.extend(claim(&tx, others, left, change()).await?);
                }
                Ok::<_, Error>(rows)
            })
            .await?;
        let mut commands: Vec<Command> = rows
            .into_iter()
            .filter_map(|row| {
                Some(Command {
                    id: row.id,
                    kind: Kind::of(row.kind)?,
                    plan_revision: unsigned(row.plan_revision),
                    run: u8::try_from(row.run).ok()?,
                    method: i32::from(row.means),
                    adapter: i32::from(row.adapter),
                    number: unsigned(row.number),
                    due: instant(row.due),
                    tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
                    company: row.company,
                    call_id: row.call_id,
                })
            })
            .collect();
        commands.sort_by_key(|command| command.id);
        Ok(Claimed { claim: token.clone(), commands })
    }

    /// Those of the commands of a claim that it still holds: what fell meanwhile, and what somebody else took over, is not
    /// among them.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn held_commands(&self, claimed: &Claimed) -> Result<HashSet<i64>, Error> {
        let ids: Vec<i64> = claimed.commands.iter().map(|one| one.id).collect();
        let mut held = HashSet::with_capacity(ids.len());
        for part in chunks(&ids) {
            let rows: Vec<i64> = command::Entity::find()
                .select_only()
                .column(command::Column::Id)
                .filter(command::Column::Id.is_in(part.iter().copied()))
                .filter(command::Column::Claim.eq(claimed.claim.as_str()))
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            held.extend(rows);
        }
        Ok(held)
    }

    /// Since when the oldest command waits, and whether one does.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_command(&self, lane: &Lane) -> Result<Option<DateTime<Utc>>, Error> {
        let due = command::Entity::find()
            .filter(lane.condition())
            .select_only()
            .column(command::Column::Due)
            .order_by_asc(command::Column::Due)
            .order_by_asc(command::Column::Id)
            .limit(1)
            .into_tuple::<i64>()
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant))
    }

    /// How many commands wait, all of them or those of a lane.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn count_commands(&self, lane: Option<&Lane>) -> Result<u64, Error> {
        let condition = lane.map_or_else(Condition::all, Lane::condition);
        let many = command::Entity::find().filter(condition).count(self.store.reader()).await;
        Ok(many.map_err(storage::Error::from)?)
    }

    /// Removes commands that have been handed over, those that are still held by the claim. Answers how many.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn finish_commands(&self, claim: &str, ids: &[i64]) -> Result<u64, Error> {
        let mut removed = 0;
        for part in chunks(ids) {
            removed += self
                .store
                .write(|tx| async move {
                    let done = command::Entity::delete_many()
                        .filter(command::Column::Id.is_in(part.iter().copied()))
                        .filter(command::Column::Claim.eq(claim))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                    Ok::<_, Error>(done.rows_affected)
                })
                .await?;
        }
        Ok(removed)
    }

    /// Has commands handed over at another time, those that are still held by the claim, which ends.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn put_off_commands(
        &self,
        claim: &str,
        commands: &[(i64, DateTime<Utc>)],
    ) -> Result<(), Error> {
        use command::Column as C;
        let mut by_due: BTreeMap<DateTime<Utc>, Vec<i64>> = BTreeMap::new();
        for (id, due) in commands {
            by_due.entry(*due).or_default().push(*id);
        }
        let by_due = &by_due;
        if by_due.is_empty() {
            return Ok(());
        }
        self.store
            .write(|tx| async move {
                for (due, ids) in by_due {
                    for part in chunks(ids) {
                        command::Entity::update_many()
                            .col_expr(C::Due, Expr::value(due.timestamp_micros()))
                            .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                            .col_expr(C::Claim, Expr::value(None::<String>))
                            .filter(C::Id.is_in(part.iter().copied()))
                            .filter(C::Claim.eq(claim))
                            .exec(&tx)
                            .await
                            .map_err(storage::Error::from)?;
                    }
                }
                Ok(())
            })
            .await
    }
}

/// An earlier command of the same session, of a kind that is known here.
fn before_own() -> SelectStatement {
    use command::Column as C;
    let earlier = Alias::new("earlier");
    let of = |column: C| Expr::col((earlier.clone(), column));
    let own = |column: C| Expr::col((command::Entity, column));
    Query::select()
        .expr(Expr::value(1))
        .from_as(command::Entity, earlier.clone())
        .and_where(of(C::Company).eq(own(C::Company)))
        .and_where(of(C::CallId).eq(own(C::CallId)))
        .and_where(of(C::PlanRevision).eq(own(C::PlanRevision)))
        .and_where(of(C::Id).lt(own(C::Id)))
        .and_where(of(C::Kind).is_in(Kind::numbers(|_| true)))
        .to_owned()
}

/// Removes commands of sessions: those that fall with an attempt that is taken back, and those that fall with a session that
/// is over. Whoever has one in hand finds out before it is handed over, or the adapter refuses it.
///
/// # Errors
/// Those of the database.
pub(super) async fn drop_fallen(tx: &Tx, sessions: &[Running]) -> Result<(), Error> {
    use command::Column as C;
    // By company, plan and, for attempts, the attempt.
    let mut fallen: BTreeMap<(&str, u64, Option<u8>), Vec<&str>> = BTreeMap::new();
    for one in sessions {
        let of = (one.company.as_str(), one.plan_revision);
        if one.has_concluded() {
            fallen.entry((of.0, of.1, None)).or_default().push(&one.call_id);
            continue;
        }
        for run in one.withdrawn() {
            fallen.entry((of.0, of.1, Some(run))).or_default().push(&one.call_id);
        }
    }
    for ((company, plan_revision, run), ids) in fallen {
        let kinds = match run {
            Some(_) => Kind::numbers(Kind::falls_with_its_attempt),
            None => Kind::numbers(Kind::falls_with_its_session),
        };
        for part in chunks(&ids) {
            let mut fall = command::Entity::delete_many()
                .filter(C::Company.eq(company))
                .filter(C::CallId.is_in(part.iter().copied()))
                .filter(C::PlanRevision.eq(number(plan_revision)))
                .filter(C::Kind.is_in(kinds.iter().copied()));
            if let Some(run) = run {
                fall = fall.filter(C::Run.eq(i16::from(run)));
            }
            fall.exec(tx).await.map_err(storage::Error::from)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_among_all_of_them_and_is_read_as_it_is_stored() {
        let known = Kind::numbers(|_| true);
        for stored in 0..200 {
            let kind = Kind::of(stored);
            assert_eq!(kind.is_some(), known.contains(&stored), "{stored}");
            assert!(kind.is_none_or(|kind| kind.number() == stored));
        }
    }
}
