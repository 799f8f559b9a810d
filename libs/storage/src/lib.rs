//! Where services keep what they know: a database for each, its migrations, its errors, and nothing of its dialect.
//!
//! ```
//! use sea_orm::{ConnectionTrait as _, EntityTrait as _};
//! # mod item {
//! #     use sea_orm::entity::prelude::*;
//! #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
//! #     #[sea_orm(table_name = "shop_item")]
//! #     pub struct Model { #[sea_orm(primary_key, auto_increment = false)] pub id: i64, pub name: String }
//! #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! #     pub enum Relation {}
//! #     impl ActiveModelBehavior for ActiveModel {}
//! # }
//! use sea_orm::ActiveValue::Set;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), storage::Error> {
//! let store = storage::connect(&storage::StoreConfig::memory()).await?;
//! # store.write(|tx| async move {
//! #     let schema = sea_orm::Schema::new(tx.get_database_backend());
//! #     Ok::<_, storage::Error>(tx.execute(&schema.create_table_from_entity(item::Entity)).await?)
//! # }).await?;
//! let rows = &[item::ActiveModel { id: Set(1), name: Set("pen".to_owned()) }];
//! // Done again when the database is busy, so it takes what it needs by reference.
//! store.write(|tx| async move { storage::insert_many(&tx, rows.iter().cloned(), None).await }).await?;
//! assert_eq!(item::Entity::find().all(store.reader()).await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Inside [`Store::write`] read through the transaction, never through [`Store::reader`]: a store in memory has but one
//! connection, and the reader would wait for it until it gives up.
//!
//! With the feature `testing`, `testing::engines()` gives the tests of a service an empty database of every kind.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod bulk;
mod claim;
mod clock;
mod error;
mod lease;
mod lock;
mod migrate;
mod retry;
mod statistics;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod together;

pub use bulk::{chunks, find_in, insert_many};
pub use claim::claim;
pub use clock::database_now;
pub use error::Error;
pub use lease::{Lease, LeaseTable, Leases};
pub use lock::LockKey;
pub use migrate::migrate;
pub use retry::{Budget, retry};
pub use sea_orm;
pub use sea_orm_migration;
pub use store::{Store, StoreConfig, Tx, connect};
pub use together::Together;
