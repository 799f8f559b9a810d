//! Habits of the house that no compiler checks.

use crate::workspace;
use anyhow::Result;

/// Words that mark something as unfinished. Split, so that this file does not hold them.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
];

/// Words about how the text was made, in any case, which is no matter of the text.
const FOREIGN: [&str; 8] = [
    concat!("clau", "de"),
    concat!("anthro", "pic"),
    concat!("open", "ai"),
    concat!("chat", "gpt"),
    concat!("co", "pilot"),
    concat!("l", "lm"),
    concat!("sub", "agent"),
    concat!("a", "i"),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/tm", "p/")];

/// What is untidy.
pub(crate) fn complaints() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for path in workspace::files(".")? {
        let Ok(text) = workspace::read(&path) else { continue };
        if path != "Cargo.lock" && path != "LICENSE" {
            complaints.extend(in_file(&path, &text));
        }
    }
    complaints.extend(dependencies(&workspace::read("Cargo.toml")?));
    Ok(complaints)
}

/// What is untidy in one file.
fn in_file(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if path.ends_with("/mod.rs") {
        complaints.push(format!("{path}: a module with children is `x.rs` beside `x/`"));
    }
    if path.ends_with(".rs") && !headed(text, "//!") {
        complaints.push(format!("{path}: begins with no `//!` sentence that says what it is for"));
    }
    if path.ends_with(".proto") && !headed(text, "//") {
        complaints.push(format!("{path}: begins with no sentence that says what it is for"));
    }
    for (index, line) in text.lines().enumerate() {
        let mut found = |what: &str| complaints.push(format!("{path}:{}: {what}", index + 1));
        if UNFINISHED.iter().any(|word| stands_in(line, word, true)) {
            found("something unfinished");
        }
        if FOREIGN.iter().any(|word| stands_in(line, word, false)) {
            found("a word that has no place here");
        }
        if MACHINE.iter().any(|word| is_path(line, word)) {
            found("a path of one machine");
        }
    }
    complaints
}

/// Whether the text begins with a comment whose first paragraph is a sentence.
fn headed(text: &str, mark: &str) -> bool {
    let paragraph: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix(mark))
        .take_while(|line| !line.trim().is_empty())
        .collect();
    paragraph.last().is_some_and(|line| line.trim_end().ends_with(['.', '?', ':']))
}

/// Whether the word stands in the line by itself. Short words count in capitals only.
fn stands_in(line: &str, word: &str, exact: bool) -> bool {
    let (line, word) = match (exact, word.len()) {
        (true, _) => (line.to_owned(), word.to_owned()),
        (false, ..=2) => (line.to_owned(), word.to_uppercase()),
        (false, _) => (line.to_lowercase(), word.to_owned()),
    };
    line.match_indices(&word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let joins = |letter: Option<char>| {
            letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
        };
        !joins(before) && (word.ends_with('!') || !joins(after))
    })
}

/// Whether a path begins here, rather than the middle of an address.
fn is_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-~})>%*".contains(letter))
    })
}

/// Shared dependencies without a word on why they are there.
fn dependencies(manifest: &str) -> Vec<String> {
    let section =
        manifest.split("\n[").find(|section| section.starts_with("workspace.dependencies]"));
    let lines = section.into_iter().flat_map(str::lines).skip(1);
    let wordless =
        lines.filter(|line| line.contains('=') && !line.starts_with('#') && !line.contains(" # "));
    wordless
        .filter_map(|line| line.split('=').next())
        .map(|name| format!("Cargo.toml: `{}` is shared without a word on why", name.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_file_without_a_heading_is_found() {
        assert_eq!(in_file("x.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(in_file("x.rs", "//! a heading\n").len(), 1);
        assert_eq!(
            in_file("x.rs", "//! What this is for,\n//! on two lines.\n//!\n//! - more\n").len(),
            0
        );
        assert_eq!(in_file("x.proto", "syntax = \"proto3\";\n").len(), 1);
    }

    #[test]
    fn a_module_in_its_own_folder_is_found() {
        assert_eq!(in_file("a/mod.rs", "//! A.\n").len(), 1);
    }

    #[test]
    fn what_is_unfinished_is_found() {
        for word in UNFINISHED {
            assert_eq!(in_file("x.md", &format!("here: {word}(later)\n")).len(), 1, "{word}");
        }
        assert_eq!(in_file("x.toml", "todo = \"warn\"\n").len(), 0);
    }

    #[test]
    fn a_foreign_word_is_found_in_any_case_but_not_inside_another() {
        for word in FOREIGN {
            assert_eq!(
                in_file("x.md", &format!("by {}, x\n", word.to_uppercase())).len(),
                1,
                "{word}"
            );
            assert_eq!(in_file("x.md", &format!("a{}b\n", word.to_uppercase())).len(), 0, "{word}");
        }
    }

    #[test]
    fn a_path_of_one_machine_is_found_but_not_an_address() {
        for path in MACHINE {
            assert_eq!(in_file("x.md", &format!("see `{path}x`\n")).len(), 1, "{path}");
        }
        assert_eq!(in_file("x.md", concat!("https://acme.example/ho", "me/x\n")).len(), 0);
    }

    #[test]
    fn a_shared_dependency_without_a_word_is_found() {
        let manifest = "[workspace]\n\n[workspace.dependencies]\n# ours\na = \"1\"\nb = \"1\" # why\n\n[profile.dev]\nc = 1\n";
        assert_eq!(dependencies(manifest), ["Cargo.toml: `a` is shared without a word on why"]);
    }
}
