//! What PostgreSQL knows of its tables when it plans a query.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::error::Error;
use crate::store::Store;

/// Tables of the service of which more than a third is newer than what is known of them, and not just a few rows.
const GROWN: &str = "SELECT quote_ident(relname) FROM pg_stat_user_tables WHERE schemaname = current_schema() \
                     AND n_mod_since_analyze > 2000 AND n_mod_since_analyze > n_live_tup / 3";

impl Store {
    /// Lets PostgreSQL look at tables that have grown a lot, and answers how many. By itself it looks about once a minute,
    /// and until then plans for a table that has been filled within seconds as if it were empty. Cheap when nothing
    /// has grown: for whoever writes much to call every few seconds. In SQLite there is nothing to do.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn analyze_grown(&self) -> Result<usize, Error> {
        if self.backend() != DbBackend::Postgres {
            return Ok(0);
        }
        let grown = Statement::from_string(DbBackend::Postgres, GROWN);
        let grown = self.reader().query_all_raw(grown).await?;
        for row in &grown {
            let table: String = row.try_get_by_index(0)?;
            self.reader().execute_unprepared(&format!("ANALYZE {table}")).await?;
        }
        Ok(grown.len())
    }
}
