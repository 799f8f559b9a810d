//! Redis: without a file, so that its death is the loss of everything in it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::folder::Folder;
use crate::port::free_port;
use crate::process::Process;
use crate::programs::Programs;

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often ports are looked for.
const ATTEMPTS: usize = 5;

/// A server.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Redis {
    /// Starts one on a free port and waits until it answers.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(programs: &Programs, folder: &Folder) -> Result<Self> {
        let mut server = Self {
            program: programs.redis(),
            folder: folder.path().to_owned(),
            port: 0,
            process: None,
        };
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

    /// Where it is: `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port, which stays the same when it is stopped and resumed.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Kills it; everything in it is lost.
    ///
    /// # Errors
    /// The system refuses.
    pub fn stop(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Starts it again, empty, on the same port, and waits until it answers.
    ///
    /// # Errors
    /// It does not start.
    pub fn resume(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.arg("--dir").arg(&self.folder);
        let mut process = Process::start(&self.folder, "redis", command)?;
        // Somebody else may have taken the port, and be a Redis too.
        let it_is = format!("process_id:{}\r", process.id());
        let begin = Instant::now();
        while !self.ask("INFO server").is_ok_and(|told| told.contains(&it_is)) {
            if process.has_ended()?.is_some() {
                bail!("Redis does not start:\n{}", process.last_words());
            }
            ensure!(begin.elapsed() < PATIENCE, "Redis does not answer:\n{}", process.last_words());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.process = Some(process);
        Ok(())
    }

    /// Forgets everything, as `FLUSHALL` does.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn forget_everything(&self) -> Result<()> {
        let told = self.ask("FLUSHALL")?;
        ensure!(told.starts_with("+OK"), "Redis refuses to forget: {told}");
        Ok(())
    }

    /// The answer to a command, as it comes over the wire; at most the first 64 KiB.
    fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut told = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut told)?;
        Ok(String::from_utf8_lossy(&told).into_owned())
    }
}
