//! Twilio: calls, their recordings, and which countries an account may call.
//!
//! Documented (Twilio's OpenAPI description and its voice pages): paths, fields, the times in the form of RFC 2822, lengths
//! as strings, pages that name the next one, `20404` for what is not there, media under the address of the recording with a
//! suffix for the format. Assumed:
//!
//! - A recording's media wants the credentials of the account. Accounts can be set to give it to anybody; then the header
//!   does no harm.
//! - The `media_url` of a recording is not used: examples have it with `http`, and where Twilio lives is configuration.
//! - Of a page only its number and token are followed, never the address it comes with.

mod client;
mod read;

pub use client::{Account, Client, Format, Settings};
pub use read::{Dialing, PhoneCall, Recording};
