//! Any bytes as an event of our own event API: read or refused, and read in the same way twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(signals::dialer::read(bytes), signals::dialer::read(bytes));
});
