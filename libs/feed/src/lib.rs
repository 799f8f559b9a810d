//! Work for replicas: small notices carried by a stream of Redis, or by a table where there is no Redis.
//!
//! A notice names what is worth looking at, never what is to be known about it: whoever takes it fetches the subject,
//! works, commits, and then says [`Feed::done`]. Truth stays in databases. A feed may lose everything it carries, and says
//! so by another [`Feed::epoch`]; it may deliver twice, so consumers are idempotent by subject and revision.
//!
//! ```
//! use std::time::Duration;
//!
//! use feed::{Notice, Settings};
//! # use storage::sea_orm_migration::prelude::*;
//! # struct Tables;
//! # #[async_trait::async_trait]
//! # impl MigratorTrait for Tables {
//! #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { vec![Box::new(First)] }
//! #     fn migration_table_name() -> DynIden { "shop_migrations".into_iden() }
//! # }
//! # #[derive(DeriveMigrationName)]
//! # struct First;
//! // A step of the service's migration, for when there is no Redis.
//! #[async_trait::async_trait]
//! impl MigrationTrait for First {
//!     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
//!         feed::create_tables(manager, "shop").await
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let store = storage::connect(&storage::StoreConfig::memory()).await?;
//! # storage::migrate::<Tables>(&store).await?;
//! let feed = feed::open(&Settings::default(), &store, "shop")?;
//! let order = Notice {
//!     topic: "orders".to_owned(),
//!     company: "acme".to_owned(),
//!     subject: "17".to_owned(),
//!     revision: 1,
//!     note: String::new(),
//! };
//! feed.publish(&[order]).await?;
//!
//! // A worker, in a loop:
//! for delivery in feed.next(100, Duration::from_secs(5)).await? {
//!     // Fetch what it is about, work, commit, and then:
//!     feed.done(&[delivery]).await?;
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

use std::sync::Arc;

mod error;
mod port;
mod settings;
mod streams;
mod table;

pub use error::Error;
pub use port::{Buried, Delivery, Depth, Feed, Notice};
pub use settings::Settings;
pub use streams::RedisFeed;
pub use table::{TableFeed, create_tables, drop_tables};

/// The feed that the settings ask for: on Redis if they name one, or else on the tables of a service's database, which
/// [`create_tables`] made under `prefix`.
///
/// # Errors
/// [`Error::Settings`]. That Redis is away is no error here.
pub fn open(
    settings: &Settings,
    store: &storage::Store,
    prefix: &str,
) -> Result<Arc<dyn Feed>, Error> {
    Ok(match settings.redis.as_deref() {
        None | Some("") => Arc::new(TableFeed::new(store, prefix, settings)),
        Some(_) => Arc::new(RedisFeed::new(settings)?),
    })
}
