//! Work for replicas: small notices carried by a stream of Redis, or by a table where there is no Redis.
//!
//! A notice names what is worth looking at, never what is to be known about it: whoever takes it fetches the subject,
//! works, commits, and then says [`Feed::done`]. Truth stays in databases. A feed may lose everything it carries, and says
//! so by another [`Feed::epoch`]; it may deliver twice, so consumers are idempotent by subject and revision.

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
