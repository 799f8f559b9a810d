//! Scenarios as data, run in three worlds, and chaos.

pub mod binaries;
pub mod chaos;
pub mod expectation;
pub mod placeholder;
pub mod run;
pub mod scenario;
pub mod told;
pub mod world;
