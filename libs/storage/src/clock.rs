//! What time it is for everybody who uses a database.

use std::time::SystemTime;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::error::Error;

/// The time of the database at this moment, not at the beginning of the transaction; in microseconds. Processes on several
/// machines agree on it, however their own clocks may differ. In SQLite, which is on one machine, it is that machine's.
///
/// # Errors
/// Those of the database.
pub async fn database_now<C: ConnectionTrait>(connection: &C) -> Result<DateTime<Utc>, Error> {
    if connection.get_database_backend() != DbBackend::Postgres {
        let now = DateTime::<Utc>::from(SystemTime::now());
        return Ok(now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now));
    }
    let sql = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp()");
    let row = connection.query_one_raw(sql).await?;
    let row = row.ok_or_else(|| Error::Corrupt(DbErr::Type("no time".to_owned())))?;
    Ok(row.try_get_by_index(0)?)
}

/// The same as an expression: microseconds since 1970, though SQLite knows but milliseconds.
pub(crate) fn micros(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)"
    } else {
        "CAST(unixepoch('subsec') * 1000000 AS integer)"
    }
}
