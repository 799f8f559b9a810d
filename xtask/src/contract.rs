//! Rules of the contract: names, and a comment on everything.

use anyhow::Result;
use prost_reflect::FileDescriptor;

/// The prefix that the values of an enum carry: `SkipCode` gives `SKIP_CODE_`.
pub(crate) fn prefix(of: &str) -> String {
    let mut prefix = String::new();
    for letter in of.chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    prefix + "_"
}

/// The comment over the thing at this path of the file; empty where there is none.
pub(crate) fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location =
        info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let text = location.and_then(|location| location.leading_comments.as_deref()).unwrap_or_default();
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// What the contract breaks.
pub(crate) fn complaints() -> Result<Vec<String>> {
    Ok(Vec::new())
}
