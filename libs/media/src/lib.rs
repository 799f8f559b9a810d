//! Recordings: fetched from a URL into a store, and looked at.
//!
//! [`Fetcher`] carries a recording from a provider or a customer into a [`Store`], by the [`rules`] of what may be asked
//! and who sees a token; it goes on where it broke off, also in another process. [`probe`](mod@probe) looks at what came:
//! container, tracks, how long, whether anything can be heard. What follows from that is decided elsewhere.

mod error;
pub mod fetch;
mod hash;
mod key;
pub mod probe;
mod recording;
pub mod rules;
pub mod store;

pub use error::{BreakOff, Error, Site};
pub use fetch::{Download, Expected, Fetcher};
pub use key::Key;
pub use probe::{Bounds, Limits, Probe, Silence, Unfit};
pub use recording::Recording;
pub use rules::{Authorization, HostRule, Hosts, Reach, Refusal};
pub use store::Store;
