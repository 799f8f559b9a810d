//! Any bytes as iCalendar: read or refused, never a panic, and within the limits.
#![no_main]

use calendar::{Context, Format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    callsheet_fuzz::read(Format::ICalendar, bytes, &Context { floating_zone: "Europe/Berlin" });
});
