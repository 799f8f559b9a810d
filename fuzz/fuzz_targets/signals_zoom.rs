//! Any bytes as a webhook of Zoom: read or refused, and shown without what opens doors.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = signals::zoom::read(bytes) else { return };
    assert_eq!(Ok(event), signals::zoom::read(bytes));
    assert!(signals::redact::secrets(bytes).is_ok());
});
