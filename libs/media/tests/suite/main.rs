//! Recordings over real sockets, into real stores, with what goes wrong on the way.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

mod fetching;
mod hostile;
mod probing;
mod refusing;
mod resuming;
mod s3;
mod storing;
mod support;
