//! The consent service: is consent asked for and not refused?
fn main() -> std::process::ExitCode {
    chassis::main::<consent::App>()
}
