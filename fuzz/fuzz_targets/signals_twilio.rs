//! Any bytes as a callback of Twilio: read or refused, and never believed.
#![no_main]

use http::{HeaderMap, HeaderValue};
use signals::{Secret, twilio};

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (url, signature, body) = input;
    let _ = twilio::read(body);
    let mut headers = HeaderMap::new();
    let Ok(signature) = HeaderValue::from_bytes(signature) else { return };
    headers.insert(twilio::SIGNATURE, signature);
    let secrets: Vec<Secret> = Secret::new("a secret nobody guesses").into_iter().collect();
    assert!(twilio::verify_form(&headers, url, body, &secrets).is_err());
    assert!(twilio::verify_json(&headers, url, body, &secrets).is_err());
});
