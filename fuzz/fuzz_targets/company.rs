//! Any text as a company file: read or refused with places that exist, and what is read survives its canonical form.
#![no_main]

use decision::{CompanyFile, Policy};

// The reader is private to its service, which brings a database along; the file alone is enough here.
#[path = "../../services/eligibility/src/document.rs"]
#[allow(dead_code, reason = "the service uses more of it")]
mod document;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let read = document::read(text);
    assert_eq!(read, document::read(text));
    match read {
        Ok(file) => {
            let again = CompanyFile::from_canonical(&file.canonical());
            assert_eq!(again.ok().as_ref(), Some(&file));
            let _ = Policy::compile(&file, 1);
        }
        Err(problems) => {
            assert!((1..=101).contains(&problems.len()));
            // YAML ends a line with either of the two.
            let lines = text.split(['\r', '\n']).count() as u64;
            for place in problems.iter().filter_map(|problem| problem.place) {
                assert!(place.line <= lines + 1, "{place:?} of {lines}");
            }
        }
    }
});
