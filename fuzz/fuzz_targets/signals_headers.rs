//! Any headers with any body: nobody is believed who does not know the secret.
#![no_main]

use chrono::{DateTime, TimeDelta};
use http::{HeaderMap, HeaderName, HeaderValue};
use signals::verify::standard;
use signals::{Secret, Tolerance, dialer, ringcentral, telnyx, vonage, webex, zoom};

const NAMES: [&str; 12] = [
    zoom::SIGNATURE,
    zoom::TIMESTAMP,
    webex::SIGNATURE,
    dialer::SIGNATURE,
    dialer::TIMESTAMP,
    telnyx::SIGNATURE,
    telnyx::TIMESTAMP,
    ringcentral::TOKEN,
    "authorization",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

libfuzzer_sys::fuzz_target!(|input: ([&[u8]; 12], &[u8])| {
    let (values, body) = input;
    let mut headers = HeaderMap::new();
    for (name, value) in NAMES.into_iter().zip(values) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let secrets: Vec<Secret> = Secret::new("a secret nobody guesses").into_iter().collect();
    let wide = Tolerance { past: TimeDelta::days(90_000), future: TimeDelta::days(90_000) };
    let now = DateTime::from_timestamp(1_767_261_600, 0).unwrap_or_default();
    assert!(zoom::receive(&headers, body, &secrets, wide, now).is_err());
    assert!(webex::verify(&headers, body, &secrets).is_err());
    assert!(dialer::verify(&headers, body, &secrets, wide, now).is_err());
    assert!(standard::verify(&headers, body, &secrets, wide, now).is_err());
    assert!(ringcentral::receive(&headers, body, &secrets).is_err());
    assert!(vonage::verify(&headers, body, &secrets, wide, now).is_err());
    let keys: Vec<_> = telnyx::PublicKey::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        .into_iter()
        .collect();
    assert!(telnyx::verify(&headers, body, &keys, wide, now).is_err());
});
