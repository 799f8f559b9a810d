//! Google Meet: Workspace events, pushed by Pub/Sub.

mod read;
mod verify;

pub use read::read;
pub use verify::verify;
