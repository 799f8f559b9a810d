//! Any bytes as a calendar, laid out over a year: every occurrence in the window, in order.
#![no_main]

use calendar::{Context, Format, Window, expand, parse};
use chrono::{DateTime, TimeDelta};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let context = Context { floating_zone: "America/New_York" };
    let from = DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    let window = Window { from, to: from + TimeDelta::days(365) };
    for format in [Format::ICalendar, Format::Google, Format::Microsoft] {
        let Ok(parsed) = parse(format, bytes, &context) else { continue };
        let found = expand(&parsed.events, window, &context).occurrences;
        assert!(found.is_sorted_by_key(|one| one.start));
        assert!(found.iter().all(|one| window.from <= one.start && one.start < window.to));
    }
});
