//! A service as a program: its command line, its environment, its signals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

/// The example, which cargo builds beside the tests.
fn program() -> Command {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples/echo"));
    command.env_clear();
    command
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

#[test]
fn settings_that_are_right_are_checked_in_silence() {
    let (output, said) = run(program().arg("--check"));
    assert!(output.status.success(), "{said}");
    assert!(output.stdout.is_empty() && said.is_empty());
}

#[test]
fn an_unknown_key_of_a_file_is_named() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[greeting]\ntxet = \"x\"\n").unwrap();
    let (output, said) = run(program().arg("--check").arg("--config").arg(file.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("`echo.greeting.txet`"), "{said}");
    assert!(said.contains(file.path().to_str().unwrap()), "{said}");
}

#[test]
fn variables_are_settings_and_unknown_ones_are_named() {
    let (output, said) = run(program().arg("--check").env("CALLSHEET_ECHO__GREETING__TIMES", "3"));
    assert!(output.status.success(), "{said}");
    let (output, said) = run(program().arg("--check").env("CALLSHEET_ECHO__GREETING__TIMES", "0"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("greeting.times"), "{said}");
    let (output, said) = run(program().arg("--check").env("CALLSHEET_ECHO__GREETING__TXET", "x"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("CALLSHEET_ECHO__GREETING__TXET"), "{said}");
    let (output, said) = run(program().arg("--check").env("CALLSHEET_OTHER__GREETING__TXET", "x"));
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_wrong_command_line_is_exit_code_two() {
    let (output, said) = run(program().arg("--lissen"));
    assert_eq!(output.status.code(), Some(2), "{said}");
    let (output, _) = run(program().arg("--help"));
    assert!(output.status.success());
}

#[test]
fn an_address_beyond_loopback_is_refused() {
    let (output, said) = run(program().args(["--listen", "0.0.0.0:0"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("insecure_listen"), "{said}");
}

#[test]
fn it_logs_where_it_listens_and_ends_in_order_on_sigterm() {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0"])
        .env("CALLSHEET_ECHO__TELEMETRY__FORMAT", "json")
        .env("CALLSHEET_ECHO__SERVER__LAME_DUCK", "0s")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address = line.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap();
    TcpStream::connect(address).unwrap();
    assert!(
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success()
    );
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{rest:?}");
    assert!(output.stdout.is_empty());
}
