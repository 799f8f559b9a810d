//! The command line of Callsheet.

fn main() -> std::process::ExitCode {
    callsheet::main()
}
