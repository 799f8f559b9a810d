//! Databases of every kind for tests, so that what a service keeps is tried on all of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr};

use crate::StoreConfig;

/// Names a superuser's database of a PostgreSQL server that tests may do with as they like.
pub const POSTGRES: &str = "CALLSHEET_TEST_POSTGRES";
/// If `required`, tests fail where a server is missing, instead of leaving it out.
pub const SERVERS: &str = "CALLSHEET_TEST_SERVERS";

/// An empty database that is gone when this is dropped. Keep it for as long as stores are open on it.
#[derive(Debug)]
pub struct Engine {
    name: &'static str,
    config: StoreConfig,
    _place: Place,
}

#[derive(Debug)]
enum Place {
    Memory,
    Folder { _gone_when_dropped: tempfile::TempDir },
    Schema(String),
}

impl Engine {
    /// What it is: `memory`, `file` or `postgres`, for messages of failed tests.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How to open it. Always the same database, except that one in memory is new with each [`crate::connect`].
    #[must_use]
    pub fn config(&self) -> StoreConfig {
        self.config.clone()
    }

    /// Whether processes and stores beside each other find the same rows in it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.name != "memory"
    }

    /// Whether it is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.name == "postgres"
    }

    /// One in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self { name: "memory", config: StoreConfig::memory(), _place: Place::Memory }
    }

    /// One in a file.
    ///
    /// # Panics
    /// Where no temporary folder can be made.
    #[must_use]
    pub fn file() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config =
            StoreConfig::at(format!("sqlite://{}/store.db?mode=rwc", folder.path().display()));
        Self { name: "file", config, _place: Place::Folder { _gone_when_dropped: folder } }
    }

    /// An empty schema in a PostgreSQL database of this process, or none where [`POSTGRES`] is not set.
    ///
    /// Time that a test has stopped runs away while the server works: such tests are for the others.
    ///
    /// # Panics
    /// Where the server does not do what it should, and where it is required but not named.
    pub async fn postgres() -> Option<Self> {
        static SCHEMAS: AtomicU32 = AtomicU32::new(0);
        let keeper = tokio::task::spawn_blocking(Keeper::of_this_process)
            .await
            .expect("the keeper of databases starts")?;
        let schema = format!("s{}", SCHEMAS.fetch_add(1, Ordering::Relaxed));
        let (reply, done) = tokio::sync::oneshot::channel();
        keeper.send(Order { sql: format!("CREATE SCHEMA {schema}"), reply: Some(reply) });
        done.await.expect("the keeper of databases lives").expect("a schema can be made");
        let config =
            StoreConfig { schema: schema.clone(), ..StoreConfig::at(keeper.database.clone()) };
        Some(Self { name: "postgres", config, _place: Place::Schema(schema) })
    }
}

/// An empty database of every kind there is: in memory, in a file, and in PostgreSQL where [`POSTGRES`] is set.
///
/// # Panics
/// As [`Engine::postgres`] and [`Engine::file`] do.
pub async fn engines() -> Vec<Engine> {
    let mut engines = vec![Engine::memory(), Engine::file()];
    engines.extend(Engine::postgres().await);
    engines
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only one that has a schema asks for the keeper: where there is none, asking may panic.
        if let Self::Schema(schema) = self
            && let Some(keeper) = Keeper::of_this_process()
        {
            // Nobody waits: if the process ends first, the schema goes with its database.
            keeper.send(Order { sql: format!("DROP SCHEMA {schema} CASCADE"), reply: None });
        }
    }
}

/// A thread that keeps a connection to the database of this process. A database to which nobody is connected belongs to a
/// process that has ended, and is dropped by the next one that comes.
struct Keeper {
    database: String,
    orders: mpsc::Sender<Order>,
}

struct Order {
    sql: String,
    reply: Option<tokio::sync::oneshot::Sender<Result<(), DbErr>>>,
}

impl Keeper {
    fn of_this_process() -> Option<&'static Self> {
        static KEEPER: OnceLock<Option<Keeper>> = OnceLock::new();
        KEEPER.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        let Ok(server) = std::env::var(POSTGRES) else {
            let required = std::env::var(SERVERS).is_ok_and(|servers| servers == "required");
            assert!(!required, "{POSTGRES} is not set");
            eprintln!("skipped on PostgreSQL: {POSTGRES} is not set");
            return None;
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("callsheet_test_{}_{}", std::process::id(), since.as_micros());
        let database = with_database(&server, &name);
        let (orders, received) = mpsc::channel::<Order>();
        let (ready, started) = mpsc::channel();
        let url = database.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            let connection = runtime.block_on(begin(&server, &name, &url));
            let connection = match connection {
                Ok(connection) => connection,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            for Order { sql, reply } in received {
                let done = runtime.block_on(connection.execute_unprepared(&sql));
                if let Some(reply) = reply {
                    drop(reply.send(done.map(drop)));
                }
            }
        });
        started
            .recv()
            .expect("the keeper of databases lives")
            .unwrap_or_else(|error| panic!("cannot make a database at {POSTGRES}: {error}"));
        Some(Self { database, orders })
    }

    fn send(&self, order: Order) {
        // The thread ends with the process.
        drop(self.orders.send(order));
    }
}

/// Drops what others left, makes a database and connects to it.
async fn begin(server: &str, name: &str, url: &str) -> Result<DatabaseConnection, DbErr> {
    let admin = Database::connect(options(server)).await?;
    let left = admin
        .query_all_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            "SELECT datname FROM pg_database WHERE datname LIKE 'callsheet\\_test\\_%' \
             AND NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.datname = pg_database.datname)",
        ))
        .await?;
    for row in left {
        let left: String = row.try_get_by_index(0)?;
        // Others sweep as well, and one who has just made a database connects to it in a moment.
        drop(admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {left}")).await);
    }
    let mut tries = 0;
    loop {
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        let kept = match admin.execute_unprepared(&sql).await {
            Ok(_) => Database::connect(options(url)).await,
            Err(error) => Err(error),
        };
        tries += 1;
        if kept.is_ok() || tries == 5 {
            drop(admin.close().await);
            return kept;
        }
        tokio::time::sleep(Duration::from_millis(100 * tries)).await;
    }
}

fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.replacen("postgresql://", "postgres://", 1));
    options.max_connections(1).idle_timeout(None).max_lifetime(None).sqlx_logging(false);
    options.map_sqlx_postgres_opts(|options| options.options([("lock_timeout", "1s")]));
    options
}

/// The address of another database of the same server.
fn with_database(server: &str, name: &str) -> String {
    let (address, query) = server.split_once('?').unwrap_or((server, ""));
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    let question = if query.is_empty() { "" } else { "?" };
    format!("{}/{name}{question}{query}", &address[..end])
}
