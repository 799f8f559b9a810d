//! A server and the commands that talk to it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/bench.rs"]
mod bench;

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use bench::{Bench, COMPANY, LINK, Ran, Server, calendar, small};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// How long something may take that a server does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Some days ahead: a server goes by the true time, and plans four weeks ahead.
fn soon(hours: i64) -> DateTime<Utc> {
    DateTime::<Utc>::from(std::time::SystemTime::now()) + TimeDelta::hours(72 + hours)
}

/// A calendar of one meeting, some days ahead.
fn meeting(uid: &str, hours: i64, more: &str) -> String {
    let start = soon(hours).format("%Y%m%dT%H%M%SZ");
    calendar(uid, &format!("DTSTART:{start}\r\nDURATION:PT1H\r\n{more}"))
}

/// The folder with a company and three meetings: one to record, one without a link, and one that is private.
fn three() -> Bench {
    let bench = small();
    let other = LINK.replace("001", "002");
    bench
        .write("a.ics", meeting("a", 0, LINK).replace("SUMMARY:Offer", "SUMMARY:=1+1\\, \"x\""))
        .write("b.ics", meeting("b", 2, "LOCATION:room 5"))
        .write("c.ics", meeting("c", 4, &format!("CLASS:PRIVATE\r\n{other}")));
    bench
}

/// Runs commands against one server.
struct At<'a> {
    bench: &'a Bench,
    server: &'a Server,
}

impl At<'_> {
    fn any(&self, arguments: &[&str]) -> Ran {
        self.bench.run(&[arguments, &["--server", self.server.url.as_str()]].concat())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let ran = self.any(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        ran
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.run(&[arguments, &["--format", "json"]].concat()).lines()
    }

    /// Waits until the server has decided as many calls.
    fn decided(&self, calls: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let found = self.json(&["calls", "--company", "acme"]);
            if found.len() == calls {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{found:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn a_server_decides_what_it_is_sent_and_explains_it() {
    let bench = small();
    // A server goes by the true time, and plans four weeks ahead.
    let soon = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
        + chrono::TimeDelta::days(3);
    let start = soon.format("%Y%m%dT%H%M%SZ");
    bench.write("a.ics", calendar("a", &format!("DTSTART:{start}\r\nDURATION:PT1H\r\n{LINK}")));
    let server = Server::start(&bench, &[]);
    let at = ["--server", server.url.as_str()];
    let run = |arguments: &[&str]| {
        let ran = bench.run(&[arguments, &at[..]].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        ran
    };

    let unknown = bench.run(&[&["calls", "--company", "acme"][..], &at[..]].concat());
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("callsheet apply"), "{}", unknown.err);
    assert!(run(&["apply", "-f", "c.yaml", "--dry-run"]).out.contains("would be a new version"));
    assert!(run(&["apply", "-f", "c.yaml"]).out.contains("version 1"));
    assert!(run(&["apply", "-f", "c.yaml"]).out.contains("nothing changed"));
    let ingested = run(&["ingest", "--company", "acme", "a.ics", "--format", "json"]).lines();
    assert_eq!(ingested[0]["changed"], 1);

    // It decides by itself; watching tells when.
    let mut watching = bench
        .command(&[&["watch", "--company", "acme", "--format", "json"][..], &at[..]].concat())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(watching.stdout.take().unwrap()).read_line(&mut line).unwrap();
    watching.kill().unwrap();
    watching.wait().unwrap();
    let watched: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&watched["ical_uid"], &watched["cursor"]), (&"a".into(), &1.into()));

    let calls = run(&["calls", "--company", "acme", "--format", "json"]).lines();
    assert_eq!((calls.len(), &calls[0]["decision"]), (1, &"plan".into()));
    let none = run(&["calls", "--company", "acme", "--code", "NO_URL", "--format", "json"]);
    assert_eq!(none.out, "");
    let id = calls[0]["call_id"].as_str().unwrap();
    let explained = run(&["explain", id, "--company", "acme", "--format", "json"]).lines();
    assert!(!explained[0]["sentences"].as_array().unwrap().is_empty());
    assert!(run(&["explain", id, "--company", "acme"]).out.contains("record: native"));
    let missed = bench.run(&[&["explain", "none", "--company", "acme"][..], &at[..]].concat());
    assert!(missed.err.contains("call_id"), "{}", missed.err);
    assert!(bench.path("served/callsheet.db").exists());
}

#[test]
fn a_report_is_told_in_lines_in_columns_and_in_objects() {
    let bench = three();
    let server = Server::start(&bench, &[]);
    let at = At { bench: &bench, server: &server };
    at.run(&["apply", "-f", "c.yaml"]);
    at.run(&["ingest", "--company", "acme", "a.ics", "b.ics", "c.ics"]);
    at.decided(3);
    let report = ["report", "--company", "acme"];

    let objects = at.json(&report);
    let [a, b, c, last] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!((&a["outcome"], &a["title"]), (&"planned".into(), &"=1+1, \"x\"".into()));
    assert_eq!((&b["outcome"], &b["skip_code"]), (&"skipped".into(), &"NO_URL".into()));
    assert!(b["remedy"].as_str().unwrap().len() > 10);
    assert_eq!((&c["title"], &c["provider"]), (&Value::Null, &Value::Null));
    assert_eq!((&a["owner"], &a["provider"]), (&"ada".into(), &"zoom".into()));
    assert_eq!((&a["summary"], &last["summary"]["calls"]), (&Value::Null, &3.into()));
    let shares: Vec<_> = last["summary"]["outcomes"].as_array().unwrap().iter().collect();
    assert_eq!((shares.len(), &shares[0]["calls"]), (3, &1.into()));

    let csv = at.run(&[&report[..], &["--format", "csv"]].concat()).out;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 5, "{csv}");
    assert!(lines[0].starts_with("call_id,ical_uid,recurrence_id,title,start"), "{csv}");
    assert!(lines[1].contains(",a,,\"'=1+1, \"\"x\"\"\","), "{csv}");
    let csv = at.run(&[&report[..], &["--format", "csv", "--summary"]].concat()).out;
    assert!(csv.starts_with("outcome,skip_code,calls,share\r\nplanned,,1,0.3333"), "{csv}");

    let table = at.run(&report).out;
    assert!(table.contains("PRIVATE_OR_CONFIDENTIAL") && table.contains("(not shown)"), "{table}");
    assert!(table.contains("planned                       1   33.3%"), "{table}");
    assert!(table.contains("3 calls. Times in Europe/Berlin."), "{table}");

    let found = |more: &[&str]| {
        let objects = at.json(&[&report[..], more].concat());
        (objects.len() - 1, objects.last().unwrap()["summary"]["calls"].as_u64().unwrap())
    };
    assert_eq!(found(&["--code", "NO_URL", "--code", "N/A"]), (1, 1));
    assert_eq!(found(&["--phase", "planning"]), (2, 2));
    assert_eq!(found(&["--provider", "zoom"]), (1, 1));
    assert_eq!(found(&["--owner", "bob"]), (0, 0));
    assert_eq!(found(&["--to", "2026-01-01"]), (0, 0));
    assert_eq!(found(&["--summary"]), (0, 3));
    let none = at.any(&["report", "--company", "none", "--format", "json"]);
    assert!(none.code == 1 && none.err.contains("callsheet apply"), "{}", none.err);
}

#[test]
fn what_is_simulated_is_what_happens_and_its_path_is_told() {
    let bench = three();
    let proposed = COMPANY.replace("zoom: { enabled: true }", "zoom: { enabled: false }");
    bench.write("p.yaml", proposed).write("wrong.yaml", "company: acme\ndomainz: [a.example]\n");
    let server = Server::start(&bench, &[]);
    let at = At { bench: &bench, server: &server };
    at.run(&["apply", "-f", "c.yaml"]);
    at.run(&["ingest", "--company", "acme", "a.ics", "b.ics", "c.ics"]);
    let before = at.decided(3);

    let wrong = at.any(&["simulate", "-f", "wrong.yaml"]);
    assert!(wrong.code == 1 && wrong.err.contains("wrong.yaml:2:1: `domainz`"), "{}", wrong.err);
    let simulated = at.json(&["simulate", "-f", "p.yaml"]);
    let (last, changes) = simulated.split_last().unwrap();
    assert_eq!(last["summary"]["decided"], 3);
    assert_eq!(last["summary"]["changed"], changes.len());
    let first = &changes[0];
    assert_eq!(
        (&first["before"]["decision"], &first["after"]["decision"]),
        (&"plan".into(), &"skip".into())
    );
    assert_eq!(first["after"]["skip_code"], "CALL_PROVIDER_DISABLED_FOR_COMPANY");
    let table = at.run(&["simulate", "-f", "p.yaml"]).out;
    assert!(table.contains("record: native → CALL_PROVIDER_DISABLED_FOR_COMPANY"), "{table}");
    assert!(
        table.contains("planned                                    1         0          -1"),
        "{table}"
    );
    assert_eq!(at.json(&["simulate", "-f", "p.yaml", "--summary"]).len(), 1);
    // Nothing of it was kept.
    assert_eq!(at.json(&["calls", "--company", "acme"]), before);
    let same = at.json(&["simulate", "-f", "c.yaml"]);
    assert_eq!((same.len(), &same[0]["summary"]["changed"]), (1, &0.into()));

    let asked = soon(-72).to_rfc3339();
    at.run(&["apply", "-f", "p.yaml"]);
    // From the change on it is known that calls are decided again; the stream ends when they have been.
    let begun = Instant::now();
    let last = loop {
        let steps = at.json(&["watch", "--company", "acme", "--redecisions", "--until-done"]);
        let last = steps.last().cloned().unwrap_or_default();
        if last["policy_version"] == 2 && !last["finished_at"].is_null() {
            break last;
        }
        assert!(begun.elapsed() < PATIENCE, "{steps:?}");
    };
    assert!(last["changed"].as_u64() >= Some(1), "{last}");
    let line = at.run(&["watch", "--redecisions", "--until-done"]).out;
    assert!(line.starts_with("acme: version 2: ") && line.contains(", done in "), "{line}");
    let after = at.json(&["report", "--company", "acme"]);
    assert_eq!(after[0]["skip_code"], "CALL_PROVIDER_DISABLED_FOR_COMPANY");

    let id = before[0]["call_id"].as_str().unwrap();
    let explain = ["explain", id, "--company", "acme"];
    let explained = &at.json(&explain)[0];
    assert_eq!(
        (&explained["revision"], &explained["path"][1]["cause"]),
        (&2.into(), &"policy".into())
    );
    let text = at.run(&explain).out;
    assert!(text.contains("What changed") && text.contains("First decision: "), "{text}");
    let then = at.run(&[&explain[..], &["--at", &asked]].concat()).out;
    assert!(then.contains("record: native") && then.contains("As it was decided on"), "{then}");
    assert!(!then.contains("CALL_PROVIDER_DISABLED"), "{then}");
    let early = at.any(&[&explain[..], &["--at", "2026-01-01"]].concat());
    assert!(early.code == 1 && early.err.contains("help: give a later time"), "{}", early.err);
}

#[test]
fn a_history_is_verified_against_what_was_noted() {
    let bench = three();
    let server = Server::start(&bench, &[]);
    let at = At { bench: &bench, server: &server };
    at.run(&["apply", "-f", "c.yaml"]);
    at.run(&["ingest", "--company", "acme", "a.ics", "b.ics"]);
    at.decided(2);
    let verify = ["verify", "--company", "acme"];
    let verified = &at.json(&verify)[0];
    assert_eq!((&verified["intact"], &verified["decisions"]), (&true.into(), &2.into()));
    let hash = verified["head_hash"].as_str().unwrap();
    let noted = |hash: &str| at.any(&[&verify[..], &["--number", "2", "--hash", hash]].concat());
    let intact = noted(hash);
    assert_eq!(intact.code, 0, "{}", intact.err);
    assert!(intact.out.contains("Number 2 has the hash") && intact.out.contains(hash));
    let other = noted(&"0".repeat(64));
    assert_eq!((other.code, other.out.lines().count()), (1, 1), "{}", other.out);
    assert!(other.out.contains("not intact") && other.err.contains("help: "), "{}", other.err);

    assert_eq!(at.run(&["dead-letters"]).out, "No change was put aside.\n");
    assert_eq!(at.json(&["dead-letters", "--replay-all"])[0]["replayed"], 0);
    let unknown = at.any(&["dead-letters", "--replay", "odd id"]);
    assert!(unknown.code == 1 && unknown.err.contains("odd id"), "{}", unknown.err);
}

#[test]
fn a_recording_is_taken_back_and_asked_for_again_by_whoever_may() {
    let bench = three();
    let server = Server::start(&bench, &[]);
    let at = At { bench: &bench, server: &server };
    at.run(&["apply", "-f", "c.yaml"]);
    at.run(&["ingest", "--company", "acme", "a.ics"]);
    at.decided(1);
    let calls = at.json(&["calls", "--company", "acme"]);
    let id = calls[0]["call_id"].as_str().unwrap().to_owned();
    let act = |what: &str, who: &str| {
        at.any(&[what, &id, "--company", "acme", "--by", who, "--format", "json"])
    };
    for what in ["stop", "cancel", "delete"] {
        let refused = act(what, "nobody@customer.example");
        assert_eq!(refused.code, 1, "{what}: {}", refused.out);
        assert!(refused.err.contains("team member"), "{}", refused.err);
    }
    let nothing = act("delete", "ada");
    assert!(nothing.code == 1 && nothing.err.contains("nothing was recorded"), "{}", nothing.err);
    let stopped = act("stop", "ada");
    assert!(stopped.code == 0 && stopped.out.contains("CANCELED_BY_OWNER"), "{}", stopped.err);
    let again = act("request", "nobody@customer.example");
    assert!(again.code == 1 && again.err.contains("not a team member"), "{}", again.err);
}

#[test]
fn two_servers_share_a_database_and_each_call_is_decided_once() {
    let Some(database) = server("CALLSHEET_TEST_POSTGRES") else { return };
    let bench = three();
    let folder = bench.folder.path().file_name().unwrap().to_string_lossy().to_lowercase();
    let own = format!("cli_{}", folder.replace(|c: char| !c.is_ascii_alphanumeric(), ""));
    let mut settings = String::new();
    for service in
        ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"]
    {
        let schema = format!("{own}_{}", service.replace('-', "_"));
        settings += &format!("[{service}.store]\nschema = \"{schema}\"\n");
    }
    settings += &format!("[orchestrator.feed]\nprefix = \"{own}\"\n");
    bench.write("c.toml", settings);
    let mut more = vec!["--config", "c.toml", "--database", database.as_str()];
    let redis = server("CALLSHEET_TEST_REDIS");
    if let Some(redis) = &redis {
        more.extend(["--redis", redis.as_str()]);
    }
    // Both begin at once: only one of them makes the tables.
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| Server::start(&bench, &more));
        let two = scope.spawn(|| Server::start(&bench, &more));
        (one.join().unwrap(), two.join().unwrap())
    });
    let (one, two) = (At { bench: &bench, server: &one }, At { bench: &bench, server: &two });
    one.run(&["apply", "-f", "c.yaml"]);
    for file in ["a.ics", "b.ics", "c.ics"] {
        two.run(&["ingest", "--company", "acme", file]);
    }
    one.decided(3);
    assert_eq!(
        one.json(&["report", "--company", "acme"]),
        two.json(&["report", "--company", "acme"])
    );
    for at in [&one, &two] {
        let verified = &at.json(&["verify", "--company", "acme"])[0];
        assert_eq!((&verified["intact"], &verified["decisions"]), (&true.into(), &3.into()));
    }
    assert!(!bench.path("served/callsheet.db").exists());
}

/// The address of a server for tests, where there is one.
fn server(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok();
    let required =
        std::env::var("CALLSHEET_TEST_SERVERS").is_ok_and(|servers| servers == "required");
    assert!(address.is_some() || !required, "{variable} is not set");
    if address.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    address
}
