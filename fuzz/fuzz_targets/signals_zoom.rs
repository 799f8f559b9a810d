//! Any bytes as a webhook of Zoom: read or refused, and shown without what opens doors.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    callsheet_fuzz::webhook(signals::zoom::read, bytes);
    assert!(signals::zoom::read(bytes).is_err() || signals::redact::secrets(bytes).is_ok());
});
