//! `callsheet completions`: a script that completes commands in a shell.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::args::{Arguments, Completions};
use crate::error::Error;

pub(crate) fn run(arguments: &Completions) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "callsheet", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}
