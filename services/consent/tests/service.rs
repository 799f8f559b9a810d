//! The consent service over a near link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/world.rs"]
mod world;

#[path = "service/choices.rs"]
mod choices;
#[path = "service/judging.rs"]
mod judging;
#[path = "service/links.rs"]
mod links;
#[path = "service/versions.rs"]
mod versions;
#[path = "service/watching.rs"]
mod watching;
