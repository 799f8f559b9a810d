//! Any bytes as a webhook of Attendee: read or refused, its canonical form made, and never believed.
#![no_main]

use http::{HeaderMap, HeaderValue};
use signals::{Secret, attendee};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = attendee::read(bytes);
    let mut headers = HeaderMap::new();
    headers.insert(attendee::SIGNATURE, HeaderValue::from_static("AAAA"));
    let secrets: Vec<Secret> = Secret::new("a secret nobody guesses").into_iter().collect();
    assert!(attendee::verify(&headers, bytes, &secrets).is_err());
});
