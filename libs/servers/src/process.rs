//! A program that runs beside us, in a process group of its own.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::Pid;

use crate::folder::Folder;

/// What can be sent to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End at once; cannot be refused.
    Kill,
    /// Please end.
    Terminate,
    /// Interrupted by a person; a fast end of PostgreSQL.
    Interrupt,
    /// An end without tidying up, of PostgreSQL.
    Quit,
    /// Stand still; cannot be refused.
    Stop,
    /// Go on.
    Continue,
}

impl Signal {
    const fn of_system(self) -> rustix::process::Signal {
        use rustix::process::Signal as System;
        match self {
            Self::Kill => System::KILL,
            Self::Terminate => System::TERM,
            Self::Interrupt => System::INT,
            Self::Quit => System::QUIT,
            Self::Stop => System::STOP,
            Self::Continue => System::CONT,
        }
    }
}

fn pid(process: u32) -> Result<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw).context("no number of a process")
}

/// Sends a signal to a process.
///
/// # Errors
/// There is none of this number.
pub fn signal(process: u32, what: Signal) -> Result<()> {
    Ok(rustix::process::kill_process(pid(process)?, what.of_system())?)
}

/// Sends a signal to every process of a group, named by its first.
///
/// # Errors
/// There is none of this number.
pub fn signal_group(leader: u32, what: Signal) -> Result<()> {
    Ok(rustix::process::kill_process_group(pid(leader)?, what.of_system())?)
}

/// A program that runs. It is killed when this is dropped, and with its folder however we end.
#[derive(Debug)]
pub struct Process {
    name: String,
    folder: PathBuf,
    child: Child,
    ended: bool,
}

impl Process {
    /// Starts it. What it says goes to the end of the file `<name>.log` of its folder.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(folder: &Path, name: &str, mut command: Command) -> Result<Self> {
        let log =
            File::options().create(true).append(true).open(folder.join(format!("{name}.log")))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let process =
            Self { name: name.to_owned(), folder: folder.to_owned(), child, ended: false };
        Folder::note(folder, name, process.id())?;
        Ok(process)
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; nothing happens if it has ended.
    ///
    /// # Errors
    /// The system refuses.
    pub fn signal(&mut self, what: Signal) -> Result<()> {
        if self.has_ended()?.is_none() {
            signal(self.id(), what)?;
        }
        Ok(())
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.forget();
        }
        Ok(status)
    }

    /// Waits until it has ended, at most this long; whether it has.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn wait(&mut self, patience: Duration) -> Result<bool> {
        let begin = Instant::now();
        while self.has_ended()?.is_none() {
            if begin.elapsed() > patience {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(true)
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.forget();
        Ok(())
    }

    /// The end of what it said.
    #[must_use]
    pub fn last_words(&self) -> String {
        let said = fs::read(self.folder.join(format!("{}.log", self.name))).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    fn forget(&mut self) {
        if !self.ended {
            self.ended = true;
            Folder::forget(&self.folder, &self.name);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The keeper of the folder is there for what does not succeed here.
        let _ = self.kill();
    }
}
