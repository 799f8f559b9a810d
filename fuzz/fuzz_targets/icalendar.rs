//! Any bytes as iCalendar: read or refused, never a panic.
#![no_main]

use calendar::{Context, Format, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    Format::detect(bytes);
    let _ = parse(Format::ICalendar, bytes, &Context { floating_zone: "Europe/Berlin" });
});
