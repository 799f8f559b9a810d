//! Plans carried out at providers that are played over real sockets, with what goes wrong there and in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "carriers/arming.rs"]
mod arming;
#[path = "carriers/bots.rs"]
mod bots;
#[path = "carriers/world.rs"]
mod world;
