//! What every service stands on: settings, telemetry, the request stack, links to peers, health, shutdown, the clock.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod app;
mod clock;
mod house;
mod link;
pub mod period;
mod principal;
mod probes;
mod run;
pub mod settings;
mod stack;
mod status;
pub mod telemetry;

pub use app::{App, Built, Context, PeerError};
pub use clock::{Clock, SimulatedClock, SystemClock};
pub use house::{House, Ready, Running};
pub use link::Link;
pub use principal::Principal;
pub use run::main;
pub use stack::call::deadline;
pub use status::{ERROR_DOMAIN, FieldViolation, ServiceError, status};

/// Sets the largest message of a generated client or server, either way: `sized!(context, XServiceServer::new(service))`.
///
/// A macro, because generated types have these methods but no trait in common.
#[macro_export]
macro_rules! sized {
    ($context:expr, $end:expr) => {
        $end.max_decoding_message_size($context.max_message)
            .max_encoding_message_size($context.max_message)
    };
}
