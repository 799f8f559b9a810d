//! What providers send: bytes and headers in, typed facts out.
//!
//! Three steps, each a function that touches nothing but its arguments:
//!
//! 1. **Verify** the raw bytes, before anything is parsed: [`zoom::receive`], [`twilio::verify_form`] and their
//!    neighbours. Time is an argument; secrets are [`Secret`]s, of which several may hold during a rotation.
//! 2. **Read** the payload leniently into [`Event`]s: what happened, to whom, when, in which order, and a [`Key`] that is
//!    the same for every delivery of the same event.
//! 3. **Mean**: a raw code becomes a [`Signal`] of a session through its provider's [`table`], or [`News`] that need a
//!    context to become one. A code that stands in no table is kept as [`Meaning::Unknown`]; it is data, not an error.
//! 4. **Hear**: [`Event::heard`] is what a session hears of an event.
//!
//! Which skip code a signal leads to is decided by [`decision::session`].
//!
//! ```
//! # use chrono::{DateTime, Utc};
//! # use signals::{Delivery, Event, Reply, Secret, Tolerance, zoom};
//! enum Answer { Refuse, Send(Reply), Store(Box<Event>) }
//!
//! fn webhook(headers: &http::HeaderMap, body: &[u8], secrets: &[Secret], now: DateTime<Utc>) -> Answer {
//!     match zoom::receive(headers, body, secrets, Tolerance::ZOOM, now) {
//!         Err(_) => Answer::Refuse,
//!         Ok(Delivery::Handshake(reply)) => Answer::Send(reply),
//!         Ok(Delivery::Event) => match zoom::read(body) {
//!             Ok(event) => Answer::Store(Box::new(event)),
//!             Err(_) => Answer::Refuse,
//!         },
//!     }
//! }
//! # assert!(matches!(webhook(&http::HeaderMap::new(), b"{}", &[], DateTime::UNIX_EPOCH), Answer::Refuse));
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects
    )
)]

pub mod course;
pub mod event;
mod hear;
mod json;
pub mod key;
pub mod meaning;
pub mod news;
pub mod private;
pub mod provider;
pub mod read;
pub mod redact;
pub mod reply;
pub mod table;
pub mod time;
pub mod verify;

pub mod aircall;
pub mod attendee;
pub mod dialer;
pub mod graph;
pub mod meet;
pub mod recall;
pub mod ringcentral;
pub mod sip;
pub mod telnyx;
pub mod twilio;
pub mod vonage;
pub mod webex;
pub mod zoom;

pub use decision::session::Signal;
pub use event::{About, Event, Participant, Recording};
pub use key::Key;
pub use meaning::{Meaning, Sense};
pub use news::{News, Topic};
pub use private::Private;
pub use provider::Provider;
pub use reply::{Delivery, Reply};
pub use table::{Confidence, Kind, Row};
pub use verify::{Secret, Tolerance};

/// A body longer than this many bytes is refused unread: the largest real ones have some ten thousand.
pub const MAX_BODY: usize = 1024 * 1024;
