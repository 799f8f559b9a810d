//! Work that one process does at a time, until it is done or has not been heard of for some time.

use std::time::Duration;

use sea_orm::sea_query::{ColumnDef, Table, TableCreateStatement};
use sea_orm::{ConnectionTrait as _, DbBackend, ExecResult, QueryResult, Statement, Value};

use crate::clock::micros;
use crate::error::Error;
use crate::store::{Store, Tx};

/// The table of a service in which its leases are noted, one row for each name that was ever leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTable(&'static str);

impl LeaseTable {
    /// The table of this name, which begins with that of the service: `orchestrator_lease`.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// What makes the table, for a migration.
    #[must_use]
    pub fn create(self) -> TableCreateStatement {
        Table::create()
            .table(self.0)
            .col(ColumnDef::new("name").text().not_null().primary_key())
            .col(ColumnDef::new("holder").text().not_null())
            .col(ColumnDef::new("token").big_integer().not_null())
            .col(ColumnDef::new("expires_at").big_integer().not_null())
            .to_owned()
    }
}

/// Leases of a service. A lease ends when it is released, or when it is not renewed in time, by the clock of the database.
///
/// That a process holds a lease is a hint and no more: it may sleep past its end and wake up unaware. So whatever is
/// written by virtue of a lease is written in a transaction that asks [`Lease::guard`], or carries the token and is refused
/// by its receiver if it has seen a greater one.
#[derive(Debug, Clone)]
pub struct Leases {
    store: Store,
    table: LeaseTable,
}

/// What was leased, and as the how-manieth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What was leased.
    pub name: String,
    /// Greater than that of everybody who held it before, and no less than 1.
    pub token: i64,
    table: LeaseTable,
}

impl Leases {
    /// Leases in a table that a migration has made.
    #[must_use]
    pub fn new(store: Store, table: LeaseTable) -> Self {
        Self { store, table }
    }

    /// Leases `name` until `ttl` from now, unless another holder has it. `holder` is a name that no other process has, nor
    /// this one had before it was started anew. Who has the lease already keeps its token and has it for another `ttl`; who
    /// let it expire gets a new token.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Lease>, Error> {
        let LeaseTable(table) = self.table;
        let now = micros(self.store.backend());
        // The clock is read in the row's turn, after whoever was changing it: each mention of it is a reading of its own.
        let sql = format!(
            "INSERT INTO {table} (name, holder, token, expires_at) VALUES ($1, $2, 1, {now} + $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = {now} + $3, token = {table}.token \
             + CASE WHEN {table}.holder = excluded.holder AND {table}.expires_at > {now} THEN 0 ELSE 1 END \
             WHERE {table}.holder = excluded.holder OR {table}.expires_at <= {now} RETURNING token"
        );
        let (sql, values) = (&sql, [name.into(), holder.into(), span(ttl)]);
        let values = &values;
        let row = self
            .store
            .write(|tx| async move { one(&tx, sql, values.iter().cloned()).await })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let token = row.try_get_by_index(0)?;
        Ok(Some(Lease { name: name.to_owned(), token, table: self.table }))
    }

    /// Has the lease for another `ttl` from now. `false` if it has expired or another holder has it: then it is lost.
    ///
    /// # Errors
    /// Those of the database. Whether it was renewed is unknown then; the lease holds at least as long as before.
    pub async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, Error> {
        let LeaseTable(table) = self.table;
        let now = micros(self.store.backend());
        let sql = format!(
            "UPDATE {table} SET expires_at = {now} + $3 WHERE name = $1 AND token = $2 AND expires_at > {now}"
        );
        let changed =
            self.change(&sql, [lease.name.as_str().into(), lease.token.into(), span(ttl)]);
        Ok(changed.await?.rows_affected() == 1)
    }

    /// Gives the lease up, for others to have at once. No harm if it was lost.
    ///
    /// # Errors
    /// Those of the database; the lease expires by itself then.
    pub async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let LeaseTable(table) = self.table;
        let sql = format!(
            "UPDATE {table} SET holder = '', expires_at = 0 WHERE name = $1 AND token = $2"
        );
        self.change(&sql, [lease.name.as_str().into(), lease.token.into()]).await?;
        Ok(())
    }

    async fn change<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<ExecResult, Error> {
        let values = &values;
        self.store
            .write(|tx| async move {
                let backend = tx.get_database_backend();
                let statement =
                    Statement::from_sql_and_values(backend, sql, values.iter().cloned());
                Ok(tx.execute_raw(statement).await?)
            })
            .await
    }
}

impl Lease {
    /// Makes sure that the transaction is committed by the holder, or not at all: nobody else gets the lease before it has
    /// ended. Renewing waits as well, so such transactions are much shorter than the lease.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the lease has expired or another holder has it.
    pub async fn guard(&self, tx: &Tx) -> Result<(), Error> {
        let LeaseTable(table) = self.table;
        let backend = tx.get_database_backend();
        let now = micros(backend);
        let lock = if backend == DbBackend::Postgres { "FOR UPDATE" } else { "" };
        // The clock is read outside, since inside it would be read before the row is waited for.
        let sql = format!(
            "SELECT CASE WHEN expires_at > {now} THEN token ELSE 0 END FROM \
             (SELECT token, expires_at FROM {table} WHERE name = $1 {lock}) AS held"
        );
        let row = one(tx, &sql, [self.name.as_str().into()]).await?;
        let current: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        if current == Some(self.token) { Ok(()) } else { Err(Error::LeaseLost) }
    }
}

async fn one(
    tx: &Tx,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>, Error> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(tx.query_one_raw(statement).await?)
}

/// In microseconds, as times are.
fn span(ttl: Duration) -> Value {
    // Longer than a hundred thousand years is long enough.
    i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4).into()
}
