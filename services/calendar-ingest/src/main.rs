//! The calendar-ingest service: what meetings are there, and what changed?
fn main() -> std::process::ExitCode {
    chassis::main::<calendar_ingest::App>()
}
