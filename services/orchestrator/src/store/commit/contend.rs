//! Who contends with whom: the same owner or the same room at the same time, among what is stored and what is new.

use std::collections::{BTreeMap, HashMap, HashSet};

use decision::Finding;
use decision::conflict::{self, Contender, OwnedContender};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, JoinType, Query};
use storage::LockKey;

use super::{Judged, known};
use crate::error::Error;
use crate::store::Call;
use crate::store::entity::call;
use crate::store::row::room;

/// Locks of a company for owners, and as many for rooms. So many that those who hold [`super::LOCKS`] of them seldom meet.
const STRIPES: u32 = 1_024;

/// Calls whose conflicts are looked up in one query.
const CONTESTS: usize = 500;

/// The locks of what a contender takes: its owner and its room.
pub(super) fn locks(company: &str, contender: &OwnedContender) -> [LockKey; 2] {
    [
        LockKey::striped("orchestrator.owner", company, &contender.owner, STRIPES),
        LockKey::striped("orchestrator.room", company, &room(contender), STRIPES),
    ]
}

/// One that contends with others.
pub(super) struct Member {
    pub(super) contender: OwnedContender,
    /// As it is stored, unless it has just been judged.
    pub(super) stored: Option<Call>,
}

/// All that contend with one of the fresh ones, or contended with it as it was, or with one that does: whoever wins may
/// change for all of these.
pub(super) async fn contending<C: ConnectionTrait>(
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
pub(in crate::store) async fn touching<C: ConnectionTrait>(
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
pub(super) fn settle(members: &BTreeMap<String, Member>) -> HashMap<String, Vec<Finding>> {
    let contenders: Vec<Contender<'_>> =
        members.values().map(|member| member.contender.as_ref()).collect();
    members
        .keys()
        .cloned()
        .zip(conflict::resolve(&contenders))
        .filter(|(_, findings)| !findings.is_empty())
        .collect()
}
