//! Calendar payloads in, events and their occurrences out: iCalendar, Google, Microsoft.
//!
//! [`parse`] reads bytes to [`Event`]s, [`expand`] merges the copies of each meeting and lays its
//! occurrences out in a [`Window`]. Both are pure and total: no clock, no I/O, no panic, bounded
//! time and memory; what cannot be read is reported as a [`Problem`].

mod details;
mod event;
mod expand;
mod format;
mod limits;
mod link;
mod problem;

pub use details::{
    Details, Field, FieldLink, Participation, Person, PersonKind, Sensitivity, Status,
};
pub use event::Event;
pub use expand::{Expansion, Occurrence, Window, expand};
pub use format::{Context, Format, Parsed, parse, parse_within};
pub use limits::Limits;
pub use problem::{Error, Place, Problem, Reason, Severity};
