//! Bringing a schema up to date.

use sea_orm_migration::MigratorTrait;

use crate::error::Error;
use crate::store::Store;

/// The table in which migrations are noted unless a migrator names another; two services would find each other's there.
const SHARED: &str = "seaql_migrations";

/// Applies the migrations of `M` that are missing, all of them or none, while nobody else migrates.
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
            M::up(tx.inner(), None).await.map_err(|error| {
                let error = Error::from(error);
                if error.is_transient() { error } else { Error::Migration(cause(&error)) }
            })
        })
        .await
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
