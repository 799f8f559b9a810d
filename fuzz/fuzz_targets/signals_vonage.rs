//! Any bytes as a webhook of Vonage: read or refused, and read in the same way twice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(signals::vonage::read(bytes), signals::vonage::read(bytes));
});
