//! Any text as a token, and any bytes as a set of keys: never believed.
#![no_main]

use signals::Secret;
use signals::verify::jwt::{self, Keys};

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let (token, jwks) = input;
    let secrets: Vec<Secret> = Secret::new("a secret nobody guesses").into_iter().collect();
    assert!(jwt::hs256(token, &secrets).is_err());
    if let Ok(keys) = Keys::read(jwks) {
        let _ = jwt::rs256(token, &keys);
    }
});
