//! Every service of Callsheet in one process, and the command line.
//!
//! Nothing is decided here: commands read files, ask the services, and print what they answer.
//! Data goes to standard output and everything else to standard error. The exit code is 0 when it
//! was done, 1 when it could not be done, and 2 when the command line was wrong.

mod args;
mod calendars;
mod commands;
mod company;
mod decided;
mod demo;
mod error;
mod house;
mod input;

mod output;
mod trouble;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Arguments;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that goes into a pipe which is closed is no failure.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            error.report();
            ExitCode::from(error.exit_code())
        }
    }
}
