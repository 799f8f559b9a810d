//! PostgreSQL: a cluster of its own, over TCP alone, without passwords.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::folder::Folder;
use crate::port::free_port;
use crate::process::{Process, Signal};
use crate::programs::Programs;

/// How long it may take until it answers. Recovery after an immediate stop is part of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often ports are looked for.
const ATTEMPTS: usize = 5;

/// What differs between uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether commits wait for the disk. Without it they survive the death of the server, not that of the machine.
    pub fsync: bool,
    /// Connections at once, at least 10.
    pub max_connections: u32,
}

impl Default for Settings {
    /// For tests: nothing waits for the disk.
    fn default() -> Self {
        Self { fsync: false, max_connections: 200 }
    }
}

/// How it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are undone, everything is written, then it ends.
    Fast,
    /// It ends as it stands and recovers with the next start.
    Immediate,
}

/// Somebody who is not root, as whom the server runs.
#[derive(Debug, Clone, Copy)]
struct Unprivileged {
    uid: u32,
    gid: u32,
}

/// A server.
#[derive(Debug)]
pub struct Postgres {
    program: PathBuf,
    client: PathBuf,
    folder: PathBuf,
    settings: Settings,
    port: u16,
    instead_of_root: Option<Unprivileged>,
    process: Option<Process>,
}

impl Postgres {
    /// Makes a cluster in the folder, starts it on a free port and waits until it answers.
    ///
    /// # Errors
    /// It cannot be made or started.
    pub fn start(programs: &Programs, folder: &Folder, settings: Settings) -> Result<Self> {
        let mut server = Self {
            program: programs.postgres(),
            client: programs.psql(),
            folder: folder.path().to_owned(),
            settings,
            port: 0,
            instead_of_root: instead_of_root()?,
            process: None,
        };
        if let Some(user) = server.instead_of_root {
            chown(folder.path(), Some(user.uid), Some(user.gid))?;
        }
        server.make(&programs.initdb())?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            server.port = free_port()?;
            match server.resume() {
                Err(_) if attempts < ATTEMPTS => {}
                done => return done.map(|()| server),
            }
        }
    }

    /// Where it is: `postgres://postgres@127.0.0.1:PORT/postgres`, for somebody who may do everything.
    #[must_use]
    pub fn url(&self) -> String {
        self.database("postgres")
    }

    /// The same for a database of another name.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Its port, which stays the same when it is stopped and resumed.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.signal(match how {
            Stop::Fast => Signal::Interrupt,
            Stop::Immediate => Signal::Quit,
        })?;
        if !process.wait(PATIENCE)? {
            process.kill()?;
        }
        Ok(())
    }

    /// Starts it again over the same data, on the same port, and waits until it answers.
    ///
    /// # Errors
    /// It does not start.
    pub fn resume(&mut self) -> Result<()> {
        let on_off = if self.settings.fsync { "on" } else { "off" };
        let mut command = self.command(&self.program);
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            // A path of a socket has at most 107 bytes, and nobody needs one.
            "unix_socket_directories=",
            // Below the data rather than in memory shared with others, so that it goes with them.
            "dynamic_shared_memory_type=mmap",
            "timezone=UTC",
            "log_min_messages=warning",
            &format!("max_connections={}", self.settings.max_connections),
            &format!("fsync={on_off}"),
            &format!("full_page_writes={on_off}"),
        ] {
            command.args(["-c", setting]);
        }
        let mut process = Process::start(&self.folder, "postgres", command)?;
        let begin = Instant::now();
        while !self.is_ready(process.id()) {
            if process.has_ended()?.is_some() {
                bail!("PostgreSQL does not start:\n{}", process.last_words());
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "PostgreSQL does not answer:\n{}",
                process.last_words()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        self.process = Some(process);
        Ok(())
    }

    /// The rows that a statement answers, by its columns as text; nothing is empty text. For looking on, not for speed.
    ///
    /// # Errors
    /// The statement fails, or the server is away.
    pub fn ask(&self, database: &str, statement: &str) -> Result<Vec<Vec<String>>> {
        let answer = Command::new(&self.client)
            .args(["-X", "-A", "-t", "-q", "-F", "\u{1f}", "-v", "ON_ERROR_STOP=1"])
            .args(["-c", statement, &self.database(database)])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run `{}`", self.client.display()))?;
        ensure!(
            answer.status.success(),
            "`{statement}`: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        );
        let rows = String::from_utf8(answer.stdout)?;
        let cells = |row: &str| row.split('\u{1f}').map(str::to_owned).collect();
        Ok(rows.lines().map(cells).collect())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    fn make(&self, initdb: &Path) -> Result<()> {
        let made = self
            .command(initdb)
            .arg("-D")
            .arg(self.data())
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run `{}`", initdb.display()))?;
        ensure!(
            made.status.success(),
            "initdb failed; the folder for temporary files must be open to others than root:\n{}",
            String::from_utf8_lossy(&made.stderr)
        );
        Ok(())
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_remove("PGDATA").env_remove("PGPORT");
        if let Some(user) = self.instead_of_root {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Whether this process says that it accepts connections: the eighth line of its file of state, as `pg_ctl` reads it.
    fn is_ready(&self, process: u32) -> bool {
        let state = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = state.lines();
        lines.next().is_some_and(|pid| pid.trim() == process.to_string())
            && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The keeper of the folder is there for what does not succeed here.
        let _ = self.stop(Stop::Immediate);
    }
}

/// PostgreSQL refuses to run as root: somebody else who is known by name, if we are root.
fn instead_of_root() -> Result<Option<Unprivileged>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let known = fs::read_to_string("/etc/passwd")?;
    let found = ["postgres", "nobody"].into_iter().find_map(|name| user(&known, name));
    Ok(Some(found.context("PostgreSQL refuses to run as root, and there is nobody else here")?))
}

fn user(known: &str, name: &str) -> Option<Unprivileged> {
    let line = known.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Unprivileged { uid, gid })
}
