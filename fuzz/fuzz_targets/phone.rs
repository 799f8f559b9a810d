//! Any text as a telephone number: what is read as a full number is read as the same again.
#![no_main]

use decision::phone::{Country, Number, Region};

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (own, other) = input;
    assert_eq!(Number::both(own, other), Number::both(own, other));
    for country in ["DE", "US", "IT", "GB"] {
        let home = Country::from_name(country).map_or(Region::Unknown, Region::In);
        let number = Number::read(other, home);
        assert!(number.begins_with("") == number.full().is_some());
        if let Number::Full(full) = &number {
            assert!(full.digits().bytes().all(|digit| digit.is_ascii_digit()), "{full}");
            if full.is_valid() {
                assert!((1..=17).contains(&full.digits().len()), "{full}");
                assert_eq!(Number::read(&full.to_string(), Region::Unknown), number);
            }
        }
    }
});
