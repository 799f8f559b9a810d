//! `cargo xtask servers`: the servers of the tests, for as long as a person wants them.
#![expect(clippy::print_stdout, reason = "the lines are what it is for")]

use std::process::ExitCode;

use anyhow::Result;
use servers::{Programs, Servers, Settings};

use crate::everything;
use crate::step::Runner;

/// Starts both, prints what to set, and waits to be interrupted.
pub(crate) fn run(fsync: bool) -> Result<ExitCode> {
    let mut runner = Runner::new()?;
    let programs = Programs::find_or_install()?;
    let servers = Servers::start(&programs, Settings { fsync, ..Settings::default() })?;
    for (name, value) in everything::variables(&servers) {
        println!("export {name}={value}");
    }
    eprintln!("Both end with Ctrl-C.");
    runner.wait();
    Ok(ExitCode::SUCCESS)
}
