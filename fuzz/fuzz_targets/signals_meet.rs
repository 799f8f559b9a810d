//! Any bytes as a webhook of Google Meet: read or refused, and read in the same way twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(signals::meet::read(bytes), signals::meet::read(bytes));
});
