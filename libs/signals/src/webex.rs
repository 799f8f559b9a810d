//! Cisco Webex Meetings.

mod read;
mod verify;

pub use read::{read, wire};
pub use verify::{SIGNATURE, verify};
