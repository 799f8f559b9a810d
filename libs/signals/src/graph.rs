//! Microsoft Graph: change notifications of Teams, and calls of a bot.
//!
//! A request is one of three: the handshake that makes a subscription ([`handshake`]), a batch of notifications
//! ([`Batch::read`]), or news about calls our own bot is in ([`calls`]). A batch mixes tenants and subscriptions, and one
//! bad item must not spoil the others: each is believed by itself, and the answer is 202 whatever comes of it.

mod call;
mod content;
mod handshake;
mod meeting;
mod notification;
mod token;

pub use call::{calls, end};
pub use content::{Opener, Sealed};
pub use handshake::handshake;
pub use meeting::meeting;
pub use notification::{Batch, Notification};
pub use token::{PUBLISHER, check_tokens};
