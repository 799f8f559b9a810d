//! Any bytes as a calendar, laid out over a year: in order, and the same however it is asked for.
#![no_main]

use calendar::{Context, Format};
use callsheet_fuzz::{lay_out, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let context = Context { floating_zone: "America/New_York" };
    for format in [Format::ICalendar, Format::Google, Format::Microsoft] {
        if let Some(parsed) = read(format, bytes, &context) {
            lay_out(&parsed, &context);
        }
    }
});
