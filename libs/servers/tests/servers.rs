//! Both servers, really started; skipped where their programs are missing.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a test that is skipped says so")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{Programs, Servers, Settings, Signal, Stop, signal};

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// What PostgreSQL answers to somebody who comes: `R` lets in, `E` does not.
fn greets(port: u16) -> Option<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(body.len() + 4).ok()?;
    stream.write_all(&[&length.to_be_bytes()[..], body].concat()).ok()?;
    let mut first = [0];
    stream.read_exact(&mut first).ok()?;
    Some(first[0])
}

#[test]
fn they_answer_while_they_are_held_and_leave_nothing_behind() {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    let servers = Servers::start(&programs, Settings::default()).unwrap();
    let folder = servers.folder().path().to_owned();
    let ports = [servers.postgres.port(), servers.redis.port()];
    assert_eq!(greets(ports[0]), Some(b'R'));
    let told = servers.postgres.ask("postgres", "select 1, null, 'a b' union select 2, 'x', ''");
    assert_eq!(told.unwrap(), [["1", "", "a b"], ["2", "x", ""]]);
    servers.redis.forget_everything().unwrap();
    drop(servers);
    assert!(!folder.exists(), "{} is left", folder.display());
    assert_eq!(ports.map(listens), [false, false]);
}

#[test]
fn they_come_back_on_their_ports() {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    let mut servers = Servers::start(&programs, Settings::default()).unwrap();
    let ports = [servers.postgres.port(), servers.redis.port()];
    for how in [Stop::Immediate, Stop::Fast] {
        servers.postgres.stop(how).unwrap();
        assert_eq!(greets(ports[0]), None, "{how:?}");
        servers.postgres.resume().unwrap();
        assert_eq!(greets(ports[0]), Some(b'R'), "{how:?}");
    }
    servers.redis.stop().unwrap();
    assert!(!listens(ports[1]));
    servers.redis.resume().unwrap();
    servers.redis.forget_everything().unwrap();
}

/// This test is also the program that is killed: it starts the servers, tells where they are, and waits.
#[test]
fn they_end_with_a_process_that_is_killed() {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    if std::env::var_os("SERVERS_TEST_HOLD").is_some() {
        let servers = Servers::start(&programs, Settings::default()).unwrap();
        let (postgres, redis) = (servers.postgres.port(), servers.redis.port());
        eprintln!("held: {postgres} {redis} {}", servers.folder().path().display());
        std::thread::sleep(Duration::from_secs(120));
        return;
    }
    let mut held = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "they_end_with_a_process_that_is_killed", "--nocapture"])
        .env("SERVERS_TEST_HOLD", "yes")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = {
        use std::io::BufRead as _;
        let lines = std::io::BufReader::new(held.stderr.take().unwrap()).lines();
        lines.map_while(Result::ok).find(|line| line.starts_with("held: ")).unwrap()
    };
    let words: Vec<&str> = told.split(' ').collect();
    let ports: Vec<u16> = words[1..3].iter().map(|port| port.parse().unwrap()).collect();
    assert!(ports.iter().all(|port| listens(*port)));
    signal(held.id(), Signal::Kill).unwrap();
    held.wait().unwrap();
    let begin = Instant::now();
    while Path::new(words[3]).exists() || ports.iter().any(|port| listens(*port)) {
        assert!(begin.elapsed() < Duration::from_secs(30), "{told}: something is left");
        std::thread::sleep(Duration::from_millis(50));
    }
}
