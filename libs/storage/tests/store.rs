//! A store as services use it: on a file and in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait as _, PaginatorTrait as _, TransactionTrait as _};
use storage::{Error, Store, StoreConfig, connect, find_in, insert_many, migrate};

mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "shop_item")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) name: String,
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
                        .to_owned(),
                )
                .await
        }
    }

    /// The second migration fails after the first has made its table.
    pub(crate) struct Broken;

    #[async_trait::async_trait]
    impl MigratorTrait for Broken {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(Items), Box::new(Fails)]
        }

        fn migration_table_name() -> sea_orm::DynIden {
            "shop_migrations".into_iden()
        }
    }

    struct Fails;

    impl MigrationName for Fails {
        fn name(&self) -> &'static str {
            "m2_fails"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for Fails {
        async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
            Err(DbErr::Migration("on purpose".to_owned()))
        }
    }

    /// One that forgot to name its table.
    pub(crate) struct Nameless;

    #[async_trait::async_trait]
    impl MigratorTrait for Nameless {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            Vec::new()
        }
    }
}

mod post {
    use sea_orm_migration::prelude::*;

    pub(crate) struct Migrator;

    #[async_trait::async_trait]
    impl MigratorTrait for Migrator {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(Letters)]
        }

        fn migration_table_name() -> sea_orm::DynIden {
            "post_migrations".into_iden()
        }
    }

    struct Letters;

    impl MigrationName for Letters {
        fn name(&self) -> &'static str {
            "m1_letters"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for Letters {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            manager
                .create_table(
                    Table::create()
                        .table("post_letter")
                        .col(ColumnDef::new("id").big_integer().not_null().primary_key())
                        .to_owned(),
                )
                .await
        }
    }
}

/// A file that is gone with the test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> StoreConfig {
        StoreConfig::at(format!("sqlite://{}/store.db?mode=rwc", self.0.path().display()))
    }
}

async fn stocked(config: &StoreConfig) -> Store {
    let store = connect(config).await.unwrap();
    migrate::<shop::Migrator>(&store).await.unwrap();
    store
}

fn item(id: i64) -> item::ActiveModel {
    item::ActiveModel { id: Set(id), name: Set(format!("item {id}")) }
}

async fn count(store: &Store) -> u64 {
    item::Entity::find().count(store.reader()).await.unwrap()
}

#[tokio::test]
async fn what_is_committed_is_seen_by_every_pool() {
    let place = Place::new();
    let (one, other) = (stocked(&place.config()).await, stocked(&place.config()).await);
    one.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
    assert_eq!(count(&one).await, 1);
    assert_eq!(count(&other).await, 1);
    other.write(|tx| async move { insert_many(&tx, [item(2)], None).await }).await.unwrap();
    assert_eq!(count(&one).await, 2);
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing() {
    let place = Place::new();
    for config in [place.config(), StoreConfig::memory()] {
        let store = stocked(&config).await;
        let failed: Result<(), Error> = store
            .write(|tx| async move {
                insert_many(&tx, [item(1)], None).await?;
                Err(Error::Unsupported("nothing".to_owned()))
            })
            .await;
        assert!(matches!(failed, Err(Error::Unsupported(_))));
        assert_eq!(count(&store).await, 0);
        store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
        assert_eq!(count(&store).await, 1);
    }
}

#[tokio::test]
async fn a_write_given_up_in_the_middle_leaves_nothing() {
    let place = Place::new();
    for config in [place.config(), StoreConfig::memory()] {
        let store = stocked(&config).await;
        let slow = store.write(|tx| async move {
            insert_many(&tx, [item(1)], None).await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Error>(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(200), slow).await.is_err());
        store.write(|tx| async move { insert_many(&tx, [item(2)], None).await }).await.unwrap();
        assert_eq!(count(&store).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_once_all_succeed() {
    let place = Place::new();
    let config = StoreConfig { patience_ms: 20_000, ..place.config() };
    // Some share a store, some have their own, as services in one process do.
    let stores = [stocked(&config).await, stocked(&config).await, stocked(&config).await];
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..120_i64 {
        let store = stores[usize::try_from(id).unwrap() % 3].clone();
        tasks.spawn(async move {
            store
                .write(|tx| async move {
                    // Reads before it writes: the case in which SQLite refuses at once unless asked in time.
                    let before = item::Entity::find().count(&tx).await?;
                    insert_many(&tx, [item(id)], None).await?;
                    assert_eq!(item::Entity::find().count(&tx).await?, before + 1);
                    Ok::<_, Error>(())
                })
                .await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(count(&stores[0]).await, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_writer_of_another_process_is_waited_for() {
    let place = Place::new();
    let store = stocked(&StoreConfig { patience_ms: 100, ..place.config() }).await;
    // A connection that takes no turns stands for another process.
    let foreign = sea_orm::Database::connect(place.config().url).await.unwrap();
    let held = foreign
        .begin_with_options(sea_orm::TransactionOptions {
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
            ..Default::default()
        })
        .await
        .unwrap();
    let writing = tokio::spawn({
        let store = store.clone();
        async move { store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await }
    });
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(!writing.is_finished());
    held.commit().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(count(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_that_reads_first_never_finds_itself_overtaken() {
    let place = Place::new();
    let store = stocked(&place.config()).await;
    let foreign = sea_orm::Database::connect(place.config().url).await.unwrap();
    let held = foreign
        .begin_with_options(sea_orm::TransactionOptions {
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
            ..Default::default()
        })
        .await
        .unwrap();
    insert_many(&held, [item(1)], None).await.unwrap();
    let writing = tokio::spawn(async move {
        let tries = &std::sync::atomic::AtomicU32::new(0);
        let before = store
            .write(|tx| async move {
                tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let before = item::Entity::find().count(&tx).await?;
                tokio::time::sleep(Duration::from_millis(300)).await;
                insert_many(&tx, [item(2)], None).await?;
                Ok::<_, Error>(before)
            })
            .await;
        (before, tries.load(std::sync::atomic::Ordering::Relaxed))
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    held.commit().await.unwrap();
    let (before, tries) = writing.await.unwrap();
    assert_eq!((before.unwrap(), tries), (1, 1));
}

#[tokio::test]
async fn a_writer_that_never_ends_makes_the_store_busy() {
    let place = Place::new();
    let store = stocked(&StoreConfig { patience_ms: 200, ..place.config() }).await;
    let foreign = sea_orm::Database::connect(place.config().url).await.unwrap();
    let _held = foreign
        .begin_with_options(sea_orm::TransactionOptions {
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
            ..Default::default()
        })
        .await
        .unwrap();
    let error =
        store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error:?}");
    // Readers are not kept waiting.
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_key_that_exists_is_a_conflict() {
    let store = stocked(&StoreConfig::memory()).await;
    store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
    let error =
        store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");
    assert_eq!(error.to_string(), "the change conflicts with what is stored");
}

#[tokio::test]
async fn the_reader_cannot_write() {
    let place = Place::new();
    let store = stocked(&place.config()).await;
    let error = insert_many(store.reader(), [item(1)], None).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn migrating_twice_is_harmless() {
    let place = Place::new();
    for config in [place.config(), StoreConfig::memory()] {
        let store = stocked(&config).await;
        store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
        migrate::<shop::Migrator>(&store).await.unwrap();
        assert_eq!(count(&store).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_migrate_at_once() {
    let place = Place::new();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let config = place.config();
        tasks.spawn(async move {
            let store = connect(&config).await?;
            migrate::<shop::Migrator>(&store).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
}

/// SQLite makes nobody wait who switches the journal of a file while another does.
#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn many_may_open_a_new_file_at_once() {
    for _ in 0..30 {
        let place = Place::new();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let config = place.config();
            tasks.spawn(async move { connect(&config).await });
        }
        while let Some(opened) = tasks.join_next().await {
            opened.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn services_that_share_a_file_do_not_disturb_each_other() {
    let place = Place::new();
    let shop = connect(&place.config()).await.unwrap();
    let post = connect(&place.config()).await.unwrap();
    for _ in 0..2 {
        migrate::<shop::Migrator>(&shop).await.unwrap();
        migrate::<post::Migrator>(&post).await.unwrap();
    }
    shop.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
    assert_eq!(count(&post).await, 1);
}

#[tokio::test]
async fn a_migrator_without_a_table_of_its_own_is_refused() {
    let store = connect(&StoreConfig::memory()).await.unwrap();
    let error = migrate::<shop::Nameless>(&store).await.unwrap_err();
    assert!(matches!(error, Error::Migration(_)));
}

#[tokio::test]
async fn migrations_happen_all_or_not_at_all() {
    let store = connect(&StoreConfig::memory()).await.unwrap();
    let error = migrate::<shop::Broken>(&store).await.unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    assert!(item::Entity::find().count(store.reader()).await.is_err());
    migrate::<shop::Migrator>(&store).await.unwrap();
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn more_rows_than_a_statement_takes_go_in_and_come_out() {
    let store = stocked(&StoreConfig::memory()).await;
    let rows = &(0..40_000).map(item).collect::<Vec<_>>();
    store.write(|tx| async move { insert_many(&tx, rows.clone(), None).await }).await.unwrap();
    let wanted = (0..80_000_i64).step_by(2);
    let found = find_in::<item::Entity, _>(store.reader(), item::Column::Id, wanted).await.unwrap();
    assert_eq!(found.len(), 20_000);
    assert!(
        find_in::<item::Entity, _>(store.reader(), item::Column::Id, Vec::<i64>::new())
            .await
            .unwrap()
            .is_empty()
    );
    store
        .write(|tx| async move { insert_many(&tx, Vec::<item::ActiveModel>::new(), None).await })
        .await
        .unwrap();
}

#[tokio::test]
async fn rows_that_exist_are_updated_or_left_as_asked() {
    let store = stocked(&StoreConfig::memory()).await;
    store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
    let renamed = &item::ActiveModel { id: Set(1), name: Set("other".to_owned()) };
    let leave = &OnConflict::column(item::Column::Id).do_nothing().to_owned();
    store
        .write(|tx| async move { insert_many(&tx, [renamed.clone()], Some(leave.clone())).await })
        .await
        .unwrap();
    let name =
        async || item::Entity::find_by_id(1).one(store.reader()).await.unwrap().unwrap().name;
    assert_eq!(name().await, "item 1");
    let update = &OnConflict::column(item::Column::Id).update_column(item::Column::Name).to_owned();
    store
        .write(|tx| async move { insert_many(&tx, [renamed.clone()], Some(update.clone())).await })
        .await
        .unwrap();
    assert_eq!(name().await, "other");
}

#[tokio::test]
async fn a_store_in_memory_outlives_idleness_and_is_nobody_elses() {
    let store = stocked(&StoreConfig::memory()).await;
    store.write(|tx| async move { insert_many(&tx, [item(1)], None).await }).await.unwrap();
    let other = stocked(&StoreConfig::memory()).await;
    assert_eq!(count(&other).await, 0);
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_database_of_another_kind_is_refused_without_its_password() {
    let error = connect(&StoreConfig::at("mysql://root:secret@db.example/x")).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)));
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert!(!format!("{:?}", StoreConfig::at("x://y:secret@z")).contains("secret"));
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_named() {
    let error =
        connect(&StoreConfig::at("sqlite:///no/such/place/store.db?mode=rwc")).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/place/store.db"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let place = Place::new();
    std::fs::write(
        place.0.path().join("store.db"),
        "this is a diary and not a database at all".repeat(50),
    )
    .unwrap();
    assert!(connect(&place.config()).await.is_err());
}

/// Handlers are futures that move between threads; a write inside one must be able to.
#[tokio::test]
async fn a_write_can_be_awaited_in_a_handler() {
    #[async_trait::async_trait]
    trait Port {
        async fn save(&self, rows: &[i64], name: &str) -> Result<usize, Error>;
    }
    struct Sql(Store);
    #[async_trait::async_trait]
    impl Port for Sql {
        async fn save(&self, rows: &[i64], name: &str) -> Result<usize, Error> {
            self.0
                .write(|tx| async move {
                    let rows = rows
                        .iter()
                        .map(|id| item::ActiveModel { id: Set(*id), name: Set(name.to_owned()) });
                    insert_many(&tx, rows, None).await?;
                    Ok(item::Entity::find().all(&tx).await?.len())
                })
                .await
        }
    }
    let port: Arc<dyn Port + Send + Sync> = Arc::new(Sql(stocked(&StoreConfig::memory()).await));
    assert_eq!(
        tokio::spawn(async move { port.save(&[1, 2], "x").await }).await.unwrap().unwrap(),
        2
    );
}
