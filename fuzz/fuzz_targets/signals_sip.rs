//! Any text as a response of SIP with its reason: the same meaning twice.
#![no_main]

use signals::sip;

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &str)| {
    let (code, phrase, reason) = input;
    let meaning = sip::meaning(code, Some(phrase), Some(reason));
    assert_eq!(meaning, sip::meaning(code, Some(phrase), Some(reason)));
});
