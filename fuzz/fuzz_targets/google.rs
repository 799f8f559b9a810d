//! Any bytes as Google JSON: read or refused, never a panic.
#![no_main]

use calendar::{Context, Format, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    Format::detect(bytes);
    let _ = parse(Format::Google, bytes, &Context { floating_zone: "Europe/Berlin" });
});
