//! Telnyx.

mod read;
mod verify;

pub use read::read;
pub use verify::{PublicKey, SIGNATURE, TIMESTAMP, verify};
