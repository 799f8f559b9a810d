//! The service over a local link.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a skipped test and a measured one say so")]

#[path = "support/world.rs"]
mod world;

#[path = "service/exports.rs"]
mod exports;
#[path = "service/merging.rs"]
mod merging;
#[path = "service/reading.rs"]
mod reading;
#[path = "service/refusals.rs"]
mod refusals;
#[path = "service/replicas.rs"]
mod replicas;
#[path = "service/series.rs"]
mod series;
