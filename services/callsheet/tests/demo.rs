//! Days that are played tell the same story each time, and all of what can happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/bench.rs"]
mod bench;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bench::Bench;
use serde_json::Value;

/// A day takes a few seconds; this much where others build and test beside it.
const SOON: Duration = Duration::from_secs(20);

fn events(lines: &[Value], event: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["event"] == event).cloned().collect()
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another_one() {
    let bench = Bench::new();
    let began = Instant::now();
    let one = bench.run(&["demo"]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((one.code, one.err.as_str()), (0, ""), "{}", one.out);
    assert_eq!(one.out, bench.run(&["demo", "--seed", "1", "--days", "1"]).out);
    let other = bench.run(&["demo", "--seed", "2"]);
    assert_eq!(other.code, 0, "{}", other.err);
    assert_ne!(one.out, other.out);
}

#[test]
fn a_day_has_recordings_and_most_of_what_keeps_calls_from_being_recorded() {
    let ran = Bench::new().run(&["demo", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let lines = ran.lines();
    let (last, lines) = lines.split_last().unwrap();
    let summary = &last["summary"];
    assert!(summary["recorded"].as_u64().unwrap() >= 6, "{summary}");
    let codes: BTreeSet<&str> =
        summary["skipped"].as_object().unwrap().keys().map(String::as_str).collect();
    for code in [
        "BUSY_LINE",
        "CALL_DECLINED",
        "CALL_PROVIDER_DISABLED_FOR_COMPANY",
        "CONNECTOR_WAS_NOT_APPROVED",
        "DENIED_ENTRY",
        "EVENT_BLOCKLISTED",
        "HAS_DO_NOT_RECORD_USERS",
        "HOST_DENIED_LOCAL_RECORDING",
        "INTERNAL_MEETING_RECORDING_DISABLED",
        "KICKED_OUT",
        "NO_URL",
        "OVERLAPPING_MEETING",
        "PRIVATE_OR_CONFIDENTIAL",
        "RECORDING_RESTRICTED",
        "STOP_USER_REQUEST",
        "TOO_SHORT",
    ] {
        assert!(codes.contains(code), "{code} is not in {codes:?}");
    }
    // Each call is decided once and comes to one end, and the sum is right.
    let planned = events(lines, "planned");
    let ended = ["recorded", "recorded_partial", "ended"].map(|end| events(lines, end)).concat();
    let ids = |events: &[Value]| -> BTreeSet<String> {
        events.iter().map(|event| event["call_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&planned), planned.len()), (ids(&ended), ended.len()));
    let calls = planned.len() + events(lines, "skipped").len();
    assert_eq!(summary["calls"].as_u64().unwrap(), calls as u64);
    let many = |kind: &str| summary[kind].as_u64().unwrap();
    let skipped: u64 =
        summary["skipped"].as_object().unwrap().values().map(|many| many.as_u64().unwrap()).sum();
    assert_eq!(many("recorded") + many("recorded_partial") + skipped, calls as u64);
    for recorded in events(lines, "recorded") {
        assert!(recorded["seconds"].as_i64().unwrap() > 60, "{recorded}");
    }
}

#[test]
fn time_never_goes_back_and_bots_record_after_they_have_joined() {
    let lines = Bench::new().run(&["demo", "--seed", "5", "--format", "json"]).lines();
    let (_, lines) = lines.split_last().unwrap();
    let times: Vec<&str> = lines.iter().map(|line| line["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    for recording in events(lines, "recording") {
        let of_call: Vec<&str> = lines
            .iter()
            .filter(|line| line["call_id"] == recording["call_id"])
            .map(|line| line["event"].as_str().unwrap())
            .collect();
        let place = |event: &str| of_call.iter().position(|one| *one == event);
        assert_eq!(place("planned"), Some(0), "{of_call:?}");
        let joined = place("joined").or(place("asking"));
        assert!(joined.is_some() && joined < place("recording"), "{of_call:?}");
    }
}

#[test]
fn nothing_is_shown_of_a_private_meeting_and_no_link_is_printed() {
    let ran = Bench::new().run(&["demo", "--json"]);
    let lines = ran.lines();
    let private = lines.iter().find(|line| line["skip_code"] == "PRIVATE_OR_CONFIDENTIAL");
    assert_eq!(private.unwrap()["title"], Value::Null);
    for secret in ["http", "sesame", "meetup-join", "+44", "customer.example"] {
        assert!(!ran.out.contains(secret), "{secret}");
    }
}

#[test]
fn the_first_day_of_two_is_as_it_is_alone_and_the_second_is_another_one() {
    let bench = Bench::new();
    let day = |days: &str| {
        let ran = bench.run(&["demo", "--days", days]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out.lines().filter(|line| line.starts_with("Mon ")).map(str::to_owned).collect()
    };
    let (alone, of_two): (Vec<String>, Vec<String>) = (day("1"), day("2"));
    assert!(alone.len() > 60);
    assert_eq!(alone, of_two);
}

#[test]
fn time_passes_at_the_speed_that_is_wanted() {
    let bench = Bench::new();
    let began = Instant::now();
    let paced = bench.run(&["demo", "--speed", "10000"]).out;
    // From six to past four in the afternoon it is ten hours.
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(paced, bench.run(&["demo"]).out);
}

#[test]
fn what_cannot_be_played_is_told_with_its_option() {
    let bench = Bench::new();
    for (wrong, said) in [
        (&["--days", "0"][..], "--days"),
        (&["--days", "101"], "1..=100"),
        (&["--seed", "one"], "--seed"),
        (&["--speed", "0"], "such as `600`"),
        (&["--json", "--format", "table"], "--format"),
        (&["--sed", "1"], "--seed"),
    ] {
        let ran = bench.run(&[&["demo"], wrong].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong:?}");
        assert!(ran.err.contains(said), "{wrong:?}: {}", ran.err);
    }
}
