//! The contract: generated messages, clients and servers, and their conversions from and to the core.
//!
//! `proto::<package>::v1` holds what `cargo xtask gen` makes of `proto/callsheet/<package>/v1/`; a new
//! package needs nothing here. A package with conversions has a file of its name beside this one,
//! declared below, which begins by re-exporting its `v1`; the declared module hides the generated one.

mod r#gen;

pub mod skip;

pub use r#gen::*;
