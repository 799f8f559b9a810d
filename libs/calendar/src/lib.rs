//! Calendar payloads in, events and their occurrences out: iCalendar, Google, Microsoft.
//!
//! [`parse`] reads bytes to [`Event`]s, [`expand`] merges the copies of each meeting and lays its
//! occurrences out in a [`Window`]. Both are pure and total: no clock, no I/O, no panic, bounded
//! time and memory; what cannot be read is reported as a [`Problem`].
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used
    )
)]

mod civil;
mod details;
mod event;
mod expand;
mod format;
mod google;
mod icalendar;
mod json;
mod limits;
mod merge;
mod microsoft;
mod problem;
mod recurrence;
mod value;
mod zone;

pub use details::{
    Details, Field, FieldLink, Participation, Person, PersonKind, Sensitivity, Status,
};
pub use event::Event;
pub use expand::{Expansion, Occurrence, Window, expand, expand_with};
pub use format::{Context, Format, Parsed, parse, parse_within};
pub use limits::Limits;
pub use problem::{Error, Place, Problem, Reason, Severity};
pub use zone::zone_rules;
