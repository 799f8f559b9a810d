//! Bots of Attendee.

mod canonical;
mod read;
mod verify;

pub(crate) use read::REMOVED;
pub use read::read;
pub use verify::{SIGNATURE, secret, verify};
