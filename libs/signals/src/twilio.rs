//! Twilio Voice.

mod read;
mod verify;

pub use read::{event, read};
pub use verify::{SIGNATURE, verify_form, verify_json};
