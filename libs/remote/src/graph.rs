//! Microsoft Graph, as far as Teams meetings are concerned: subscriptions, meetings, recordings, records of calls.
//!
//! A [`Client`] is one tenant seen through an application with permissions of its own (client credentials). Documented: the
//! token's endpoint and form, subscriptions with `clientState`, a second address for what befalls them, a certificate for
//! encrypted content, `reauthorize`, meetings found by `JoinWebUrl`, recordings and their content, records of calls whose
//! `version` grows, pages that name the next one, errors as `{"error": {"code", "message"}}`. Assumed:
//!
//! - Of the next page only its `$skiptoken` or `$skip` is followed, never the address it comes with.
//! - Meetings of somebody an application has no access policy for are refused with 403, which an administrator mends; it
//!   comes back as [`Error::Forbidden`](crate::Error::Forbidden) and is told from a missing permission by its words.
//! - The content of a recording may be answered with a redirect to a storage, which must not see the token.

mod client;
mod meetings;
mod subscriptions;
mod token;
mod users;

pub use client::{Application, Client, Settings};
pub use meetings::{CallRecord, Meeting, MeetingRecording};
pub use subscriptions::{Certificate, Subscription, Wanted};
pub use token::ClientCredentials;
pub use users::User;
