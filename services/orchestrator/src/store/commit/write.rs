//! Writing what has changed: calls, history, outbox, active plans and timers.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;
use proto::orchestrator::v1 as wire;
use proto::time;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, EntityTrait as _, Iterable as _, QueryFilter as _};
use storage::{chunks, insert_many};

use super::Moment;
use super::changes::Changes;
use crate::error::Error;
use crate::store::entity::{call, decision as history, outbox, plan, session, timer};
use crate::store::row::{number, row_of};
use crate::store::timers::Kind as Timer;
use crate::store::{Call, Running};

pub(super) async fn write(
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
    conclude(tx, company, changes).await?;
    if changes.calls.is_empty() {
        return Ok(());
    }
    let sessions: Vec<Running> =
        changes.sessions.values().filter(|one| one.is_changed()).cloned().collect();
    crate::store::sessions::write(tx, &sessions, moment.now).await?;
    let rows = changes.calls.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
    let mut replace =
        sea_orm::sea_query::OnConflict::columns([call::Column::Company, call::Column::CallId]);
    replace.update_columns(
        call::Column::iter()
            .filter(|column| !matches!(column, call::Column::Company | call::Column::CallId)),
    );
    insert_many(tx, rows, Some(replace)).await?;
    crate::store::recipients::note(tx, company, &changes.recipients).await?;
    // What is not going to be fetched any more.
    let over: Vec<&str> = changes
        .calls
        .iter()
        .filter(|call| is_import_over(&call.decision))
        .map(|call| call.call_id.as_str())
        .collect();
    crate::store::registered::forget_links(tx, company, &over).await?;

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

/// Whether it is a decision, perhaps on an upload, by which nothing is to be fetched.
fn is_import_over(decision: &wire::Decision) -> bool {
    let is_open = matches!(decision.kind(), wire::DecisionKind::Plan | wire::DecisionKind::Pending);
    // Most calls without a conference are meetings, which name themselves.
    let is_meeting = decision.key.as_ref().is_some_and(|key| key.ical_uid.is_some());
    decision.conference.is_none() && !is_open && !is_meeting
}

/// Notes that what came of sessions stands in the decisions of their calls, so that nothing of it is left to do.
async fn conclude(
    tx: &storage::Tx,
    company: &str,
    changes: &Changes,
) -> Result<(), storage::Error> {
    let mut by_revision: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    let mut by_decision: BTreeMap<(u64, u64), Vec<&str>> = BTreeMap::new();
    for (id, revision) in &changes.told {
        let decision = changes.outcome.decisions.get(id).map_or(0, |decision| decision.revision);
        by_revision.entry(*revision).or_default().push(id);
        by_decision.entry((*revision, decision)).or_default().push(id);
    }
    for ((revision, decision), ids) in &by_decision {
        for part in chunks(ids) {
            session::Entity::update_many()
                .col_expr(session::Column::Told, Expr::value(true))
                .col_expr(session::Column::Holds, Expr::value(number(*decision)))
                .col_expr(session::Column::NextDue, Expr::value(None::<i64>))
                .filter(session::Column::Company.eq(company))
                .filter(session::Column::CallId.is_in(part.iter().copied()))
                .filter(session::Column::PlanRevision.eq(number(*revision)))
                .exec(tx)
                .await?;
        }
    }
    crate::store::sessions::disarm(tx, company, &by_revision).await
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
            // A session has its own, whatever is decided.
            .filter(timer::Column::Kind.ne(Timer::Session as i16))
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
            // Whoever was sent then is who records: nobody can be sent any more, or nothing changed that matters to them.
            released_at: Set(changes.released.get(&call.call_id).copied()),
        })
    });
    insert_many(tx, plans, None).await?;
    // Whatever time it was decided for: what is kept is carried out, or ends in a code.
    let mut timers: Vec<timer::ActiveModel> = new
        .iter()
        .map(|call| {
            let is_released = changes.released.contains_key(&call.call_id);
            timers(company, call, is_released, moment)
        })
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
pub(super) async fn announce(
    tx: &storage::Tx,
    company: &str,
    changes: &Changes,
) -> Result<(), Error> {
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
fn timers(
    company: &str,
    call: &Call,
    is_released: bool,
    moment: Moment,
) -> Result<Vec<timer::ActiveModel>, Error> {
    let decision = &call.decision;
    let mut due: Vec<(Timer, DateTime<Utc>)> = Vec::new();
    if let Some(plan) = decision.plan.as_ref().filter(|_| !is_released) {
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
