//! The command line from outside: what it prints, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/bench.rs"]
mod bench;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bench::{Bench, COMPANY, LINK, NOW, Ran, TIMES, calendar, ran, small};
use serde_json::Value;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").canonicalize().unwrap()
}

/// Decides the examples.
fn decide_examples(bench: &Bench, more: &[&str]) -> Ran {
    let file = |name: &str| examples().join(name).display().to_string();
    let (company, files) =
        (file("acme.yaml"), ["acme.ics", "google.json", "microsoft.json"].map(file));
    let mut arguments = vec!["decide", "--company", &company, "--now", NOW];
    arguments.extend(more);
    arguments.extend(files.iter().map(String::as_str));
    bench.run(&arguments)
}

#[test]
fn a_decision_has_the_agreed_keys() {
    let ran = small().decide(&["a.ics"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines = ran.lines();
    let [call] = lines.as_slice() else { panic!("{}", ran.out) };
    for key in [
        "ical_uid",
        "recurrence_id",
        "title",
        "start",
        "end",
        "conference",
        "decision",
        "skip_code",
        "also",
        "lifted",
        "warnings",
        "import_details",
        "plan",
        "explanation",
    ] {
        assert!(call.get(key).is_some(), "{key}");
    }
    assert_eq!(call["ical_uid"], "a");
    assert_eq!(call["recurrence_id"], Value::Null);
    assert_eq!(call["start"], "2026-03-03T10:00:00Z");
    assert_eq!(call["end"], "2026-03-03T11:00:00Z");
    assert_eq!(call["conference"]["provider"], "zoom");
    assert_eq!(call["conference"]["id"], "96000000001");
    assert_eq!(call["decision"], "plan");
    assert_eq!(call["skip_code"], Value::Null);
    assert_eq!(call["warnings"][0], "zoom_facts_unknown");
    assert_eq!(keys(&call["plan"]), ["adapter", "fallbacks", "join_at", "method", "owner"]);
    assert_eq!(call["plan"]["join_at"], Value::Null);
    assert_eq!(call["plan"]["fallbacks"][0], "local");
}

#[test]
fn occurrences_of_a_series_carry_their_original_start() {
    let bench = small();
    bench.write("s.ics", calendar("s", &format!("{TIMES}\r\nRRULE:FREQ=WEEKLY\r\n{LINK}")));
    let ids: Vec<_> =
        bench.decide(&["s.ics"]).lines().iter().map(|call| call["recurrence_id"].clone()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[0], "2026-03-03T10:00:00Z");
}

#[test]
fn the_window_begins_with_now_and_ends_before_its_end() {
    let bench = small();
    let starts = ["20260302T065959Z", "20260302T070000Z", "20260304T065959Z", "20260304T070000Z"];
    let files: Vec<String> = starts.iter().map(|start| format!("{start}.ics")).collect();
    for (start, file) in starts.iter().zip(&files) {
        bench.write(file, calendar(start, &format!("DTSTART:{start}\r\nDURATION:PT1H\r\n{LINK}")));
    }
    let mut arguments = vec!["--window", "2d"];
    arguments.extend(files.iter().map(String::as_str));
    let ran = bench.decide(&arguments);
    let found: Vec<_> = ran.lines().iter().map(|call| call["ical_uid"].clone()).collect();
    assert_eq!(found, ["20260302T070000Z", "20260304T065959Z"]);
}

#[test]
fn what_is_printed_is_the_same_every_time_and_in_any_order_of_files() {
    let bench = small();
    bench.write("b.ics", calendar("b", &format!("{TIMES}\r\n{LINK}")));
    let one = bench.decide(&["a.ics", "b.ics"]).out;
    assert_eq!(one, bench.decide(&["a.ics", "b.ics"]).out);
    assert_eq!(one, bench.decide(&["b.ics", "a.ics"]).out);
    let codes: Vec<_> = one.lines().filter(|line| line.contains("\"DUPLICATE\"")).collect();
    assert_eq!(codes.len(), 1);
}

#[test]
fn a_calendar_may_come_through_standard_input() {
    let bench = small();
    let input = std::fs::read(bench.path("a.ics")).unwrap();
    let arguments = ["decide", "--company", "c.yaml", "--now", NOW, "--format", "json", "-"];
    let ran = bench.feed(&arguments, &input);
    assert_eq!((ran.code, ran.lines().len()), (0, 1), "{}", ran.err);
    assert_eq!(bench.feed(&[&arguments[..], &["-"]].concat(), &input).code, 2);
}

#[test]
fn the_examples_show_the_codes_and_warnings_that_their_readme_names() {
    let text = std::fs::read_to_string(examples().join("README.md")).unwrap();
    let ran = decide_examples(&Bench::new(), &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let calls = ran.lines();
    let named = |from: &str| -> BTreeSet<String> {
        let list = text.split_once(from).unwrap().1.split_once(".\n").unwrap().0;
        list.split(',').map(|name| name.trim().to_owned()).collect()
    };
    let shown: BTreeSet<String> =
        calls.iter().filter_map(|call| Some(call["skip_code"].as_str()?.to_owned())).collect();
    assert_eq!(shown, named("each as the primary one:"));
    assert!(shown.len() >= 20);
    let warnings: BTreeSet<String> = calls
        .iter()
        .flat_map(|call| call["warnings"].as_array().unwrap())
        .map(|warning| warning.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(warnings, named("Warnings that are shown:"));
    let methods: BTreeSet<&str> =
        calls.iter().filter_map(|call| call["plan"]["method"].as_str()).collect();
    assert_eq!(methods, BTreeSet::from(["bot", "local", "native"]));
    assert!(calls.iter().any(|call| call["lifted"][0] == "PRIVATE_OR_CONFIDENTIAL"));
}

#[test]
fn what_cannot_be_read_is_told_apart_from_the_data() {
    let ran = decide_examples(&Bench::new(), &["--format", "json"]);
    assert!(ran.err.contains("acme.ics, line"), "{}", ran.err);
    assert!(ran.err.contains("unreadable event: "), "{}", ran.err);
    assert!(ran.err.contains("no meeting: "), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
}

#[test]
fn private_and_excluded_calls_show_nothing_of_themselves() {
    let ran = decide_examples(&Bench::new(), &["--format", "json"]);
    let hidden: Vec<_> = ran
        .lines()
        .into_iter()
        .filter(|call| {
            let code = call["skip_code"].as_str().unwrap_or_default();
            ["PRIVATE_OR_CONFIDENTIAL", "EVENT_BLOCKLISTED"].contains(&code)
        })
        .collect();
    assert!(hidden.len() > 4);
    for call in hidden {
        assert_eq!((&call["title"], &call["conference"]), (&Value::Null, &Value::Null));
        assert_eq!(call["import_details"], false);
    }
    for secret in ["Not for everybody", "Salary bands", "board meeting", "96000000022"] {
        assert!(!ran.out.contains(secret), "{secret}");
    }
}

#[test]
fn a_table_fits_and_has_no_colours_where_it_is_no_terminal() {
    let bench = Bench::new();
    for width in ["80", "100", "140", "200"] {
        let file = |name: &str| examples().join(name).display().to_string();
        let run = |arguments: &[&str]| {
            let ran = ran(bench.command(arguments).env("COLUMNS", width).spawn().unwrap());
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert!(!ran.out.contains('\x1b'));
            for line in ran.out.lines() {
                let length = line.chars().count();
                assert!(length <= width.parse().unwrap(), "{length}: {line}");
            }
        };
        run(&["decide", "--company", &file("acme.yaml"), "--now", NOW, &file("acme.ics")]);
        run(&["events", "--from", "2026-03-01", "--to", "2026-04-01", &file("acme.ics")]);
        run(&["codes"]);
        run(&["codes", "NO_URL"]);
    }
}

#[test]
fn events_have_the_agreed_keys_and_dates_where_they_last_all_day() {
    let bench = Bench::new();
    bench.write("a.ics", calendar("timed", &format!("{TIMES}\r\nRRULE:FREQ=DAILY;COUNT=2"))).write(
        "b.ics",
        calendar("whole", "DTSTART;VALUE=DATE:20260303\r\nDTEND;VALUE=DATE:20260305"),
    );
    let mut arguments = vec!["events", "a.ics", "b.ics", "--from", "2026-03-01"];
    arguments.extend(["--to", "2026-04-01", "--format", "json"]);
    let ran = bench.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.lines();
    let [whole, first, second] = lines.as_slice() else { panic!("{}", ran.out) };
    for key in [
        "ical_uid",
        "recurrence_id",
        "start",
        "end",
        "all_day",
        "status",
        "title",
        "organizer",
        "attendees",
    ] {
        assert!(whole.get(key).is_some(), "{key}");
    }
    assert_eq!((&whole["start"], &whole["end"]), (&"2026-03-03".into(), &"2026-03-05".into()));
    assert_eq!((&whole["all_day"], &whole["status"]), (&true.into(), &"confirmed".into()));
    assert_eq!(first["recurrence_id"], "2026-03-03T10:00:00Z");
    assert_eq!(second["start"], "2026-03-04T10:00:00Z");
    assert_eq!(first["organizer"], "ada@acme.example");
    assert_eq!(first["attendees"][0]["address"], "pat@prospect.example");
    assert_eq!(
        bench.run(&["events", "a.ics", "--from", "2026-03-01", "--to", "2026-03-01"]).code,
        2
    );
}

#[test]
fn links_come_in_order_of_confidence_without_what_hides_them() {
    let text = "room https://meet.jit.si/acme or \
        https://urldefense.com/v3/__https://acme.zoom.us/j/96000000001?pwd=x__;!!a!b$ !";
    let ran = Bench::new().run(&["links", "--format", "json", text]);
    let lines = ran.lines();
    let [zoom, jitsi] = lines.as_slice() else { panic!("{}", ran.out) };
    assert_eq!(keys(zoom), ["id", "provider", "unwrapped", "url"]);
    assert_eq!((&zoom["provider"], &zoom["id"]), (&"zoom".into(), &"96000000001".into()));
    assert_eq!(zoom["url"], "https://acme.zoom.us/j/96000000001?pwd=x");
    assert_eq!(zoom["unwrapped"][0], "proofpoint_v3");
    assert_eq!(jitsi["provider"], "jitsi");
    let ran = Bench::new().feed(&["links", "-", "--format", "json"], text.as_bytes());
    assert_eq!(ran.lines().len(), 2);
    let none = Bench::new().run(&["links", "nothing here"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));
}

#[test]
fn the_catalogue_has_all_codes() {
    let ran = Bench::new().run(&["codes", "--format", "json"]);
    let codes = ran.lines();
    assert_eq!(codes.len(), 81);
    for code in &codes {
        assert_eq!(
            keys(code),
            [
                "code",
                "description",
                "lifted_by",
                "phase",
                "rank",
                "remedy",
                "retryable",
                "table",
                "twin",
                "who_can_act"
            ]
        );
    }
    assert!(codes.iter().any(|code| code["code"] == "N/A"));
    assert_eq!(Bench::new().run(&["codes", "no_url"]).out.matches("NO_URL").count(), 1);
    assert_eq!(Bench::new().run(&["codes", "NO_SUCH_CODE"]).code, 2);
}

#[test]
fn every_command_explains_itself() {
    let bench = Bench::new();
    let ran = bench.run(&["--help"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for command in [
        "decide",
        "events",
        "links",
        "codes",
        "consent-link",
        "demo",
        "serve",
        "apply",
        "ingest",
        "calls",
        "explain",
        "request",
        "cancel",
        "stop",
        "delete",
        "dial",
        "import",
        "watch",
        "dead-letters",
        "verify",
        "simulate",
        "report",
        "completions",
    ] {
        assert!(ran.out.contains(command), "{command}");
        let help = bench.run(&[command, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.out.contains("Examples:"), "{command}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.run(&["completions", shell]).out;
        for word in
            ["consent-link", "dead-letters", "simulate", "until-done", "recorded-at", "placed-at"]
        {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_told_from_work_that_failed() {
    let bench = small();
    for wrong in [
        &[][..],
        &["decode"],
        &["decide", "a.ics"],
        &["decide", "--company", "c.yaml"],
        &["decide", "--company", "c.yaml", "--now", "soon", "a.ics"],
        &["decide", "--company", "c.yaml", "--window", "0d", "a.ics"],
        &["calls", "--company", "acme", "--server", "nowhere"],
        &["report"],
        &["report", "--company", "acme", "--from", "2026-03-02", "--to", "2026-03-02"],
        &["report", "--company", "acme", "--phase", "later"],
        &["report", "--company", "acme", "--provider", "fax"],
        &["report", "--company", "acme", "--code", "NO_SUCH_CODE"],
        &["simulate"],
        &["simulate", "-f", "c.yaml", "--from", "2026-03-02", "--to", "2026-03-01"],
        &["simulate", "-f", "c.yaml", "--format", "csv"],
        &["verify", "--company", "acme", "--number", "3"],
        &["verify", "--company", "acme", "--number", "3", "--hash", "abc"],
        &["watch", "--until-done"],
        &["watch", "--redecisions", "--cursor", "3"],
        &["dead-letters", "--replay", "1", "--replay-all"],
        &["dead-letters", "--replay", ""],
        &["serve", "--database", "mysql://acme.example/x", "--check"],
        &["serve", "--redis", "acme.example:6379", "--check"],
    ] {
        let ran = bench.run(wrong);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong:?}: {}", ran.err);
        assert!(!ran.err.is_empty());
    }
}

#[test]
fn a_file_that_cannot_be_read_stops_everything_and_is_named() {
    let bench = small();
    std::fs::create_dir(bench.path("folder")).unwrap();
    bench
        .write("empty.ics", "")
        .write("text.txt", "hello")
        .write("broken.json", "{\"items\": [")
        .write("wrong.json", "{\"answer\": 42}");
    std::fs::File::create(bench.path("big.ics")).unwrap().set_len(200_000_000).unwrap();
    for (file, said) in [
        ("absent.ics", "cannot read `absent.ics`"),
        ("folder", "is a directory"),
        ("empty.ics", "`empty.ics` is empty"),
        ("big.ics", "200000000 bytes"),
        ("text.txt", "`text.txt` is no calendar"),
        ("broken.json", "line 1 column"),
        ("wrong.json", "wrong.json"),
    ] {
        for arguments in [
            &["decide", "--company", "c.yaml", "--now", NOW, "a.ics", file][..],
            &["events", "a.ics", file, "--from", "2026-03-01", "--to", "2026-04-01"],
        ] {
            let ran = bench.run(arguments);
            assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{file}");
            assert!(ran.err.contains(said), "{file}: {}", ran.err);
            assert!(ran.err.contains("help: "), "{file}: {}", ran.err);
        }
    }
    let both = bench.run(&["decide", "--company", "c.yaml", "absent.ics", "empty.ics"]).err;
    assert!(both.contains("absent.ics") && both.contains("empty.ics"), "{both}");
}

#[test]
fn bytes_that_are_no_text_cost_no_event() {
    let bench = small();
    let mut bytes = calendar("b", &format!("{TIMES}\r\n{LINK}")).into_bytes();
    let at = bytes.windows(5).position(|word| word == b"Offer").unwrap();
    bytes[at] = 0xff;
    let ran = bench.write("b.ics", bytes).decide(&["b.ics"]);
    assert_eq!((ran.code, ran.lines().len()), (0, 1));
    assert!(ran.err.contains("warning: b.ics"), "{}", ran.err);
}

#[test]
fn a_rule_that_never_ends_is_refused_and_the_rest_is_decided() {
    let bench = small();
    bench.write("s.ics", calendar("s", &format!("{TIMES}\r\nRRULE:FREQ=SECONDLY\r\n{LINK}")));
    let ran = bench.decide(&["a.ics", "s.ics"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.lines().iter().any(|call| call["ical_uid"] == "a"));
    assert!(ran.err.contains("s.ics, line"), "{}", ran.err);
}

#[test]
fn a_crowd_and_a_long_text_are_decided() {
    let bench = small();
    let crowd: Vec<String> =
        (0..5_000).map(|n| format!("ATTENDEE:mailto:guest{n}@prospect.example")).collect();
    let text = format!("DESCRIPTION:{}", "word ".repeat(400_000));
    let more = format!("{TIMES}\r\n{LINK}\r\n{}\r\n{text}", crowd.join("\r\n"));
    let ran = bench.write("b.ics", calendar("b", &more)).decide(&["b.ics"]);
    assert_eq!((ran.code, ran.lines().len()), (0, 1), "{}", ran.err);
    assert_eq!(ran.lines()[0]["decision"], "plan");
}

#[test]
fn faults_of_a_company_file_are_told_with_line_and_field() {
    for (text, said) in [
        ("company: acme\ndomainz: [a.example]\n", "c.yaml:2:1: `domainz`"),
        (
            "company: acme\nmembers:\n  - { id: a, emails: [x@acme.example] }\n  - { id: b, emails: [X@acme.example] }\n",
            "c.yaml:4:23: `members[1].emails[0]`",
        ),
        ("company: acme\nsettings:\n  recording: { notice_guaranteed: soon }\n", "c.yaml:3:"),
        ("{ \"company\": \"acme\", ", "c.yaml:1:1"),
        ("company: acme\nconsent: { default_profile: eu }\n", "consent.default_profile"),
    ] {
        let bench = small();
        let ran = bench.write("c.yaml", text).decide(&["a.ics"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{text}");
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
        assert!(ran.err.contains("help: "), "{}", ran.err);
    }
    let bench = small();
    let ran = bench.write("c.yaml", b"company: acme\nname: \xff\n").decide(&["a.ics"]);
    assert!(ran.err.contains("`c.yaml`, line 2: not valid UTF-8"), "{}", ran.err);
}

#[test]
fn a_consent_link_holds_its_conference_for_whoever_has_the_key() {
    let bench = small();
    let issue = [
        "consent-link",
        "--company",
        "c.yaml",
        "--type",
        "dynamic",
        "--conference",
        "https://acme.zoom.us/j/96000000007",
    ];
    let ran = bench.run(&issue);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let url = ran.out.trim();
    assert!(url.starts_with("https://consent.acme.example/acme/d/"), "{url}");
    assert!(bench.path("data/callsheet/consent-key.pem").exists());
    let json = bench.run(&[&issue[..], &["--format", "json"]].concat()).lines();
    assert_eq!(json[0]["conference_id"], "96000000007");
    assert_eq!(json[0]["provider"], "zoom");

    bench.write("l.ics", calendar("l", &format!("{TIMES}\r\nLOCATION:{url}")));
    let call = &bench.decide(&["l.ics"]).lines()[0];
    assert_eq!(
        (&call["decision"], &call["conference"]["id"]),
        (&"plan".into(), &"96000000007".into())
    );

    // Elsewhere the key is unknown, unless the company file has its public half.
    let elsewhere = Bench::new();
    std::fs::copy(bench.path("l.ics"), elsewhere.path("l.ics")).unwrap();
    elsewhere.write("c.yaml", COMPANY);
    assert_eq!(elsewhere.decide(&["l.ics"]).lines()[0]["skip_code"], "NO_VALID_URLS");
    let pem = bench.run(&["consent-link", "--public-key"]).out;
    let keys = format!("consent: {{ host: consent.acme.example, keys: [{:?}] }}", pem);
    elsewhere.write("c.yaml", COMPANY.replace("consent: { host: consent.acme.example }", &keys));
    assert_eq!(elsewhere.decide(&["l.ics"]).lines()[0]["decision"], "plan");

    let wrong = bench.run(&[&issue[..6], &["https://prospect.example/j/1"]].concat());
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""), "{}", wrong.err);
}

#[test]
fn who_reads_no_more_ends_it_quietly() {
    let bench = Bench::new();
    let mut child = bench.command(&["codes", "--format", "json"]).spawn().unwrap();
    drop(child.stdout.take());
    let ran = ran(child);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let bench = small();
    let ran = bench.run(&["apply", "-f", "c.yaml", "--server", "http://127.0.0.1:1"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("callsheet serve"), "{}", ran.err);
}

#[test]
fn settings_of_a_server_are_checked_before_it_starts() {
    let bench = Bench::new();
    bench.write("c.toml", "[server]\nlisten = \"127.0.0.1:0\"\n");
    assert_eq!(bench.run(&["serve", "--config", "c.toml", "--check"]).code, 0);
    bench.write("c.toml", "[server]\nlisten_on = \"127.0.0.1:0\"\n");
    let ran = bench.run(&["serve", "--config", "c.toml", "--check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("listen_on") && ran.err.contains("c.toml"), "{}", ran.err);
    let open = bench.run(&["serve", "--listen", "0.0.0.0:0", "--check"]);
    assert!(open.code == 1 && open.err.contains("loopback"), "{}", open.err);
}

#[test]
fn one_file_has_the_settings_of_all_services_and_none_that_mean_nothing() {
    let bench = Bench::new();
    let database = "postgres://callsheet@db.acme.example/callsheet";
    let mut settings = "[orchestrator.feed]\nredis = \"redis://redis.acme.example\"\n\
        [orchestrator.storm]\nshare = 0.5\n[orchestrator.timers]\npoll = \"1s\"\n"
        .to_owned();
    for service in
        ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"]
    {
        let schema = service.replace('-', "_");
        settings += &format!(
            "[{service}.store]\nurl = \"{database}\"\nschema = \"own_{schema}\"\nlock_timeout_ms = 1000\n"
        );
    }
    bench.write("c.toml", &settings);
    let ran = bench.run(&["serve", "--config", "c.toml", "--check"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    bench.write("c.toml", settings.replace("share =", "shares ="));
    let ran = bench.run(&["serve", "--config", "c.toml", "--check"]);
    let named = "`orchestrator.storm.shares` in c.toml";
    assert!(ran.code == 1 && ran.err.contains(named), "{}", ran.err);
    let ran =
        bench.run(&["serve", "--database", database, "--redis", "redis://r.example", "--check"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn an_address_with_a_password_is_not_repeated() {
    let bench = Bench::new();
    for set in ["--database", "--redis"] {
        let ran = bench.run(&["serve", set, "odd://callsheet:hunter2@acme.example/x", "--check"]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(set) && !ran.err.contains("hunter2"), "{}", ran.err);
    }
}
