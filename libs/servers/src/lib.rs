//! A private PostgreSQL and a private Redis for tests: on free ports, in a folder of their own, gone afterwards.
//!
//! Servers that already run on this machine are neither used nor touched. Unix only.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail loudly"))]

mod folder;
mod port;
mod postgres;
mod process;
mod programs;
mod redis;

pub use folder::Folder;
pub use port::{free_port, free_ports};
pub use postgres::{Postgres, Settings, Stop};
pub use process::{Process, Signal, signal, signal_group};
pub use programs::Programs;
pub use redis::Redis;

use anyhow::Result;

/// Both servers. They end, and their folder goes, when this is dropped or when this process ends in any way.
#[derive(Debug)]
pub struct Servers {
    /// The database.
    pub postgres: Postgres,
    /// The carrier of work.
    pub redis: Redis,
    // The last, so that it goes after those who live in it.
    folder: Folder,
}

impl Servers {
    /// Starts both and waits until they answer.
    ///
    /// # Errors
    /// One of them cannot be started; the message holds the end of what it said.
    pub fn start(programs: &Programs, settings: Settings) -> Result<Self> {
        let folder = Folder::new()?;
        let postgres = Postgres::start(programs, &folder, settings)?;
        let redis = Redis::start(programs, &folder)?;
        Ok(Self { postgres, redis, folder })
    }

    /// Their folder, for what else should be gone afterwards.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}
