//! Bots of Recall.ai.
//!
//! Its webhooks are signed as [`crate::verify::standard`] has it, with the `whsec_…` of the workspace (or, for older
//! workspaces, of the endpoint).

mod read;

pub use read::read;

pub use crate::verify::standard::{secret, verify};
