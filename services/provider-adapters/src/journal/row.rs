//! Orders to rows and back, and rows that tell what became of them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use prost::Message as _;
use proto::provider::v1;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait as _, EntityTrait, FromQueryResult as _, Iterable as _,
    QueryTrait as _,
};
use signals::Private;
use storage::Tx;

use super::attempts::Kept;
use super::entity::{attempt, work};
use super::work::Kind;
use super::{State, corrupt, key, micros, signed};
use crate::attempts::{Attempt, Order};

/// Rows in one insert that tells what it has inserted.
pub(super) const ROWS: usize = 500;

/// Inserts rows, and answers the keys of those that were not there before.
pub(super) async fn insert_new<E, A>(
    tx: &Tx,
    rows: impl IntoIterator<Item = A>,
    key: E::Column,
    leave: &OnConflict,
) -> Result<HashSet<String>, storage::Error>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E>,
{
    let rows: Vec<A> = rows.into_iter().collect();
    let mut new = HashSet::new();
    for rows in rows.chunks(ROWS) {
        let mut insert =
            E::insert_many(rows.iter().cloned()).on_conflict(leave.clone()).into_query();
        insert.returning(Query::returning().column(key));
        for row in tx.query_all(&insert).await? {
            new.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(new)
}

/// Inserts rows, and answers what they are then.
pub(super) async fn returning<E, A>(
    tx: &Tx,
    rows: impl IntoIterator<Item = A>,
    on_conflict: &OnConflict,
) -> Result<Vec<E::Model>, storage::Error>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E>,
{
    let mut insert = E::insert_many(rows).on_conflict(on_conflict.clone()).into_query();
    insert.returning(Query::returning().columns(E::Column::iter()));
    let rows = tx.query_all(&insert).await?;
    Ok(rows.iter().map(|row| E::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// Something to do for an attempt.
pub(super) fn job(
    attempt: String,
    (carrier, connection): (&str, &str),
    kind: Kind,
    number: u64,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> work::ActiveModel {
    work::ActiveModel {
        id: NotSet,
        attempt: Set(attempt),
        carrier: Set(carrier.to_owned()),
        connection: Set(connection.to_owned()),
        kind: Set(kind.stored()),
        number: Set(signed(number)),
        due_us: Set(micros(now)),
        until_us: Set(micros(until)),
        tries: Set(0),
        claimed_until: Set(None),
        claim: Set(None),
    }
}

pub(super) fn stored(act: v1::Act) -> i16 {
    i16::try_from(i32::from(act)).unwrap_or_default()
}

/// The row of an order.
pub(super) fn row(kept: &Kept, now: DateTime<Utc>) -> attempt::ActiveModel {
    let order = &kept.order;
    let mut body = v1::Order::from(order);
    let link = std::mem::take(&mut body.join_url);
    let upload = body.upload.as_mut().map(|upload| std::mem::take(&mut upload.url));
    let secret = upload.unwrap_or(link);
    let state = if kept.carrier.is_some() { State::Kept } else { State::Over };
    let secret = (!secret.is_empty() && state == State::Kept).then_some(secret);
    attempt::ActiveModel {
        carrier: Set(kept.carrier.unwrap_or_default().to_owned()),
        connection: Set(kept.connection.clone()),
        state: Set(state as i16),
        adapter: Set(i16::try_from(body.adapter).unwrap_or_default()),
        body: Set(body.encode_to_vec()),
        secret: Set(secret),
        place: Set(found_by(order)),
        start_us: Set(order.start.map(micros)),
        end_us: Set(order.end.map(micros)),
        until_us: Set(micros(order.until(now))),
        stopped_us: Set(None),
        ..note(key::attempt(&order.attempt), &order.attempt, now)
    }
}

/// What an attempt is found by when a provider speaks of where it takes place.
fn found_by(order: &Order) -> Option<String> {
    let company = &order.attempt.company;
    let conference = order.conference.as_ref();
    let call = order.phone_call.as_ref();
    conference
        .map(|it| key::name(company, it.provider.as_str(), &it.id))
        .or_else(|| call.map(|it| key::name(company, &it.connection, &it.external_id)))
}

/// The row of an attempt nobody has ordered yet, and that is not to be carried out.
pub(super) fn note(id: String, attempt: &Attempt, now: DateTime<Utc>) -> attempt::ActiveModel {
    attempt::ActiveModel {
        id: Set(id),
        company: Set(attempt.company.clone()),
        call_id: Set(attempt.call_id.clone()),
        call: Set(key::call(attempt)),
        plan_revision: Set(signed(attempt.plan_revision)),
        run: Set(i64::from(attempt.run)),
        adapter: Set(0),
        carrier: Set(String::new()),
        connection: Set(String::new()),
        state: Set(State::Withdrawn as i16),
        body: Set(Vec::new()),
        secret: Set(None),
        place: Set(None),
        start_us: Set(None),
        end_us: Set(None),
        until_us: Set(micros(now)),
        stopped_us: Set(Some(micros(now))),
        fleet: Set(String::new()),
        offered_us: Set(None),
        named_us: Set(None),
        declined: Set(String::new()),
    }
}

/// The order in a row, with its link as long as that is kept.
pub(super) fn order(row: &attempt::Model) -> Result<Order, storage::Error> {
    let body = v1::Order::decode(row.body.as_slice()).map_err(|_| corrupt("no order"))?;
    let mut order = Order::kept(body).map_err(|_| corrupt("no order"))?;
    let secret = row.secret.as_ref().map(|secret| Private::new(secret.as_str()));
    match (&mut order.upload, secret) {
        (Some(upload), Some(secret)) => upload.url = secret,
        (_, secret) => order.join_url = secret,
    }
    Ok(order)
}
