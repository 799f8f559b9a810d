//! A database in a file, or in memory: one writer, many readers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::{Store, StoreConfig, common};
use crate::error::Error;

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
    let writer = pool(options, &path).await?;
    let mut options = common(config.url.clone(), config, config.max_connections);
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(patience)
            .pragma("query_only", "on")
    });
    let reader = pool(options, &path).await?;
    Ok(store(reader, writer, turn_of(&path)))
}

fn store(
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    turn: Arc<tokio::sync::Mutex<()>>,
) -> Store {
    Store { reader, writer, turn: Some(turn), budget: Arc::default(), schema: Arc::default() }
}

/// The database is its one connection, which must never be given back or grow old.
async fn memory(config: &StoreConfig) -> Result<Store, Error> {
    let mut options = common(config.url.clone(), config, 1);
    options.min_connections(1).idle_timeout(None).max_lifetime(None);
    options.map_sqlx_sqlite_opts(|options| options.foreign_keys(true));
    let only = Database::connect(options).await.map_err(Error::Open)?;
    Ok(store(only.clone(), only, Arc::default()))
}

async fn pool(options: ConnectOptions, path: &Path) -> Result<DatabaseConnection, Error> {
    Database::connect(options)
        .await
        .map_err(|error| Error::Open(DbErr::Custom(format!("`{}`: {error}", path.display()))))
}

/// Writers of one file in one process take turns here, in order. SQLite would let them try again and again instead, with
/// no order and a limit to its patience.
fn turn_of(path: &Path) -> Arc<tokio::sync::Mutex<()>> {
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
