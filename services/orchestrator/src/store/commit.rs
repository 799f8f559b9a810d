//! Writing decisions: conflicts are settled here, over what is stored, by one at a time for each owner and each room.
//!
//! What is judged outside of the transaction may be out of date when it is written. Every call has a version that
//! grows with each write; a call whose version is not the one it was judged from is left out and told as stale, to be
//! judged again. So nothing old is ever written over something newer, whoever holds whatever lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use decision::conflict::{self, Contender, OwnedContender};
use decision::{Decision, Finding, Kind};
use prost::Message as _;
use proto::orchestrator::v1 as wire;
use proto::time;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, JoinType, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, Iterable as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use storage::{LockKey, chunks, insert_many};

use super::entity::{call, decision as history, outbox, plan, storm, timer};
use super::recipients::{Through, claims, claims_lock};
use super::row::{is_same, number, room, row_of, unsigned};
use super::timers::Kind as Timer;
use super::{Call, Calls};
use crate::engine::Cause;
use crate::error::Error;

/// Locks of a company for owners, and as many for rooms. So many that those who hold [`LOCKS`] of them seldom meet.
const STRIPES: u32 = 1_024;

/// Locks one transaction holds at the most, unless a single call needs more: the server has room for only so many, and the
/// more are held the more others wait. What needs more is written in pieces.
const LOCKS: usize = 256;

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
    /// An answer of a peer is missing: until then it is judged again.
    pub(crate) partial_until: Option<DateTime<Utc>>,
    /// What of it a policy can bite on.
    pub(crate) traces: Vec<u8>,
    /// Through whose recipient its event came, if through any.
    pub(crate) through: Option<Through>,
    /// It was not judged, and what it was is ended.
    pub(crate) end: Option<End>,
}

/// What ends a call that is due and cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Whoever keeps the meetings does not know its own.
    Gone,
    /// Until the last instant to hand its plan over, it could not be judged once more. This is not final: it may have been
    /// moved meanwhile.
    Missed,
    /// It has begun, and waited until then for somebody without whom it could not be judged.
    NeverJudged,
}

impl Judged {
    /// A call that is due and cannot be judged.
    ///
    /// # Errors
    /// What is stored of it cannot be read.
    pub(crate) fn ended(
        company: &str,
        call: &Call,
        end: End,
        moment: Moment,
    ) -> Result<Self, Error> {
        let before = call.candidate.as_ref().unwrap_or(&call.decision);
        let mut decision = Decision::try_from(before)?;
        match end {
            End::Gone => decision.meeting_gone(),
            End::Missed => {
                let by = before.plan.as_ref().and_then(|plan| plan.dispatch_by.as_ref());
                let by = time::optional("plan.dispatch_by", by)?;
                decision.dispatch_missed(by.unwrap_or(moment.now));
            }
            End::NeverJudged => decision.never_judged(),
        }
        let is_skip = decision.kind == Kind::Skip;
        let candidate = wire::Decision {
            company: company.to_owned(),
            decided_at: Some(time::to_wire(moment.now)),
            cause: moment.cause.as_str().to_owned(),
            policy_version: call.judged_policy,
            meeting_revision: call.judged_meeting,
            ..told_of(before, &decision)
        };
        Ok(Self {
            seen: call.version,
            candidate: if is_skip { candidate } else { before.clone() },
            contender: call.contender.clone().filter(|_| !is_skip),
            partial_until: None,
            traces: call.traces.clone(),
            through: None,
            end: Some(end),
        })
    }

    /// The revision of the meeting it was judged from. One that comes back after it was gone is a new one.
    fn meeting_revision(&self) -> u64 {
        if self.end == Some(End::Gone) { 0 } else { self.candidate.meeting_revision }
    }
}

/// For when and why it is decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The instant for which it is decided.
    pub(crate) now: DateTime<Utc>,
    /// What led to it.
    pub(crate) cause: Cause,
    /// It is decided for the present: a plan whose time has passed ends in a code.
    pub(crate) is_present: bool,
    /// How soon a call for which an answer of a peer is missing is judged again.
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
    /// Those among the others that were judged wholly and are not any more, or the other way round.
    turned: HashSet<String>,
    /// Of new ones, and those whose names have changed: by which names the recipients of their events can be another's.
    recipients: Vec<(String, Vec<u64>)>,
    /// When plans whose moment has passed were handed over, in microseconds, by call.
    released: HashMap<String, i64>,
}

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
                all.stale.extend(outcome.stale);
                all.decisions.extend(outcome.decisions);
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
                Ok(Attempt::Ready(changes)) => {
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

/// The locks of what a contender takes: its owner and its room.
fn locks(company: &str, contender: &OwnedContender) -> [LockKey; 2] {
    [
        LockKey::striped("orchestrator.owner", company, &contender.owner, STRIPES),
        LockKey::striped("orchestrator.room", company, &room(contender), STRIPES),
    ]
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
            Some(call) if call.ended => {
                changes.outcome.decisions.insert(id.clone(), call.decision.clone());
            }
            before if is_stale(one, before, newest, claims) => {
                changes.outcome.stale.push(id.clone())
            }
            Some(_) | None => fresh.push((*one).clone()),
        }
    }
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
pub(super) async fn hold(
    tx: &storage::Tx,
    company: &str,
    ids: &[String],
) -> Result<(), storage::Error> {
    let _locked: Vec<String> = call::Entity::find()
        .select_only()
        .column(call::Column::CallId)
        .filter(call::Column::Company.eq(company))
        .filter(call::Column::CallId.is_in(ids.iter().map(String::as_str)))
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
        let mut found = touching(connection, company, &frontier).await?;
        found.retain(|id| !asked.contains(id.as_str()) && !members.contains_key(id));
        frontier.clear();
        let found = found.iter().map(String::as_str).collect();
        for (id, call) in self::known(connection, company, found, false).await? {
            if let Some(contender) = call.contender.clone() {
                frontier.push(contender.clone());
                members.insert(id, Member { contender, stored: Some(call) });
            }
        }
    }
    Ok(members)
}

/// Stored calls that contend with one of these: the same owner or the same room, at the same time.
pub(super) async fn touching<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    contests: &[OwnedContender],
) -> Result<Vec<String>, Error> {
    use call::Column as C;
    let owners = taken(contests, |one| one.owner.to_string());
    let rooms = taken(contests, room);
    let mut found = Vec::new();
    for (column, times) in [(C::ContendsOwner, owners), (C::ContendsRoom, rooms)] {
        for part in times.chunks(CONTESTS) {
            let (c, v) = (Alias::new("c"), Alias::new("v"));
            let of = |column: &'static str| Expr::col((v.clone(), Alias::new(column)));
            let query = Query::select()
                .column((c.clone(), C::CallId))
                .distinct()
                .from_values(part.to_vec(), v.clone())
                .join_as(
                    JoinType::InnerJoin,
                    call::Entity,
                    c.clone(),
                    Expr::col((c.clone(), C::Company))
                        .eq(company)
                        .and(
                            Expr::col((c.clone(), column))
                                .equals((v.clone(), Alias::new("column1"))),
                        )
                        .and(Expr::col((c.clone(), C::ContendsUntil)).gt(of("column2")))
                        .and(Expr::col((c.clone(), C::Start)).lt(of("column3"))),
                )
                .to_owned();
            let statement = connection.get_database_backend().build(&query);
            for row in connection.query_all_raw(statement).await.map_err(storage::Error::from)? {
                found.push(row.try_get_by_index(0).map_err(storage::Error::from)?);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What is taken and from when to when, in microseconds. Times that overlap are one, so that many calls in one room at one
/// time do not each find all the others.
fn taken(
    contests: &[OwnedContender],
    what: impl Fn(&OwnedContender) -> String,
) -> Vec<(String, i64, i64)> {
    let mut times: Vec<(String, i64, i64)> = contests
        .iter()
        .map(|one| (what(one), one.start.timestamp_micros(), one.end.timestamp_micros()))
        .collect();
    times.sort_unstable();
    times.dedup_by(|next, before| {
        let is_one = next.0 == before.0 && next.1 < before.2;
        if is_one {
            before.2 = Ord::max(before.2, next.2);
        }
        is_one
    });
    times
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

impl Outcome {
    /// Forgets decisions that nobody asked for, and those of stale calls, which others may have led to.
    fn keep_only(&mut self, judged: &[&Judged]) {
        let mut asked: HashSet<&str> =
            judged.iter().map(|one| one.candidate.call_id.as_str()).collect();
        for id in &self.stale {
            asked.remove(id.as_str());
        }
        self.decisions.retain(|id, _| asked.contains(id.as_str()));
    }
}

impl Changes {
    /// Settles who gives way, and takes what changes by it.
    fn conclude(
        &mut self,
        sorted: Sorted,
        members: BTreeMap<String, Member>,
        mut known: HashMap<String, Call>,
        moment: Moment,
    ) -> Result<(), Error> {
        let Sorted { fresh, mut settled, ended } = sorted;
        let mut against = settle(&members);
        for one in fresh {
            let id = one.candidate.call_id.clone();
            let findings = against.remove(&id).unwrap_or_default();
            self.take(one, known.remove(&id), findings, ended.contains(&id), moment)?;
        }
        for (id, member) in members {
            let Some(mut call) = member.stored else { continue };
            let findings = against.remove(&id).unwrap_or_default();
            // It was judged as well, to the same end as before.
            if let Some(judged) = settled.get(&id) {
                call.judged_policy = judged.candidate.policy_version;
                call.judged_meeting = judged.meeting_revision();
                call.traces.clone_from(&judged.traces);
                call.partial_until = judged.partial_until;
            }
            if !moment.is_present {
                call.partial_until = None;
            }
            if self.settle_again(call, findings, moment.now)? {
                settled.remove(&id);
            }
        }
        for (id, judged) in settled {
            if let Some(before) = known.remove(&id) {
                self.leave(judged, before, moment);
            }
        }
        Ok(())
    }

    /// Leaves a call as it is, and notes from what it was judged.
    fn leave(&mut self, judged: Judged, before: Call, moment: Moment) {
        let judged_meeting = judged.meeting_revision();
        self.note(&judged, Some(&before));
        let Judged { candidate, partial_until, traces, .. } = judged;
        let id = before.call_id.clone();
        let partial_until = if moment.is_present { partial_until } else { before.partial_until };
        let has_turned = self.turn(&before, partial_until);
        self.outcome.decisions.insert(id.clone(), before.decision.clone());
        if before.judged_meeting != judged_meeting || before.traces != traces || has_turned {
            self.calls.push(Call {
                version: before.version + 1,
                judged_policy: candidate.policy_version,
                judged_meeting,
                partial_until,
                traces,
                ..before
            });
        } else if before.judged_policy != candidate.policy_version {
            self.seen.entry(candidate.policy_version).or_default().push(id);
        }
    }

    /// Notes whether a call whose decision stays needs to be judged again, and did not, or does not any more.
    fn turn(&mut self, before: &Call, partial_until: Option<DateTime<Utc>>) -> bool {
        let has_turned = before.partial_until.is_some() != partial_until.is_some();
        if has_turned {
            self.turned.insert(before.call_id.clone());
        }
        has_turned
    }

    /// Notes through whose recipient the event of a call came, where that is not known yet.
    fn note(&mut self, judged: &Judged, before: Option<&Call>) {
        if let Some(through) = &judged.through
            && before.is_none_or(|before| before.traces != judged.traces)
        {
            self.recipients.push((judged.candidate.call_id.clone(), through.names.clone()));
        }
    }

    /// Takes a call that was judged.
    fn take(
        &mut self,
        judged: Judged,
        before: Option<Call>,
        findings: Vec<Finding>,
        ended: bool,
        moment: Moment,
    ) -> Result<(), Error> {
        let judged_meeting = judged.meeting_revision();
        self.note(&judged, before.as_ref());
        let Judged { candidate, contender, partial_until, traces, .. } = judged;
        let gave_way = !findings.is_empty();
        let mut decision = give_way(&candidate, findings)?;
        let is_new = before.as_ref().is_none_or(|before| !is_same(&before.decision, &decision));
        let judged_policy = decision.policy_version;
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
            partial_until: if moment.is_present {
                partial_until.filter(|_| !ended)
            } else {
                before.as_ref().filter(|_| !is_new).and_then(|before| before.partial_until)
            },
            decision,
        };
        self.outcome.decisions.insert(call.call_id.clone(), call.decision.clone());
        match before {
            Some(before) if !is_new => {
                let has_turned = self.turn(&before, call.partial_until);
                let is_as_before = !has_turned
                    && before.judged_meeting == call.judged_meeting
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
    super::recipients::note(tx, company, &changes.recipients).await?;

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
    plan_anew(tx, company, &new, changes, moment).await
}

/// Puts active plans and timers in the place of those that the calls had before.
async fn plan_anew(
    tx: &storage::Tx,
    company: &str,
    new: &[&Call],
    changes: &Changes,
    moment: Moment,
) -> Result<(), Error> {
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
    // Whatever time it was decided for: what is kept is carried out, or ends in a code.
    let mut timers: Vec<timer::ActiveModel> = new
        .iter()
        .filter(|call| !changes.released.contains_key(&call.call_id))
        .map(|call| timers(company, call, moment))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let turned: Vec<&Call> =
        changes.calls.iter().filter(|call| changes.turned.contains(&call.call_id)).collect();
    let ids: Vec<&str> = turned.iter().map(|call| call.call_id.as_str()).collect();
    for part in chunks(&ids) {
        timer::Entity::delete_many()
            .filter(timer::Column::Company.eq(company))
            .filter(timer::Column::CallId.is_in(part.iter().copied()))
            .filter(timer::Column::Kind.eq(Timer::Retry as i16))
            .exec(tx)
            .await
            .map_err(storage::Error::from)?;
    }
    let retries = turned.into_iter().filter_map(|call| Some((call, retry_at(call, moment)?)));
    timers.extend(retries.map(|(call, at)| armed(company, call, Timer::Retry, at)));
    Ok(insert_many(tx, timers, None).await?)
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
        due.push((Timer::Deadline, by));
    }
    due.extend(retry_at(call, moment).map(|at| (Timer::Retry, at)));
    Ok(due.into_iter().map(|(kind, at)| armed(company, call, kind, at)).collect())
}

/// When a call for which an answer of a peer is missing is judged again first.
fn retry_at(call: &Call, moment: Moment) -> Option<DateTime<Utc>> {
    Some(Ord::min(moment.now + moment.retry, call.partial_until?))
}

/// A timer of the decision that holds.
fn armed(company: &str, call: &Call, kind: Timer, at: DateTime<Utc>) -> timer::ActiveModel {
    timer::ActiveModel {
        id: NotSet,
        company: Set(company.to_owned()),
        call_id: Set(call.call_id.clone()),
        kind: Set(kind as i16),
        due: Set(at.timestamp_micros()),
        revision: Set(number(call.decision.revision)),
        tries: Set(0),
        claimed_until: Set(None),
        claim: Set(None),
    }
}
