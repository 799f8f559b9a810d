//! The pure crates: what decides and what reads does not touch the world.

use crate::workspace;
use anyhow::Result;
use std::collections::BTreeSet;

/// The crates on the lowest floor, and the reading of what providers send.
const PURE: [&str; 4] = ["decision", "conference", "calendar", "signals"];

/// Crates that none of them may contain, at any depth: runtimes, sockets, databases.
const WORLDLY: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "tonic",
    "reqwest",
    "ureq",
    "sea-orm",
    "sqlx",
    "rusqlite",
];

/// Modules of `std` through which the world comes in.
const STD: [&str; 5] = ["fs", "net", "env", "process", "thread"];

/// Clocks and chance, as they are written.
const CALLS: [&str; 8] = [
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "Zoned::now",
    "Timestamp::now",
    "thread_rng",
    "rand::rng(",
];

/// What is not pure.
pub(crate) fn complaints() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for name in PURE {
        // What only tests use is not listed.
        let tree = ["tree", "--edges=normal,build", "--prefix=none", "--package", name];
        complaints.extend(worldly(name, &workspace::cargo(&tree)?));
        for path in workspace::files(&format!("libs/{name}/src"))? {
            if path.ends_with(".rs") && !path.ends_with("/tests.rs") {
                complaints.extend(touching(&path, &workspace::read(&path)?));
            }
        }
    }
    Ok(complaints)
}

/// Worldly crates in what `cargo tree` lists below a pure one.
fn worldly(pure: &str, tree: &str) -> Vec<String> {
    let names: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let found = names.into_iter().filter(|name| WORLDLY.contains(name));
    found.map(|name| format!("crate `{pure}` contains `{name}`")).collect()
}

/// Where a source touches the world, its tests aside.
fn touching(path: &str, source: &str) -> Vec<String> {
    let source = without_comments(without_tests(source));
    let mut found: Vec<String> =
        CALLS.into_iter().filter(|call| source.contains(*call)).map(str::to_owned).collect();
    found.extend(
        used_of_std(&source)
            .into_iter()
            .filter(|module| STD.contains(&module.as_str()))
            .map(|module| format!("std::{module}")),
    );
    found.iter().map(|what| format!("{path}: a pure crate uses `{what}`")).collect()
}

/// The source up to its inline tests, which come last in a file.
fn without_tests(source: &str) -> &str {
    let mark = "#[cfg(test)]\n";
    let mut from = 0;
    while let Some(at) = source.get(from..).and_then(|rest| rest.find(mark)) {
        let rest = source.get(from + at + mark.len()..).unwrap_or_default();
        let item = rest.lines().find(|line| !line.trim_start().starts_with("#["));
        if item.is_some_and(|line| line.contains("mod ") && line.ends_with('{')) {
            return source.get(..from + at).unwrap_or(source);
        }
        from += at + mark.len();
    }
    source
}

/// The source without lines that are comments.
fn without_comments(source: &str) -> String {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The modules of `std` a source names, singly or in a group: `std::{fmt, fs::File}` gives `fmt`, `fs`.
fn used_of_std(source: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect()
    };
    let mut used = BTreeSet::new();
    for rest in source.split("std::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (0_i32, String::new());
        for letter in group.chars() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    used.insert(word(&item));
                    item.clear();
                    continue;
                }
                _ => {}
            }
            item.push(letter);
        }
        used.insert(word(&item));
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_floor_is_pure() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_clock_is_found() {
        assert_eq!(touching("x.rs", "let now = chrono::Utc::now();").len(), 1);
    }

    #[test]
    fn a_module_of_std_is_found_however_it_is_written() {
        for source in [
            "use std::fs;",
            "std::fs::read(x)",
            "use std::{fmt, fs::File};",
            "use std::{\n    io::{self, Read},\n    net,\n};",
        ] {
            assert_eq!(touching("x.rs", source).len(), 1, "{source}");
        }
        assert_eq!(touching("x.rs", "use std::{fmt, str::FromStr};").len(), 0);
    }

    #[test]
    fn tests_and_comments_may_name_the_world() {
        let source = "//! Never std::fs.\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(touching("x.rs", source).len(), 0);
    }

    #[test]
    fn a_lone_item_for_tests_hides_nothing_after_it() {
        let source = "#[cfg(test)]\nuse proptest as _;\nuse std::fs;\n";
        assert_eq!(touching("x.rs", source).len(), 1);
    }

    #[test]
    fn a_runtime_below_a_dependency_is_found() {
        let tree = "decision v0.1.0 (here)\npolite v1.0.0\ntokio v1.54.0\ntokio v1.54.0 (*)\n";
        assert_eq!(worldly("decision", tree), ["crate `decision` contains `tokio`"]);
    }
}
