//! Providers played on a loopback port, for tests: what they document, and what goes wrong with them.
//!
//! - [`Server`] serves a provider's routes. Its [`Faults`] are switched on by a test: refusals, failures before and after
//!   a request was carried out, silence, broken connections, answers that are none. Its [`Log`] tells what was asked.
//! - [`Outbox`] sends a provider's webhooks, signed as the provider signs, with the provider's retries in shortened time.
//!   A test can hold them back, reorder, double, lose, tamper with and replay them.
//!
//! - [`zoom`] is a provider built on both: a state machine a test moves (a meeting begins, a recording stops), which answers
//!   REST accordingly and sends the webhooks that belong to it. So are [`graph`], [`webex`], [`meet`], [`twilio`], and the smaller
//!   [`dialers`].
//!
//! A further provider is a module with its state behind a mutex, its routes as a [`Router`](axum::Router), a [`Sign`] and
//! a [`Manner`]. Nothing here uses a crate of ours: a reader is proved by what somebody else wrote.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail loudly"))]

pub mod attendee;
pub mod dialers;
pub mod graph;
pub mod meet;
pub mod recall;

mod clock;
mod fault;
mod files;
mod log;
mod media;
mod outbox;
mod random;
mod sender;
mod server;
pub mod sign;
pub mod twilio;
pub mod webex;
pub mod zoom;

pub use clock::Clock;
pub use fault::{Fault, Faults, Match};
pub use files::Files;
pub use log::{Log, Seen};
pub use media::wav;
pub use outbox::{Order, Outbox};
pub use random::Random;
pub use sender::{Attempt, Delivery, Manner, Notice, Sender, Sign, Signed};
pub use server::{Reply, Server};
