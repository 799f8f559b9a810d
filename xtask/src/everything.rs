//! `cargo xtask test`: everything that must hold, in one command.

use std::process::ExitCode;

use anyhow::Result;
use servers::{Programs, Servers, Settings};

use crate::step::{Runner, Step};

/// What needs no server, cheapest first.
const CHECKS: [&[&str]; 2] = [
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
];

/// Every test, with servers.
const TESTS: &[&str] = &["test", "--workspace", "--no-fail-fast"];

/// Runs every step and stops at the first failure, with its exit code.
pub(crate) fn run() -> Result<ExitCode> {
    // Whoever lacks them should not learn it after the lints.
    let programs = Programs::find_or_install()?;
    let mut runner = Runner::new()?;
    for check in CHECKS {
        let ended = runner.run(Step::cargo(check))?;
        if ended != ExitCode::SUCCESS {
            return Ok(ended);
        }
    }
    let servers = Servers::start(&programs, Settings::default())?;
    let mut tests = Step::cargo(TESTS);
    for (name, value) in variables(&servers) {
        tests = tests.with(name, &value);
    }
    runner.run(tests)
}

/// What tests read to find the servers.
pub(crate) fn variables(servers: &Servers) -> [(&'static str, String); 3] {
    [
        ("CALLSHEET_TEST_POSTGRES", servers.postgres.url()),
        ("CALLSHEET_TEST_REDIS", servers.redis.url()),
        ("CALLSHEET_TEST_SERVERS", "required".to_owned()),
    ]
}
