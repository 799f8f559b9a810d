//! Any bytes as a webhook of Recall: read or refused, and read in the same way twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(signals::recall::read(bytes), signals::recall::read(bytes));
});
