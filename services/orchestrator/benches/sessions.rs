//! A hundred thousand sessions in one store: what they take up, and signals told to them beside a plain update of the same rows.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use decision::session::Signal;
use orchestrator::measure::Sessions;
use storage::testing::{Engine, POSTGRES};

const SESSIONS: u32 = 100_000;
const TOLD: u32 = 20_000;

/// What is told at once by default.
const BATCH: usize = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(engine) = Engine::postgres().await else {
        println!("left out: {POSTGRES} is not set");
        return Ok(());
    };
    let before = resident();
    let sessions = Sessions::open(&engine.config(), SESSIONS).await?;
    let (size, machine) = (sessions.size().await?, sessions.machine().await?);
    println!(
        "{SESSIONS} sessions: {machine} bytes a machine, {} bytes a session in the database and {} for its timer, dead rows and \
         indexes among them; resident here {before:?} KiB before and {:?} KiB with all of them",
        size.session,
        size.timer,
        resident(),
    );
    let per_second = |took: std::time::Duration| f64::from(TOLD) / took.as_secs_f64();
    for round in 0..3 {
        let first = round * 2 * TOLD;
        let plain = per_second(sessions.update_plainly(first, TOLD, BATCH).await?);
        let ours = per_second(sessions.tell(Signal::HostJoined, first + TOLD, TOLD, BATCH).await?);
        println!(
            "{BATCH} at once: {ours:.0} signals/s told and written, plain update {plain:.0} rows/s, ratio {:.2}",
            ours / plain
        );
    }
    Ok(())
}

/// Memory of this process, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
