//! The HTTP APIs of providers, as typed clients.
//!
//! One module per provider stands on a small core:
//!
//! - [`Http`] sends one request: no redirects, timeouts, answers of bounded size. Where a provider lives is a [`Base`], and
//!   that is always configuration.
//! - [`Api`] is one account's way to one provider: it asks the [`Budget`], puts the credentials on, reads errors through the
//!   provider's [`Dialect`], and where a token has lapsed fetches another one and asks once more. That is the only thing
//!   anybody here does twice. Whoever calls decides what is tried again: a queue that survives a restart does it better.
//! - [`Error`] tells apart what a caller treats differently, above all whether a request that failed
//!   [may have been carried out](Error::may_have_been_done).
//! - [`Look`] reads JSON leniently: providers send ids as numbers and as strings, leave fields out, and repeat keys.
//!
//! A further provider is a module with a [`Dialect`], a constructor that builds an [`Api`], and a method per endpoint which
//! makes a [`Call`] and reads what comes back; [`zoom`] is the example. What it is held against is in the crate `fakes`.
//!
//! Nothing secret is shown by `Debug` or by a message: tokens, passcodes, addresses, query strings.
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used
    )
)]

pub mod aircall;
pub mod attendee;
pub mod bots;
pub mod graph;
pub mod meet;
pub mod recall;
pub mod ringcentral;
pub mod telnyx;
pub mod twilio;
pub mod vonage;
pub mod webex;

mod api;
mod base;
mod budget;
mod daily;
mod download;
mod error;
mod http;
mod look;
mod private;
mod published;
mod rs256;
mod scrub;
mod token;
mod worded;

pub mod zoom;

pub use ::http::header::AUTHORIZATION;
pub use api::{Api, Call, Credentials};
pub use base::{Base, InvalidBase};
pub use budget::{Budget, Left, Quota, Weight};
pub use daily::{DailyBudget, Unbounded, Uncounted, WithinProcess, spend};
pub use download::Download;
pub use error::{Complaint, Dialect, Effect, Error, Fault, Limit, Verdict};
pub use http::{Answer, Http, Settings};
pub use look::{Look, object};
pub use private::Private;
pub use published::Published;
pub use rs256::Now;
pub use token::{Mint, Minted, Tokens};
