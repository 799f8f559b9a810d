//! Webex: webhooks, meetings by their link, participants, recordings, links to join with.
//!
//! Documented (Webex's OpenAPI descriptions): paths, fields, errors as `{"message", "errors": [{"description"}],
//! "trackingId"}`, lists whose next page stands in the header `Link`, direct links to recordings that hold for some three
//! hours and are absent where the host prevents downloads, and that `POST /meetings/join` answers with a redirect unless it
//! is told `joinDirectly: false`. Assumed:
//!
//! - Of the next page only its `offset` or `cursor` is followed, never the address it comes with.
//! - A grant's token is fetched with `POST /access_token` as a form (OAuth); using it prolongs the grant and does not replace
//!   its `refresh_token`.
//! - Of a webhook's `PUT` the name and the address have to be sent along.
//! - Which words come with a refused join is not documented; they are kept. A wrong password must not be tried again:
//!   after several of them Webex wants a captcha.

mod client;
mod meetings;
mod recordings;
mod token;
mod webhooks;

pub use client::{Client, public};
pub use meetings::{Joining, Links, Meeting, Participant};
pub use recordings::Recording;
pub use token::{Given, Grant, Refresh};
pub use webhooks::{Wanted, Webhook};
