//! Steps of a command: programs that end with us, whatever ends us.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use servers::{Signal, signal_group};
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::workspace;

/// How long a step that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A program in a process group of its own, so that it and all it started can be ended together.
pub(crate) struct Step {
    told: String,
    command: Command,
}

impl Step {
    /// A command of cargo, in the root of the workspace.
    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(arguments)
            .current_dir(workspace::root())
            .stdin(Stdio::null())
            .process_group(0);
        Self { told: format!("cargo {}", arguments.join(" ")), command }
    }

    /// The same with a variable of its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }
}

/// Runs steps, and hears when we are asked to end: from its making on, so that nothing is missed between them.
pub(crate) struct Runner {
    runtime: Runtime,
    asked: Asked,
}

impl Runner {
    /// From here on, signals that ask us to end are heard, and end us no more by themselves.
    pub(crate) fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let asked = {
            let _within = runtime.enter();
            Asked::new()?
        };
        Ok(Self { runtime, asked })
    }

    /// Runs a step; its exit code. If we are asked to end, it is ended first, and ours is that of the signal.
    pub(crate) fn run(&mut self, mut step: Step) -> Result<ExitCode> {
        let asked = &mut self.asked;
        eprintln!("$ {}", step.told);
        self.runtime.block_on(async move {
            let child = step.command.spawn();
            let mut child = child.with_context(|| format!("cannot run {}", step.told))?;
            tokio::select! {
                biased;
                code = asked.hear() => {
                    if let Some(leader) = child.id() {
                        // Not finding it is what is wanted.
                        let _ = signal_group(leader, Signal::Terminate);
                        let _ = tokio::time::timeout(PATIENCE, child.wait()).await;
                        let _ = signal_group(leader, Signal::Kill);
                    }
                    Ok(code)
                }
                status = child.wait() => {
                    let status = status?;
                    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
                    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
                }
            }
        })
    }

    /// Waits until we are asked to end.
    pub(crate) fn wait(&mut self) {
        self.runtime.block_on(self.asked.hear());
    }
}

/// The signals that ask a program to end, each with the exit code that tells of it.
struct Asked([(tokio::signal::unix::Signal, ExitCode); 3]);

impl Asked {
    fn new() -> Result<Self> {
        let listen = |kind: SignalKind| {
            let code = u8::try_from(128 + kind.as_raw_value())?;
            anyhow::Ok((signal(kind)?, ExitCode::from(code)))
        };
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn hear(&mut self) -> ExitCode {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.0.recv() => interrupt.1,
            _ = terminate.0.recv() => terminate.1,
            _ = hangup.0.recv() => hangup.1,
        }
    }
}
