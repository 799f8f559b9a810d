//! No text makes the search for conference links panic, hang, or contradict itself.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let links = conference::find(text);
    assert_eq!(links, conference::find(text));
    assert!(links.len() <= conference::MAX_LINKS);
    for link in &links {
        assert!(link.unwrapped.len() <= conference::MAX_LAYERS);
        if let Some(id) = link.id() {
            let again = conference::classify(&link.url);
            assert_eq!(again.as_ref().and_then(|link| link.id()), Some(id), "{}", link.url);
        }
    }
    let _ = conference::find_with(text, Some("consent.acme.example"));
    let _ = conference::classify(text);
});
