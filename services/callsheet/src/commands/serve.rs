//! `callsheet serve`: every service in one process, on one port.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;

use anyhow::Context as _;
use tokio::runtime::Builder;

use crate::args::Serve;
use crate::error::Error;
use crate::house;

/// Threads that serve. Each has a cost in memory, and a laptop's server waits most of the time.
const WORKERS: usize = 2;

pub(crate) fn run(arguments: &Serve) -> Result<(), Error> {
    // Set in the environment, but to nothing, is not set.
    let given = |address: &Option<String>| address.clone().filter(|address| !address.is_empty());
    let (database, redis) = (given(&arguments.database), given(&arguments.redis));
    let elsewhere = house::elsewhere(database.as_deref(), redis.as_deref())?;
    serve(arguments, elsewhere).map_err(Error::Start)
}

fn serve(arguments: &Serve, elsewhere: String) -> anyhow::Result<()> {
    let folder = match &arguments.data {
        Some(folder) => std::path::absolute(folder)?,
        None => house::data_folder()
            .context("there is no place for the data: name one with `--data DIR`, or set HOME")?,
    };
    let mut house = house::with_file(&folder.join("callsheet.db")).environment();
    if let Some(file) = &arguments.config {
        house = house.file(file);
    }
    house = house.set(elsewhere);
    if let Some(address) = arguments.listen {
        house = house.listen(address);
    }
    let ready = house.check()?;
    if arguments.check {
        return Ok(());
    }
    chassis::telemetry::start(ready.telemetry())?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?
        .block_on(async { ready.serve_until_signal().await })
}
