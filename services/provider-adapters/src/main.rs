//! Provider-adapters: can this method work, carry it out, what happened?
fn main() -> std::process::ExitCode {
    chassis::main::<provider_adapters::App>()
}
