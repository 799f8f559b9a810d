//! Where log lines go: to standard error, as text or JSON.

use std::io::IsTerminal as _;

use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Telemetry};

/// Starts logging for the whole process. Where somebody has done so already, theirs stays.
///
/// # Errors
/// The filter cannot be read.
pub fn start(settings: &Telemetry) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|error| anyhow::anyhow!("`telemetry.filter` is not a filter: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            // Where, but not what: the text of a panic may quote a meeting.
            let at = panic.location().map(ToString::to_string);
            error!(at, thread = std::thread::current().name(), "panicked");
        }));
    }
    Ok(())
}
