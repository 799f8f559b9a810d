//! Writing decisions: conflicts are settled here, over what is stored, by one at a time for each owner and each room.
//!
//! What is judged outside of the transaction may be out of date when it is written. Every call has a version that
//! grows with each write; a call whose version is not the one it was judged from is left out and told as stale, to be
//! judged again. So nothing old is ever written over something newer, whoever holds whatever lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use decision::conflict::{self, Contender, OwnedContender};
use decision::{Decision, Finding};
use prost::Message as _;
use proto::orchestrator::v1 as wire;
use proto::time;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, JoinType, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, FromQueryResult as _, Iterable as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use storage::{LockKey, chunks, insert_many};

use super::entity::{call, decision as history, outbox, plan, storm, timer};
use super::row::{is_same, number, room, row_of, unsigned};
use super::timers::Kind as Timer;
use super::{Call, Calls};
use crate::engine::Cause;
use crate::error::Error;

/// Locks of a company for owners, and as many for rooms. More of them would let more transactions run side by side,
/// and the server has room for only so many locks.
const STRIPES: u32 = 64;

/// How often locks are found not to suffice before it is given up. Each time more are held.
const ATTEMPTS: usize = 6;

/// Calls whose conflicts are looked up in one query.
const CONTESTS: usize = 500;

/// A call as it has just been judged.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Version of the call it was judged from; 0 for one that was not known.
    pub(crate) seen: u64,
    /// The decision, conflicts apart.
    pub(crate) candidate: wire::Decision,
    /// What it contends as, if it is a plan.
    pub(crate) contender: Option<OwnedContender>,
    /// What of it a policy can bite on.
    pub(crate) traces: Vec<u8>,
}

/// For when and why it is decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The instant for which it is decided.
    pub(crate) now: DateTime<Utc>,
    /// What led to it.
    pub(crate) cause: Cause,
    /// It is decided for the present: timers are armed, and a plan whose time has passed ends in a code.
    pub(crate) is_present: bool,
    /// How soon a call that waits for a peer is tried again.
    pub(crate) retry: TimeDelta,
}

/// What came of writing.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The decisions that hold now, of the calls that were judged and are not stale.
    pub(crate) decisions: HashMap<String, wire::Decision>,
    /// How many decisions are new, those of other calls that gave way or need not any more among them.
    pub(crate) changed: usize,
    /// Calls that have changed since they were judged; nothing was written of them.
    pub(crate) stale: Vec<String>,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Changes {
    outcome: Outcome,
    /// Calls that change.
    calls: Vec<Call>,
    /// Calls of which nothing has changed but the policy they were judged by, by that policy.
    seen: BTreeMap<u64, Vec<String>>,
    /// Those among `calls` that have a new decision.
    new: HashSet<String>,
    /// When plans whose moment has passed were handed over, in microseconds, by call.
    released: HashMap<String, i64>,
}

enum Attempt {
    /// These locks must be held before anything can be told.
    Needs(BTreeSet<LockKey>),
    Ready(Changes),
}

impl Calls {
    /// Settles conflicts and writes what has changed: calls, decisions, active plans and timers, all or none.
    ///
    /// # Errors
    /// [`Error::Contended`] if others kept getting in the way; those of the database.
    pub(crate) async fn commit(
        &self,
        company: &str,
        judged: &[Judged],
        moment: Moment,
    ) -> Result<Outcome, Error> {
        // After a change of policy most calls stay as they are, and need no locks that live decisions would wait for.
        let at_once = if moment.cause == Cause::Policy { &[] } else { judged };
        let mut held: BTreeSet<LockKey> = at_once
            .iter()
            .filter_map(|one| one.contender.as_ref())
            .flat_map(|one| locks(company, one))
            .collect();
        let mut given_up = Error::Contended;
        for _ in 0..ATTEMPTS {
            let keys: Vec<LockKey> = held.iter().copied().collect();
            let (keys, holding) = (&keys, &held);
            let attempt = self
                .store
                .write(|tx| async move {
                    tx.lock(keys).await?;
                    tx.by_index().await?;
                    let attempt = prepare(&tx, company, judged, moment, Some(holding)).await?;
                    if let Attempt::Ready(changes) = &attempt {
                        write(&tx, company, changes, moment).await?;
                    }
                    Ok::<_, Error>(attempt)
                })
                .await;
            match attempt {
                Ok(Attempt::Ready(changes)) => {
                    if crate::sabotage::splits_outbox() {
                        let changes = &changes;
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        self.store
                            .write(|tx| async move { announce(&tx, company, changes).await })
                            .await?;
                    }
                    return Ok(changes.outcome);
                }
                Ok(Attempt::Needs(locks)) => held.extend(locks),
                // Somebody else wrote one of the calls for the first time, when there was no row yet to wait for.
                Err(Error::Storage(conflict @ storage::Error::Conflict(_))) => {
                    given_up = conflict.into();
                }
                Err(error) => return Err(error),
            }
        }
        Err(given_up)
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
        match prepare(self.store.reader(), company, judged, moment, None).await? {
            Attempt::Ready(changes) => Ok(changes.outcome),
            Attempt::Needs(_) => Err(Error::Contended),
        }
    }
}

/// The locks of what a contender takes: its owner and its room.
fn locks(company: &str, contender: &OwnedContender) -> [LockKey; 2] {
    [
        LockKey::striped("orchestrator.owner", company, &contender.owner, STRIPES),
        LockKey::striped("orchestrator.room", company, &room(contender), STRIPES),
    ]
}

/// Reads what is stored, settles conflicts, and tells what is to be written. Locks rows, if locks are held.
async fn prepare<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    judged: &[Judged],
    moment: Moment,
    held: Option<&BTreeSet<LockKey>>,
) -> Result<Attempt, Error> {
    let ids = judged.iter().map(|one| one.candidate.call_id.as_str()).collect();
    let mut known = known(connection, company, ids, held.is_some()).await?;
    let newest = newest_policy(connection, company, held.is_some()).await?;
    let mut changes = Changes::default();
    let mut fresh: Vec<Judged> = Vec::with_capacity(judged.len());
    for one in judged {
        let id = &one.candidate.call_id;
        match known.get(id) {
            // What has ended is final.
            Some(call) if call.ended => {
                changes.outcome.decisions.insert(id.clone(), call.decision.clone());
            }
            before if is_stale(one, before, newest) => changes.outcome.stale.push(id.clone()),
            Some(_) | None => fresh.push(one.clone()),
        }
    }
    let mut ended = HashSet::new();
    if moment.is_present {
        (ended, changes.released) = miss(connection, company, &mut fresh, moment).await?;
    }

    // What is as it was is settled: nobody else's conflicts change by it.
    let (settled, fresh): (Vec<Judged>, Vec<Judged>) = fresh.into_iter().partition(|one| {
        known.get(&one.candidate.call_id).is_some_and(|before| is_as_before(one, before))
    });
    let members = contending(connection, company, &fresh, &known).await?;
    if let Some(held) = held {
        let needed: BTreeSet<LockKey> = members
            .values()
            .map(|member| &member.contender)
            .chain(
                fresh
                    .iter()
                    .filter_map(|one| known.get(&one.candidate.call_id)?.contender.as_ref()),
            )
            .flat_map(|contender| locks(company, contender))
            .collect();
        // Who leaves a call as it is writes it without these locks, so its row is locked too before it is written here.
        if !needed.is_subset(held) || !is_still(connection, company, &members).await? {
            return Ok(Attempt::Needs(needed));
        }
    }
    let mut against = settle(&members);

    for one in fresh {
        let id = one.candidate.call_id.clone();
        let findings = against.remove(&id).unwrap_or_default();
        changes.take(one, known.remove(&id), findings, ended.contains(&id))?;
    }
    let mut settled: HashMap<String, Judged> =
        settled.into_iter().map(|one| (one.candidate.call_id.clone(), one)).collect();
    for (id, member) in members {
        let Some(mut call) = member.stored else { continue };
        let findings = against.remove(&id).unwrap_or_default();
        // It was judged as well, to the same end as before.
        let judged = settled.get(&id);
        if let Some(judged) = judged {
            call.judged_policy = judged.candidate.policy_version;
            call.judged_meeting = judged.candidate.meeting_revision;
            call.traces.clone_from(&judged.traces);
        }
        if changes.settle_again(call, findings, moment.now)? && settled.remove(&id).is_none() {
            // Nobody asked about this one.
            changes.outcome.decisions.remove(&id);
        }
    }
    for (id, judged) in settled {
        if let Some(before) = known.remove(&id) {
            changes.leave(judged, before);
        }
    }
    Ok(Attempt::Ready(changes))
}

/// Whether those that have not been judged are as they were read; from now on they stay so until the transaction ends.
async fn is_still<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    members: &BTreeMap<String, Member>,
) -> Result<bool, Error> {
    let stored = || members.values().filter_map(|member| member.stored.as_ref());
    let ids = stored().map(|call| call.call_id.as_str()).collect();
    let found = known(connection, company, ids, true).await?;
    Ok(stored().all(|call| found.get(&call.call_id).is_some_and(|now| now.version == call.version)))
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

/// The policy version by which all calls of the company are being decided again, or have been. While it is locked, no
/// newer one begins: whoever writes a decision is done before the calls are gone through.
async fn newest_policy<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    lock: bool,
) -> Result<u64, Error> {
    let mut query = storm::Entity::find_by_id(company);
    if lock {
        query = query.lock_shared();
    }
    let row = query.one(connection).await.map_err(storage::Error::from)?;
    Ok(row.map_or(0, |row| unsigned(row.target_version)))
}

/// Whether a call has changed since it was judged, or something newer is known than what it was judged from.
fn is_stale(judged: &Judged, before: Option<&Call>, newest_policy: u64) -> bool {
    if crate::sabotage::drops_fencing() {
        return false;
    }
    let candidate = &judged.candidate;
    candidate.policy_version < newest_policy
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

/// One that contends with others.
struct Member {
    contender: OwnedContender,
    /// As it is stored, unless it has just been judged.
    stored: Option<Call>,
}

/// All that contend with one of the fresh ones, or contended with it as it was, or with one that does: whoever wins may
/// change for all of these.
async fn contending<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    fresh: &[Judged],
    known: &HashMap<String, Call>,
) -> Result<BTreeMap<String, Member>, Error> {
    let mut members = BTreeMap::new();
    let mut frontier: Vec<OwnedContender> = Vec::new();
    let mut asked: HashSet<&str> = HashSet::with_capacity(fresh.len());
    for one in fresh {
        let id = one.candidate.call_id.as_str();
        asked.insert(id);
        frontier.extend(known.get(id).and_then(|call| call.contender.clone()));
        if let Some(contender) = &one.contender {
            frontier.push(contender.clone());
            let member = Member { contender: contender.clone(), stored: None };
            members.insert(id.to_owned(), member);
        }
    }
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for row in touching(connection, company, &frontier).await? {
            if asked.contains(row.call_id.as_str()) || members.contains_key(&row.call_id) {
                continue;
            }
            let call = Call::try_from(row)?;
            if let Some(contender) = call.contender.clone() {
                next.push(contender.clone());
                members.insert(call.call_id.clone(), Member { contender, stored: Some(call) });
            }
        }
        frontier = next;
    }
    Ok(members)
}

/// Stored calls that contend with one of these: the same owner or the same room, at the same time.
pub(super) async fn touching<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    contests: &[OwnedContender],
) -> Result<Vec<call::Model>, Error> {
    use call::Column as C;
    let mut found = Vec::new();
    for part in contests.chunks(CONTESTS) {
        for (column, taken) in [
            (C::ContendsOwner, part.iter().map(|one| one.owner.to_string()).collect::<Vec<_>>()),
            (C::ContendsRoom, part.iter().map(room).collect()),
        ] {
            let values = part.iter().zip(taken).map(|(one, taken)| {
                (taken, one.start.timestamp_micros(), one.end.timestamp_micros())
            });
            let (c, v) = (Alias::new("c"), Alias::new("v"));
            let of = |column: &'static str| Expr::col((v.clone(), Alias::new(column)));
            let mut query = Query::select();
            for one in C::iter() {
                query.column((c.clone(), one));
            }
            query.distinct().from_values(values, v.clone()).join_as(
                JoinType::InnerJoin,
                call::Entity,
                c.clone(),
                Expr::col((c.clone(), C::Company))
                    .eq(company)
                    .and(Expr::col((c.clone(), column)).equals((v.clone(), Alias::new("column1"))))
                    .and(Expr::col((c.clone(), C::ContendsUntil)).gt(of("column2")))
                    .and(Expr::col((c.clone(), C::Start)).lt(of("column3"))),
            );
            let statement = connection.get_database_backend().build(&query);
            found.extend(
                call::Model::find_by_statement(statement)
                    .all(connection)
                    .await
                    .map_err(storage::Error::from)?,
            );
        }
    }
    Ok(found)
}

/// What speaks against each that gives way.
fn settle(members: &BTreeMap<String, Member>) -> HashMap<String, Vec<Finding>> {
    let contenders: Vec<Contender<'_>> =
        members.values().map(|member| member.contender.as_ref()).collect();
    members
        .keys()
        .cloned()
        .zip(conflict::resolve(&contenders))
        .filter(|(_, findings)| !findings.is_empty())
        .collect()
}

/// A decision of the core about the call that another decision is about.
fn told_of(of: &wire::Decision, decision: &Decision) -> wire::Decision {
    wire::Decision {
        call_id: of.call_id.clone(),
        company: of.company.clone(),
        key: of.key.clone(),
        title: of.title.clone(),
        start: of.start,
        end: of.end,
        conference: of.conference.clone(),
        meeting_revision: of.meeting_revision,
        decided_at: of.decided_at,
        cause: of.cause.clone(),
        owner: of.owner.clone(),
        ..wire::Decision::from(decision)
    }
}

/// A candidate that gives way, or not.
pub(crate) fn give_way(
    candidate: &wire::Decision,
    findings: Vec<Finding>,
) -> Result<wire::Decision, Error> {
    if findings.is_empty() {
        return Ok(candidate.clone());
    }
    let mut decision = Decision::try_from(candidate)?;
    decision.give_way(findings);
    Ok(told_of(candidate, &decision))
}

impl Changes {
    /// Leaves a call as it is, and notes from what it was judged.
    fn leave(&mut self, judged: Judged, before: Call) {
        let Judged { seen: _, candidate, contender: _, traces } = judged;
        let id = before.call_id.clone();
        self.outcome.decisions.insert(id.clone(), before.decision.clone());
        if before.judged_meeting != candidate.meeting_revision || before.traces != traces {
            self.calls.push(Call {
                version: before.version + 1,
                judged_policy: candidate.policy_version,
                judged_meeting: candidate.meeting_revision,
                traces,
                ..before
            });
        } else if before.judged_policy != candidate.policy_version {
            self.seen.entry(candidate.policy_version).or_default().push(id);
        }
    }

    /// Takes a call that was judged.
    fn take(
        &mut self,
        judged: Judged,
        before: Option<Call>,
        findings: Vec<Finding>,
        ended: bool,
    ) -> Result<(), Error> {
        let Judged { seen: _, candidate, contender, traces } = judged;
        let gave_way = !findings.is_empty();
        let mut decision = give_way(&candidate, findings)?;
        let is_new = before.as_ref().is_none_or(|before| !is_same(&before.decision, &decision));
        let (judged_policy, judged_meeting) = (decision.policy_version, decision.meeting_revision);
        let planned = decision.plan.as_ref().map(|plan| plan.owner.clone());
        if let Some(before) = &before {
            if is_new {
                decision.predecessor = before.decision.revision;
            } else {
                decision = before.decision.clone();
            }
        }
        if is_new {
            decision.revision = decision.predecessor + 1;
        }
        let call = Call {
            call_id: decision.call_id.clone(),
            version: before.as_ref().map_or(0, |before| before.version) + 1,
            had_plan: planned.is_some() || before.as_ref().is_some_and(|before| before.had_plan),
            planned_owner: planned
                .or_else(|| before.as_ref().and_then(|before| before.planned_owner.clone())),
            ended,
            judged_policy,
            judged_meeting,
            contender,
            candidate: gave_way.then_some(candidate),
            traces,
            decision,
        };
        self.outcome.decisions.insert(call.call_id.clone(), call.decision.clone());
        match before {
            Some(before) if !is_new => {
                let is_as_before = before.judged_meeting == call.judged_meeting
                    && before.contender == call.contender
                    && before.candidate.is_some() == call.candidate.is_some()
                    && before.traces == call.traces
                    && before.ended == call.ended;
                if !is_as_before {
                    self.calls.push(call);
                } else if before.judged_policy != call.judged_policy {
                    self.seen.entry(call.judged_policy).or_default().push(call.call_id);
                }
            }
            Some(_) | None => self.decided(call),
        }
        Ok(())
    }

    /// Takes a call that others have been judged beside: it may have to give way now, or need not any more. Answers whether
    /// that is so.
    fn settle_again(
        &mut self,
        mut call: Call,
        findings: Vec<Finding>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let candidate = call.candidate.take().unwrap_or_else(|| call.decision.clone());
        let gave_way = !findings.is_empty();
        let mut decision = give_way(&candidate, findings)?;
        if is_same(&call.decision, &decision) {
            return Ok(false);
        }
        decision.predecessor = call.decision.revision;
        decision.revision = decision.predecessor + 1;
        decision.decided_at = Some(time::to_wire(now));
        decision.cause = Cause::Conflict.as_str().to_owned();
        if let Some(plan) = &decision.plan {
            call.had_plan = true;
            call.planned_owner = Some(plan.owner.clone());
        }
        call.candidate = gave_way.then_some(candidate);
        call.decision = decision;
        call.version += 1;
        let decisions = &mut self.outcome.decisions;
        decisions.insert(call.call_id.clone(), call.decision.clone());
        self.decided(call);
        Ok(true)
    }

    fn decided(&mut self, call: Call) {
        self.outcome.changed += 1;
        self.new.insert(call.call_id.clone());
        self.calls.push(call);
    }
}

async fn write(
    tx: &storage::Tx,
    company: &str,
    changes: &Changes,
    moment: Moment,
) -> Result<(), Error> {
    for (policy, ids) in &changes.seen {
        for part in chunks(ids) {
            call::Entity::update_many()
                .col_expr(call::Column::JudgedPolicy, Expr::value(number(*policy)))
                .col_expr(call::Column::Version, Expr::col(call::Column::Version).add(1))
                .filter(call::Column::Company.eq(company))
                .filter(call::Column::CallId.is_in(part.iter().map(String::as_str)))
                .exec(tx)
                .await
                .map_err(storage::Error::from)?;
        }
    }
    if changes.calls.is_empty() {
        return Ok(());
    }
    let rows = changes.calls.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
    let mut replace =
        sea_orm::sea_query::OnConflict::columns([call::Column::Company, call::Column::CallId]);
    replace.update_columns(
        call::Column::iter()
            .filter(|column| !matches!(column, call::Column::Company | call::Column::CallId)),
    );
    insert_many(tx, rows, Some(replace)).await?;

    let new: Vec<&Call> =
        changes.calls.iter().filter(|call| changes.new.contains(&call.call_id)).collect();
    let decided_at = moment.now.timestamp_micros();
    let decisions = new.iter().map(|call| history::ActiveModel {
        company: Set(company.to_owned()),
        call_id: Set(call.call_id.clone()),
        revision: Set(number(call.decision.revision)),
        decided_at: Set(decided_at),
        decision: Set(call.decision.encode_to_vec()),
    });
    insert_many(tx, decisions, None).await?;
    if !crate::sabotage::splits_outbox() {
        announce(tx, company, changes).await?;
    }

    let ids: Vec<&str> = new.iter().map(|call| call.call_id.as_str()).collect();
    for part in chunks(&ids) {
        plan::Entity::delete_many()
            .filter(plan::Column::Company.eq(company))
            .filter(plan::Column::CallId.is_in(part.iter().copied()))
            .exec(tx)
            .await
            .map_err(storage::Error::from)?;
        timer::Entity::delete_many()
            .filter(timer::Column::Company.eq(company))
            .filter(timer::Column::CallId.is_in(part.iter().copied()))
            .exec(tx)
            .await
            .map_err(storage::Error::from)?;
    }
    let plans = new.iter().filter_map(|call| {
        Some(plan::ActiveModel {
            company: Set(company.to_owned()),
            dedupe_key: Set(call.decision.plan.as_ref()?.dedupe_key.clone()),
            call_id: Set(call.call_id.clone()),
            revision: Set(number(call.decision.revision)),
            // Nobody can be sent any more, so that whoever was sent then is who records.
            released_at: Set(changes.released.get(&call.call_id).copied()),
        })
    });
    insert_many(tx, plans, None).await?;
    if moment.is_present {
        let timers: Vec<timer::ActiveModel> = new
            .iter()
            .filter(|call| !changes.released.contains_key(&call.call_id))
            .map(|call| timers(company, call, moment))
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        insert_many(tx, timers, None).await?;
    }
    Ok(())
}

/// Puts new decisions into the outbox.
async fn announce(tx: &storage::Tx, company: &str, changes: &Changes) -> Result<(), Error> {
    let new = changes.calls.iter().filter(|call| changes.new.contains(&call.call_id));
    let announced = new.map(|call| outbox::ActiveModel {
        id: NotSet,
        company: Set(company.to_owned()),
        call_id: Set(call.call_id.clone()),
        revision: Set(number(call.decision.revision)),
    });
    Ok(insert_many(tx, announced, None).await?)
}

/// What is to be done of itself when its time has come.
fn timers(company: &str, call: &Call, moment: Moment) -> Result<Vec<timer::ActiveModel>, Error> {
    let decision = &call.decision;
    let mut due: Vec<(Timer, DateTime<Utc>)> = Vec::new();
    if let Some(plan) = &decision.plan {
        let at = time::optional("plan.dispatch_at", plan.dispatch_at.as_ref())?;
        due.extend(at.map(|at| (Timer::Dispatch, at)));
        let by = time::optional("plan.dispatch_by", plan.dispatch_by.as_ref())?;
        // At the last instant it may still be handed over.
        due.extend(by.map(|by| (Timer::Window, by + TimeDelta::microseconds(1))));
    }
    if let Some(by) = time::optional("decision.decide_by", decision.decide_by.as_ref())? {
        due.push((Timer::Retry, Ord::min(moment.now + moment.retry, by)));
        due.push((Timer::Deadline, by));
    }
    Ok(due
        .into_iter()
        .map(|(kind, at)| timer::ActiveModel {
            id: NotSet,
            company: Set(company.to_owned()),
            call_id: Set(call.call_id.clone()),
            kind: Set(kind as i16),
            due: Set(at.timestamp_micros()),
            revision: Set(number(decision.revision)),
            tries: Set(0),
            claimed_until: Set(None),
            claim: Set(None),
        })
        .collect())
}
