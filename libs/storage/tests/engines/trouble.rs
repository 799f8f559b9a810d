//! What a store does when PostgreSQL is busy, slow, of another opinion, or gone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::sea_query::Expr;
use sea_orm::sea_query::extension::postgres::PgExpr as _;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};
use storage::{Error, Store, StoreConfig, Tx, connect, insert_many};
use tokio::sync::{Barrier, Semaphore};

use super::testing::Engine;
use super::{add, count, item, stocked};

async fn two_items(engine: &Engine) -> Store {
    let store = stocked(&engine.config()).await;
    add(&store, 1).await.unwrap();
    add(&store, 2).await.unwrap();
    store
}

async fn rename(tx: &Tx, id: i64) -> Result<(), Error> {
    let name = Expr::col(item::Column::Name).concatenate("!");
    let update = item::Entity::update_many().col_expr(item::Column::Name, name);
    update.filter(item::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

async fn names(store: &Store) -> Vec<String> {
    let mut rows = item::Entity::find().all(store.reader()).await.unwrap();
    rows.sort_by_key(|row| row.id);
    rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_that_wait_for_each_other_is_done_again() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = &two_items(&engine).await;
    let (met, tries) = (&Barrier::new(2), &AtomicU32::new(0));
    let crossing = |first, second| {
        store.write(move |tx| async move {
            let attempt = tries.fetch_add(1, Ordering::SeqCst);
            rename(&tx, first).await?;
            if attempt < 2 {
                met.wait().await;
            }
            rename(&tx, second).await
        })
    };
    let (one, other) = tokio::join!(crossing(1, 2), crossing(2, 1));
    one.unwrap();
    other.unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!(names(store).await, ["item 1!!", "item 2!!"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_that_cannot_be_put_in_order_is_done_again() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = &two_items(&engine).await;
    let tries = &AtomicU32::new(0);
    let work = |tx: Tx| async move {
        let level = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        tx.execute_unprepared(level).await?;
        item::Entity::find_by_id(1).one(&tx).await?;
        if tries.fetch_add(1, Ordering::SeqCst) == 0 {
            store.write(|tx| async move { rename(&tx, 1).await }).await?;
        }
        rename(&tx, 1).await
    };
    store.write(work).await.unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    assert_eq!(names(store).await[0], "item 1!!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_is_not_waited_for_for_ever() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = two_items(&engine).await;
    let hasty = connect(&StoreConfig { lock_timeout_ms: 20, ..engine.config() }).await.unwrap();
    let tries = &AtomicU32::new(0);
    let hasty = &hasty;
    let error = store
        .write(|tx| async move {
            rename(&tx, 1).await?;
            let waited = hasty.write(|tx| async move {
                tries.fetch_add(1, Ordering::SeqCst);
                rename(&tx, 1).await
            });
            Ok::<_, Error>(waited.await.unwrap_err())
        })
        .await
        .unwrap();
    assert!(matches!(error, Error::Busy(_)), "{error:?}");
    assert_eq!(tries.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn what_the_server_complains_of_is_sorted() {
    let Some(engine) = Engine::postgres().await else { return };
    let config = StoreConfig { statement_timeout_ms: 50, ..engine.config() };
    two_items(&engine).await;
    let store = connect(&config).await.unwrap();
    let make = "CREATE TABLE shop_part (item bigint REFERENCES shop_item (id), count int CHECK (count > 0))";
    let failed = async |sql: &str| {
        store
            .write(|tx| async move {
                tx.execute_unprepared(make).await?;
                tx.execute_unprepared(sql).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err()
    };
    for sql in [
        "INSERT INTO shop_item VALUES (1, 'again')",
        "INSERT INTO shop_part VALUES (7, 1)",
        "INSERT INTO shop_part VALUES (1, 0)",
        "INSERT INTO shop_item VALUES (3, NULL)",
    ] {
        let error = failed(sql).await;
        assert!(matches!(error, Error::Conflict(_)), "{sql}: {error:?}");
    }
    for sql in ["SELEC 1", "SELECT 1/0", "SELECT * FROM no_such_table", "SELECT E'\\x00'"] {
        let error = failed(sql).await;
        assert!(matches!(error, Error::Statement(_)), "{sql}: {error:?}");
    }
    let error = failed("SELECT pg_sleep(1)").await;
    assert!(matches!(error, Error::Unavailable(_)), "too slow: {error:?}");
    // What comes after a failure, if that is ignored.
    let error = store
        .write(|tx| async move {
            let _ = tx.execute_unprepared("SELECT 1/0").await;
            add_within(&tx, 3).await
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Statement(_)), "{error:?}");
    // A limit that is the client's, not the server's.
    let text = item::ActiveModel { name: sea_orm::Set("a\0b".to_owned()), ..super::item(3) };
    let text = &text;
    let error = store
        .write(|tx| async move { insert_many(&tx, [text.clone()], None).await })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Statement(_)), "{error:?}");
}

async fn add_within(tx: &Tx, id: i64) -> Result<(), Error> {
    insert_many(tx, [super::item(id)], None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn there_are_no_more_connections_than_allowed() {
    let Some(engine) = Engine::postgres().await else { return };
    let config =
        StoreConfig { max_connections: 3, max_writers: 2, patience_ms: 300, ..engine.config() };
    let store = &stocked(&config).await;
    // Two write, and the third waits until its patience ends.
    let (inside, go) = (&AtomicU32::new(0), &Semaphore::new(0));
    let write = || {
        store.write(|tx| async move {
            inside.fetch_add(1, Ordering::SeqCst);
            go.acquire().await.unwrap().forget();
            tx.lock(&[]).await
        })
    };
    let begun = Instant::now();
    let third = async {
        while inside.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let third = write().await;
        go.add_permits(2);
        third
    };
    let (one, two, three) = tokio::join!(write(), write(), third);
    one.unwrap();
    two.unwrap();
    let error = three.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    // Readers are counted by themselves.
    let mut reading = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        reading
            .spawn(async move { store.reader().execute_unprepared("SELECT pg_sleep(0.01)").await });
    }
    while let Some(read) = reading.join_next().await {
        read.unwrap().unwrap();
    }
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' AND datname = current_database()",
        config.schema
    );
    let sql = sea_orm::Statement::from_string(store.backend(), sql);
    let sessions = store.reader().query_one_raw(sql).await.unwrap().unwrap();
    assert_eq!(sessions.try_get_by_index::<i64>(0).unwrap(), 3 + 2);
}

#[tokio::test]
async fn connections_that_were_ended_are_replaced_without_anybody_doing_anything() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = &stocked(&engine.config()).await;
    let admin = &connect(&engine.config()).await.unwrap();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}' \
         AND datname = current_database() AND pid <> pg_backend_pid()",
        engine.config().schema
    );
    let end = &end;
    for rested in [true, false] {
        // All four writers are connected.
        let together = &Barrier::new(4);
        let connect = || {
            store.write(|_| async move {
                together.wait().await;
                Ok::<_, Error>(())
            })
        };
        let connected = tokio::join!(connect(), connect(), connect(), connect());
        assert!(matches!(connected, (Ok(()), Ok(()), Ok(()), Ok(()))));
        // One in the middle of a transaction learns of it.
        let failed = store
            .write(|tx| async move {
                add_within(&tx, 7).await?;
                admin_ends(admin, end).await;
                add_within(&tx, 8).await
            })
            .await
            .unwrap_err();
        assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");
        if rested {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        // Whoever comes later does not notice; only who reads at once may.
        add(store, i64::from(rested)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(count(store).await, if rested { 1 } else { 2 });
    }
}

async fn admin_ends(admin: &Store, sql: &str) {
    // Asked by a connection that outlives it.
    admin.reader().execute_unprepared(sql).await.unwrap();
}

/// A server of this test's own.
struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// None where PostgreSQL is not installed as Debian does.
    fn start() -> Option<Self> {
        let installed = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = installed.flatten().map(|version| version.path().join("bin")).max()?;
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { programs, folder, port };
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(cluster.folder.path()).status();
            assert!(owned.unwrap().success());
        }
        cluster.run("initdb", &["--auth=trust", "--username=postgres", "--no-sync"]);
        cluster.up();
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        // PostgreSQL refuses to run as root.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let log = std::fs::File::create(Path::new(self.folder.path()).join("output")).unwrap();
        command.arg("-D").arg(self.data()).args(arguments).current_dir("/");
        let done = command.stdin(std::process::Stdio::null()).stdout(log).status().unwrap();
        assert!(done.success(), "{command:?}");
    }

    fn up(&self) {
        let folder = self.folder.path().display();
        let options =
            format!("-p {} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off", self.port);
        let log = format!("{folder}/log");
        self.run("pg_ctl", &["-w", "-s", "-o", &options, "-l", &log, "start"]);
    }

    fn down(&self, mode: &str) {
        self.run("pg_ctl", &["-w", "-s", "-m", mode, "stop"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.down("immediate");
        }
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.down("immediate"))));
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_survives_the_restarts_of_its_server() {
    let Some(cluster) = Cluster::start() else {
        eprintln!("skipped: PostgreSQL is not installed here");
        return;
    };
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port);
    let config = StoreConfig { schema: "shop".to_owned(), ..StoreConfig::at(url) };
    let store = stocked(&config).await;
    for (round, mode) in (0..).zip(["fast", "immediate"]) {
        add(&store, 10 * round).await.unwrap();
        // Those who come while it is away wait for it.
        cluster.down(mode);
        tokio::time::sleep(Duration::from_millis(150)).await;
        let waiting = tokio::spawn({
            let store = store.clone();
            async move {
                add(&store, 10 * round + 1).await.unwrap();
                count(&store).await
            }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!waiting.is_finished());
        cluster.up();
        assert_eq!(waiting.await.unwrap(), 2 * (round as u64 + 1));
    }
    // Nobody waits longer than it has patience.
    cluster.down("fast");
    let hasty = StoreConfig { patience_ms: 300, ..config };
    let begun = Instant::now();
    assert!(matches!(connect(&hasty).await, Err(Error::Open(_))));
    assert!(begun.elapsed() < Duration::from_secs(3));
    let error = item::Entity::find().all(store.reader()).await.map_err(Error::from).unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    cluster.up();
    assert_eq!(count(&store).await, 4);
}

#[tokio::test]
async fn postgres_looks_at_a_table_that_has_grown_and_not_at_others() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = &stocked(&engine.config()).await;
    add(store, 1).await.unwrap();
    assert_eq!(store.analyze_grown().await.unwrap(), 0, "one row is no reason");
    let rows: Vec<_> = (10..5_000).map(item).collect();
    let rows = &rows;
    store.write(|tx| async move { insert_many(&tx, rows.clone(), None).await }).await.unwrap();
    // The server counts what is written a little later.
    let mut looked_at = 0;
    for _ in 0..200 {
        looked_at = store.analyze_grown().await.unwrap();
        if looked_at > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(looked_at, 1);
    let sql = "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = 'shop_item'::regclass";
    let sql = sea_orm::Statement::from_string(store.backend(), sql);
    let known = store.reader().query_one_raw(sql).await.unwrap().unwrap();
    assert_eq!(known.try_get_by_index::<i64>(0).unwrap(), 4_991);
}
