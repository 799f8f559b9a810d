//! What a store promises, on every engine there is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, Statement,
};
// `crate::StoreConfig` of the module below.
use storage::StoreConfig;
use storage::{
    Error, Lease, Leases, LockKey, Store, claim, connect, database_now, find_in, insert_many,
    migrate,
};

// As a module of this test, which needs no feature then.
#[path = "../src/testing.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is public where it is at home")]
mod testing;

use testing::{Engine, engines};

#[path = "engines/trouble.rs"]
mod trouble;

mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "shop_item")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) name: String,
        pub(crate) picture: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod shop {
    use sea_orm_migration::prelude::*;

    pub(crate) const LEASES: storage::LeaseTable = storage::LeaseTable::named("shop_lease");

    pub(crate) struct Migrator;

    #[async_trait::async_trait]
    impl MigratorTrait for Migrator {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(Items)]
        }

        fn migration_table_name() -> sea_orm::DynIden {
            "shop_migrations".into_iden()
        }
    }

    /// That of the next version.
    pub(crate) struct Newer;

    #[async_trait::async_trait]
    impl MigratorTrait for Newer {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(Items), Box::new(Nothing)]
        }

        fn migration_table_name() -> sea_orm::DynIden {
            "shop_migrations".into_iden()
        }
    }

    struct Nothing;

    impl MigrationName for Nothing {
        fn name(&self) -> &'static str {
            "m2_nothing"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for Nothing {
        async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
            Ok(())
        }
    }

    #[derive(DeriveMigrationName)]
    struct Items;

    #[async_trait::async_trait]
    impl MigrationTrait for Items {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            manager
                .create_table(
                    Table::create()
                        .table("shop_item")
                        .col(ColumnDef::new("id").big_integer().not_null().primary_key())
                        .col(ColumnDef::new("name").string().not_null())
                        .col(ColumnDef::new("picture").blob())
                        .to_owned(),
                )
                .await?;
            manager.create_table(LEASES.create()).await
        }
    }
}

async fn stocked(config: &StoreConfig) -> Store {
    let store = connect(config).await.unwrap();
    migrate::<shop::Migrator>(&store).await.unwrap();
    store
}

fn item(id: i64) -> item::ActiveModel {
    item::ActiveModel { id: Set(id), name: Set(format!("item {id}")), picture: Set(None) }
}

async fn count(store: &Store) -> u64 {
    item::Entity::find().count(store.reader()).await.unwrap()
}

async fn add(store: &Store, id: i64) -> Result<(), Error> {
    store.write(|tx| async move { insert_many(&tx, [item(id)], None).await }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_migrate_at_once_where_there_is_not_even_a_schema() {
    for engine in engines().await {
        if !engine.is_shared() {
            continue;
        }
        let schema = format!("{}_new", engine.config().schema);
        let config = StoreConfig { schema, ..engine.config() };
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let config = config.clone();
            tasks.spawn(async move {
                let store = connect(&config).await?;
                migrate::<shop::Migrator>(&store).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let store = stocked(&config).await;
        add(&store, 1).await.unwrap();
        assert_eq!(count(&store).await, 1, "{}", engine.name());
    }
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        migrate::<shop::Newer>(&store).await.unwrap();
        let error = migrate::<shop::Migrator>(&store).await.unwrap_err();
        assert!(matches!(error, Error::Migration(_)), "{error:?}");
        assert!(error.to_string().contains("m2_nothing"), "{error}");
        add(&store, 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_write_that_fails_or_is_given_up_leaves_nothing() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let failed: Result<(), Error> = store
            .write(|tx| async move {
                insert_many(&tx, [item(1)], None).await?;
                Err(Error::Unsupported("nothing".to_owned()))
            })
            .await;
        assert!(matches!(failed, Err(Error::Unsupported(_))));
        let slow = store.write(|tx| async move {
            insert_many(&tx, [item(1)], None).await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Error>(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(200), slow).await.is_err());
        add(&store, 2).await.unwrap();
        assert_eq!(count(&store).await, 1, "{}", engine.name());
    }
}

#[tokio::test]
async fn services_with_schemas_of_their_own_do_not_see_each_other() {
    for engine in engines().await {
        let other = engine.config();
        let other = StoreConfig { schema: format!("{}_other", other.schema), ..other };
        let (one, other) = (stocked(&engine.config()).await, stocked(&other).await);
        add(&one, 1).await.unwrap();
        assert_eq!(count(&one).await, 1);
        // A file has no schemas: there it is the same database.
        assert_eq!(count(&other).await, u64::from(engine.name() == "file"), "{}", engine.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_holds_a_key_is_alone() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let inside = Arc::new(AtomicU32::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for turn in 0..40 {
            let (store, inside) = (store.clone(), Arc::clone(&inside));
            tasks.spawn(async move {
                let inside = &inside;
                store
                    .write(|tx| async move {
                        // In changing order, and some twice.
                        let mut keys: Vec<LockKey> = (0..10)
                            .map(|id| LockKey::of("shop", &[&(id % 7).to_string()]))
                            .collect();
                        keys.rotate_left(turn % 10);
                        tx.lock(&keys).await?;
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        tokio::time::sleep(Duration::from_millis(2)).await;
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        Ok::<_, Error>(())
                    })
                    .await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn bytes_and_many_rows_go_in_and_come_out() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let rows = &(0..20_000)
            .map(|id| item::ActiveModel {
                picture: Set((id % 2 == 0).then(|| vec![0, 255, (id % 256) as u8])),
                ..item(id)
            })
            .collect::<Vec<_>>();
        store.write(|tx| async move { insert_many(&tx, rows.clone(), None).await }).await.unwrap();
        let wanted = (0..40_000_i64).step_by(2);
        let found =
            find_in::<item::Entity, _>(store.reader(), item::Column::Id, wanted).await.unwrap();
        assert_eq!(found.len(), 10_000, "{}", engine.name());
        assert!(found.iter().all(|row| row.picture == Some(vec![0, 255, (row.id % 256) as u8])));
        let names = (0..5000).map(|id| format!("item {id}"));
        let found =
            find_in::<item::Entity, _>(store.reader(), item::Column::Name, names).await.unwrap();
        assert_eq!(found.len(), 5000, "{}", engine.name());
    }
}

#[tokio::test]
async fn a_reader_cannot_write() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        if engine.is_shared() {
            let error = insert_many(store.reader(), [item(1)], None).await.unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn every_connection_has_its_limits() {
    let Some(engine) = Engine::postgres().await else { return };
    let config =
        StoreConfig { statement_timeout_ms: 1234, lock_timeout_ms: 567, ..engine.config() };
    let store = connect(&config).await.unwrap();
    let shown = async |name: &str, writing: bool| {
        let sql = &Statement::from_string(DbBackend::Postgres, format!("SHOW {name}"));
        let row = if writing {
            store
                .write(|tx| async move { Ok::<_, Error>(tx.query_one_raw(sql.clone()).await?) })
                .await
                .unwrap()
        } else {
            store.reader().query_one_raw(sql.clone()).await.unwrap()
        };
        row.unwrap().try_get_by_index::<String>(0).unwrap()
    };
    for writing in [false, true] {
        assert_eq!(shown("statement_timeout", writing).await, "1234ms");
        assert_eq!(shown("lock_timeout", writing).await, "567ms");
        assert_eq!(shown("idle_in_transaction_session_timeout", writing).await, "1min");
        assert_eq!(shown("transaction_isolation", writing).await, "read committed");
        assert_eq!(shown("search_path", writing).await, config.schema);
        assert_eq!(shown("application_name", writing).await, config.schema);
        let read_only = if writing { "off" } else { "on" };
        assert_eq!(shown("transaction_read_only", writing).await, read_only);
    }
}

#[tokio::test]
async fn a_password_is_in_no_error_and_in_no_debugging() {
    let Some(engine) = Engine::postgres().await else { return };
    let address = engine.config().url;
    let host = address.split('@').next_back().unwrap();
    let (server, _) = host.split_once('/').unwrap();
    let port_of_nobody = "127.0.0.1:1";
    for url in [
        format!("postgres://postgres:hunter2@{server}/no_such_database"),
        format!("postgresql://nobody_here:hunter2@{server}/postgres"),
        format!("postgres://postgres:hunter2@{port_of_nobody}/postgres"),
        "postgres://postgres:hunter2@db.example:port/postgres".to_owned(),
        "postgres://postgres:hunter2@/postgres?sslmode=hunter2".to_owned(),
    ] {
        let config = StoreConfig { patience_ms: 300, ..StoreConfig::at(url) };
        let error = connect(&config).await.unwrap_err();
        assert!(matches!(error, Error::Open(_)), "{error:?}");
        assert!(!format!("{error} {error:?} {config:?}").contains("hunter2"), "{error:?}");
    }
    let url = format!("postgres://postgres:hunter2@{host}");
    let store = connect(&StoreConfig::at(url)).await.unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_schema_with_a_strange_name_is_refused() {
    for schema in ["Shop", "1shop", "pg_shop", "a b", "a\"; DROP TABLE x", &"a".repeat(64)] {
        let config =
            StoreConfig { schema: schema.to_owned(), ..StoreConfig::at("postgres://h.example/d") };
        let error = connect(&config).await.unwrap_err();
        assert!(error.to_string().contains("is no name of a schema"), "{error}");
    }
}

#[tokio::test]
async fn who_waits_for_a_key_too_long_learns_that_the_store_is_busy() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = connect(&StoreConfig { lock_timeout_ms: 20, ..engine.config() }).await.unwrap();
    let key = &[LockKey::of("shop", &["door"])];
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let locked = &std::sync::Mutex::new(Some(locked));
    let holding = store.write(|tx| async move {
        tx.lock(key).await?;
        let _ = locked.lock().unwrap().take().unwrap().send(());
        std::future::pending::<Result<(), Error>>().await
    });
    let begun = Instant::now();
    let waiting = async {
        is_locked.await.unwrap();
        store.write(|tx| async move { tx.lock(key).await }).await
    };
    let error = tokio::select! {
        _ = holding => unreachable!("it never ends"),
        waited = waiting => waited.unwrap_err(),
    };
    assert!(matches!(error, Error::Busy(_)), "{error:?}");
    assert!(begun.elapsed() >= Duration::from_millis(6 * 20), "six times it was tried");
    // The holder was given up with the `select!`.
    store.write(|tx| async move { tx.lock(key).await }).await.unwrap();
}

/// Sessions of a schema that are in a transaction and do nothing.
async fn left_in_transaction(store: &Store, schema: &str) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{schema}' \
         AND datname = current_database() AND state LIKE 'idle in transaction%'"
    );
    let sql = Statement::from_string(DbBackend::Postgres, sql);
    store.reader().query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn writes_given_up_at_any_moment_leave_no_transaction_open() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        for turn in 0..60 {
            // From before it begins to after it has ended.
            let mut patience = turn / 3;
            let mut write = Box::pin(add(&store, turn));
            std::future::poll_fn(|context| {
                let done = write.as_mut().poll(context).is_ready();
                patience -= 1;
                if done || patience < 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            drop(write);
            if engine.is_postgres() {
                // At once, since the next one would clear away what this one left.
                let begun = Instant::now();
                while left_in_transaction(&store, &engine.config().schema).await > 0 {
                    assert!(begun.elapsed() < Duration::from_secs(2), "after {turn}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        add(&store, 1000).await.unwrap();
        // Whether those that were given up are there nobody knows, but each is there wholly.
        let rows = item::Entity::find().all(store.reader()).await.unwrap();
        assert!(rows.iter().all(|row| row.name == format!("item {}", row.id)));
        assert!(rows.iter().any(|row| row.id == 1000));
    }
}

#[tokio::test]
async fn the_clock_of_the_database_goes_on_within_a_transaction() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let (before, after) = store
            .write(|tx| async move {
                let before = database_now(&tx).await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok::<_, Error>((before, database_now(&tx).await?))
            })
            .await
            .unwrap();
        assert!((after - before).num_milliseconds() >= 5, "{}", engine.name());
        assert_eq!(before.timestamp_subsec_nanos() % 1000, 0);
        let here = std::time::SystemTime::now();
        let here = chrono::DateTime::<chrono::Utc>::from(here);
        assert!((here - after).num_seconds().abs() < 5, "they run on one machine");
    }
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

async fn guarded(store: &Store, lease: &Lease) -> Result<(), Error> {
    store.write(|tx| async move { lease.guard(&tx).await }).await
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_is_released() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let leases = Leases::new(store.clone(), shop::LEASES);
        let first = leases.acquire("till", "ada", LONG).await.unwrap().unwrap();
        assert_eq!((first.name.as_str(), first.token), ("till", 1));
        assert_eq!(leases.acquire("till", "bob", LONG).await.unwrap(), None);
        assert_eq!(leases.acquire("door", "bob", LONG).await.unwrap().unwrap().token, 1);
        let again = leases.acquire("till", "ada", LONG).await.unwrap().unwrap();
        assert_eq!(again, first, "who has it keeps it");
        assert!(leases.renew(&first, LONG).await.unwrap());
        guarded(&store, &first).await.unwrap();
        leases.release(&first).await.unwrap();
        assert!(matches!(guarded(&store, &first).await, Err(Error::LeaseLost)));
        assert!(!leases.renew(&first, LONG).await.unwrap());
        let second = leases.acquire("till", "bob", LONG).await.unwrap().unwrap();
        assert_eq!(second.token, 2, "{}", engine.name());
        // Late, and of no effect.
        leases.release(&first).await.unwrap();
        guarded(&store, &second).await.unwrap();
        assert!(matches!(guarded(&store, &first).await, Err(Error::LeaseLost)));
    }
}

#[tokio::test]
async fn a_holder_that_sleeps_past_its_lease_has_lost_it() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let leases = Leases::new(store.clone(), shop::LEASES);
        let asleep = leases.acquire("till", "ada", SHORT).await.unwrap().unwrap();
        guarded(&store, &asleep).await.unwrap();
        tokio::time::sleep(SHORT + Duration::from_millis(20)).await;
        // Even before anybody else has it.
        assert!(matches!(guarded(&store, &asleep).await, Err(Error::LeaseLost)));
        assert!(!leases.renew(&asleep, LONG).await.unwrap());
        let next = leases.acquire("till", "bob", LONG).await.unwrap().unwrap();
        assert_eq!(next.token, 2);
        assert!(matches!(guarded(&store, &asleep).await, Err(Error::LeaseLost)));
        guarded(&store, &next).await.unwrap();
        // It wrote nothing in a transaction that asks only at its end.
        let late = store
            .write(|tx| {
                let asleep = &asleep;
                async move {
                    insert_many(&tx, [item(1)], None).await?;
                    asleep.guard(&tx).await
                }
            })
            .await;
        assert!(matches!(late, Err(Error::LeaseLost)));
        assert_eq!(count(&store).await, 0, "{}", engine.name());
        // One that lets its own lease expire gets a new token, too.
        let mine = leases.acquire("door", "ada", Duration::ZERO).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let again = leases.acquire("door", "ada", LONG).await.unwrap().unwrap();
        assert_eq!((mine.token, again.token), (1, 2));
        assert!(matches!(guarded(&store, &mine).await, Err(Error::LeaseLost)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_guarded_is_committed_before_another_has_the_lease() {
    let Some(engine) = Engine::postgres().await else { return };
    let (one, other) = (stocked(&engine.config()).await, stocked(&engine.config()).await);
    let lease = Leases::new(one.clone(), shop::LEASES).acquire("till", "ada", SHORT).await;
    let lease = &lease.unwrap().unwrap();
    let writing = one.write(|tx| async move {
        lease.guard(&tx).await?;
        // The lease ends meanwhile.
        tokio::time::sleep(2 * SHORT).await;
        insert_many(&tx, [item(1)], None).await
    });
    let taking = async {
        tokio::time::sleep(SHORT / 2).await;
        let leases = Leases::new(other.clone(), shop::LEASES);
        let next = leases.acquire("till", "bob", LONG).await.unwrap();
        (next.map(|lease| lease.token), count(&other).await)
    };
    let (written, (token, seen)) = tokio::join!(writing, taking);
    written.unwrap();
    assert_eq!(seen, 1, "who has the lease now sees all that was written under the old one");
    assert_eq!(token, Some(2));
    // A guard that waited for the row until the lease was over is refused.
    let lease = Leases::new(one.clone(), shop::LEASES).acquire("door", "ada", SHORT).await;
    let lease = &lease.unwrap().unwrap();
    let holding = other.write(|tx| async move {
        lease.guard(&tx).await?;
        tokio::time::sleep(2 * SHORT).await;
        Ok::<_, Error>(())
    });
    let late = async {
        tokio::time::sleep(SHORT / 2).await;
        guarded(&one, lease).await
    };
    let (held, late) = tokio::join!(holding, late);
    held.unwrap();
    assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_a_lease_at_once_one_gets_it() {
    for engine in engines().await {
        if !engine.is_shared() {
            continue;
        }
        stocked(&engine.config()).await;
        for round in 1..=5 {
            let mut tasks = tokio::task::JoinSet::new();
            for holder in 0..8 {
                let config = engine.config();
                tasks.spawn(async move {
                    let leases = Leases::new(connect(&config).await.unwrap(), shop::LEASES);
                    let holder = format!("holder {holder}");
                    let lease = leases.acquire("till", &holder, LONG).await.unwrap();
                    (leases, lease)
                });
            }
            let all = tasks.join_all().await;
            let held: Vec<_> =
                all.iter().filter_map(|(l, lease)| Some((l, lease.as_ref()?))).collect();
            assert_eq!(held.len(), 1, "{}", engine.name());
            let (leases, lease) = held[0];
            assert_eq!(lease.token, round);
            leases.release(lease).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_row_is_claimed_by_one_worker() {
    for engine in engines().await {
        let store = stocked(&engine.config()).await;
        let rows = &(0..1000).map(item).collect::<Vec<_>>();
        store.write(|tx| async move { insert_many(&tx, rows.clone(), None).await }).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for worker in 0..6 {
            let store = store.clone();
            tasks.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let name = &format!("taken by {worker}");
                    let taken: Vec<item::Model> = store
                        .write(|tx| async move {
                            let due = item::Entity::find()
                                .filter(item::Column::Name.starts_with("item"))
                                .order_by_asc(item::Column::Id);
                            let name = Expr::value(name.as_str());
                            claim(&tx, due, 30, [(item::Column::Name, name)]).await
                        })
                        .await
                        .unwrap();
                    if taken.is_empty() {
                        break mine;
                    }
                    assert!(taken.len() <= 30);
                    assert!(taken.iter().all(|row| row.name == *name));
                    mine.extend(taken.into_iter().map(|row| row.id));
                }
            });
        }
        let mut claimed = tasks.join_all().await.concat();
        claimed.sort_unstable();
        // A worker that finds nothing may leave while others hold the last rows, but all of them are claimed.
        assert_eq!(claimed, (0..1000).collect::<Vec<i64>>(), "{}", engine.name());
    }
}

#[tokio::test]
async fn the_first_rows_are_claimed_and_those_of_others_passed_over() {
    let Some(engine) = Engine::postgres().await else { return };
    let store = &stocked(&engine.config()).await;
    let rows = &(0..100).map(item).collect::<Vec<_>>();
    store.write(|tx| async move { insert_many(&tx, rows.clone(), None).await }).await.unwrap();
    let due = || item::Entity::find().order_by_desc(item::Column::Id);
    let taken = async |limit: u64| -> Vec<i64> {
        store
            .write(|tx| async move {
                let name = Expr::col(item::Column::Name)
                    .binary(sea_orm::sea_query::BinOper::Custom("||"), Expr::value("!"));
                let mut ids: Vec<i64> = claim(&tx, due(), limit, [(item::Column::Name, name)])
                    .await?
                    .into_iter()
                    .map(|row| row.id)
                    .collect();
                ids.sort_unstable();
                // While it is not committed, somebody else claims.
                if limit == 3 {
                    let others = store
                        .write(|tx| async move {
                            let name = Expr::value("other");
                            claim(&tx, due(), 2, [(item::Column::Name, name)]).await
                        })
                        .await?;
                    ids.extend(others.into_iter().map(|row| row.id));
                }
                Ok::<_, Error>(ids)
            })
            .await
            .unwrap()
    };
    let mut ids = taken(3).await;
    ids.sort_unstable();
    assert_eq!(ids, [95, 96, 97, 98, 99]);
    assert_eq!(taken(1).await, [99]);
}
