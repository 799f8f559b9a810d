//! Many rows at once, in statements that a database still accepts.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, Iterable as _, QueryFilter as _,
    Value,
};

use crate::error::Error;

/// Values in one statement: SQLite takes 32,766, PostgreSQL 65,535.
const VALUES: usize = 30_000;

/// Rows in one insert; more of them gain nothing.
const ROWS: usize = 1000;

/// Items in one `IN` list.
const LIST: usize = 1024;

/// Inserts rows, a thousand or fewer at a time. With `on_conflict`, rows whose key exists are updated or left as it says.
/// Nothing to insert is no error.
///
/// # Errors
/// [`Error::Conflict`] for a key that exists, where `on_conflict` says nothing about it.
pub async fn insert_many<A, C>(
    connection: &C,
    rows: impl IntoIterator<Item = A>,
    on_conflict: Option<OnConflict>,
) -> Result<(), Error>
where
    A: ActiveModelTrait + Send,
    C: ConnectionTrait,
{
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    let size = (VALUES / columns).clamp(1, ROWS);
    let mut rows: Vec<A> = rows.into_iter().collect();
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(size));
        let mut insert = A::Entity::insert_many(std::mem::replace(&mut rows, rest));
        if let Some(on_conflict) = &on_conflict {
            insert = insert.on_conflict(on_conflict.clone());
        }
        insert.exec_without_returning(connection).await?;
    }
    Ok(())
}

/// The rows whose `column` is one of `values`, in no order; each once for every value asked for once.
///
/// # Errors
/// Those of the database.
pub async fn find_in<E, C>(
    connection: &C,
    column: E::Column,
    values: impl IntoIterator<Item = impl Into<Value>>,
) -> Result<Vec<E::Model>, Error>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let values: Vec<Value> = values.into_iter().map(Into::into).collect();
    let mut found = Vec::new();
    for chunk in chunks(&values) {
        // Lists of a few lengths only, so that prepared statements are found again.
        let length = chunk.len().next_power_of_two();
        let padding = chunk.last().cloned().into_iter().cycle().take(length - chunk.len());
        let list = chunk.iter().cloned().chain(padding);
        found.extend(E::find().filter(column.is_in(list)).all(connection).await?);
    }
    Ok(found)
}

/// A long list in pieces short enough for `IN`.
pub fn chunks<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    items.chunks(LIST)
}
