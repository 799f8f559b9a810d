//! The library held against public calendars and recurrence vectors, where the folder is at hand.
#![expect(clippy::disallowed_methods, reason = "a test reads the folder of fixtures and a clock")]
#![expect(clippy::print_stdout, reason = "the scores are what these tests are for")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use calendar::{Context, Event, Format, Parsed, Reason, Severity, Window, expand, parse};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde_json::Value;

fn fixtures() -> Option<PathBuf> {
    let folder = match std::env::var_os("CALLSHEET_FIXTURES") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no fixtures at hand");
    None
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    if text.len() == 10 {
        return text.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    }
    match text.parse::<DateTime<Utc>>() {
        Ok(at) => at,
        Err(_) => text.parse::<NaiveDateTime>().unwrap().and_utc(),
    }
}

const UTC: Context<'static> = Context { floating_zone: "UTC" };

/// A vector as a calendar, its starts by the library, and those expected.
fn vector(vector: &Value) -> (Parsed, Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) {
    let list = |name: &str| -> Vec<String> {
        let values = vector[name].as_array().cloned().unwrap_or_default();
        values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let zone = vector["tzid"].as_str();
    let dated = vector["value_type"] == "DATE";
    let mut text = String::from("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:vector\n");
    let line = |name: &str, value: &str| match (zone, dated || value.ends_with('Z')) {
        (Some(zone), false) => format!("{name};TZID={zone}:{value}\n"),
        _ => format!("{name}:{value}\n"),
    };
    text += &line("DTSTART", vector["dtstart"].as_str().unwrap());
    list("rrule").iter().for_each(|rule| text += &format!("RRULE:{rule}\n"));
    list("exrule").iter().for_each(|rule| text += &format!("EXRULE:{rule}\n"));
    list("rdate").iter().for_each(|date| text += &line("RDATE", date));
    list("exdate").iter().for_each(|date| text += &line("EXDATE", date));
    text += "END:VEVENT\nEND:VCALENDAR\n";
    let parsed = parse(Format::ICalendar, text.as_bytes(), &UTC).unwrap();
    let placed = !list("expected_utc").is_empty();
    let expected = if placed { "expected_utc" } else { "expected" };
    let expected: Vec<_> = list(expected).iter().map(|at| utc(at)).collect();
    let far = utc("9999-12-31");
    let to = match (vector["complete"].as_bool(), expected.last()) {
        (Some(false), Some(last)) => *last + TimeDelta::seconds(1),
        _ => far,
    };
    let window = Window { from: utc("0001-01-02"), to };
    let context = Context { floating_zone: zone.filter(|_| placed).unwrap_or("UTC") };
    let starts = expand(&parsed.events, window, &context).occurrences;
    (parsed, starts.iter().map(|occurrence| occurrence.start).collect(), expected)
}

#[test]
fn every_firm_recurrence_vector_is_right() {
    let Some(folder) = fixtures() else { return };
    let vectors = json(&folder.join("recurrence/vectors.json"));
    let (mut right, mut refused, mut outdated, mut wrong, mut other) = (0, 0, 0, Vec::new(), 0);
    for item in vectors["vectors"].as_array().unwrap() {
        let began = Instant::now();
        let (parsed, found, expected) = vector(item);
        assert!(began.elapsed() < Duration::from_secs(2), "{item}");
        if !item["status"].as_str().unwrap().starts_with("firm") {
            other += 1;
            continue;
        }
        let rules = item["rrule"].to_string();
        if ["HOURLY", "MINUTELY", "SECONDLY"].iter().any(|name| rules.contains(name)) {
            assert!(parsed.problems.iter().any(|one| one.reason == Reason::SubDailyRule), "{item}");
            refused += 1;
        } else if found == expected {
            right += 1;
        } else if item["tzid"] == "Africa/Casablanca" && found.len() == expected.len() {
            // Morocco ended its changes of clocks on 2026-09-20 (tzdata 2026e); the values of the
            // vectors were made with rules from before that.
            let apart = found.iter().zip(&expected).map(|(a, b)| (*a - *b).num_hours());
            assert!(apart.clone().all(|hours| hours == 0 || hours == 1), "{item}");
            outdated += 1;
        } else {
            wrong.push(format!("{} {rules}\n  {found:.3?}\n  {expected:.3?}", item["id"]));
        }
    }
    println!(
        "vectors: {right} right, {outdated} by older zone rules, {refused} refused within a day, \
         {other} only survived"
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn sample_files_are_read_as_both_oracles_read_them() {
    let Some(folder) = fixtures() else { return };
    let manifest = json(&folder.join("ics/manifest.json"));
    let (mut agreed, mut right, mut wrong, mut slowest) = (0, 0, Vec::new(), Duration::ZERO);
    let (mut fields, mut differing) = (0, Vec::new());
    for item in manifest.as_array().unwrap() {
        let path = folder.join(item["file"].as_str().unwrap());
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let began = Instant::now();
        let parsed = parse(Format::ICalendar, &bytes, &UTC).unwrap_or_default();
        let window = Window { from: utc("1990-01-01"), to: utc("2040-01-01") };
        expand(&parsed.events, window, &UTC);
        slowest = slowest.max(began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(2), "{}", path.display());
        let reading = &item["reading"];
        if reading["both_parse"] != true || reading["counts_agree"] != true {
            continue;
        }
        agreed += 1;
        let events = reading["events"].as_array().unwrap();
        let expected: BTreeSet<Option<&str>> = events
            .iter()
            .map(|event| event["uid"].as_str().map(str::trim).filter(|uid| !uid.is_empty()))
            .collect();
        let dropped: Vec<_> = parsed
            .problems
            .iter()
            .filter(|one| matches!(one.reason, Reason::NoStart | Reason::NotAnInvitation))
            .filter(|one| one.severity == Severity::Dropped)
            .collect();
        let found: BTreeSet<Option<&str>> = parsed
            .events
            .iter()
            .map(Event::uid)
            .chain(dropped.iter().map(|one| one.uid.as_deref()))
            .collect();
        if parsed.events.len() + dropped.len() == events.len() && found == expected {
            right += 1;
        } else {
            let seen = parsed.events.len() + dropped.len();
            wrong.push(format!(
                "{}: {seen} {found:?} != {} {expected:?}",
                item["file"],
                events.len()
            ));
            continue;
        }
        if !dropped.is_empty() {
            continue;
        }
        for (event, expected) in parsed.events.iter().zip(events) {
            fields += 1;
            let mut differs = Vec::new();
            if event.title().unwrap_or_default() != expected["summary"].as_str().unwrap_or_default()
            {
                differs.push("summary");
            }
            if event.attendees().len() as u64 != expected["n_attendees"].as_u64().unwrap_or(0) {
                differs.push("attendees");
            }
            if event.is_all_day() != expected["all_day"].as_bool().unwrap_or(false) {
                differs.push("all_day");
            }
            if let (Some((wall, _)), Some(start)) = (event.start(), expected["dtstart"].as_str())
                && start.get(..10) != Some(&wall.to_string()[..10])
            {
                differs.push("dtstart");
            }
            if !differs.is_empty() {
                differing.push(format!("{} {:?}: {differs:?}", item["file"], event.uid()));
            }
        }
    }
    println!("files: {right} of {agreed} read as both oracles do, slowest {slowest:?}");
    println!("events: {} of {fields} differ in a field", differing.len());
    differing.iter().for_each(|one| println!("  {one}"));
    wrong.iter().for_each(|one| println!("  {one}"));
    assert!(wrong.len() * 100 <= agreed, "{} of {agreed} are read otherwise", wrong.len());
}

#[test]
fn provider_events_are_read() {
    let Some(folder) = fixtures() else { return };
    for (file, format) in
        [("google_events.json", Format::Google), ("graph_events.json", Format::Microsoft)]
    {
        let items = json(&folder.join("events").join(file));
        let (mut read, mut dropped) = (0, Vec::new());
        for item in items["items"].as_array().unwrap() {
            let bytes = serde_json::to_vec(&item["event"]).unwrap();
            match parse(format, &bytes, &UTC) {
                Ok(parsed) => {
                    let window = Window { from: utc("1990-01-01"), to: utc("2040-01-01") };
                    expand(&parsed.events, window, &UTC);
                    read += usize::from(!parsed.events.is_empty());
                    dropped.extend(
                        parsed.problems.iter().map(|one| format!("{} {one}", item["source"])),
                    );
                }
                Err(error) => dropped.push(format!("{} {error}", item["source"])),
            }
        }
        println!("{file}: {read} of {} read", items["items"].as_array().unwrap().len());
        dropped.iter().for_each(|one| println!("  {one}"));
    }
    let pages = json(&folder.join("events/graph_delta_and_notifications.json"));
    for page in pages["delta_pages"].as_array().unwrap() {
        let parsed = parse(Format::Microsoft, page["page"].to_string().as_bytes(), &UTC).unwrap();
        println!("delta: {} events, {} problems", parsed.events.len(), parsed.problems.len());
    }
}

#[test]
fn zone_names_of_calendars_resolve() {
    let Some(folder) = fixtures() else { return };
    let zones = json(&folder.join("timezones.json"));
    // Noon of these days tells the offsets of a zone in winter and summer.
    let starts = |zone: &str| -> Vec<(DateTime<Utc>, bool, Option<String>)> {
        let text = ["20260115T120000", "20260715T120000"].map(|at| {
            format!("BEGIN:VEVENT\nUID:{at}\nDTSTART;TZID=\"{zone}\":{at}\nEND:VEVENT\n")
        });
        let parsed = parse(Format::ICalendar, text.concat().as_bytes(), &UTC).unwrap();
        let window = Window { from: utc("2026-01-01"), to: utc("2027-01-01") };
        let expansion = expand(&parsed.events, window, &UTC);
        let occurrences = expansion.occurrences.into_iter();
        occurrences.map(|one| (one.start, one.ambiguous_time, one.details.zone.clone())).collect()
    };
    let instants = |zone: &str| starts(zone).into_iter().map(|(at, ..)| at).collect::<Vec<_>>();
    let windows = zones["windows"].as_object().unwrap();
    let mut differ = Vec::new();
    for (name, iana) in windows {
        assert!(starts(name).iter().all(|(_, ambiguous, _)| !ambiguous), "{name}");
        if instants(name) != instants(iana.as_str().unwrap()) {
            differ.push(format!("{name}: {iana} by the table, {:?} here", starts(name)));
        }
    }
    println!("windows: {} names, {} place otherwise than the table", windows.len(), differ.len());
    differ.iter().for_each(|one| println!("  {one}"));
    let mut unknown = Vec::new();
    for item in zones["corpus_tzids"].as_array().unwrap() {
        let name = item["tzid"].as_str().unwrap();
        let found = starts(name);
        if found.iter().any(|(_, ambiguous, _)| *ambiguous) {
            unknown.push(name);
        } else if item["iana"] != true {
            println!("  {name} -> {:?}", found.first().and_then(|one| one.2.clone()));
        }
    }
    println!("corpus: {} unknown by name alone: {unknown:?}", unknown.len());
}
