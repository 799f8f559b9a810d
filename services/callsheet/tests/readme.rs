//! The README's commands print what the README says they print.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

/// A command of a fenced console block, and what stands below it.
#[derive(Debug, PartialEq)]
struct Shown {
    arguments: Vec<String>,
    output: String,
}

/// The `callsheet` commands of the console blocks: lines that begin with `$ cargo run`, each with the lines below it.
fn shown(readme: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    let mut in_block = false;
    let mut current: Option<Shown> = None;
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            found.extend(current.take());
            in_block = !in_block && line.trim_end() == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) {
            found.extend(current.take());
            let mut command = command.to_owned();
            while let Some(begun) = command.strip_suffix('\\') {
                command = format!("{begun} {}", lines.next().unwrap_or_default());
            }
            current =
                arguments(&command).map(|arguments| Shown { arguments, output: String::new() });
        } else if let Some(shown) = &mut current {
            shown.output.push_str(line.trim_end());
            shown.output.push('\n');
        }
    }
    found
}

/// What is handed to `callsheet`; none where another program is run.
fn arguments(command: &str) -> Option<Vec<String>> {
    let mut words =
        command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned());
    let begins = words.next()? == "cargo" && words.next()? == "run";
    let mut cargo = words.by_ref().take_while(|word| word != "--");
    (begins && cargo.any(|word| word == "callsheet")).then_some(())?;
    // What is left of cargo's own words.
    cargo.for_each(drop);
    Some(words.collect())
}

/// What the command prints, as the README has it: without spaces at the ends of lines.
fn printed(arguments: &[String]) -> String {
    let data = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_callsheet"))
        .args(arguments)
        .current_dir(root)
        .env_clear()
        .env("XDG_DATA_HOME", data.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn the_commands_of_the_readme_print_what_stands_below_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let Ok(readme) = std::fs::read_to_string(path) else {
        println!("skipped: there is no README.md");
        return;
    };
    let shown = shown(&readme);
    if shown.is_empty() {
        println!("skipped: README.md shows no command of callsheet");
    }
    for Shown { arguments, output } in shown.iter().filter(|shown| !shown.output.trim().is_empty())
    {
        let printed = printed(arguments);
        // A README may leave lines out: `…` on a line of its own stands for any number of them.
        let mut rest = printed.as_str();
        for (index, part) in output.split("…\n").enumerate() {
            let at = if index == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
            let at =
                at.unwrap_or_else(|| panic!("{arguments:?} prints\n{printed}\nand not\n{part}"));
            rest = &rest[at + part.len()..];
        }
        let is_open = output.ends_with("…\n");
        assert!(is_open || rest.trim().is_empty(), "{arguments:?} prints more:\n{rest}");
    }
}

/// Prints the output of the README's first command, to be pasted: `cargo test -p callsheet --test readme -- --ignored --nocapture`.
#[test]
#[ignore = "prints, and tests nothing"]
fn print_the_first_command() {
    let company = ["decide", "--company", "examples/acme.yaml", "--now", "2026-03-02T07:00:00Z"];
    let files = ["examples/acme.ics", "examples/google.json", "examples/microsoft.json"];
    let arguments: Vec<String> =
        company.iter().chain(&["--window", "2d"]).chain(&files).map(ToString::to_string).collect();
    println!("$ cargo run -q -p callsheet -- {}\n{}", arguments.join(" "), printed(&arguments));
}

#[test]
fn commands_and_what_stands_below_them_are_found() {
    let readme = "# A\n```console\n$ cargo run -q -p callsheet -- codes \\\n  --format json\none\ntwo  \n$ ls\nfile\n```\n\
        $ cargo run -p callsheet -- links\n```\n$ cargo run -p callsheet -- events\n```\n";
    assert_eq!(
        shown(readme),
        [Shown {
            arguments: ["codes", "--format", "json"].map(str::to_owned).to_vec(),
            output: "one\ntwo\n".to_owned()
        }]
    );
    assert_eq!(arguments("cargo run -p callsheet --release -- serve").unwrap(), ["serve"]);
    assert_eq!(arguments("cargo test"), None);
}
