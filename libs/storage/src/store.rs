//! A database: many readers, one writer.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, ExecResult, QueryResult, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait as _,
};
use serde::Deserialize;

use crate::error::Error;
use crate::retry::{Budget, retry};

/// The section `[store]` of a service's settings.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite::memory:`, or `sqlite:///path/to/file?mode=rwc`, where `mode=rwc` makes the file if there is none.
    pub url: String,
    /// Connections for reading, at least one. Writing has one of its own.
    pub max_connections: u32,
    /// How long to wait for a connection, and for other processes that write, in milliseconds.
    pub patience_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: "sqlite::memory:".to_owned(), max_connections: 4, patience_ms: 5000 }
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
            .field("max_connections", &self.max_connections)
            .field("patience_ms", &self.patience_ms)
            .finish_non_exhaustive()
    }
}

/// A database of one service. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Store {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    turn: Arc<tokio::sync::Mutex<()>>,
    budget: Arc<Budget>,
}

/// Opens a store. The schema is not touched; see [`crate::migrate`].
///
/// # Errors
/// [`Error::Unsupported`] or [`Error::Open`].
pub async fn connect(config: &StoreConfig) -> Result<Store, Error> {
    let scheme = config.url.split(':').next().unwrap_or_default();
    if scheme != "sqlite" {
        return Err(Error::Unsupported(scheme.to_owned()));
    }
    let parsed: SqliteConnectOptions =
        config.url.parse().map_err(|error| Error::Open(DbErr::Custom(format!("{error}"))))?;
    let path = parsed.get_filename().to_owned();
    if config.url.contains(":memory:") || config.url.contains("mode=memory") {
        return memory(config).await;
    }
    let patience = Duration::from_millis(config.patience_ms);
    // The writer first: it may make the file, and it alone switches the journal.
    let mut options = common(config, 1);
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(patience)
    });
    let writer = open(options, &path).await?;
    let mut options = common(config, config.max_connections.max(1));
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(patience)
            .pragma("query_only", "on")
    });
    let reader = open(options, &path).await?;
    Ok(Store { reader, writer, turn: turn_of(&path), budget: Arc::default() })
}

/// The database is its one connection, which must never be given back or grow old.
async fn memory(config: &StoreConfig) -> Result<Store, Error> {
    let mut options = common(config, 1);
    options.min_connections(1).idle_timeout(None).max_lifetime(None);
    options.map_sqlx_sqlite_opts(|options| options.foreign_keys(true));
    let only = Database::connect(options).await.map_err(Error::Open)?;
    Ok(Store { reader: only.clone(), writer: only, turn: Arc::default(), budget: Arc::default() })
}

fn common(config: &StoreConfig, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(config.url.clone());
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_millis(config.patience_ms))
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false);
    options
}

async fn open(
    options: ConnectOptions,
    path: &std::path::Path,
) -> Result<DatabaseConnection, Error> {
    Database::connect(options)
        .await
        .map_err(|error| Error::Open(DbErr::Custom(format!("`{}`: {error}", path.display()))))
}

/// Writers of one file in one process take turns here, in order. SQLite would let them try again and again instead, with
/// no order and a limit to its patience.
fn turn_of(path: &std::path::Path) -> Arc<tokio::sync::Mutex<()>> {
    type Turns = HashMap<PathBuf, Weak<tokio::sync::Mutex<()>>>;
    static TURNS: LazyLock<Mutex<Turns>> = LazyLock::new(Mutex::default);
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.retain(|_, turn| turn.strong_count() > 0);
    if let Some(turn) = turns.get(&path).and_then(Weak::upgrade) {
        return turn;
    }
    let turn = Arc::default();
    turns.insert(path, Arc::downgrade(&turn));
    turn
}

impl Store {
    /// For queries. It sees what has been committed when the query begins, and cannot change anything.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Does `work` in a transaction of its own: committed if it succeeds, undone if it fails or is given up. Nobody else
    /// writes meanwhile. While the database is busy it is all done again, so `work` must have no effects but through its
    /// [`Tx`], and takes what it needs by reference or as clones:
    /// `let rows = &rows; store.write(|tx| async move { … })`.
    ///
    /// # Errors
    /// Those of `work`, and of beginning and committing.
    pub async fn write<T, E, F>(&self, work: impl Fn(Tx) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Error> + StdError + 'static,
    {
        retry(&self.budget, || async {
            let _turn = self.turn.lock().await;
            let tx = Arc::new(self.begin().await?);
            let done = work(Tx(Arc::clone(&tx))).await?;
            // The work is over and its handle gone with it, unless it was put away somewhere.
            let tx = Arc::try_unwrap(tx).map_err(|_| {
                Error::Statement(DbErr::Custom("a transaction outlived its work".to_owned()))
            })?;
            tx.commit().await.map_err(Error::from)?;
            Ok(done)
        })
        .await
    }

    async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
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
pub struct Tx(Arc<DatabaseTransaction>);

impl Tx {
    pub(crate) fn inner(&self) -> &DatabaseTransaction {
        &self.0
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(statement).await
    }
}
