//! A database in a file, or in memory: one writer, many readers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use tokio::sync::Semaphore;

use super::{Store, StoreConfig, common};
use crate::error::Error;

/// The pause before a locked file is opened once more.
const AGAIN: Duration = Duration::from_millis(10);

pub(super) async fn open(config: &StoreConfig) -> Result<Store, Error> {
    let parsed: SqliteConnectOptions =
        config.url.parse().map_err(|error| Error::Open(DbErr::Custom(format!("{error}"))))?;
    let path = parsed.get_filename().to_owned();
    if config.url.contains(":memory:") || config.url.contains("mode=memory") {
        return memory(config).await;
    }
    let patience = Duration::from_millis(config.patience_ms);
    // The writer first: it may make the file, and it alone switches the journal.
    let mut options = common(config.url.clone(), config, 1);
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(patience)
    });
    let writer = pool(options, &path, patience).await?;
    let mut options = common(config.url.clone(), config, config.max_connections);
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(patience)
            .pragma("query_only", "on")
    });
    let reader = pool(options, &path, patience).await?;
    Ok(store(reader, writer, turns_of(&path)))
}

fn store(reader: DatabaseConnection, writer: DatabaseConnection, turns: Arc<Semaphore>) -> Store {
    let schema = Arc::default();
    Store { reader, writer, turns, writers: 1, patience: None, budget: Arc::default(), schema }
}

/// The database is its one connection, which must never be given back or grow old.
async fn memory(config: &StoreConfig) -> Result<Store, Error> {
    let mut options = common(config.url.clone(), config, 1);
    options.min_connections(1).idle_timeout(None).max_lifetime(None);
    options.map_sqlx_sqlite_opts(|options| options.foreign_keys(true));
    let only = Database::connect(options).await.map_err(Error::Open)?;
    Ok(store(only.clone(), only, Arc::new(Semaphore::new(1))))
}

/// Connects. Where several switch the journal of a new file at once, SQLite makes none of them wait, whatever its busy timeout,
/// and tells all but one that the file is locked; so it is tried again here.
async fn pool(
    options: ConnectOptions,
    path: &Path,
    patience: Duration,
) -> Result<DatabaseConnection, Error> {
    let begin = Instant::now();
    loop {
        let error = match Database::connect(options.clone()).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let told = Error::Open(DbErr::Custom(format!("`{}`: {error}", path.display())));
        if !matches!(Error::from(error), Error::Busy(_)) || begin.elapsed() >= patience {
            return Err(told);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Writers of one file in one process take turns here, in order. SQLite would let them try again and again instead, with
/// no order and a limit to its patience.
fn turns_of(path: &Path) -> Arc<Semaphore> {
    type Turns = HashMap<PathBuf, Weak<Semaphore>>;
    static TURNS: LazyLock<Mutex<Turns>> = LazyLock::new(Mutex::default);
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut all = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, turns| turns.strong_count() > 0);
    if let Some(turns) = all.get(&path).and_then(Weak::upgrade) {
        return turns;
    }
    let turns = Arc::new(Semaphore::new(1));
    all.insert(path, Arc::downgrade(&turns));
    turns
}
