//! The floors: which crate may depend on which.
//!
//! Calls go one way and so do dependencies: a crate uses what lies below it, never its neighbours.
//! Dependencies for tests and benchmarks count like any other, except those of this crate, and on what tests alone use.

use crate::workspace;
use anyhow::{Context, Result};
use serde_json::Value;

/// What of ours a crate may use.
enum May {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Whatever stands on a lower floor.
    Below,
}
use May::{Below, Only};

/// Every crate of ours, the floor it stands on, and what it may use.
const FLOORS: &[(&str, u8, May)] = &[
    // no clock, no I/O, no runtime
    ("decision", 0, Only(&[])),
    ("conference", 0, Only(&[])),
    ("calendar", 0, Only(&["conference"])),
    // what services stand on; signals as pure as what it stands on
    ("signals", 1, Only(&["decision"])),
    ("proto", 1, Only(&["decision"])),
    ("chassis", 1, Only(&[])),
    ("storage", 1, Only(&[])),
    ("feed", 1, Only(&["storage"])),
    ("remote", 1, Only(&[])),
    ("media", 1, Only(&[])),
    // services, never on each other
    ("calendar-ingest", 2, Below),
    ("eligibility", 2, Below),
    ("consent", 2, Below),
    ("provider-adapters", 2, Below),
    ("orchestrator", 2, Below),
    // all of them in one process, and the scenarios that run it
    ("callsheet", 3, Below),
    ("integration-tests", 4, Below),
    // beside the house: servers for tests, which only what starts everything may use
    ("servers", 3, Only(&[])),
    ("fakes", 3, Only(&[])),
    ("xtask", 0, Only(&["servers"])),
];

/// Beside the house as well: whoever has tests may use them there, and nobody may build them in.
const FOR_TESTS: &[&str] = &["fakes"];

/// Pairs of which the first may use the second in its tests alone, to see that one reads what the other writes.
const READ_BY_TESTS: &[(&str, &str)] = &[("remote", "signals")];

/// Whether the table lets one crate of ours use another. A crate that is not in it is complained of anyway.
fn allowed(name: &str, used: &str) -> bool {
    let entry = |name: &str| FLOORS.iter().find(|(entry, _, _)| *entry == name);
    let Some((_, floor, may)) = entry(name) else { return true };
    match may {
        Only(these) => these.contains(&used),
        Below => entry(used).is_some_and(|(_, below, _)| below < floor && used != "xtask"),
    }
}

/// What breaks the floors.
pub(crate) fn complaints() -> Result<Vec<String>> {
    let metadata = workspace::cargo(&["metadata", "--format-version=1", "--no-deps"])?;
    judge(&serde_json::from_str(&metadata)?)
}

/// What breaks the floors in this answer of `cargo metadata`.
fn judge(metadata: &Value) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let packages = metadata["packages"].as_array().context("cargo names no packages")?;
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"] == "dev"
                && (name == "xtask"
                    || FOR_TESTS.contains(&used)
                    || READ_BY_TESTS.contains(&(name, used)));
            if ours.contains(&used) && !allowed(name, used) && !for_tests {
                complaints.push(format!("crate `{name}` may not depend on `{used}`"));
            }
        }
        if !FLOORS.iter().any(|(entry, _, _)| *entry == name) {
            complaints.push(format!("crate `{name}` stands on no floor: xtask/src/floors.rs"));
        }
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A workspace in which `name` uses `used`.
    fn judged(name: &str, used: &str, kind: Option<&str>) -> Vec<String> {
        judge(&json!({ "packages": [
            { "name": name, "dependencies": [{ "name": used, "kind": kind }] },
            { "name": used, "dependencies": [] },
        ]}))
        .unwrap()
    }

    #[test]
    fn every_crate_uses_only_what_lies_below_it() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_service_that_uses_another_is_found() {
        assert_eq!(
            judged("orchestrator", "consent", None),
            ["crate `orchestrator` may not depend on `consent`"]
        );
    }

    #[test]
    fn a_dependency_for_tests_counts() {
        assert_eq!(judged("chassis", "proto", Some("dev")).len(), 1);
        assert_eq!(judged("xtask", "decision", None).len(), 1);
        assert_eq!(judged("xtask", "decision", Some("dev")).len(), 0);
    }

    #[test]
    fn a_provider_that_is_played_is_for_tests_only() {
        assert_eq!(judged("remote", "fakes", Some("dev")).len(), 0);
        assert_eq!(judged("remote", "fakes", None).len(), 1);
        assert_eq!(judged("fakes", "remote", Some("dev")).len(), 1);
    }

    #[test]
    fn what_tests_read_is_not_built_in() {
        assert_eq!(judged("remote", "signals", Some("dev")).len(), 0);
        assert_eq!(judged("remote", "signals", None).len(), 1);
        assert_eq!(judged("fakes", "signals", Some("dev")).len(), 1);
    }

    #[test]
    fn what_lies_below_may_be_used() {
        assert_eq!(judged("orchestrator", "decision", None).len(), 0);
        assert_eq!(judged("calendar", "conference", None).len(), 0);
    }

    #[test]
    fn a_crate_without_a_floor_is_found() {
        assert_eq!(judged("helpdesk", "decision", None).len(), 1);
    }
}
