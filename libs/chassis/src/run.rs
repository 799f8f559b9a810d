//! The `main` of a service that runs alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::app::App;
use crate::house::House;
use crate::telemetry;

/// Runs one service until it is told to end: reads the command line and the settings, starts telemetry, listens, serves,
/// and drains. The exit code is 0 when that went well, 1 when it did not, 2 when the command line is wrong.
#[must_use]
pub fn main<A: App>() -> ExitCode {
    let matches = match command(A::NAME).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let mut house = House::alone::<A>().environment();
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        house = house.file(path);
    }
    if let Some(address) = matches.get_one::<SocketAddr>("listen") {
        house = house.listen(*address);
    }
    match run(house, matches.get_flag("check")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(house: House, check: bool) -> anyhow::Result<()> {
    let ready = house.check()?;
    if check {
        return Ok(());
    }
    telemetry::start(ready.telemetry())?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async { ready.serve_until_signal().await })
}

fn command(name: &'static str) -> Command {
    Command::new(name)
        .about("One service of Callsheet, on a port of its own")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Settings in TOML, over the defaults and under the environment"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .value_parser(value_parser!(SocketAddr))
                .help("Address and port, over all settings; port 0 takes a free one"),
        )
        .arg(
            Arg::new("check")
                .long("check")
                .action(ArgAction::SetTrue)
                .help("Read and validate the settings, and leave"),
        )
}
