//! Any text as an address, a domain, a span, or the end of a consent link: made comparable once and for all, and no link is
//! believed that nobody signed.
#![no_main]

use chrono::DateTime;
use decision::company::{LinkType, Span};
use decision::consent::token::{PrivateKey, PublicKey, Shape, resolve};
use decision::links::Resolution;
use decision::text;
use std::sync::LazyLock;

static KEYS: LazyLock<[PublicKey; 1]> =
    LazyLock::new(|| [PrivateKey::from_bytes(&[7; 32]).public()]);

libfuzzer_sys::fuzz_target!(|input: &str| {
    for read in [text::address, text::domain] {
        if let Some(once) = read(input) {
            assert_eq!(read(&once).as_ref(), Some(&once), "{input:?}");
        }
    }
    let _ = text::fold(input);
    let _ = Span::parse(input);
    for host in [Some("consent.acme.example"), None] {
        let shape = Shape {
            host: "consent.acme.example",
            company: "acme",
            link_type: LinkType::Dynamic,
            token: input,
        };
        let found = resolve(&shape, host, &*KEYS, DateTime::UNIX_EPOCH);
        assert!(!matches!(found, Resolution::Resolved { .. }));
    }
});
