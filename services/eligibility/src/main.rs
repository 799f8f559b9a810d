//! The eligibility service: may this call be recorded at all?

fn main() -> std::process::ExitCode {
    chassis::main::<eligibility::App>()
}
