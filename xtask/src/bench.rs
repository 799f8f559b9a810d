//! `cargo xtask bench`: each hot path beside a bare reference, measured in the same run.
//!
//! Release builds of everything take a while the first time. The figures go to standard output; what they were on the
//! machine they were last looked at stands in `docs/performance.md`.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::workspace;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// One decision of the core, beside a hand-written subset of its rules; one session, beside a bare machine.
    Core,
    /// A webhook verified and read, beside the bare HMAC of its bytes.
    Webhooks,
    /// A calendar of 10,000 events, beside Python's icalendar and recurring-ical-events.
    Calendar,
    /// DecideCalls over five processes, beside a bare tonic fan-out.
    Calls,
    /// Ingest to stored decision, decisions made again, reports; over five processes with PostgreSQL and Redis.
    Durable,
    /// Memory and start of `callsheet serve`.
    Idle,
}

/// Measures what is asked for; everything when nothing is named.
pub(crate) fn run(what: &[What]) -> Result<()> {
    let wanted = |one: What| what.is_empty() || what.contains(&one);
    if wanted(What::Core) {
        cargo(&["bench", "-q", "-p", "decision", "--bench", "decide", "--bench", "session"])?;
    }
    if wanted(What::Webhooks) {
        cargo(&["bench", "-q", "-p", "signals", "--bench", "webhook"])?;
    }
    if wanted(What::Calendar) {
        calendar()?;
    }
    if wanted(What::Calls) || wanted(What::Durable) {
        let mut build = vec!["build", "-q", "--release"];
        for service in
            ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"]
        {
            build.extend(["-p", service]);
        }
        cargo(&build)?;
    }
    if wanted(What::Calls) {
        cargo(&["bench", "-q", "-p", "integration-tests", "--bench", "decide_calls"])?;
    }
    if wanted(What::Durable) {
        cargo(&["bench", "-q", "-p", "integration-tests", "--bench", "durable"])?;
    }
    if wanted(What::Idle) {
        idle()?;
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(Command::new(cargo).args(arguments))
}

fn command(command: &mut Command) -> Result<()> {
    let status = command
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// The reference needs Python and two of its packages, which go into a folder below `target`.
fn calendar() -> Result<()> {
    let folder = workspace::root().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("calendar.ics");
    let file_name = file.to_string_lossy();
    cargo(&[
        "run",
        "-q",
        "--release",
        "-p",
        "calendar",
        "--example",
        "expand_bench",
        "--",
        &file_name,
    ])?;
    let python = folder.join("python/bin/python");
    if !python.exists() {
        let made = command(Command::new("python3").args(["-m", "venv"]).arg(folder.join("python")))
            .and_then(|()| {
                command(Command::new(&python).args([
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "icalendar",
                    "recurring-ical-events",
                ]))
            });
        if let Err(error) = made {
            println!("  no bare reference: {error:#}");
            return Ok(());
        }
    }
    command(Command::new(&python).arg("xtask/bench/calendar_reference.py").arg(&file))
}

/// A server that ends with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; nobody is left to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn idle() -> Result<()> {
    cargo(&["build", "-q", "--release", "-p", "callsheet"])?;
    let program: PathBuf = workspace::root().join("target/release/callsheet");
    let mut starts = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..5 {
        let data = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let begin = Instant::now();
        let server = Server(serve(&program, address, data.path())?);
        starts.push(up(address, begin)?);
        std::thread::sleep(Duration::from_secs(3));
        memory.push(resident(server.0.id())?);
    }
    starts.sort_unstable();
    memory.sort_unstable();
    println!("callsheet serve (least, median, most of 5)");
    println!(
        "  up after {} / {} / {} ms",
        starts[0].as_millis(),
        starts[2].as_millis(),
        starts[4].as_millis()
    );
    println!("  idle with {} / {} / {} MiB resident", memory[0], memory[2], memory[4]);
    Ok(())
}

fn serve(program: &Path, address: SocketAddr, data: &Path) -> Result<Child> {
    Command::new(program)
        .args(["serve", "--listen", &address.to_string(), "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

/// How long it took until the server accepts.
fn up(address: SocketAddr, begin: Instant) -> Result<Duration> {
    while TcpStream::connect(address).is_err() {
        ensure!(begin.elapsed() < Duration::from_secs(30), "the server does not come up");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(begin.elapsed())
}

/// Resident memory of a process, in MiB, as Linux tells it.
fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}
