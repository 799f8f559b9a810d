//! `cargo xtask test`: everything that must hold, in one command.

use crate::workspace;
use std::process::{Command, ExitCode};

/// What is run, cheapest first.
const STEPS: [&[&str]; 3] = [
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    &["test", "--workspace"],
];

/// Runs every step and stops at the first failure, with its exit code.
pub(crate) fn run() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for step in STEPS {
        eprintln!("$ cargo {}", step.join(" "));
        match Command::new(&cargo).args(step).current_dir(workspace::root()).status() {
            Ok(status) if status.success() => {}
            Ok(status) => {
                let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                return ExitCode::from(if code == 0 { 1 } else { code });
            }
            Err(error) => {
                eprintln!("cannot run cargo: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
