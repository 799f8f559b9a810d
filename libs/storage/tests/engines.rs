//! What a store promises, on every engine there is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{
    ActiveValue::Set, ConnectionTrait as _, DbBackend, EntityTrait as _, PaginatorTrait as _,
    Statement,
};
// `crate::StoreConfig` of the module below.
use storage::StoreConfig;
use storage::{Error, LockKey, Store, connect, find_in, insert_many, migrate};

// As a module of this test, which needs no feature then.
#[path = "../src/testing.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is public where it is at home")]
mod testing;

use testing::{Engine, engines};

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
                .await
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
