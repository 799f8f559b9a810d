//! Telephone calls and recordings registered with a server from the command line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/bench.rs"]
mod bench;

use std::time::{Duration, Instant};

use bench::{Bench, Ran, Server};
use serde_json::Value;

const COMPANY: &str = "\
company: acme
time_zone: Europe/Berlin
domains: [acme.example]
settings:
  dialer: { enabled: true, numbers: [ { prefix: \"+44\", mode: automatic } ] }
members:
  - { id: ada, emails: [ada@acme.example], can_request: true }
  - { id: bob, emails: [bob@acme.example] }
";

/// A link with something in it that nobody may see.
const LINK: &str = "https://files.customer.example/visit.mp4?token=t0ken";

struct At {
    bench: Bench,
    server: Server,
}

impl At {
    fn acme() -> Self {
        let bench = Bench::new();
        bench.write("c.yaml", COMPANY);
        let server = Server::start(&bench, &[]);
        let at = Self { bench, server };
        let applied = at.run(&["apply", "-f", "c.yaml"]);
        assert_eq!(applied.code, 0, "{}", applied.err);
        at
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.bench.run(&[arguments, &["--server", &self.server.url]].concat())
    }

    fn dial(&self, id: &str, more: &[&str]) -> Ran {
        let call = ["dial", id, "--company", "acme", "--connection", "telephone"];
        self.run(&[&call[..], &["--direction", "outbound"], more].concat())
    }

    fn import(&self, more: &[&str]) -> Ran {
        self.run(&[&["import", LINK, "--company", "acme"], more].concat())
    }
}

fn one(ran: &Ran) -> Value {
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let lines = ran.lines();
    let [one] = lines.as_slice() else { panic!("{}", ran.out) };
    one.clone()
}

#[test]
fn a_telephone_call_is_registered_once_and_decided_by_what_is_told_of_it() {
    let at = At::acme();
    let call = ["--own", "+442079460000", "--other", "+442079460001", "--user", "ada"];
    let json = [&call[..], &["--participant", "kim@customer.example", "--format", "json"]].concat();
    let planned = one(&at.dial("c1", &json));
    assert_eq!((&planned["decision"], &planned["skip_code"]), (&"plan".into(), &Value::Null));
    assert_eq!(planned["plan"]["adapter"], "dialer");
    assert_eq!(planned["plan"]["owner"], "ada");
    assert_eq!(one(&at.dial("c1", &json))["call_id"], planned["call_id"]);
    assert_ne!(one(&at.dial("c2", &json))["call_id"], planned["call_id"]);

    // Nobody said who it was; what is told later adds to it.
    let nobody = one(&at.dial("c3", &["--format", "json"]));
    assert_eq!(nobody["skip_code"], "NO_OWNER");
    let owned = one(&at.dial("c3", &json));
    assert_eq!((&owned["decision"], &owned["call_id"]), (&"plan".into(), &nobody["call_id"]));
    let table = at.dial("c4", &call);
    assert_eq!(table.code, 0, "{}", table.err);
    assert!(table.out.contains("record: ") && table.out.contains("ada"), "{}", table.out);
    assert!(table.out.contains("Europe/Berlin"), "{}", table.out);
}

#[test]
fn what_a_telephone_call_lacks_is_told_with_its_option() {
    let at = At::acme();
    let wrong = [
        (vec!["dial", "c1", "--company", "acme", "--connection", "telephone"], "--direction"),
        (vec!["dial", "--company", "acme", "--direction", "inbound", "--connection", "t"], "<ID>"),
        (
            vec!["dial", "", "--company", "acme", "--direction", "inbound", "--connection", "t"],
            "<ID>",
        ),
        (
            vec!["dial", "c1", "--company", "acme", "--direction", "inbound", "--connection", ""],
            "--connection",
        ),
        (
            vec!["dial", "c1", "--company", "acme", "--direction", "inbuond", "--connection", "t"],
            "'inbound'",
        ),
        (vec!["dail", "c1"], "'dial'"),
    ];
    for (arguments, said) in wrong {
        let ran = at.bench.run(&arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
    let late = at.dial("c1", &["--placed-at", "yesterday"]);
    assert!(late.code == 2 && late.err.contains("2026-03-02T07:00:00Z"), "{}", late.err);
    let long = at.dial("c1", &["--other", &"4".repeat(500)]);
    assert_eq!(long.code, 1);
    assert!(
        long.err.contains("telephone call `c1`") && long.err.contains("400 bytes"),
        "{}",
        long.err
    );
    let unknown =
        at.run(&["dial", "c1", "--company", "none", "--connection", "t", "--direction", "inbound"]);
    assert!(unknown.code == 1 && unknown.err.contains("callsheet apply -f"), "{}", unknown.err);
}

#[test]
fn a_recording_is_imported_for_whoever_may_and_its_link_is_shown_to_nobody() {
    let at = At::acme();
    let more =
        ["--owner", "ada", "--title", "Visit", "--recorded-at", "2026-03-01", "--format", "json"];
    let planned = one(&at.import(&more));
    assert_eq!((&planned["decision"], &planned["title"]), (&"plan".into(), &"Visit".into()));
    assert_eq!(planned["start"], "2026-03-01T00:00:00Z");
    // The same link is the same import, and so is the same key.
    assert_eq!(one(&at.import(&more))["call_id"], planned["call_id"]);
    let keyed = [&more[..], &["--key", "visit-17"]].concat();
    let other = one(&at.import(&keyed));
    assert_ne!(other["call_id"], planned["call_id"]);
    assert_eq!(one(&at.import(&keyed))["call_id"], other["call_id"]);
    // From standard input nobody sees it in a list of processes.
    let read = ["import", "-", "--company", "acme", "--server", &at.server.url];
    let read = at.bench.feed(&[&read[..], &more].concat(), format!("{LINK}\n").as_bytes());
    assert_eq!(one(&read)["call_id"], planned["call_id"]);

    let refused = at.import(&["--owner", "bob", "--key", "visit-18"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("upload by hand"), "{}", refused.err);
    assert!(
        refused.err.contains("help: ") && refused.err.contains("can_request"),
        "{}",
        refused.err
    );
    let stranger = at.import(&["--owner", "kim@customer.example", "--key", "visit-18"]);
    assert!(
        stranger.code == 1 && stranger.err.contains("nobody of the company"),
        "{}",
        stranger.err
    );
    for ran in [&refused, &stranger] {
        assert!(!ran.err.contains("t0ken"), "{}", ran.err);
    }
    // It is listed like any other.
    let began = Instant::now();
    while at.run(&["calls", "--company", "acme", "--format", "json"]).lines().len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_no_recording_to_import_is_told_and_a_link_is_not_repeated() {
    let bench = Bench::new();
    let owner = ["--company", "acme", "--owner", "ada"];
    for link in ["file:///srv/t0ken.mp4", "t0ken.mp4", "https://files.example/a b?t0ken"] {
        let ran = bench.run(&[&["import", link], &owner[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{link}");
        assert!(ran.err.contains("`URL`") && ran.err.contains("https://"), "{}", ran.err);
        assert!(!ran.err.contains("t0ken"), "{}", ran.err);
    }
    for (more, said) in [
        (&["--sha256", "abc"][..], "64 hexadecimal digits"),
        (&["--key", ""], "--key"),
        (&["--recorded-at", "once"], "--recorded-at"),
        (&["--ower", "ada"], "--owner"),
    ] {
        let ran = bench.run(&[&["import", LINK], &owner[..], more].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{more:?}");
        assert!(ran.err.contains(said), "{more:?}: {}", ran.err);
        assert!(!ran.err.contains("t0ken"), "{}", ran.err);
    }
    let nobody =
        bench.run(&[&["import", LINK], &owner[..], &["--server", "http://127.0.0.1:1"]].concat());
    assert!(nobody.code == 1 && nobody.err.contains("callsheet serve"), "{}", nobody.err);
}
