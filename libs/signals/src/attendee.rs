//! Bots of Attendee.

mod canonical;
mod read;
mod verify;

pub use read::read;
pub use verify::{SIGNATURE, secret, verify};
