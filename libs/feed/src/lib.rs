//! Work for replicas: small notices carried by a stream of Redis, or by a table where there is no Redis.
//!
//! A notice names what is worth looking at, never what is to be known about it: whoever takes it fetches the subject,
//! works, commits, and then says [`Feed::done`]. Truth stays in databases. A feed may lose everything it carries, and says
//! so by another [`Feed::epoch`]; it may deliver twice, so consumers are idempotent by subject and revision.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod error;
mod port;
mod settings;
mod streams;

pub use error::Error;
pub use port::{Buried, Delivery, Depth, Feed, Notice};
pub use settings::Settings;
pub use streams::RedisFeed;
