//! Scenarios as data, run in three worlds.

pub mod binaries;
pub mod expectation;
pub mod placeholder;
pub mod run;
pub mod scenario;
pub mod told;
pub mod world;
