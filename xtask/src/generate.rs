//! Derives code, descriptors and docs: from the contract in `proto/`, from the rules of the core, from the defaults of
//! settings, from the scenarios.
//!
//! Everything is made in memory first, so that checking and writing cannot differ.

mod catalogue;
mod core;
mod docs;
mod rulebook;
mod scenarios;
mod sessions;
mod settings;
mod signals;
mod wire;

use crate::workspace;
use anyhow::{Context, Result, bail};
use prost_reflect::DescriptorPool;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Contents by path from the root of the workspace.
type Files = BTreeMap<String, Vec<u8>>;

/// Folder that holds generated files and nothing else.
const GENERATED: &str = "libs/proto/src/gen";

/// The contract, compiled.
pub(crate) struct Contract {
    /// Every descriptor with its comments and options, dependencies first.
    pub(crate) encoded: Vec<u8>,
    /// The same for reading.
    pub(crate) pool: DescriptorPool,
}

/// Compiles every `.proto` below `proto/callsheet`.
pub(crate) fn contract() -> Result<Contract> {
    let sources = workspace::files("proto/callsheet")?;
    let sources = sources
        .iter()
        .filter(|path| path.ends_with(".proto"))
        .map(|path| path.trim_start_matches("proto/"));
    let mut compiler = protox::Compiler::new([workspace::root().join("proto")])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(sources)?;
    Ok(Contract {
        encoded: compiler.encode_file_descriptor_set(),
        pool: compiler.descriptor_pool(),
    })
}

/// Everything that is generated.
fn everything() -> Result<Files> {
    let contract = contract()?;
    let catalogue = catalogue::read(&contract.pool)?;
    let mut files = wire::generate(&contract)?;
    files.insert("libs/decision/src/skip_code.rs".into(), core::generate(&catalogue).into_bytes());
    for (path, content) in &mut files {
        if path.ends_with(".rs") {
            *content = formatted(content).with_context(|| format!("formatting `{path}`"))?;
        }
    }
    files.extend(pages(&catalogue)?);
    Ok(files)
}

/// What is generated for people.
fn pages(catalogue: &catalogue::Catalogue) -> Result<Files> {
    let rulebook = rulebook::generate(catalogue, &rulebook::raised()?)?;
    Ok(Files::from([
        ("docs/skip-codes.md".to_owned(), docs::generate(catalogue).into_bytes()),
        ("docs/rulebook.md".to_owned(), rulebook.into_bytes()),
        ("docs/scenarios.md".to_owned(), scenarios::generate(catalogue)?.into_bytes()),
        ("docs/sessions.md".to_owned(), sessions::generate()?.into_bytes()),
        ("docs/signals.md".to_owned(), signals::generate()?.into_bytes()),
        ("docs/config.md".to_owned(), settings::generate()?.into_bytes()),
    ]))
}

/// Regenerates what is out of date and removes what is no longer generated.
pub(crate) fn write() -> Result<()> {
    let files = everything()?;
    put(&files, stale(&files)?)
}

/// Regenerates the pages for people only.
pub(crate) fn write_pages() -> Result<()> {
    let files = pages(&catalogue::read(&contract()?.pool)?)?;
    let stale = different(&files);
    put(&files, stale)
}

/// Writes these of the files, and removes those that are not among them.
fn put(files: &Files, stale: Vec<String>) -> Result<()> {
    let root = workspace::root();
    for path in stale {
        let target = root.join(&path);
        match files.get(&path) {
            Some(content) => {
                eprintln!("writing {path}");
                if let Some(folder) = target.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(target, content)?;
            }
            None => {
                eprintln!("removing {path}");
                std::fs::remove_file(target)?;
            }
        }
    }
    Ok(())
}

/// Fails if anything checked in is not what would be generated now.
pub(crate) fn check() -> Result<()> {
    let stale = stale(&everything()?)?;
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not what `cargo xtask gen` writes: {}", stale.join(", "))
}

/// Paths that are missing, different, or lie in the generated folder without reason.
fn stale(files: &Files) -> Result<Vec<String>> {
    let root = workspace::root();
    let mut stale = different(files);
    if root.join(GENERATED).is_dir() {
        stale.extend(
            workspace::files(GENERATED)?.into_iter().filter(|path| !files.contains_key(path)),
        );
    }
    Ok(stale)
}

/// Paths that are missing or different.
fn different(files: &Files) -> Vec<String> {
    let root = workspace::root();
    let is_fresh =
        |path: &str, content| std::fs::read(root.join(path)).ok().as_ref() == Some(content);
    let stale = files.iter().filter(|(path, content)| !is_fresh(path, content));
    stale.map(|(path, _)| path.clone()).collect()
}

/// The source as `cargo fmt` leaves it.
fn formatted(source: &[u8]) -> Result<Vec<u8>> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
        .arg(workspace::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("rustfmt is needed: rustup component add rustfmt")?;
    let mut stdin = rustfmt.stdin.take().context("rustfmt has no input")?;
    let source = source.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&source));
    let output = rustfmt.wait_with_output()?;
    feeder.join().map_err(|_panic| anyhow::anyhow!("writing to rustfmt failed"))??;
    if !output.status.success() {
        bail!("rustfmt refused: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_checked_in_is_what_would_be_generated() {
        check().unwrap();
    }

    #[test]
    fn generating_twice_gives_the_same_bytes() {
        assert!(everything().unwrap() == everything().unwrap());
    }

    /// The catalogue in the form of the table it was specified by: one line per code, sorted.
    fn table() -> Vec<String> {
        let catalogue = catalogue::read(&contract().unwrap().pool).unwrap();
        let spelling = |name: &str| {
            catalogue.codes.iter().find(|code| code.name == name).unwrap().spelling.clone()
        };
        let line = |code: &catalogue::Code| {
            [
                code.spelling.clone(),
                code.kind("table"),
                code.kind("phase"),
                code.rank.to_string(),
                code.kind("lifted_by"),
                code.twin.as_deref().map(spelling).unwrap_or_default(),
                code.kind("who_can_act"),
                if code.retryable { "yes" } else { "no" }.to_owned(),
            ]
            .join(",")
        };
        sorted(catalogue.codes.iter().map(line))
    }

    fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    }

    fn rows(csv: &str) -> Vec<String> {
        sorted(csv.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned))
    }

    #[test]
    fn the_catalogue_says_what_was_specified() {
        let specified = rows(include_str!("generate/skip_codes.csv"));
        assert_eq!(specified.len(), 81);
        assert_eq!(table(), specified);
    }

    #[test]
    fn the_specification_has_not_moved() {
        let beside = workspace::root().join("../shared/skip_codes.csv");
        match std::fs::read_to_string(&beside) {
            Ok(csv) => assert_eq!(table(), rows(&csv)),
            Err(_) => eprintln!("skipped: no specification beside the repository"),
        }
    }

    #[test]
    fn numbers_and_ranks_are_unique() {
        let catalogue = catalogue::read(&contract().unwrap().pool).unwrap();
        let unique = |keys: Vec<i64>| {
            keys.iter().collect::<std::collections::BTreeSet<_>>().len() == keys.len()
        };
        assert!(unique(catalogue.codes.iter().map(|code| code.number.into()).collect()));
        assert!(unique(catalogue.codes.iter().map(|code| code.rank.into()).collect()));
    }

    #[test]
    fn twins_name_each_other() {
        let catalogue = catalogue::read(&contract().unwrap().pool).unwrap();
        for code in &catalogue.codes {
            if let Some(twin) = &code.twin {
                let twin = catalogue.codes.iter().find(|other| &other.name == twin).unwrap();
                assert_eq!(twin.twin.as_ref(), Some(&code.name), "the twin of `{}`", code.name);
            }
        }
    }
}
