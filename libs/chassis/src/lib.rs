//! What every service stands on: settings, logs and metrics, the request stack, links to peers, health, shutdown, the clock.
//!
//! # A service
//!
//! `config.default.toml` has every setting of the service and its meaning; the sections `[server]`, `[telemetry]` and
//! `[peers]` are those of the process (`chassis.default.toml`), of which a service sets its port and nothing else:
//!
//! ```toml
//! [server]
//! listen = "127.0.0.1:7102"   # counts when the service runs alone
//!
//! [store]
//! # Where companies are kept.
//! url = "sqlite::memory:"
//! ```
//!
//! `src/lib.rs` wires it up:
//!
//! ```
//! # use std::{convert::Infallible, future::{Ready, ready}, task::{Context as Task, Poll}, time::Duration};
//! # #[derive(Clone)] struct EligibilityServiceServer;
//! # impl EligibilityServiceServer {
//! #     fn new(_: Service) -> Self { Self }
//! #     fn max_decoding_message_size(self, _: usize) -> Self { self }
//! #     fn max_encoding_message_size(self, _: usize) -> Self { self }
//! # }
//! # impl tonic::server::NamedService for EligibilityServiceServer { const NAME: &'static str = "callsheet.eligibility.v1.EligibilityService"; }
//! # impl tower::Service<http::Request<tonic::body::Body>> for EligibilityServiceServer {
//! #     type Response = http::Response<tonic::body::Body>;
//! #     type Error = Infallible;
//! #     type Future = Ready<Result<Self::Response, Infallible>>;
//! #     fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> { Poll::Ready(Ok(())) }
//! #     fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future { ready(Ok(tonic::Status::ok("").into_http())) }
//! # }
//! # struct Service { clock: std::sync::Arc<dyn chassis::Clock>, url: String }
//! use chassis::{App as _, Built, Context, sized};
//! use tonic::service::Routes;
//!
//! /// The settings as types. Optional ones get `#[serde(default)]`; `deny_unknown_fields` is not needed.
//! #[derive(Debug, serde::Deserialize)]
//! pub struct Config { pub store: Store }
//! #[derive(Debug, serde::Deserialize)]
//! pub struct Store { pub url: String }
//!
//! /// The eligibility service.
//! #[derive(Debug)]
//! pub struct App;
//!
//! impl chassis::App for App {
//!     const NAME: &'static str = "eligibility";
//!     const SERVICES: &'static [&'static str] = &["callsheet.eligibility.v1.EligibilityService"];
//!     const DESCRIPTORS: &'static [&'static [u8]] = &[/* proto::FILE_DESCRIPTOR_SET */];
//!     const DEFAULTS: &'static str = // include_str!("../config.default.toml")
//! #       "server.listen = '127.0.0.1:7102'\nstore.url = 'sqlite::memory:'";
//!     type Config = Config;
//!
//!     async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
//!         // A service with peers takes links here: `ConsentServiceClient::new(context.peer("consent")?)`.
//!         let service = Service { url: config.store.url, clock: context.clock.clone() };
//!         let server = sized!(context, EligibilityServiceServer::new(service));
//!         let shutdown = context.shutdown.clone();
//!         Ok(Built::new(Routes::new(server)).task("sweep", async move { shutdown.cancelled().await }))
//!     }
//! }
//!
//! // `src/main.rs`, in whole: fn main() -> std::process::ExitCode { chassis::main::<eligibility::App>() }
//!
//! // `tests/service.rs`: the service over a near link, with a clock that stands still.
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let clock = chassis::SimulatedClock::at(chrono::DateTime::UNIX_EPOCH);
//! let house = chassis::House::new().clock(clock.clone()).host::<App>("store.url = 'sqlite::memory:'");
//! let running = house.open().await?;
//! let link = running.link("eligibility")?; // EligibilityServiceClient::new(link)
//! # let _ = link;
//! running.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # One process or many
//!
//! [`House`] hosts one service or all; [`Context::peer`] gives a [`Link`] that is near or far, and nobody can tell:
//!
//! ```no_run
//! # fn main() {}
//! # mod consent {
//! #     pub struct App;
//! #     impl chassis::App for App {
//! #         const NAME: &'static str = "consent"; const SERVICES: &'static [&'static str] = &[];
//! #         const DESCRIPTORS: &'static [&'static [u8]] = &[]; const DEFAULTS: &'static str = ""; type Config = ();
//! #         async fn build(_: (), _: chassis::Context) -> anyhow::Result<chassis::Built> { anyhow::bail!("") }
//! #     }
//! # }
//! # use consent as eligibility;
//! # async fn serve() -> anyhow::Result<()> {
//! let ready = chassis::House::new()
//!     .defaults("server.listen = '127.0.0.1:7100'")
//!     .host::<eligibility::App>("store.url = 'sqlite:///var/lib/callsheet.db?mode=rwc'")
//!     .host::<consent::App>("")
//!     .file("callsheet.toml".as_ref()) // [eligibility.store] url = "…" and the like
//!     .environment()                   // CALLSHEET_ELIGIBILITY__STORE__URL
//!     .check()?;
//! chassis::telemetry::start(ready.telemetry())?;
//! ready.serve_until_signal().await
//! # }
//! ```
//!
//! # What a handler may rely on
//!
//! - Its caller is in the request's extensions as [`Principal`].
//! - Its answer is due at [`deadline`]; when that has passed the handler is dropped and the caller reads DEADLINE_EXCEEDED.
//!   The deadline covers the time until a stream begins, not its length. Every request over a [`Link`] carries what is
//!   left of it. It belongs to the task: a handler that spawns takes it along by itself.
//! - A panic fails its own request with INTERNAL. Requests beyond the limit of the settings are turned away before it.
//!   They are not queued, and all callers are equal: who is turned away is told when to come back, and its link does not
//!   repeat the request.
//! - A stream that waits when the server drains, or on a connection that has grown old, ends with UNAVAILABLE, and its
//!   reader comes back with its cursor. One that goes on without a pause of a quarter second is left to finish.
//! - [`status`] alone makes a status of an error. Log fields, never titles or addresses. Count with [`metrics`].
//!
//! # When things come and go
//!
//! A [`Link`] repeats what has certainly not begun, within the deadline and a budget, and nobody else repeats anything. It
//! leaves a peer alone that fails half of what it is asked, so that a caller learns at once and can make something of its
//! time; the next chance comes after a second, later after ten at most.
//!
//! After SIGTERM a server says NOT_SERVING, goes on for the lame-duck time, tells its connections to go, takes no more, and
//! finishes what it has; its metrics are exported once more. A call in that time is answered, or has not begun and is
//! repeated by its link. Near links are served to the last moment.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod allocator;
mod app;
mod chance;
mod clock;
mod connections;
mod house;
mod link;
pub mod metrics;
pub mod period;
mod principal;
mod probes;
mod run;
pub mod settings;
mod stack;
mod status;
pub mod telemetry;

pub use app::{App, Built, Context, PeerError};
pub use clock::{Clock, FileClock, PacedClock, SimulatedClock, SystemClock};
pub use house::{House, Ready, Running};
pub use link::Link;
pub use link::begun::never_begun;
pub use principal::Principal;
pub use run::main;
pub use stack::call::deadline;
pub use status::{ERROR_DOMAIN, FieldViolation, ServiceError, chain, status};

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
