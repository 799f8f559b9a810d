//! The shared fixtures, where they are at hand: every firm case is right, no case panics.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads its fixtures")]

use std::path::PathBuf;

use conference::{Kind, classify, find, unwrap};
use serde_json::Value;

fn fixture(path: &str) -> Option<String> {
    let folder = std::env::var_os("CALLSHEET_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(folder.join(path)).ok();
    if text.is_none() {
        println!("skipped: no {path}");
    }
    text
}

fn text<'a>(case: &'a Value, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Value::as_str)
}

#[test]
fn every_firm_text_gives_its_link() {
    let Some(cases) = fixture("conference_urls/cases.json") else { return };
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let (mut right, mut wrong) = (0, Vec::new());
    for case in cases["cases"].as_array().unwrap() {
        let input = text(case, "text").unwrap();
        let links = find(input);
        let id = text(case, "id").unwrap();
        if text(case, "status") != Some("firm") {
            continue;
        }
        // The government's Zoom is Zoom.
        let provider = text(case, "expected_provider").map(|it| it.replace("zoomgov", "zoom"));
        let link = links.first();
        let agrees = link.map(|it| it.name()) == provider.as_deref()
            && link.and_then(|it| it.id()) == text(case, "expected_meeting_id")
            && text(case, "expected_join_url")
                .is_none_or(|url| link.is_some_and(|it| it.url == url))
            && links.len() <= 1;
        if agrees {
            right += 1;
        } else {
            wrong.push(format!("{id} {input}\n  {links:?}\n  {case}"));
        }
    }
    println!("{right} right, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_wrapped_link_is_unwrapped() {
    let Some(vectors) = fixture("wrappers/vectors.json") else { return };
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let (mut right, mut wrong) = (0, Vec::new());
    for vector in vectors["vectors"].as_array().unwrap() {
        let wrapped = text(vector, "wrapped").unwrap();
        let mut link = wrapped.to_owned();
        let mut kinds = Vec::new();
        while let Some((wrapper, target)) = unwrap(&link) {
            kinds.push(wrapper.as_str());
            link = target;
        }
        let target = (!kinds.is_empty()).then_some(link.as_str());
        let kind = text(vector, "kind").unwrap().split(' ').next().unwrap();
        let kind_agrees = kinds.first().is_none_or(|it| *it == kind);
        if target == text(vector, "expected") && kind_agrees {
            right += 1;
        } else {
            wrong.push(format!("{target:?} {kinds:?}\n  {vector}"));
        }
        if let Some(link) = classify(wrapped) {
            assert!(!matches!(link.kind, Kind::Consent { .. }), "{wrapped}");
        }
    }
    println!("{right} right, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
