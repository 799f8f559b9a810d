//! Commands of the workspace: generate, check the rules of the house, run all tests, measure.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail loudly"))]

mod bench;
mod contract;
mod everything;
mod floors;
mod generate;
mod purity;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What there is to do in this workspace besides building it.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Regenerate code and docs from the contract.
    Gen {
        /// Write nothing; fail if anything checked in is not what would be generated.
        #[arg(long)]
        check: bool,
    },
    /// Check formatting, lints and every test; stops at the first failure.
    Test,
    /// Measure each hot path beside a bare reference; everything when nothing is named.
    Bench {
        /// What to measure.
        what: Vec<bench::What>,
    },
    /// Check that crates depend on each other only downwards, and that the pure ones are pure.
    Floors,
    /// Check the habits of the house: headings, comments, names in the contract.
    Tidy,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Gen { check: false } => generate::write(),
        Command::Gen { check: true } => generate::check(),
        Command::Test => return everything::run(),
        Command::Bench { what } => bench::run(&what),
        Command::Floors => workspace::report([floors::complaints(), purity::complaints()]),
        Command::Tidy => workspace::report([tidy::complaints(), contract::complaints()]),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
