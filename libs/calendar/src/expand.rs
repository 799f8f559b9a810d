//! Events to the occurrences of a window.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::{Context, Details, Event, Problem};

/// A span of time: occurrences with `from <= start < to` are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First instant in it.
    pub from: DateTime<Utc>,
    /// First instant after it.
    pub to: DateTime<Utc>,
}

/// One meeting at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Original start; set for every occurrence of a series, `None` for a single event.
    pub recurrence_id: Option<DateTime<Utc>>,
    /// When it starts; of an all-day event midnight in [`Context::floating_zone`].
    pub start: DateTime<Utc>,
    /// When it ends; `None` if the calendar does not say, or says a time not after the start.
    pub end: Option<DateTime<Utc>>,
    /// Of an all-day event: first day, and first day after it.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Whether it was called off: the whole meeting or this occurrence.
    pub cancelled: bool,
    /// Whether the start is not certain: wall time in a gap or an overlap of its zone, or a zone
    /// that could not be resolved.
    pub ambiguous_time: bool,
    /// All else, shared by the occurrences of one component.
    pub details: Arc<Details>,
}

/// What [`expand`] makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    /// Ordered by start, UID, recurrence id.
    pub occurrences: Vec<Occurrence>,
    /// What was left out or mended, ordered.
    pub problems: Vec<Problem>,
}

/// The occurrences of `events` in `window`.
///
/// The events may come from several calendars: copies of one meeting (same UID) become one. The
/// order of `events` does not matter.
pub fn expand(events: &[Event], window: Window, context: &Context<'_>) -> Expansion {
    let _ = (events, window, context);
    Expansion::default()
}
