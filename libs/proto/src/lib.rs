//! The contract: generated messages, clients and servers, and their conversions from and to the core.
//!
//! `proto::<package>::v1` holds what `cargo xtask gen` makes of `proto/callsheet/<package>/v1/`; a new
//! package needs nothing here. A package with conversions has a file of its name beside this one,
//! declared below, which begins by re-exporting its `v1`; the declared module hides the generated one.

mod r#gen;

pub mod calendar;
pub mod consent;
pub mod eligibility;
pub mod invalid;
pub mod orchestrator;
pub mod provider;
pub mod skip;
pub mod time;
pub mod verdict;

pub use r#gen::*;
pub use invalid::Invalid;
