//! Writing decisions: conflicts are settled here, over what is stored, by one at a time for each owner and each room.
//!
//! What is judged outside of the transaction may be out of date when it is written. Every call has a version that
//! grows with each write; a call whose version is not the one it was judged from is left out and told as stale, to be
//! judged again. So nothing old is ever written over something newer, whoever holds whatever lock.

mod carry;
mod changes;
mod contend;
mod judged;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use decision::Decision;
use proto::time;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use storage::{LockKey, chunks};

use super::entity::{call, plan, storm};
use super::recipients::{claims, claims_lock};
use super::row::{is_same, unsigned};
use super::sessions::{newest_live, sessions_of};
use super::{Call, Calls, Running};
use crate::engine::Cause;
use crate::error::Error;
use changes::{Changes, told_of};
use contend::{Member, contending, locks};
use write::{announce, write};

pub(crate) use changes::give_way;
pub(super) use contend::touching;
pub(crate) use judged::{End, Judged, Moment, Outcome};

/// Locks one transaction holds at the most, unless a single call needs more: the server has room for only so many, and the
/// more are held the more others wait. What needs more is written in pieces.
const LOCKS: usize = 256;

/// How often locks are found not to suffice before it is given up. Each time more are held.
const ATTEMPTS: usize = 6;

/// What a transaction has locked, in this order: that no newer policy begins, owners and rooms, and rows of calls besides
/// those that were judged.
#[derive(Debug, Default)]
struct Held {
    keys: BTreeSet<LockKey>,
    calls: BTreeSet<String>,
}

enum Attempt {
    /// This must be held before anything can be told.
    Needs(Held),
    Ready(Box<Changes>),
}

impl Calls {
    /// Settles conflicts and writes what has changed: calls, decisions, active plans and timers. A call is written whole or
    /// not at all; many calls may be written one piece after another, by their start.
    ///
    /// # Errors
    /// [`Error::Contended`] if others kept getting in the way; those of the database.
    pub(crate) async fn commit(
        &self,
        company: &str,
        judged: &[Judged],
        moment: Moment,
    ) -> Result<Outcome, Error> {
        let mut by_start: Vec<&Judged> = judged.iter().collect();
        by_start.sort_by_key(|one| one.contender.as_ref().map(|contender| contender.start));
        let mut left: Vec<&[&Judged]> = vec![&by_start];
        let mut all = Outcome::default();
        while let Some(piece) = left.pop() {
            if let Some(outcome) = self.commit_piece(company, piece, moment).await? {
                all.changed += outcome.changed;
                all.orders |= outcome.orders;
                all.stale.extend(outcome.stale);
                all.decisions.extend(outcome.decisions);
                all.waiting.extend(outcome.waiting);
            } else {
                let (first, second) = piece.split_at(cut(piece));
                left.extend([second, first]);
            }
        }
        all.keep_only(&by_start);
        Ok(all)
    }

    /// Writes calls in one transaction; none if that needs too many locks.
    async fn commit_piece(
        &self,
        company: &str,
        judged: &[&Judged],
        moment: Moment,
    ) -> Result<Option<Outcome>, Error> {
        // After a change of policy most calls stay as they are, and need no locks that live decisions would wait for.
        let at_once = if moment.cause == Cause::Policy { &[] } else { judged };
        let contenders = at_once.iter().filter_map(|one| one.contender.as_ref());
        let mut held = Held {
            keys: contenders.flat_map(|one| locks(company, one)).collect(),
            calls: BTreeSet::new(),
        };
        let mut given_up = Error::Contended;
        for _ in 0..ATTEMPTS {
            if held.keys.len() > LOCKS && judged.len() > 1 {
                return Ok(None);
            }
            match self.attempt(company, judged, moment, &held).await {
                Ok(Attempt::Ready(mut changes)) => {
                    changes.outcome.orders = changes.sessions.values().any(Running::has_orders);
                    if crate::sabotage::splits_outbox() {
                        let changes = &changes;
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        self.store
                            .write(|tx| async move { announce(&tx, company, changes).await })
                            .await?;
                    }
                    return Ok(Some(changes.outcome));
                }
                Ok(Attempt::Needs(more)) => {
                    held.keys.extend(more.keys);
                    held.calls.extend(more.calls);
                }
                // Somebody else wrote one of the calls for the first time, when there was no row yet to wait for.
                Err(Error::Storage(conflict @ storage::Error::Conflict(_))) => {
                    given_up = conflict.into();
                }
                Err(error) => return Err(error),
            }
        }
        Err(given_up)
    }

    async fn attempt(
        &self,
        company: &str,
        judged: &[&Judged],
        moment: Moment,
        held: &Held,
    ) -> Result<Attempt, Error> {
        let keys: Vec<LockKey> = held.keys.iter().copied().collect();
        let keys = &keys;
        let came_through = judged.iter().any(|one| one.through.is_some());
        self.store
            .write(|tx| async move {
                tx.share(policy_lock(company)).await?;
                if came_through {
                    tx.share(claims_lock()).await?;
                }
                tx.lock(keys).await?;
                tx.by_index().await?;
                let attempt = prepare(&tx, company, judged, moment, Some(held)).await?;
                if let Attempt::Ready(changes) = &attempt {
                    write(&tx, company, changes, moment).await?;
                }
                Ok::<_, Error>(attempt)
            })
            .await
    }

    /// Tells what [`Self::commit`] would come to, and writes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn rehearse(
        &self,
        company: &str,
        judged: &[Judged],
        moment: Moment,
    ) -> Result<Outcome, Error> {
        let judged: Vec<&Judged> = judged.iter().collect();
        match prepare(self.store.reader(), company, &judged, moment, None).await? {
            Attempt::Ready(changes) => {
                let mut outcome = changes.outcome;
                outcome.keep_only(&judged);
                Ok(outcome)
            }
            Attempt::Needs(_) => Err(Error::Contended),
        }
    }
}

/// Held by whoever raises a company's policy, and shared by whoever writes its decisions: these are done before the calls
/// are gone through by the new policy, or see it.
pub(super) fn policy_lock(company: &str) -> LockKey {
    LockKey::of("orchestrator.policy", &[company])
}

/// Where calls in the order of their start are best cut in two: near the middle, and where nothing that begins before lasts
/// beyond.
fn cut(piece: &[&Judged]) -> usize {
    let middle = piece.len() / 2;
    let mut until: Option<DateTime<Utc>> = None;
    let mut best: Option<usize> = None;
    for (place, one) in piece.iter().enumerate() {
        let Some(contender) = &one.contender else { continue };
        let is_clean = until.is_none_or(|until| until <= contender.start);
        let is_better = best.is_none_or(|best| place.abs_diff(middle) < best.abs_diff(middle));
        if is_clean && is_better && place.abs_diff(middle) <= middle / 2 {
            best = Some(place);
        }
        until = Ord::max(until, Some(contender.end));
    }
    best.unwrap_or(middle)
}

/// What was judged, by what is to become of it.
#[derive(Debug, Default)]
struct Sorted {
    /// Is to be written.
    fresh: Vec<Judged>,
    /// Came to the same as before, so that nobody else's conflicts change by it.
    settled: HashMap<String, Judged>,
    /// Those of the fresh whose time has passed.
    ended: HashSet<String>,
}

/// Reads what is stored, settles conflicts, and tells what is to be written. Locks rows, if locks are held.
async fn prepare<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    judged: &[&Judged],
    moment: Moment,
    held: Option<&Held>,
) -> Result<Attempt, Error> {
    let ids = judged.iter().map(|one| one.candidate.call_id.as_str());
    let beside = held.iter().flat_map(|held| held.calls.iter().map(String::as_str));
    let known = known(connection, company, ids.chain(beside).collect(), held.is_some()).await?;
    let mut changes = Changes::default();
    let sorted = sort(connection, company, judged, moment, &known, &mut changes).await?;
    let members = contending(connection, company, &sorted.fresh, &known).await?;
    // In SQLite who writes is alone.
    if let Some(held) = held
        && connection.get_database_backend() == DbBackend::Postgres
    {
        let needed = needed(company, &sorted.fresh, &members, &known);
        if !needed.keys.is_subset(&held.keys)
            || needed.calls.iter().any(|id| !known.contains_key(id))
        {
            return Ok(Attempt::Needs(needed));
        }
    }
    let lock = held.is_some();
    changes.sessions = carried(connection, company, &sorted, &members, &known, lock).await?;
    changes.conclude(sorted, members, known, moment)?;
    Ok(Attempt::Ready(Box::new(changes)))
}

/// Sorts what was judged; what is stale or has ended goes no further.
async fn sort<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    judged: &[&Judged],
    moment: Moment,
    known: &HashMap<String, Call>,
    changes: &mut Changes,
) -> Result<Sorted, Error> {
    let newest = newest_policy(connection, company).await?;
    let came_through = judged.iter().any(|one| one.through.is_some());
    let claims = if came_through { claims(connection).await? } else { 0 };
    let mut fresh: Vec<Judged> = Vec::with_capacity(judged.len());
    for one in judged {
        let id = &one.candidate.call_id;
        match known.get(id) {
            // What has ended is final.
            Some(call) if call.ended && !one.again && one.end != Some(End::Carried) => {
                changes.outcome.decisions.insert(id.clone(), call.decision.clone());
            }
            before if is_stale(one, before, newest, claims) => {
                changes.outcome.stale.push(id.clone())
            }
            Some(_) | None => fresh.push((*one).clone()),
        }
    }
    let handed = handed_over(connection, company, &fresh).await?;
    fresh.retain(|one| {
        let is_handed = handed.contains(&one.candidate.call_id);
        if is_handed {
            changes.outcome.stale.push(one.candidate.call_id.clone());
        }
        !is_handed
    });
    let corrected = corrected(connection, company, &fresh).await?;
    fresh.retain(|one| {
        let is_corrected = corrected.contains(&one.candidate.call_id);
        if is_corrected {
            changes.outcome.stale.push(one.candidate.call_id.clone());
        }
        !is_corrected
    });
    let mut sorted = Sorted::default();
    if moment.is_present {
        (sorted.ended, changes.released) = miss(connection, company, &mut fresh, moment).await?;
    }
    for one in fresh {
        let id = &one.candidate.call_id;
        if known.get(id).is_some_and(|before| is_as_before(&one, before)) {
            sorted.settled.insert(id.clone(), one);
        } else {
            sorted.fresh.push(one);
        }
    }
    Ok(sorted)
}

/// Sessions that carry out the plans of calls whose decisions may change.
async fn carried<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    sorted: &Sorted,
    members: &BTreeMap<String, Member>,
    known: &HashMap<String, Call>,
    lock: bool,
) -> Result<BTreeMap<String, Running>, Error> {
    let fresh = sorted.fresh.iter().filter(|one| one.carried.is_none());
    let fresh = fresh.filter_map(|one| known.get(&one.candidate.call_id));
    let beside = members.values().filter_map(|member| member.stored.as_ref());
    let mut ids: Vec<&str> = fresh
        .chain(beside)
        .filter(|call| call.decision.plan.is_some())
        .map(|call| call.call_id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let found = newest_live(connection, company, &ids, lock).await?;
    Ok(found.into_iter().map(|one| (one.call_id.clone(), one)).collect())
}

/// Of those that are to end because nobody was handed their plan in time, the ones of which somebody was after all: whoever
/// hands over may have stood still just before doing so.
async fn handed_over<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    fresh: &[Judged],
) -> Result<HashSet<String>, Error> {
    let missed: Vec<&str> = fresh
        .iter()
        .filter(|one| one.end == Some(End::Missed))
        .map(|one| one.candidate.call_id.as_str())
        .collect();
    let mut handed = HashSet::new();
    for part in chunks(&missed) {
        let rows: Vec<String> = plan::Entity::find()
            .select_only()
            .column(plan::Column::CallId)
            .filter(plan::Column::Company.eq(company))
            .filter(plan::Column::CallId.is_in(part.iter().copied()))
            .filter(plan::Column::ReleasedAt.is_not_null())
            .into_tuple()
            .all(connection)
            .await
            .map_err(storage::Error::from)?;
        handed.extend(rows);
    }
    Ok(handed)
}

/// Of those whose sessions are over, the ones of which something else has come since: news may be heard after an end, and
/// somebody may have it deleted.
async fn corrected<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    fresh: &[Judged],
) -> Result<HashSet<String>, Error> {
    let over: HashMap<&str, _> = fresh
        .iter()
        .filter_map(|one| Some((one.candidate.call_id.as_str(), one.carried.as_ref()?)))
        .collect();
    let mut corrected: HashSet<String> = over.keys().map(|id| (*id).to_owned()).collect();
    let ids: Vec<&str> = over.keys().copied().collect();
    for running in sessions_of(connection, company, &ids).await? {
        let is_as_read = over.get(running.call_id.as_str()).is_some_and(|carried| {
            carried.plan_revision == running.plan_revision && carried.machine == running.machine
        });
        if is_as_read {
            corrected.remove(&running.call_id);
        }
    }
    Ok(corrected)
}

/// What must be held for the conflicts of fresh calls to be settled: the owners and rooms of all that contend, as they are
/// and as they were, and the rows of those that have not been judged. Who leaves a call as it is holds no more than its row.
fn needed(
    company: &str,
    fresh: &[Judged],
    members: &BTreeMap<String, Member>,
    known: &HashMap<String, Call>,
) -> Held {
    let before =
        fresh.iter().filter_map(|one| known.get(&one.candidate.call_id)?.contender.as_ref());
    let contenders = members.values().map(|member| &member.contender).chain(before);
    let stored = members.iter().filter(|(_, member)| member.stored.is_some());
    Held {
        keys: contenders.flat_map(|contender| locks(company, contender)).collect(),
        calls: stored.map(|(id, _)| id.clone()).collect(),
    }
}

/// The calls as they are stored. With `lock`, nobody else writes them until the transaction ends.
async fn known<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    mut ids: Vec<&str>,
    lock: bool,
) -> Result<HashMap<String, Call>, Error> {
    // Everybody locks in the same order, so that nobody waits for one who waits for them.
    ids.sort_unstable();
    ids.dedup();
    let mut known = HashMap::with_capacity(ids.len());
    for part in chunks(&ids) {
        let mut query = call::Entity::find()
            .filter(call::Column::Company.eq(company))
            .filter(call::Column::CallId.is_in(part.iter().copied()))
            .order_by_asc(call::Column::CallId);
        if lock {
            query = query.lock_exclusive();
        }
        for row in query.all(connection).await.map_err(storage::Error::from)? {
            known.insert(row.call_id.clone(), Call::try_from(row)?);
        }
    }
    Ok(known)
}

/// Locks the rows of calls, in the order in which everybody does, before they are changed by one statement.
pub(super) async fn hold<S: AsRef<str>>(
    tx: &storage::Tx,
    company: &str,
    ids: &[S],
) -> Result<(), storage::Error> {
    let _locked: Vec<String> = call::Entity::find()
        .select_only()
        .column(call::Column::CallId)
        .filter(call::Column::Company.eq(company))
        .filter(call::Column::CallId.is_in(ids.iter().map(S::as_ref)))
        .order_by_asc(call::Column::CallId)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    Ok(())
}

/// The policy version by which all calls of the company are being decided again, or have been. While [`policy_lock`] is
/// shared, no newer one begins.
async fn newest_policy<C: ConnectionTrait>(connection: &C, company: &str) -> Result<u64, Error> {
    let version: Option<i64> = storm::Entity::find_by_id(company)
        .select_only()
        .column(storm::Column::TargetVersion)
        .into_tuple()
        .one(connection)
        .await
        .map_err(storage::Error::from)?;
    Ok(version.map_or(0, unsigned))
}

/// Whether a call has changed since it was judged, or something newer is known than what it was judged from.
fn is_stale(judged: &Judged, before: Option<&Call>, newest_policy: u64, claims: u64) -> bool {
    if crate::sabotage::drops_fencing() {
        return false;
    }
    let candidate = &judged.candidate;
    // What is ended is so by any policy.
    judged.end.is_none() && candidate.policy_version < newest_policy
        || judged.through.as_ref().is_some_and(|through| through.claims != claims)
        || before.map_or(0, |call| call.version) != judged.seen
        || before.is_some_and(|call| {
            call.judged_meeting > candidate.meeting_revision
                || call.judged_policy > candidate.policy_version
        })
}

/// Whether judging a call came to what it came to before, conflicts apart.
fn is_as_before(judged: &Judged, before: &Call) -> bool {
    before.contender == judged.contender
        && is_same(before.candidate.as_ref().unwrap_or(&before.decision), &judged.candidate)
}

/// Turns plans whose moment has passed, and that were handed to nobody, into a code. Answers whose, and when the others were
/// handed over.
async fn miss<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    fresh: &mut [Judged],
    moment: Moment,
) -> Result<(HashSet<String>, HashMap<String, i64>), Error> {
    let mut late: HashMap<String, DateTime<Utc>> = HashMap::new();
    let mut handed: HashMap<String, i64> = HashMap::new();
    for one in fresh.iter() {
        let plan = one.candidate.plan.as_ref();
        let by = plan.and_then(|plan| plan.dispatch_by.as_ref());
        if let Some(by) = time::optional("plan.dispatch_by", by)?.filter(|by| *by < moment.now) {
            late.insert(one.candidate.call_id.clone(), by);
        }
    }
    let ids: Vec<String> = late.keys().cloned().collect();
    for part in chunks(&ids) {
        let released = plan::Entity::find()
            .filter(plan::Column::Company.eq(company))
            .filter(plan::Column::CallId.is_in(part.iter().map(String::as_str)))
            .filter(plan::Column::ReleasedAt.is_not_null())
            .all(connection)
            .await
            .map_err(storage::Error::from)?;
        for row in released {
            late.remove(&row.call_id);
            handed.extend(row.released_at.map(|at| (row.call_id, at)));
        }
    }
    // Whatever else led here arms timers that are due at once; they lead here again.
    if moment.cause != Cause::Timer {
        late.clear();
    }
    for one in fresh.iter_mut() {
        if let Some(by) = late.get(&one.candidate.call_id) {
            let mut decision = Decision::try_from(&one.candidate)?;
            decision.dispatch_missed(*by);
            one.candidate = told_of(&one.candidate, &decision);
            one.contender = None;
        }
    }
    Ok((late.into_keys().collect(), handed))
}
