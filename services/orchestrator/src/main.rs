//! The orchestrator: plan or skip code?
fn main() -> std::process::ExitCode {
    chassis::main::<orchestrator::App>()
}
