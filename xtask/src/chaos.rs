//! `cargo xtask chaos`: the services driven hard while things go wrong, for as long as one likes.
//!
//! The run itself is a test of `integration-tests` that is ignored otherwise; what it takes from the command line goes there
//! as variables.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::{Args, ValueEnum};
use servers::Programs;

use crate::step::{Runner, Step};

/// The programs that are driven.
const PROGRAMS: [&str; 5] =
    ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"];

/// What a run is.
#[derive(Debug, Args)]
pub(crate) struct Chaos {
    /// How long operations are carried out and things go wrong.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// What operations and faults are made from; another one each time when absent. It is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Meetings, at most.
    #[arg(long, default_value_t = 3_000)]
    meetings: usize,
    /// Operations a second, at most.
    #[arg(long, default_value_t = 30)]
    rate: u32,
    /// Operations between one fault and the next; 0 for none.
    #[arg(long, default_value_t = 40)]
    fault_every: u64,
    /// Replicas of the orchestrator.
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// Breaks a guarantee on purpose: the run must then fail.
    #[arg(long)]
    sabotage: Option<Sabotage>,
    /// Where what all processes said is copied to if something is wrong.
    #[arg(long)]
    logs: Option<std::path::PathBuf>,
    /// Runs the programs of the release profile.
    #[arg(long)]
    release: bool,
}

/// A guarantee that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sabotage {
    /// Decisions are written whatever has happened since they were judged.
    Fencing,
    /// Decisions are announced outside the transaction that stores them.
    Outbox,
    /// A permission is remembered and not asked for again.
    CachedAllow,
}

impl Sabotage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fencing => "fencing",
            Self::Outbox => "outbox",
            Self::CachedAllow => "cached-allow",
        }
    }
}

/// Builds what is driven, and drives it. The exit code is that of the run.
pub(crate) fn run(chaos: &Chaos) -> Result<ExitCode> {
    Programs::find_or_install()?;
    let mut runner = Runner::new()?;
    let mut build = vec!["build"];
    let mut test = vec!["test", "--package", "integration-tests", "--test", "chaos"];
    if chaos.release {
        build.push("--release");
        test.push("--release");
    }
    for program in PROGRAMS {
        build.extend(["--package", program]);
    }
    if chaos.sabotage.is_some() {
        build.extend(["--features", "orchestrator/sabotage"]);
    }
    test.extend(["--", "--ignored", "--exact", "--nocapture", "a_long_storm"]);
    // Only time tells seeds apart here, and any will do.
    let seed = chaos.seed.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs() % 1_000_000
    });
    let mut run = Step::cargo(&test)
        .with("CALLSHEET_TEST_SERVERS", "required")
        .with("CALLSHEET_CHAOS_SEED", &seed.to_string())
        .with("CALLSHEET_CHAOS_SECONDS", &format!("{:.0}", chaos.minutes * 60.0))
        .with("CALLSHEET_CHAOS_MEETINGS", &chaos.meetings.to_string())
        .with("CALLSHEET_CHAOS_RATE", &chaos.rate.to_string())
        .with("CALLSHEET_CHAOS_FAULT_EVERY", &chaos.fault_every.to_string())
        .with("CALLSHEET_CHAOS_REPLICAS", &chaos.replicas.to_string());
    if let Some(sabotage) = chaos.sabotage {
        run = run.with("CALLSHEET_CHAOS_SABOTAGE", sabotage.as_str());
    }
    if let Some(logs) = &chaos.logs {
        run = run.with("CALLSHEET_CHAOS_LOGS", &std::path::absolute(logs)?.to_string_lossy());
    }
    let built = runner.run(Step::cargo(&build))?;
    if built != ExitCode::SUCCESS { Ok(built) } else { runner.run(run) }
}
