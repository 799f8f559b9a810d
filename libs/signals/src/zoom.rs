//! Zoom Meetings, and Zoom Phone, which shares its webhooks.

mod leave;
mod phone;
mod read;
mod uuid;
mod verify;

pub use read::read;
pub use uuid::in_path;
pub use verify::{SIGNATURE, TIMESTAMP, receive};
