//! Payloads and requests that are broken, hostile, or too much.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proto::calendar::v1 as wire;
use proto::calendar::v1::Format;
use proto::time::to_wire;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{World, ZOOM, at, event, icalendar, payload, reason};

#[tokio::test]
async fn five_thousand_attendees_are_kept() {
    let world = World::open().await;
    let people: Vec<String> =
        (0..5000).map(|n| format!("ATTENDEE:mailto:person{n}@prospect.example")).collect();
    let mut lines: Vec<&str> = people.iter().map(String::as_str).collect();
    lines.push("RRULE:FREQ=DAILY;COUNT=20");
    let answer = world.take("ada", &event("big", &lines)).await;
    assert_eq!((answer.changed, answer.problems.len()), (20, 0));
    let all = world.list().await;
    assert!(all.iter().all(|meeting| meeting.attendees.len() == 5000));
    let again = world.take("ada", &event("big", &lines)).await;
    assert_eq!((again.changed, again.unchanged), (0, 20));
}

#[tokio::test]
async fn two_million_characters_of_description_are_read_in_part() {
    let world = World::open().await;
    let text = format!("DESCRIPTION:{ZOOM} {}", "word ".repeat(400_000));
    let answer = world.take("ada", &event("long", &[&text, "SUMMARY:Long"])).await;
    assert_eq!(answer.changed, 1);
    assert_eq!(answer.problems.len(), 1, "{:?}", answer.problems);
    assert!(!answer.problems[0].dropped);
    let meeting = world.only().await;
    assert_eq!(meeting.links[0].id, "98765432101");
}

#[tokio::test]
async fn an_unreadable_payload_is_refused_with_its_line() {
    let world = World::open().await;
    let refused = |format, text: &'static str| {
        let world = &world;
        async move { world.send(payload("x", format, text)).await.unwrap_err() }
    };
    let status = refused(Format::Google, "{\n  \"items\": [\n    {\"id\": 1,}\n  ]\n}").await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("line 3"), "{}", status.message());
    assert_eq!(reason(&status), "ERROR_REASON_CALENDAR_UNREADABLE");
    let info = status.get_error_details();
    assert_eq!(info.error_info().unwrap().metadata["line"], "3");

    let status = refused(Format::Icalendar, "Dear all,\nsee you.\n").await;
    assert_eq!(reason(&status), "ERROR_REASON_CALENDAR_UNREADABLE");
    let status = refused(Format::Unspecified, "Dear all,\nsee you.\n").await;
    assert_eq!(reason(&status), "ERROR_REASON_UNSUPPORTED_FORMAT");
    let mut request = icalendar("x", "");
    request.format = 99;
    assert_eq!(world.send(request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_broken_event_is_told_and_the_others_are_kept() {
    let world = World::open().await;
    let broken = "BEGIN:VEVENT\r\nUID:broken@acme.example\r\nDTSTART:yesterday\r\nEND:VEVENT\r\n";
    let answer = world.take("ada.ics", &(event("a", &[]) + broken)).await;
    assert_eq!(answer.changed, 1);
    let problem = answer.problems.iter().find(|problem| problem.dropped).unwrap();
    assert_eq!(
        (problem.source.as_str(), problem.ical_uid.as_str(), problem.reason.as_str()),
        ("ada.ics", "broken@acme.example", "no_start")
    );
    assert!(problem.place.starts_with("line "), "{}", problem.place);
}

#[tokio::test]
async fn a_thousand_problems_are_listed_and_the_rest_is_counted() {
    let world = World::open().await;
    let mut events = String::new();
    for n in 0..1500 {
        let _ = write!(events, "BEGIN:VEVENT\r\nUID:b{n}\r\nEND:VEVENT\r\n");
    }
    let answer = world.take("ada.ics", &events).await;
    assert_eq!(answer.problems.len(), 1001);
    let last = answer.problems.last().unwrap();
    assert_eq!(last.reason, "more");
    assert!(last.message.starts_with("500 "), "{}", last.message);
}

#[tokio::test]
async fn hostile_recurrence_costs_little() {
    let world = World::open().await;
    let mut events = event("second", &["RRULE:FREQ=SECONDLY"]);
    events += &event("never", &["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"]);
    events += &event("ever", &["RRULE:FREQ=DAILY;UNTIL=99991231T235959Z"]);
    for n in 0..200 {
        events += &event(&format!("leap{n}"), &["RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"]);
    }
    let begun = Instant::now();
    let answer = world.take("mallory", &events).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let problem = answer.problems.iter().find(|problem| problem.ical_uid == "second").unwrap();
    assert_eq!(problem.reason, "sub_daily_rule");
}

#[tokio::test]
async fn more_than_one_request_may_make_is_refused_with_a_remedy() {
    let world = World::with("max_occurrences = 100\nmax_payload = 20000").await;
    let mut events = String::new();
    for n in 0..3 {
        events += &event(&format!("s{n}"), &["RRULE:FREQ=DAILY"]);
    }
    let status = world.send(icalendar("ada", &events)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert!(status.message().contains("split the export"), "{}", status.message());
    assert!(world.list().await.is_empty());

    let status = world.send(icalendar("ada", &" ".repeat(30_000))).await.unwrap_err();
    assert_eq!(reason(&status), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert!(status.message().contains("split the export"), "{}", status.message());
}

#[tokio::test]
async fn a_wrong_request_names_its_field() {
    let world = World::open().await;
    let wrong = |change: fn(&mut wire::IngestEventsRequest), field: &'static str| {
        let world = &world;
        async move {
            let mut request = icalendar("ada", &event("a", &[]));
            change(&mut request);
            let status = world.send(request).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{field}");
            let details = status.get_error_details();
            assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
        }
    };
    wrong(|request| request.company.clear(), "company").await;
    wrong(|request| request.source.clear(), "source").await;
    wrong(|request| request.time_zone = "Middle/Earth".into(), "time_zone").await;
    wrong(|request| request.company = "x".repeat(300), "company").await;
    wrong(
        |request| {
            request.expand_from = Some(to_wire(at("2026-04-01T00:00:00Z")));
            request.expand_to = Some(to_wire(at("2026-03-01T00:00:00Z")));
        },
        "expand_to",
    )
    .await;
}

#[tokio::test]
async fn what_a_calendar_may_hold_every_database_keeps() {
    for engine in storage::testing::engines().await {
        eprintln!("on {}", engine.name());
        let config = engine.config();
        let store = format!("store.url = '{}'\nstore.schema = '{}'", config.url, config.schema);
        let world = World::with(&store).await;
        let odd = event(
            "u\0id",
            &[
                "SUMMARY:a\0b \u{1f600} 'quoted' \\\\ %s $1",
                "RECURRENCE-ID;TZID=Here\0There:20260305T100000",
                "ATTENDEE:mailto:x\0y@acme.example",
            ],
        );
        world.take("a'b\"c", &odd).await;
        let google = serde_json::json!({
            "id": "g\u{0}1", "iCalUID": "b\u{0}", "status": "confirmed", "summary": "c\u{0}d",
            "start": {"dateTime": "2026-03-05T10:00:00+01:00"},
            "end": {"dateTime": "2026-03-05T11:00:00+01:00"},
            "recurringEventId": "s\u{0}",
        });
        world.send(payload("ada", Format::Google, &google.to_string())).await.unwrap();
        assert_eq!(world.list().await.len(), 2);
        assert_eq!(world.get("\0").await.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn methods_of_later_versions_say_so() {
    let world = World::open().await;
    let status =
        world.client().sync_calendar(wire::SyncCalendarRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(reason(&status), "ERROR_REASON_UNIMPLEMENTED_IN_THIS_VERSION");
}
