//! One suite for every feed: on the tables of every database, and on Redis.
//!
//! Redis is named by `CALLSHEET_TEST_REDIS` and left out where it is not; servers that are emptied and restarted are started
//! by the tests that do so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "suite/every_feed.rs"]
mod every_feed;
#[path = "suite/redis_itself.rs"]
mod redis_itself;
#[path = "suite/world.rs"]
mod world;
