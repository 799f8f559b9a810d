//! Where things are in the workspace, and how a check reports what it found.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Every file of the repository below `under`, as paths from the root with `/`, sorted.
///
/// What is built, downloaded or belongs to git is left out.
pub(crate) fn files(under: &str) -> Result<Vec<String>> {
    let root = root();
    let mut found = Vec::new();
    let mut open = vec![root.join(under)];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let name = entry.file_name();
            // A folder, or in a second work tree a file that says where that folder is.
            if name == ".git" {
                continue;
            }
            if kind.is_dir() {
                if name != "target" && name != "node_modules" {
                    open.push(path);
                }
            } else if kind.is_file() {
                found.push(path.strip_prefix(&root)?.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file, by its path from the root.
pub(crate) fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| format!("cannot read `{path}`"))
}

/// Prints what several checks complain of; any complaint is a failure.
pub(crate) fn report(checks: impl IntoIterator<Item = Result<Vec<String>>>) -> Result<()> {
    let complaints = checks.into_iter().collect::<Result<Vec<_>>>()?.concat();
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{}", complaints.join("\n"))
}

/// What a command of cargo prints, without going to the network.
pub(crate) fn cargo(arguments: &[&str]) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--offline")
        .current_dir(root())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
