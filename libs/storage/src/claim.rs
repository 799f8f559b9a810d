//! Rows that one of many workers takes to itself.

use sea_orm::sea_query::{
    CommonTableExpression, Expr, ExprTrait as _, LockBehavior, LockType, Query, WithClause,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait, Iterable as _, PrimaryKeyToColumn as _,
    QuerySelect as _, QueryTrait as _, Select,
};

use crate::error::Error;

/// Changes up to `limit` of the rows of `due`, the first of them in its order, and returns them as they are then, in no
/// order. Rows that another transaction has claimed and not yet committed are passed over, so that workers neither wait for
/// each other nor get the same row. `change` must make a row one that is not due any more, or deletes and the like follow in
/// the same transaction.
///
/// ```text
/// claim(&tx, timer::Entity::find().filter(timer::Column::DueAt.lte(now)).order_by_asc(timer::Column::DueAt), 100,
///     [(timer::Column::ClaimedUntil, Expr::value(until))])
/// ```
///
/// # Errors
/// Those of the database.
pub async fn claim<E, C>(
    connection: &C,
    due: Select<E>,
    limit: u64,
    change: impl IntoIterator<Item = (E::Column, Expr)>,
) -> Result<Vec<E::Model>, Error>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(|key| key.into_column()).collect();
    let mut first = due.select_only().columns(keys.iter().copied()).limit(limit).into_query();
    // Left out for SQLite, where who writes is alone.
    first.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    // Within `IN` the database might choose to look for the first ones again and again, and claim more than the limit.
    let claimed = CommonTableExpression::new()
        .table_name("claimed")
        .columns(keys.iter().copied())
        .query(first)
        .to_owned();
    let mut from_claimed = Query::select();
    from_claimed.columns(keys.iter().copied()).from("claimed");
    let columns = keys.iter().map(|key| Expr::col((E::default(), *key)));
    let update = Query::update()
        .with_cte(WithClause::new().cte(claimed).to_owned())
        .table(E::default())
        .values(change)
        .and_where(Expr::tuple(columns).in_subquery(from_claimed))
        .returning(Query::returning().exprs(
            E::Column::iter().map(|column| column.select_as(Expr::col((E::default(), column)))),
        ))
        .to_owned();
    let statement = connection.get_database_backend().build(&update);
    Ok(E::find().from_raw_sql(statement).all(connection).await?)
}
