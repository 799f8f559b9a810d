//! Commands of the workspace: generate, check the rules of the house, run all tests, measure.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail loudly"))]

mod bench;
mod chaos;
mod contract;
mod everything;
mod floors;
mod generate;
mod hold;
mod purity;
mod step;
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
    /// Regenerate code and docs from the contract, the rules and the settings.
    Gen {
        /// Write nothing; fail if anything checked in is not what would be generated.
        #[arg(long)]
        check: bool,
    },
    /// Regenerate the docs only: skip codes, rulebook, settings.
    Docs,
    /// Check formatting, lints and every test, with a PostgreSQL and a Redis of its own; stops at the first failure.
    Test,
    /// Start the servers that tests use, print the variables that name them, and hold them until Ctrl-C.
    Servers {
        /// Let commits of PostgreSQL wait for the disk, as in production.
        #[arg(long)]
        fsync: bool,
    },
    /// Drive the services hard while processes, servers and connections fail, and hold what comes of it against the core.
    Chaos(chaos::Chaos),
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
    let finished = |done: anyhow::Result<()>| done.map(|()| ExitCode::SUCCESS);
    let done = match Arguments::parse().command {
        Command::Gen { check: false } => finished(generate::write()),
        Command::Gen { check: true } => finished(generate::check()),
        Command::Docs => finished(generate::write_pages()),
        Command::Test => everything::run(),
        Command::Servers { fsync } => hold::run(fsync),
        Command::Chaos(chaos) => chaos::run(&chaos),
        Command::Bench { what } => finished(bench::run(&what)),
        Command::Floors => {
            finished(workspace::report([floors::complaints(), purity::complaints()]))
        }
        Command::Tidy => finished(workspace::report([tidy::complaints(), contract::complaints()])),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
