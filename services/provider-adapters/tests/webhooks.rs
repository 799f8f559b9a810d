//! Webhooks over a real socket: signed as each provider signs them, kept once, and told as what they mean.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "webhooks/accounts.rs"]
mod accounts;
#[path = "webhooks/bodies.rs"]
mod bodies;
#[path = "webhooks/kept.rs"]
mod kept;
#[path = "webhooks/told.rs"]
mod told;
#[path = "webhooks/world.rs"]
mod world;
