//! Vonage Voice.

mod read;
mod verify;

pub use read::read;
pub use verify::verify;
