//! A database: many readers, and writers.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, ExecResult, QueryResult, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _,
};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;
use crate::lock::LockKey;
use crate::retry::{Budget, retry};

mod postgres;
mod sqlite;

/// The section `[store]` of a service's settings.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite::memory:`, or `sqlite:///path/to/file?mode=rwc`, where `mode=rwc` makes the file if there is none, or
    /// `postgres://user:password@host:port/database`, to which `?sslmode=verify-full&sslrootcert=/path` may be added.
    pub url: String,
    /// The schema of a PostgreSQL database in which the service keeps its tables: lower-case letters, digits and `_`, at
    /// most 63 of them. [`crate::migrate`] makes it if there is none. Empty: what the server searches first, as a rule
    /// `public`. Means nothing to SQLite.
    pub schema: String,
    /// Connections for reading, at least one.
    pub max_connections: u32,
    /// Connections for writing, at least one, to PostgreSQL. SQLite has one always.
    pub max_writers: u32,
    /// How long to wait for a connection, and in SQLite for other processes that write, in milliseconds.
    pub patience_ms: u64,
    /// How long a statement may take in PostgreSQL before it is given up, in milliseconds; 0: as long as it likes.
    pub statement_timeout_ms: u32,
    /// How long a statement may wait for a lock in PostgreSQL, in milliseconds; 0: for ever.
    pub lock_timeout_ms: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "sqlite::memory:".to_owned(),
            schema: String::new(),
            max_connections: 4,
            max_writers: 4,
            patience_ms: 5000,
            statement_timeout_ms: 30_000,
            lock_timeout_ms: 5000,
        }
    }
}

impl StoreConfig {
    /// A store that is gone with the process, for tests and offline commands.
    #[must_use]
    pub fn memory() -> Self {
        Self::default()
    }

    /// A store at an address.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

impl std::fmt::Debug for StoreConfig {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreConfig")
            .field("schema", &self.schema)
            .field("max_connections", &self.max_connections)
            .field("max_writers", &self.max_writers)
            .field("patience_ms", &self.patience_ms)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .field("lock_timeout_ms", &self.lock_timeout_ms)
            .finish_non_exhaustive()
    }
}

/// A database of one service. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Store {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    /// Where writers of one process queue, in order: one permit for each that may write at once.
    turns: Arc<Semaphore>,
    /// How many these are.
    writers: u32,
    /// How long writers queue, unless for ever.
    patience: Option<Duration>,
    budget: Arc<Budget>,
    schema: Arc<Schema>,
}

/// What is the service's own in a database that others use as well.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// Empty where the service has none.
    pub(crate) name: String,
    /// How long statements wait for locks, in milliseconds.
    pub(crate) lock_timeout_ms: u32,
    /// Sets locks of one schema apart from those of another.
    salt: i64,
}

/// Opens a store and makes sure that it answers. The schema is not touched; see [`crate::migrate`].
///
/// A connection to PostgreSQL that was lost, with its server or without, is noticed and replaced when it is needed next:
/// what was under way fails with [`Error::Unavailable`], what comes later waits for the server up to `patience_ms`. The
/// settings of a session are made while connecting, which a proxy that hands one session to many cannot forward.
///
/// # Errors
/// [`Error::Unsupported`] or [`Error::Open`]; neither names the password.
pub async fn connect(config: &StoreConfig) -> Result<Store, Error> {
    match config.url.split(':').next().unwrap_or_default() {
        "sqlite" => sqlite::open(config).await,
        "postgres" | "postgresql" => postgres::open(config).await,
        scheme => Err(Error::Unsupported(scheme.to_owned())),
    }
}

/// What holds for connections to either.
fn common(url: String, config: &StoreConfig, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections.max(1))
        .acquire_timeout(Duration::from_millis(config.patience_ms))
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false);
    options
}

impl Store {
    /// For queries. It sees what has been committed when the query begins, and cannot change anything.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Does `work` in a transaction of its own: committed if it succeeds, undone if it fails. While the database is busy,
    /// or has chosen this one to break a deadlock, it is all done again, so `work` must have no effects but through its
    /// [`Tx`], and takes what it needs by reference or as clones:
    /// `let rows = &rows; store.write(|tx| async move { … })`.
    ///
    /// **In SQLite** nobody else writes meanwhile, in any process: what `work` has read stays true until it is committed.
    /// Writers of one process take turns in the order in which they came.
    ///
    /// **In PostgreSQL** up to `max_writers` of this process write at once, and so do other processes. Each statement sees
    /// what was committed when it began, even by others since the last one (READ COMMITTED). Who reads, judges and writes
    /// takes [`Tx::lock`] first, or locks the rows it reads, or names in the `WHERE` what it has read. A statement that
    /// failed leaves a transaction in which all others fail: rather than trying an insert, say what a conflict should do.
    ///
    /// Given up in the middle (the future is dropped) it is undone, and the connection is fit for others again. Once
    /// committing has begun, though, nobody can tell: whoever gives up then, or learns [`Error::Unavailable`], may find it
    /// done or not done, and finds out by reading, or by doing it again if that changes nothing.
    ///
    /// # Errors
    /// Those of `work`, and of beginning and committing.
    pub async fn write<T, E, F>(&self, work: impl Fn(Tx) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Error> + StdError + 'static,
    {
        retry(&self.budget, || async {
            let _turn = self.turn().await?;
            let tx = Arc::new(self.begin().await?);
            let done = work(Tx { inner: Arc::clone(&tx), salt: self.schema.salt }).await?;
            // The work is over and its handle gone with it, unless it was put away somewhere.
            let tx = Arc::try_unwrap(tx).map_err(|_| {
                Error::Statement(DbErr::Custom("a transaction outlived its work".to_owned()))
            })?;
            tx.commit().await.map_err(Error::from)?;
            Ok(done)
        })
        .await
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        let failed = |why| Error::Unavailable(DbErr::ConnectionAcquire(why));
        let turn = self.turns.acquire();
        let turn = match self.patience {
            Some(patience) => tokio::time::timeout(patience, turn)
                .await
                .map_err(|_| failed(ConnAcquireErr::Timeout))?,
            None => turn.await,
        };
        turn.map_err(|_| failed(ConnAcquireErr::ConnectionClosed))
    }

    /// In a task of its own: the driver forgets a `BEGIN` that is given up while it is under way, and would hand the
    /// connection to the next one with a transaction open.
    async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        let mut broken = 0;
        loop {
            let writer = self.writer.clone();
            let begun = tokio::spawn(async move {
                let options = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                writer.begin_with_options(options).await
            });
            let closed = DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
            match begun.await.unwrap_or(Err(closed)) {
                Ok(transaction) => return Ok(transaction),
                // The connection was lost while it rested, and is gone now; nothing has been done on it.
                Err(error @ (DbErr::Query(_) | DbErr::Exec(_))) if broken < self.writers => {
                    let error = Error::from(error);
                    if !matches!(error, Error::Unavailable(_)) {
                        return Err(error);
                    }
                    broken += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is behind it, for the few who must know.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Closes every connection, waiting for those in use.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn close(&self) -> Result<(), Error> {
        self.reader.close_by_ref().await?;
        self.writer.close_by_ref().await?;
        Ok(())
    }
}

/// A transaction being written; a connection to every query of sea-orm: `find().all(&tx)`.
#[derive(Debug)]
pub struct Tx {
    inner: Arc<DatabaseTransaction>,
    salt: i64,
}

impl Tx {
    pub(crate) fn inner(&self) -> &DatabaseTransaction {
        &self.inner
    }

    /// Has the queries of this transaction use indexes wherever they can. For look-ups of a few rows by a list of keys, which
    /// PostgreSQL otherwise answers by reading the whole table once the list is long. Nothing to SQLite.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_index(&self) -> Result<(), Error> {
        if self.get_database_backend() == DbBackend::Postgres {
            self.execute_unprepared(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off",
            )
            .await?;
        }
        Ok(())
    }

    /// Keeps others who lock one of these keys out until the transaction ends, and waits for those who were first. All at
    /// once and in one order, so that two who ask for the same keys in different orders do not wait for each other; hence
    /// once in a transaction, and before rows are written. Keys of other schemas are others.
    ///
    /// In SQLite there is nothing to do: who writes is alone.
    ///
    /// # Errors
    /// [`Error::Busy`] where others keep a key for longer than `lock_timeout_ms`.
    pub async fn lock(&self, keys: &[LockKey]) -> Result<(), Error> {
        if self.get_database_backend() != DbBackend::Postgres || keys.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<i64> = keys.iter().map(|key| key.number() ^ self.salt).collect();
        keys.sort_unstable();
        keys.dedup();
        self.advisory(&keys).await
    }

    /// As [`Self::lock`], but beside others who share the key: only whoever locks it is kept out, or waited for. Who wants to
    /// lock it comes before those who ask to share it later, however many they are; row locks give no such turn. Before
    /// [`Self::lock`], where a transaction does both.
    ///
    /// # Errors
    /// [`Error::Busy`] where somebody keeps the key for longer than `lock_timeout_ms`.
    pub async fn share(&self, key: LockKey) -> Result<(), Error> {
        if self.get_database_backend() == DbBackend::Postgres {
            self.execute_raw(Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_advisory_xact_lock_shared($1)",
                [(key.number() ^ self.salt).into()],
            ))
            .await?;
        }
        Ok(())
    }

    /// Takes advisory locks of PostgreSQL in the order given.
    pub(crate) async fn advisory(&self, keys: &[i64]) -> Result<(), Error> {
        let list: Vec<String> = keys.iter().map(ToString::to_string).collect();
        // A scan of one function, which yields the elements in their order; as text, since arrays cannot be bound.
        self.execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(CAST($1 AS text) AS bigint[])) AS keys (key)",
            [format!("{{{}}}", list.join(",")).into()],
        ))
        .await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}
