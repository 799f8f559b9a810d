//! The commands, one file each.

mod act;
mod apply;
mod calls;
mod codes;
mod completions;
mod consent_link;
mod dead_letters;
mod decide;
mod demo;
mod events;
mod explain;
mod ingest;
mod links;
mod register;
mod report;
mod serve;
mod simulate;
mod verify;
mod watch;

use std::future::Future;

use tokio::runtime::Builder;

use crate::args::Command;
use crate::error::Error;

/// Does what was typed.
pub(crate) fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Decide(arguments) => with_services(decide::run(&arguments)),
        Command::Events(arguments) => events::run(&arguments),
        Command::Links(arguments) => links::run(&arguments),
        Command::Codes(arguments) => codes::run(&arguments),
        Command::ConsentLink(arguments) => with_services(consent_link::run(&arguments)),
        Command::Demo(arguments) => with_services(demo::run(&arguments)),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Apply(arguments) => alone(apply::run(&arguments)),
        Command::Ingest(arguments) => alone(ingest::run(&arguments)),
        Command::Calls(arguments) => alone(calls::run(&arguments)),
        Command::Explain(arguments) => alone(explain::run(&arguments)),
        Command::Request(arguments) => alone(act::request(&arguments)),
        Command::Cancel(arguments) => alone(act::cancel(&arguments)),
        Command::Stop(arguments) => alone(act::stop(&arguments)),
        Command::Delete(arguments) => alone(act::delete(&arguments)),
        Command::Dial(arguments) => alone(register::dial(&arguments)),
        Command::Import(arguments) => alone(register::import(&arguments)),
        Command::Report(arguments) => alone(report::run(&arguments)),
        Command::Simulate(arguments) => alone(simulate::run(&arguments)),
        Command::Watch(arguments) => alone(watch::run(&arguments)),
        Command::Verify(arguments) => alone(verify::run(&arguments)),
        Command::DeadLetters(arguments) => alone(dead_letters::run(&arguments)),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

/// Runs what has services in this process.
fn with_services(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // Everything is in memory: there is nothing to wait for.
    runtime.shutdown_background();
    done
}

/// Runs what asks a server.
fn alone(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    Builder::new_current_thread().enable_all().build()?.block_on(work)
}
