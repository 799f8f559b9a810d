//! Bringing a schema up to date.

use sea_orm::{ConnectionTrait as _, DbBackend};
use sea_orm_migration::MigratorTrait;

use crate::error::Error;
use crate::lock::LockKey;
use crate::store::{Store, Tx};

/// The table in which migrations are noted unless a migrator names another; two services would find each other's there.
const SHARED: &str = "seaql_migrations";

/// How long to wait for another replica that migrates, in PostgreSQL.
const PATIENCE: &str = "10min";

/// Applies the migrations of `M` that are missing, all of them or none, while nobody else migrates. Several replicas may
/// do so at once: one migrates, the others wait for it and find nothing left to do.
///
/// In PostgreSQL the schema of the service is made if it is missing, and a migration may take longer than other statements
/// may, but waits for locks no longer than they: those who queue behind it wait as long.
///
/// Services may share a database: every migrator names a table of its own (`fn migration_table_name`), and its tables
/// begin with the name of the service.
///
/// # Errors
/// [`Error::Migration`], also where `M` names no table of its own, and where the database is newer than `M`.
pub async fn migrate<M: MigratorTrait>(store: &Store) -> Result<(), Error> {
    if M::migration_table_name().to_string() == SHARED {
        return Err(Error::Migration(format!(
            "the migrator notes its migrations in `{SHARED}`, which no service has for itself"
        )));
    }
    store
        .write(|tx| async move {
            if tx.get_database_backend() == DbBackend::Postgres {
                alone::<M>(store, &tx).await?;
            }
            M::up(tx.inner(), None).await.map_err(|error| {
                let error = Error::from(error);
                if error.is_transient() { error } else { Error::Migration(cause(&error)) }
            })
        })
        .await
}

/// Waits until no other replica migrates, and makes the schema.
async fn alone<M: MigratorTrait>(store: &Store, tx: &Tx) -> Result<(), Error> {
    let schema = store.schema();
    // The name has been looked at: it needs no quoting.
    let name = &schema.name;
    tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    tx.execute_unprepared(&format!("SET LOCAL lock_timeout = '{PATIENCE}'")).await?;
    // Below zero, where no key of a service is.
    let key = |parts: &[&str]| !LockKey::of("storage.migrate", parts).number();
    if !name.is_empty() {
        tx.advisory(&[key(&[name])]).await?;
        // Making what is there already would need a right that a service may lack.
        let missing = tx
            .query_one_raw(sea_orm::Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)",
                [name.as_str().into()],
            ))
            .await?;
        if missing.is_some() {
            tx.execute_unprepared(&format!("CREATE SCHEMA {name}")).await?;
        }
    }
    tx.advisory(&[key(&[name, &M::migration_table_name().to_string()])]).await?;
    let patience = schema.lock_timeout_ms;
    tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {patience}")).await?;
    Ok(())
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
