//! Orders, withdrawals and instructions as they arrive: each kept once, and none older than what is known of its call.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use proto::provider::v1;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use storage::{Tx, chunks, find_in, insert_many};

use super::entity::{attempt, done, fence};
use super::row::{ROWS, insert_new, job, note, returning, row, stored};
use super::work::{Kind, overrule};
use super::{Journal, State, key, micros, signed};
use crate::attempts::{Attempt, Change, Instruction, Order, Receipt, Withdrawal};
use crate::carry;
use crate::error::Error;

/// An order, and who carries it out.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// What is ordered.
    pub(crate) order: Order,
    /// The name of who carries it out; none where nobody can.
    pub(crate) carrier: Option<&'static str>,
    /// The connection by which they do; empty where there is none to choose.
    pub(crate) connection: String,
}

type Place = (i64, i64);

fn place(attempt: &Attempt) -> Place {
    (signed(attempt.plan_revision), i64::from(attempt.run))
}

impl Journal {
    /// Keeps orders, and that they are to be carried out.
    ///
    /// # Errors
    /// Those of the database; nothing is kept then.
    pub(crate) async fn dispatch(
        &self,
        orders: &[Kept],
        now: DateTime<Utc>,
    ) -> Result<Vec<Receipt>, Error> {
        let rows: Vec<(String, attempt::ActiveModel)> = orders
            .iter()
            .map(|kept| row(kept, now))
            .map(|row| (row.id.clone().unwrap(), row))
            .collect();
        let rows = &rows;
        let (receipts, more) = self
            .database
            .write(|tx| async move {
                let fences = raise(&tx, orders.iter().map(|kept| &kept.order.attempt)).await?;
                let is_fenced = |attempt: &Attempt| {
                    fences.get(&key::call(attempt)).is_some_and(|known| place(attempt) < *known)
                };
                let mut wanted = BTreeMap::new();
                for (kept, (id, row)) in orders.iter().zip(rows) {
                    if !is_fenced(&kept.order.attempt) {
                        wanted.entry(id.as_str()).or_insert((kept, row));
                    }
                }
                let leave = OnConflict::column(attempt::Column::Id).do_nothing().to_owned();
                let inserted = wanted.values().map(|(_, row)| (*row).clone());
                let new: HashSet<String> =
                    insert_new::<attempt::Entity, _>(&tx, inserted, attempt::Column::Id, &leave)
                        .await?;
                supersede(&tx, &fences, now).await?;
                let jobs = wanted.iter().filter(|(id, _)| new.contains(**id)).filter_map(
                    |(id, (kept, _))| {
                        let carrier = kept.carrier.filter(|name| *name != carry::FLEET)?;
                        let until = kept.order.until(now);
                        let by = (carrier, kept.connection.as_str());
                        Some(job((*id).to_owned(), by, Kind::Carry, 0, now, until))
                    },
                );
                insert_many(&tx, jobs, None).await?;
                // What was there before: kept already, or called back before it came.
                let before: Vec<&str> =
                    wanted.keys().copied().filter(|id| !new.contains(*id)).collect();
                let mut refused = HashSet::new();
                if !before.is_empty() {
                    let found =
                        find_in::<attempt::Entity, _>(&tx, attempt::Column::Id, before).await?;
                    let noted = found.into_iter().filter(|row| row.body.is_empty());
                    refused.extend(noted.map(|row| row.id));
                }
                let mut answered: HashSet<&str> = HashSet::new();
                let receipts = orders
                    .iter()
                    .zip(rows)
                    .map(|(kept, (id, _))| {
                        if is_fenced(&kept.order.attempt) || refused.contains(id) {
                            Receipt::Fenced
                        } else if new.contains(id) && answered.insert(id) {
                            Receipt::Accepted
                        } else {
                            Receipt::Repeated
                        }
                    })
                    .collect();
                let nobody: Vec<Change> = wanted
                    .iter()
                    .filter(|(id, (kept, _))| new.contains(**id) && kept.carrier.is_none())
                    .map(|(_, (kept, _))| {
                        let order = &kept.order;
                        Change::Told(carry::nobody(&order.attempt, order.method, now))
                    })
                    .collect();
                super::log::append(&tx, &nobody).await?;
                Ok::<_, Error>((receipts, !new.is_empty()))
            })
            .await?;
        if more {
            self.wake();
        }
        Ok(receipts)
    }

    /// Keeps that attempts are to be called back.
    ///
    /// # Errors
    /// Those of the database; nothing is kept then.
    pub(crate) async fn withdraw(
        &self,
        withdrawals: &[Withdrawal],
        now: DateTime<Utc>,
    ) -> Result<Vec<Receipt>, Error> {
        let ids: Vec<String> = withdrawals.iter().map(|one| key::attempt(&one.attempt)).collect();
        let ids = &ids;
        let receipts = self
            .database
            .write(|tx| async move {
                // Noted first: whoever orders one of them waits here, and finds the note.
                let noted: BTreeMap<&str, &Attempt> = ids
                    .iter()
                    .zip(withdrawals)
                    .map(|(id, one)| (id.as_str(), &one.attempt))
                    .collect();
                let leave = OnConflict::column(attempt::Column::Id).do_nothing().to_owned();
                let rows = noted.iter().map(|(id, attempt)| note((*id).to_owned(), attempt, now));
                let unknown =
                    insert_new::<attempt::Entity, _>(&tx, rows, attempt::Column::Id, &leave)
                        .await?;
                let known: Vec<&str> =
                    noted.keys().copied().filter(|id| !unknown.contains(*id)).collect();
                let changed = call_back(&tx, &known, now).await?;
                let mut answered: HashSet<&str> = HashSet::new();
                let receipts = ids
                    .iter()
                    .map(|id| match (unknown.contains(id), changed.contains(id)) {
                        (true, _) if answered.insert(id) => Receipt::Unknown,
                        (false, true) if answered.insert(id) => Receipt::Accepted,
                        _ => Receipt::Repeated,
                    })
                    .collect();
                Ok::<_, Error>(receipts)
            })
            .await?;
        self.wake();
        Ok(receipts)
    }

    /// Keeps what else is to be done in attempts.
    ///
    /// # Errors
    /// Those of the database; nothing is kept then.
    pub(crate) async fn instruct(
        &self,
        instructions: &[Instruction],
        now: DateTime<Utc>,
    ) -> Result<Vec<Receipt>, Error> {
        let ids: Vec<(String, String)> = instructions
            .iter()
            .map(|one| (key::attempt(&one.attempt), key::instruction(&one.attempt, one.number)))
            .collect();
        let ids = &ids;
        let receipts = self
            .database
            .write(|tx| async move {
                let attempts: HashMap<String, attempt::Model> = find_in::<attempt::Entity, _>(
                    &tx,
                    attempt::Column::Id,
                    ids.iter().map(|(attempt, _)| attempt.as_str()),
                )
                .await?
                .into_iter()
                .filter(|row| !row.body.is_empty())
                .map(|row| (row.id.clone(), row))
                .collect();
                let calls = instructions.iter().map(|one| key::call(&one.attempt));
                let fences: HashMap<String, Place> =
                    find_in::<fence::Entity, _>(&tx, fence::Column::Id, calls)
                        .await?
                        .into_iter()
                        .map(|row| (row.id, (row.plan_revision, row.run)))
                        .collect();
                let judge = |one: &Instruction, id: &str| {
                    let known = attempts.get(id)?;
                    let newest = fences.get(&key::call(&one.attempt));
                    let is_old = newest.is_some_and(|newest| place(&one.attempt) < *newest);
                    // What was stopped or called back does not begin again.
                    let is_over = known.stopped_us.is_some() && Kind::Act(one.act).begins();
                    // What must not have been recorded is thrown away however old it is.
                    Some((known, is_over || is_old && one.act != v1::Act::Discard))
                };
                let mut wanted = BTreeMap::new();
                for (one, (attempt, id)) in instructions.iter().zip(ids) {
                    if let Some((known, false)) = judge(one, attempt) {
                        wanted.entry(id.as_str()).or_insert((one, known));
                    }
                }
                let rows = wanted.iter().map(|(id, (one, known))| done::ActiveModel {
                    id: Set((*id).to_owned()),
                    attempt: Set(known.id.clone()),
                    act: Set(stored(one.act)),
                    kept_us: Set(micros(now)),
                });
                let leave = OnConflict::column(done::Column::Id).do_nothing().to_owned();
                let new =
                    insert_new::<done::Entity, _>(&tx, rows, done::Column::Id, &leave).await?;
                // In the order of their numbers, whatever order they came in.
                let mut jobs: Vec<_> =
                    wanted.iter().filter(|(id, _)| new.contains(**id)).map(|(_, it)| it).collect();
                jobs.sort_by_key(|(one, _)| one.number);
                // What nobody carries out has nobody to be told.
                let told = jobs.iter().filter(|(_, known)| !known.carrier.is_empty());
                let rows = told.map(|(one, known)| {
                    let until = now + Kind::Act(one.act).patience();
                    let kind = Kind::Act(one.act);
                    let by = (known.carrier.as_str(), known.connection.as_str());
                    job(known.id.clone(), by, kind, one.number, now, until)
                });
                insert_many(&tx, rows.collect::<Vec<_>>(), None).await?;
                let stopped = jobs
                    .iter()
                    .filter(|(one, _)| one.act == v1::Act::Stop)
                    .map(|(_, known)| known.id.as_str());
                stop(&tx, &stopped.collect::<Vec<_>>(), now).await?;
                for act in [v1::Act::Stop, v1::Act::Discard] {
                    let ended = jobs.iter().filter(|(one, _)| one.act == act);
                    let ended: Vec<&str> = ended.map(|(_, known)| known.id.as_str()).collect();
                    overrule(&tx, &ended, Kind::Act(act)).await?;
                }
                let mut answered: HashSet<&str> = HashSet::new();
                let receipts = instructions
                    .iter()
                    .zip(ids)
                    .map(|(one, (attempt, id))| match judge(one, attempt) {
                        None => Receipt::Unknown,
                        Some((_, true)) => Receipt::Fenced,
                        Some(_) if new.contains(id) && answered.insert(id) => Receipt::Accepted,
                        Some(_) => Receipt::Repeated,
                    })
                    .collect();
                Ok::<_, Error>(receipts)
            })
            .await?;
        self.wake();
        Ok(receipts)
    }

    /// Forgets links of attempts that should have been over before an instant, whatever became of them.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn forget_links(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        use attempt::Column as C;
        let forgotten = self
            .database
            .write(|tx| async move {
                let forgotten = attempt::Entity::update_many()
                    .col_expr(C::Secret, Expr::value(None::<String>))
                    .filter(C::Secret.is_not_null())
                    .filter(C::UntilUs.lt(micros(before)))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(forgotten.rows_affected)
            })
            .await?;
        Ok(forgotten)
    }

    /// Those of some attempts that are known here.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn known(&self, attempts: &[Attempt]) -> Result<HashSet<Attempt>, Error> {
        let ids: HashMap<String, &Attempt> =
            attempts.iter().map(|one| (key::attempt(one), one)).collect();
        let found = find_in::<attempt::Entity, _>(
            self.database.reader(),
            attempt::Column::Id,
            ids.keys().map(String::as_str),
        );
        let known = found.await?.into_iter().filter(|row| !row.body.is_empty());
        Ok(known.filter_map(|row| ids.get(&row.id).map(|one| (*one).clone())).collect())
    }
}

/// Calls older attempts back that somebody has or may still take, once a newer one is known.
async fn supersede(
    tx: &Tx,
    fences: &HashMap<String, Place>,
    now: DateTime<Utc>,
) -> Result<(), storage::Error> {
    use attempt::Column as C;
    let calls: Vec<&str> = fences.keys().map(String::as_str).collect();
    let mut old = Vec::new();
    for calls in chunks(&calls) {
        let open: Vec<(String, String, i64, i64)> = attempt::Entity::find()
            .select_only()
            .columns([C::Id, C::Call, C::PlanRevision, C::Run])
            .filter(C::Call.is_in(calls.iter().copied()))
            .filter(C::State.is_in(State::OPEN))
            .into_tuple()
            .all(tx)
            .await?;
        let is_old = |call: &str, place| fences.get(call).is_some_and(|newest| place < *newest);
        old.extend(
            open.into_iter()
                .filter(|(_, call, revision, run)| is_old(call, (*revision, *run)))
                .map(|(id, ..)| id),
        );
    }
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    call_back(tx, &old, now).await.map(drop)
}

/// Marks attempts as called back, and has those carried back that somebody may have. Answers which were not before.
async fn call_back(
    tx: &Tx,
    ids: &[&str],
    now: DateTime<Utc>,
) -> Result<HashSet<String>, storage::Error> {
    use attempt::Column as C;
    let mut changed = HashSet::new();
    let mut jobs = Vec::new();
    for ids in chunks(ids) {
        let rows = attempt::Entity::update_many()
            .col_expr(C::State, Expr::value(State::Withdrawn as i16))
            .col_expr(C::Secret, Expr::value(None::<String>))
            .col_expr(C::StoppedUs, Expr::col(C::StoppedUs).if_null(micros(now)))
            .filter(C::Id.is_in(ids.iter().copied()))
            .filter(C::State.ne(State::Withdrawn as i16))
            .exec_with_returning(tx)
            .await?;
        for row in rows {
            let until = now + Kind::Withdraw.patience();
            // Nobody has it whom anybody could tell.
            let nobody =
                row.carrier.is_empty() || row.carrier == carry::FLEET && row.fleet.is_empty();
            if !nobody {
                let by = (row.carrier.as_str(), row.connection.as_str());
                jobs.push(job(row.id.clone(), by, Kind::Withdraw, 0, now, until));
            }
            changed.insert(row.id);
        }
    }
    // Nobody is doing these, and nobody will.
    overrule(tx, ids, Kind::Withdraw).await?;
    insert_many(tx, jobs, None).await?;
    Ok(changed)
}

/// Notes that attempts were told to stop.
async fn stop(tx: &Tx, ids: &[&str], now: DateTime<Utc>) -> Result<(), storage::Error> {
    use attempt::Column as C;
    for ids in chunks(ids) {
        attempt::Entity::update_many()
            .col_expr(C::StoppedUs, Expr::col(C::StoppedUs).if_null(micros(now)))
            .filter(C::Id.is_in(ids.iter().copied()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Raises what is known as the latest attempt at calls, and answers what that is then. The rows stay locked: of two batches
/// that concern the same call, the second waits for the first.
async fn raise<'a>(
    tx: &Tx,
    attempts: impl Iterator<Item = &'a Attempt>,
) -> Result<HashMap<String, Place>, storage::Error> {
    let mut latest: BTreeMap<String, Place> = BTreeMap::new();
    for attempt in attempts {
        let known = latest.entry(key::call(attempt)).or_default();
        *known = (*known).max(place(attempt));
    }
    let rows = latest.into_iter().map(|(id, (plan_revision, run))| fence::ActiveModel {
        id: Set(id),
        plan_revision: Set(plan_revision),
        run: Set(run),
    });
    // Also where it stays as it is: only what is written is answered, and locked.
    let newer = "(excluded.plan_revision, excluded.run) > \
                 (provider_adapters_fence.plan_revision, provider_adapters_fence.run)";
    let larger = |column: &str| {
        Expr::cust(format!(
            "CASE WHEN {newer} THEN excluded.{column} ELSE provider_adapters_fence.{column} END"
        ))
    };
    let raised = OnConflict::column(fence::Column::Id)
        .value(fence::Column::PlanRevision, larger("plan_revision"))
        .value(fence::Column::Run, larger("run"))
        .to_owned();
    let mut fences = HashMap::new();
    let rows: Vec<_> = rows.collect();
    for rows in rows.chunks(ROWS) {
        for row in returning::<fence::Entity, _>(tx, rows.iter().cloned(), &raised).await? {
            fences.insert(row.id, (row.plan_revision, row.run));
        }
    }
    Ok(fences)
}
