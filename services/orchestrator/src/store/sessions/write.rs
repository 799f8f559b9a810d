//! Sessions as they are written: machine, orders, timer, and the version of a call whose session has come to an end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use storage::{Tx, chunks, insert_many};

use super::Running;
use super::read::ended_at;
use crate::error::Error;
use crate::store::commands::drop_fallen;
use crate::store::entity::{call, command, session, timer};
use crate::store::row::{corrupt, number};
use crate::store::timers::Kind as Timer;

/// Writes sessions that have changed. Their calls and, where they are no new ones, they themselves are locked.
///
/// # Errors
/// Those of the database.
pub(in crate::store) async fn write(
    tx: &Tx,
    sessions: &[Running],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if sessions.is_empty() {
        return Ok(());
    }
    let rows = sessions.iter().map(|one| row(one, now)).collect::<Result<Vec<_>, Error>>()?;
    use session::Column as C;
    let mut replace = OnConflict::columns([C::Company, C::CallId, C::PlanRevision]);
    replace.update_columns([
        C::Holds,
        C::Machine,
        C::Stage,
        C::Orders,
        C::EndedAt,
        C::NextDue,
        C::Told,
        C::Requested,
    ]);
    insert_many(tx, rows, Some(replace)).await?;
    arm(tx, sessions, now).await?;
    order(tx, sessions, now).await?;
    // Whoever is judging a call meanwhile would write over what came of it.
    let mut concluded: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in sessions.iter().filter(|one| one.concluded) {
        concluded.entry(&one.company).or_default().push(&one.call_id);
    }
    for (company, ids) in concluded {
        for part in chunks(&ids) {
            call::Entity::update_many()
                .col_expr(call::Column::Version, Expr::col(call::Column::Version).add(1))
                .filter(call::Column::Company.eq(company))
                .filter(call::Column::CallId.is_in(part.iter().copied()))
                .exec(tx)
                .await
                .map_err(storage::Error::from)?;
        }
    }
    Ok(())
}

/// A machine as it is stored.
pub(super) fn text(running: &Running) -> Result<String, Error> {
    serde_json::to_string(&running.machine).map_err(corrupt)
}

fn row(one: &Running, now: DateTime<Utc>) -> Result<session::ActiveModel, Error> {
    let provider = one.provider.map(proto::verdict::v1::Provider::from);
    Ok(session::ActiveModel {
        company: Set(one.company.clone()),
        call_id: Set(one.call_id.clone()),
        plan_revision: Set(number(one.plan_revision)),
        holds: Set(number(one.holds)),
        provider: Set(provider.map_or(0, Into::into)),
        machine: Set(text(one)?),
        stage: Set(one.stage.to_owned()),
        orders: Set(number(one.orders)),
        began_at: Set(one.began_at.timestamp_micros()),
        ended_at: Set(ended_at(one).map(|at| at.timestamp_micros())),
        next_due: Set(one.due(now)),
        told: Set(one.told),
        requested: Set(one.requested),
    })
}

/// Puts the timers of sessions in the place of those they had.
async fn arm(tx: &Tx, sessions: &[Running], now: DateTime<Utc>) -> Result<(), Error> {
    let moved: Vec<(&Running, Option<i64>)> = sessions
        .iter()
        .map(|one| (one, one.due(now)))
        .filter(|(one, due)| one.rearm || one.armed != *due)
        .collect();
    let mut by_company: BTreeMap<&str, BTreeMap<u64, Vec<&str>>> = BTreeMap::new();
    for (one, _) in &moved {
        let of_company = by_company.entry(&one.company).or_default();
        of_company.entry(one.plan_revision).or_default().push(&one.call_id);
    }
    for (company, by_revision) in by_company {
        disarm(tx, company, &by_revision).await?;
    }
    let mut timers = Vec::with_capacity(moved.len());
    for (one, due) in moved {
        let Some(due) = due else { continue };
        timers.push(timer::ActiveModel {
            id: NotSet,
            company: Set(one.company.clone()),
            call_id: Set(one.call_id.clone()),
            kind: Set(Timer::Session as i16),
            due: Set(due),
            revision: Set(number(one.plan_revision)),
            tries: Set(0),
            claimed_until: Set(None),
            claim: Set(None),
        });
    }
    Ok(insert_many(tx, timers, None).await?)
}

/// Takes the timers of sessions away: calls by the revision of the plan.
pub(in crate::store) async fn disarm(
    tx: &Tx,
    company: &str,
    sessions: &BTreeMap<u64, Vec<&str>>,
) -> Result<(), storage::Error> {
    for (revision, ids) in sessions {
        for part in chunks(ids) {
            timer::Entity::delete_many()
                .filter(timer::Column::Company.eq(company))
                .filter(timer::Column::CallId.is_in(part.iter().copied()))
                .filter(timer::Column::Kind.eq(Timer::Session as i16))
                .filter(timer::Column::Revision.eq(number(*revision)))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}

/// Puts new orders behind those that wait, and takes those away that have fallen.
async fn order(tx: &Tx, sessions: &[Running], now: DateTime<Utc>) -> Result<(), Error> {
    drop_fallen(tx, sessions).await?;
    let mut commands = Vec::new();
    for one in sessions {
        commands.extend(one.orders().map(|fresh| command::ActiveModel {
            id: NotSet,
            company: Set(one.company.clone()),
            call_id: Set(one.call_id.clone()),
            plan_revision: Set(number(one.plan_revision)),
            run: Set(i16::from(fresh.run)),
            kind: Set(fresh.kind.number()),
            means: Set(small(fresh.method.into())),
            adapter: Set(small(fresh.adapter.into())),
            number: Set(number(fresh.number)),
            due: Set(now.timestamp_micros()),
            tries: Set(0),
            claimed_until: Set(None),
            claim: Set(None),
        }));
    }
    Ok(insert_many(tx, commands, None).await?)
}

fn small(value: i32) -> i16 {
    i16::try_from(value).unwrap_or_default()
}
