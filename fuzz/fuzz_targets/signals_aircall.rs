//! Any bytes as a webhook of Aircall: read or refused, and read in the same way twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(signals::aircall::read(bytes), signals::aircall::read(bytes));
});
