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
//! enum Answer { AskAgain, Refuse, Send(Reply), Store(Option<Box<Event>>) }
//!
//! fn webhook(headers: &http::HeaderMap, body: &[u8], secrets: &[Secret], now: DateTime<Utc>) -> Answer {
//!     match zoom::receive(headers, body, secrets, Tolerance::ZOOM, now) {
//!         // A status of 5xx brings it again, one of 4xx loses it for good.
//!         Err(error) if error.is_ours() => Answer::AskAgain,
//!         Err(_) => Answer::Refuse,
//!         Ok(Delivery::Handshake(reply)) => Answer::Send(reply),
//!         // What is believed and cannot be read is kept all the same, for people to look at.
//!         Ok(Delivery::Event) => Answer::Store(zoom::read(body).ok().map(Box::new)),
//!     }
//! }
//! # let none = http::HeaderMap::new();
//! # assert!(matches!(webhook(&none, b"{}", &[], DateTime::UNIX_EPOCH), Answer::Refuse));
//! ```
//!
//! | Sender | Believed through | Read by |
//! | --- | --- | --- |
//! | Zoom, Zoom Phone | [`zoom::receive`] | [`zoom::read`] |
//! | Graph, notifications | [`graph::handshake`]; each by [`graph::Notification::check_client_state`], rich ones by [`graph::check_tokens`] and [`graph::Opener::open`] | [`graph::Batch::read`], [`graph::Notification::event`] |
//! | Graph, calls of our bot | the token in its `Authorization`: [`verify::jwt`] | [`graph::calls`] |
//! | Webex | [`webex::verify`] | [`webex::read`] |
//! | Google Meet | [`meet::verify`] | [`meet::read`] |
//! | Twilio | [`twilio::verify_form`], [`twilio::verify_json`] | [`twilio::read`], [`twilio::event`] |
//! | RingCentral | [`ringcentral::receive`] | [`ringcentral::read`] |
//! | Aircall | [`aircall::verify`] | [`aircall::read`] |
//! | Vonage | [`vonage::verify`] | [`vonage::read`] |
//! | Telnyx | [`telnyx::verify`] | [`telnyx::read`] |
//! | Other dialers | [`dialer::verify`] | [`dialer::read`] |
//! | Recall | [`recall::verify`] | [`recall::read`] |
//! | Attendee | [`attendee::verify`] | [`attendee::read`] |
//!
//! What comes as an answer to a call of ours, or out of a bot of ours, is looked up: [`Meaning::of`], [`Meaning::of_text`],
//! [`graph::end`], [`webex::wire`], [`sip::meaning`].
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
