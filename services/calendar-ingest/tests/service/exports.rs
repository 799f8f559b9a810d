//! Whole exports: a large one, and calendars of the public.

use std::time::{Duration, Instant};

use proto::calendar::v1 as wire;
use proto::calendar::v1::Format;
use proto::time::to_wire;
use tonic::Code;

use crate::world::{ACME, World, at, event, payload};

#[tokio::test]
async fn a_large_export_goes_through_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("calendar.db").display());
    let world = World::with(&format!("store.url = '{url}'")).await;
    // The size of a real one where the build is one that is used.
    let events: usize = if cfg!(debug_assertions) { 1_000 } else { 10_000 };
    let mut text = String::new();
    for n in 0..events {
        let title = format!("SUMMARY:Meeting number {n}");
        let link = format!("LOCATION:https://acme.zoom.us/j/9{n:010}");
        let people: Vec<String> = (0..8)
            .map(|k| format!("ATTENDEE:mailto:p{}@prospect.example", (n + k) % 500))
            .collect();
        let mut lines = vec![title.as_str(), &link];
        lines.extend(people.iter().map(String::as_str));
        lines.push(if n % 2 == 0 { "SEQUENCE:0" } else { "RRULE:FREQ=DAILY;COUNT=15" });
        text += &event(&format!("{n}@acme.example"), &lines);
    }
    for (changed, unchanged) in [(events * 8, 0), (0, events * 8)] {
        let begun = Instant::now();
        let answer = world.take("export.ics", &text).await;
        let taken = begun.elapsed();
        println!("{events} events, {changed} new and {unchanged} known meetings: {taken:?}");
        assert_eq!((answer.changed as usize, answer.unchanged as usize), (changed, unchanged));
        assert!(taken < Duration::from_secs(25), "{taken:?}");
    }
}

/// Calendars of the public, where the folder is at hand.
fn fixtures() -> Option<std::path::PathBuf> {
    let folder = match std::env::var_os("CALLSHEET_FIXTURES") {
        Some(folder) => std::path::PathBuf::from(folder),
        None => std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no fixtures at hand");
    None
}

/// Every payload of the fixtures with its form.
fn payloads(folder: &std::path::Path) -> Vec<(String, Format, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("ics")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ics") {
                let name = path.display().to_string();
                found.push((name, Format::Icalendar, std::fs::read(path).unwrap()));
            }
        }
    }
    for (file, format) in
        [("google_events.json", Format::Google), ("graph_events.json", Format::Microsoft)]
    {
        let text = std::fs::read(folder.join("events").join(file)).unwrap();
        let items: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for (index, item) in items["items"].as_array().unwrap().iter().enumerate() {
            found.push((format!("{file} {index}"), format, item["event"].to_string().into()));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[tokio::test]
async fn calendars_of_the_public_make_the_same_meetings_in_any_order() {
    let Some(folder) = fixtures() else { return };
    let mut payloads = payloads(&folder);
    let (from, to) =
        (Some(to_wire(at("2024-01-01T00:00:00Z"))), Some(to_wire(at("2027-01-01T00:00:00Z"))));
    let mut seen = Vec::new();
    for _ in 0..2 {
        let world = World::open().await;
        let (mut taken, mut refused) = (0, 0);
        for (name, format, bytes) in &payloads {
            let mut request = payload(name, *format, "");
            request.payload.clone_from(bytes);
            (request.expand_from, request.expand_to) = (from, to);
            match world.send(request).await {
                Ok(_) => taken += 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
                    refused += 1;
                }
            }
        }
        let mut all = Vec::new();
        let mut request = wire::ListMeetingsRequest {
            company: ACME.into(),
            from,
            to,
            page_size: 5000,
            ..Default::default()
        };
        loop {
            let page = world.client().list_meetings(request.clone()).await.unwrap().into_inner();
            all.extend(page.meetings);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        println!("{taken} payloads taken, {refused} refused, {} meetings", all.len());
        all.iter_mut().for_each(|meeting| meeting.revision = 0);
        seen.push(all);
        payloads.reverse();
    }
    for (one, other) in [(&seen[0], &seen[1]), (&seen[1], &seen[0])] {
        let differs: Vec<_> = one.iter().filter(|meeting| !other.contains(meeting)).collect();
        assert!(differs.is_empty(), "{differs:#?}");
    }
}
