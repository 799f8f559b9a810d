//! A schema of a PostgreSQL database: many readers, several writers, in as many processes as there are.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{Database, DatabaseConnection, DbErr};
use tokio::sync::Semaphore;

use super::{Schema, Store, StoreConfig, common};
use crate::error::Error;
use crate::lock::LockKey;

/// The server gives up a transaction whose client has gone silent, so that its locks do not outlive it for long.
const SILENCE_MS: u32 = 60_000;

/// A connection that has rested for so long is asked whether it still lives before it is used: less than a server needs to
/// be started anew, and more than connections rest where there is much to do.
const RESTED: Duration = Duration::from_millis(100);

/// More than any server takes.
const MOST_WRITERS: u32 = 10_000;

/// The longest name PostgreSQL tells apart from others.
const LONGEST_NAME: usize = 63;

pub(super) async fn open(config: &StoreConfig) -> Result<Store, Error> {
    // The cause is left out: it may quote any part of the address.
    let address: PgConnectOptions = config.url.parse().map_err(|_| {
        invalid("the address is not of the form `postgres://user:password@host:port/database`")
    })?;
    if !config.schema.is_empty() && !is_name(&config.schema) {
        return Err(invalid(&format!(
            "`{}` is no name of a schema: lower-case letters, digits and `_`, at most {LONGEST_NAME}",
            config.schema
        )));
    }
    let writer = pool(config, &address, Use::Write).await?;
    let reader = pool(config, &address, Use::Read).await?;
    let schema = Schema {
        name: config.schema.clone(),
        lock_timeout_ms: config.lock_timeout_ms,
        salt: LockKey::of("storage.schema", &[&config.schema]).number(),
    };
    let writers = config.max_writers.clamp(1, MOST_WRITERS);
    Ok(Store {
        reader,
        writer,
        turns: Arc::new(Semaphore::new(writers as usize)),
        writers,
        patience: Some(Duration::from_millis(config.patience_ms)),
        budget: Arc::default(),
        schema: Arc::new(schema),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

async fn pool(
    config: &StoreConfig,
    address: &PgConnectOptions,
    to: Use,
) -> Result<DatabaseConnection, Error> {
    let mut session = address
        .clone()
        .options([
            ("statement_timeout", config.statement_timeout_ms),
            ("lock_timeout", config.lock_timeout_ms),
            ("idle_in_transaction_session_timeout", SILENCE_MS),
        ])
        .options([("default_transaction_isolation", "read committed")])
        .disable_statement_logging();
    if !config.schema.is_empty() {
        session = session.options([("search_path", config.schema.as_str())]);
    }
    if to == Use::Read {
        session = session.options([("default_transaction_read_only", "on")]);
    }
    if session.get_application_name().is_none() {
        let name = if config.schema.is_empty() { "callsheet" } else { &config.schema };
        session = session.application_name(name);
    }
    let connections = match to {
        Use::Read => config.max_connections,
        Use::Write => config.max_writers,
    };
    // The options go in as a whole, so that the address with its password is in nothing that is ever printed.
    let mut options = common("postgres://".to_owned(), config, connections);
    options.test_before_acquire_if_idle_for(RESTED);
    options.map_sqlx_postgres_opts(move |_| session.clone());
    Database::connect(options).await.map_err(|error| {
        let (host, port) = (address.get_host(), address.get_port());
        let database = address.get_database().unwrap_or_default();
        invalid(&format!("`{host}:{port}/{database}`: {error}"))
    })
}

fn is_name(name: &str) -> bool {
    let mut characters = name.bytes();
    characters.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
        && name.len() <= LONGEST_NAME
        && !name.starts_with("pg_")
}

fn invalid(why: &str) -> Error {
    Error::Open(DbErr::Custom(why.to_owned()))
}
