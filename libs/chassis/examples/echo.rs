//! A service as a program of its own, for the tests of `main`.

#[path = "../tests/support/echo.rs"]
mod echo;

fn main() -> std::process::ExitCode {
    chassis::main::<echo::EchoApp>()
}
