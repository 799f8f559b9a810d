//! A folder in which the command line is run, and a server that ends with its test.

#![allow(dead_code, unreachable_pub, reason = "each suite uses a part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const NOW: &str = "2026-03-02T07:00:00Z";

/// A run of the command line, in a folder of its own.
pub struct Bench {
    pub folder: TempDir,
}

/// What came of a run.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callsheet"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("XDG_DATA_HOME", self.folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).spawn().unwrap())
    }

    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // One that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        ran(child)
    }

    /// Decides what is in the folder, as JSON.
    pub fn decide(&self, calendars: &[&str]) -> Ran {
        let mut arguments = vec!["decide", "--company", "c.yaml", "--now", NOW, "--format", "json"];
        arguments.extend(calendars);
        self.run(&arguments)
    }
}

pub fn ran(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub const COMPANY: &str = "\
company: acme
time_zone: Europe/Berlin
domains: [acme.example]
settings:
  providers: { zoom: { enabled: true } }
consent: { host: consent.acme.example }
members:
  - { id: ada, emails: [ada@acme.example] }
";

/// A calendar of one event, with these lines more.
pub fn calendar(uid: &str, more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:Offer\r\n\
         ORGANIZER:mailto:ada@acme.example\r\nATTENDEE:mailto:pat@prospect.example\r\n\
         {more}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

pub const TIMES: &str = "DTSTART:20260303T100000Z\r\nDTEND:20260303T110000Z";
pub const LINK: &str = "LOCATION:https://acme.zoom.us/j/96000000001?pwd=x";

pub fn small() -> Bench {
    let bench = Bench::new();
    bench.write("c.yaml", COMPANY).write("a.ics", calendar("a", &format!("{TIMES}\r\n{LINK}")));
    bench
}

/// A server that ends with its test.
pub struct Server {
    child: Child,
    /// Its address.
    pub url: String,
}

impl Server {
    pub fn start(bench: &Bench, more: &[&str]) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", "served"];
        let mut child = bench.command(&[&arguments[..], more].concat()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended");
            if let Some((_, rest)) = line.split_once("address=") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Self { child, url: format!("http://{address}") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
