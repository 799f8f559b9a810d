//! Recordings fetched from providers that are played, over real sockets, and what is deleted when it is old.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "recordings/bots.rs"]
mod bots;
#[path = "recordings/calls.rs"]
mod calls;
#[path = "recordings/old.rs"]
mod old;
#[path = "recordings/twilio.rs"]
mod twilio;
#[path = "recordings/world.rs"]
mod world;
#[path = "recordings/zoom.rs"]
mod zoom;
