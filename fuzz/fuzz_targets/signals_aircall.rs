//! Any bytes as a webhook of Aircall: read or refused, read in the same way twice, and heard as one end at most.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    callsheet_fuzz::webhook(signals::aircall::read, bytes);
});
