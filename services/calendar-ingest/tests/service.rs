//! The service over a local link.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a skipped test and a measured one say so")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use proto::calendar::v1 as wire;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::time::to_wire;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wire::{Format, Meeting};

const ACME: &str = "acme";
const ZOOM: &str = "https://acme.zoom.us/j/98765432101?pwd=abc";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct World {
    running: Running,
    clock: SimulatedClock,
}

impl World {
    async fn open() -> Self {
        Self::with("").await
    }

    async fn with(overrides: &str) -> Self {
        let clock = SimulatedClock::at(at("2026-03-02T08:00:00Z"));
        let overrides = if overrides.contains("store.url") {
            overrides.to_owned()
        } else {
            format!("store.url = 'sqlite::memory:'\n{overrides}")
        };
        let house = House::new().clock(clock.clone()).host::<calendar_ingest::App>(overrides);
        Self { running: house.open().await.unwrap(), clock }
    }

    fn client(&self) -> CalendarIngestServiceClient<Link> {
        let max = self.running.context().max_message;
        CalendarIngestServiceClient::new(self.running.link("calendar-ingest").unwrap())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
    }

    async fn send(
        &self,
        request: wire::IngestEventsRequest,
    ) -> Result<wire::IngestEventsResponse, Status> {
        self.client().ingest_events(request).await.map(tonic::Response::into_inner)
    }

    /// Takes an iCalendar payload.
    async fn take(&self, source: &str, events: &str) -> wire::IngestEventsResponse {
        self.send(icalendar(source, events)).await.unwrap()
    }

    async fn list(&self) -> Vec<Meeting> {
        self.list_of(ACME).await
    }

    async fn list_of(&self, company: &str) -> Vec<Meeting> {
        let request = wire::ListMeetingsRequest {
            company: company.into(),
            page_size: 5000,
            ..wire::ListMeetingsRequest::default()
        };
        self.client().list_meetings(request).await.unwrap().into_inner().meetings
    }

    async fn only(&self) -> Meeting {
        let mut all = self.list().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    async fn get(&self, meeting_id: &str) -> Result<Meeting, Status> {
        let request =
            wire::GetMeetingRequest { company: ACME.into(), meeting_id: meeting_id.into() };
        Ok(self.client().get_meeting(request).await?.into_inner().meeting.unwrap())
    }

    async fn changes(&self, company: &str, cursor: u64) -> Vec<wire::WatchMeetingsResponse> {
        let request =
            wire::WatchMeetingsRequest { company: company.into(), cursor, until_caught_up: true };
        let mut stream = self.client().watch_meetings(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(change) = stream.message().await.unwrap() {
            all.push(change);
        }
        all
    }

    fn later(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }

    fn now(&self) -> prost_types::Timestamp {
        to_wire(chassis::Clock::now(&self.clock))
    }
}

fn icalendar(source: &str, events: &str) -> wire::IngestEventsRequest {
    payload(source, Format::Icalendar, &calendar(events))
}

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
}

fn payload(source: &str, format: Format, text: &str) -> wire::IngestEventsRequest {
    wire::IngestEventsRequest {
        company: ACME.into(),
        source: source.into(),
        format: format.into(),
        payload: text.as_bytes().to_vec(),
        time_zone: "Europe/Berlin".into(),
        ..wire::IngestEventsRequest::default()
    }
}

/// A VEVENT of these lines, with a start on 2026-03-05 at 10:00 in Berlin unless they name one.
fn event(uid: &str, lines: &[&str]) -> String {
    let mut text = format!("BEGIN:VEVENT\r\nUID:{uid}\r\n");
    if !lines.iter().any(|line| line.starts_with("DTSTART")) {
        text += "DTSTART;TZID=Europe/Berlin:20260305T100000\r\n";
    }
    if !lines.iter().any(|line| line.starts_with("DTEND") || line.starts_with("DURATION")) {
        text += "DURATION:PT1H\r\n";
    }
    for line in lines {
        text += line;
        text += "\r\n";
    }
    text + "END:VEVENT\r\n"
}

fn starts(meetings: &[Meeting]) -> Vec<String> {
    meetings
        .iter()
        .map(|one| {
            let start = one.start.unwrap();
            DateTime::from_timestamp(start.seconds, 0).unwrap().format("%m-%d %H:%M").to_string()
        })
        .collect()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

#[tokio::test]
async fn the_same_meeting_from_three_formats_is_one() {
    let formats = [
        payload(
            "ada.ics",
            Format::Icalendar,
            &calendar(&event(
                "renewal@prospect.example",
                &[
                    "SUMMARY:Renewal",
                    &format!("LOCATION:{ZOOM}"),
                    "ORGANIZER:mailto:eve@prospect.example",
                    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@acme.example",
                ],
            )),
        ),
        payload(
            "ada@google",
            Format::Google,
            &serde_json::json!({
                "id": "g1", "iCalUID": "renewal@prospect.example", "status": "confirmed",
                "summary": "Renewal", "location": ZOOM,
                "start": {"dateTime": "2026-03-05T10:00:00+01:00"},
                "end": {"dateTime": "2026-03-05T11:00:00+01:00"},
                "organizer": {"email": "eve@prospect.example"},
                "attendees": [{"email": "ada@acme.example", "responseStatus": "accepted"}],
            })
            .to_string(),
        ),
        payload(
            "bob@microsoft",
            Format::Microsoft,
            &serde_json::json!({
                "id": "m1", "iCalUId": "renewal@prospect.example", "subject": "Renewal",
                "start": {"dateTime": "2026-03-05T09:00:00", "timeZone": "UTC"},
                "end": {"dateTime": "2026-03-05T10:00:00", "timeZone": "UTC"},
                "location": {"displayName": ZOOM},
                "organizer": {"emailAddress": {"address": "eve@prospect.example"}},
                "attendees": [{"emailAddress": {"address": "ada@acme.example"}, "status": {"response": "accepted"}}],
            })
            .to_string(),
        ),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let world = World::open().await;
        for index in order {
            let answer = world.send(formats[index].clone()).await.unwrap();
            assert_eq!(answer.events, 1, "{answer:?}");
        }
        let mut meeting = world.only().await;
        assert_eq!(meeting.key.as_ref().unwrap().ical_uid(), "renewal@prospect.example");
        assert_eq!(meeting.title(), "Renewal");
        assert_eq!(meeting.links.len(), 1);
        assert_eq!(meeting.links[0].id, "98765432101");
        assert_eq!(meeting.attendees[0].address(), "ada@acme.example");
        meeting.revision = 0;
        seen.push(meeting);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[tokio::test]
async fn what_is_told_again_changes_nothing() {
    let world = World::open().await;
    let events = event("a@acme.example", &["RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:Daily"])
        + &event("b@acme.example", &["SUMMARY:Once"]);
    let first = world.take("ada", &events).await;
    assert_eq!((first.events, first.changed, first.unchanged), (2, 6, 0));
    let before = world.list().await;
    world.later(60);
    let again = world.take("ada", &events).await;
    assert_eq!((again.events, again.changed, again.unchanged), (2, 0, 6));
    // The same from another calendar is no change either.
    let other = world.take("bob", &events).await;
    assert_eq!((other.changed, other.unchanged), (0, 6));
    assert_eq!(world.list().await, before);
    assert_eq!(world.changes(ACME, 0).await.len(), 6);
}

#[tokio::test]
async fn a_moved_start_is_material_and_a_typo_is_not() {
    let world = World::open().await;
    let version = |title: &str, text: &str, start: &str| {
        event(
            "a@acme.example",
            &[
                &format!("SUMMARY:{title}"),
                &format!("DESCRIPTION:{text}"),
                &format!("DTSTART:{start}"),
            ],
        )
    };
    world.take("ada", &version("Renewal", "Agnda", "20260305T100000Z")).await;
    let first = world.only().await;
    assert_eq!((first.revision, first.received_at), (1, Some(world.now())));

    world.later(10);
    let answer = world.take("ada", &version("Renewal", "Agenda", "20260305T100000Z")).await;
    assert_eq!((answer.changed, answer.unchanged), (0, 1));
    assert_eq!(world.only().await, first);

    world.later(10);
    world.take("ada", &version("The renewal", "Agenda", "20260305T100000Z")).await;
    let titled = world.only().await;
    assert_eq!((titled.revision, titled.received_at), (2, first.received_at));

    world.later(10);
    world.take("ada", &version("The renewal", "Agenda", "20260305T103000Z")).await;
    let moved = world.only().await;
    assert_eq!((moved.revision, moved.received_at), (3, Some(world.now())));
    assert_eq!(moved.meeting_id, first.meeting_id);

    world.later(10);
    let link = format!("Agenda {ZOOM}");
    world.take("ada", &version("The renewal", &link, "20260305T103000Z")).await;
    let linked = world.only().await;
    assert_eq!((linked.revision, linked.received_at), (4, Some(world.now())));
}

#[tokio::test]
async fn an_answer_is_material_and_the_order_of_people_is_not() {
    let world = World::open().await;
    let ada = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@acme.example";
    let bob = "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@acme.example";
    let no = "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@acme.example";
    world.take("ada", &event("a", &[ada, bob])).await;
    let first = world.only().await;
    world.later(10);
    world.take("ada", &event("a", &[bob, ada])).await;
    let turned = world.only().await;
    assert_eq!((turned.revision, turned.received_at), (2, first.received_at));
    world.take("ada", &event("a", &[no, ada])).await;
    let declined = world.only().await;
    assert_eq!((declined.revision, declined.received_at), (3, Some(world.now())));
}

#[tokio::test]
async fn a_meeting_cancelled_later_stays_as_cancelled() {
    let world = World::open().await;
    world.take("ada", &event("a", &["SUMMARY:Renewal"])).await;
    world.later(10);
    world.take("ada", &event("a", &["SUMMARY:Renewal", "STATUS:CANCELLED", "SEQUENCE:1"])).await;
    let meeting = world.only().await;
    assert!(meeting.cancelled);
    assert_eq!((meeting.revision, meeting.status.as_str()), (2, "cancelled"));
    assert_eq!(meeting.received_at, Some(world.now()));
    let changes = world.changes(ACME, 0).await;
    assert_eq!(changes.len(), 1);
    assert!(!changes[0].removed);
    // An older revision that comes late changes nothing, and is told.
    let late = world.take("ada", &event("a", &["SUMMARY:Renewal"])).await;
    assert_eq!((late.changed, late.problems.len()), (0, 1));
    assert!(late.problems[0].dropped);
    assert_eq!(world.only().await, meeting);
}

#[tokio::test]
async fn a_meeting_deleted_at_its_source_is_removed_once_no_calendar_holds_it() {
    let google = |source: &str, status: &str| {
        let mut request = payload(
            source,
            Format::Google,
            &serde_json::json!({
                "id": "g1", "iCalUID": "a@google.example", "status": status, "summary": "Renewal",
                "start": {"dateTime": "2026-03-05T10:00:00+01:00"},
                "end": {"dateTime": "2026-03-05T11:00:00+01:00"},
            })
            .to_string(),
        );
        if status == "deleted" {
            request.payload = br#"{"items": [{"id": "g1", "status": "cancelled"}]}"#.to_vec();
        }
        request
    };
    let world = World::open().await;
    world.send(google("ada", "confirmed")).await.unwrap();
    world.send(google("bob", "confirmed")).await.unwrap();
    let id = world.only().await.meeting_id;
    let answer = world.send(google("ada", "deleted")).await.unwrap();
    assert_eq!((answer.changed, answer.unchanged), (0, 1));
    world.later(10);
    let answer = world.send(google("bob", "deleted")).await.unwrap();
    assert_eq!((answer.changed, answer.unchanged), (1, 0));
    assert!(world.list().await.is_empty());
    let removed = world.get(&id).await.unwrap();
    assert!(removed.cancelled);
    assert_eq!(removed.received_at, Some(world.now()));
    // Lists by id tell it as well, so that who learns of the change finds what has become of it.
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        meeting_ids: vec![id.clone(), "unknown".into()],
        ..Default::default()
    };
    let named = world.client().list_meetings(request).await.unwrap().into_inner().meetings;
    assert_eq!(named, [removed]);
    // It may come back.
    world.send(google("ada", "confirmed")).await.unwrap();
    let back = world.only().await;
    assert_eq!((back.meeting_id, back.revision, back.cancelled), (id, 3, false));
}

const SERIES: &str = "RRULE:FREQ=WEEKLY;COUNT=3";
const THIRD: &str = "RECURRENCE-ID;TZID=Europe/Berlin:20260319T100000";

#[tokio::test]
async fn an_override_may_come_before_its_series() {
    let master = event("s", &[SERIES, "SUMMARY:Weekly"]);
    let third = event("s", &[THIRD, "SUMMARY:Moved", "DTSTART;TZID=Europe/Berlin:20260320T150000"]);
    let mut seen = Vec::new();
    for order in [[&third, &master], [&master, &third]] {
        let world = World::open().await;
        for events in order {
            world.take("ada", events).await;
        }
        let mut all = world.list().await;
        assert_eq!(starts(&all), ["03-05 09:00", "03-12 09:00", "03-20 14:00"]);
        assert_eq!(all[2].title(), "Moved");
        all.iter_mut().for_each(|meeting| meeting.revision = 0);
        seen.push(all);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_moved_occurrence_keeps_its_identity_wherever_it_goes() {
    let world = World::open().await;
    world.take("ada", &event("s", &[SERIES])).await;
    let before = world.list().await;
    let third = before[2].meeting_id.clone();
    for (sequence, to) in [
        (1, "20260320T150000"),
        (2, "20260901T150000"), // beyond the period
        (3, "20260101T150000"), // before it
        (4, "20260319T120000"),
    ] {
        world.later(10);
        let moved = event(
            "s",
            &[THIRD, &format!("SEQUENCE:{sequence}"), &format!("DTSTART;TZID=Europe/Berlin:{to}")],
        );
        let answer = world.take("ada", &moved).await;
        assert_eq!(answer.changed, 1, "{to}");
        let meeting = world.get(&third).await.unwrap();
        assert!(!meeting.cancelled, "{to}");
        assert_eq!(meeting.key.as_ref().unwrap().recurrence_id, before[2].start);
        assert_eq!(meeting.received_at, Some(world.now()));
        assert_eq!(meeting.revision, sequence + 1);
    }
    let after = world.list().await;
    assert_eq!(starts(&after), ["03-05 09:00", "03-12 09:00", "03-19 11:00"]);
    assert_eq!(after[..2], before[..2]);
}

#[tokio::test]
async fn an_exdate_added_later_removes_the_occurrence() {
    let world = World::open().await;
    world.take("ada", &event("s", &[SERIES])).await;
    let before = world.list().await;
    let cursor = world.changes(ACME, 0).await.last().unwrap().cursor;
    world.later(10);
    let exdate = "EXDATE;TZID=Europe/Berlin:20260312T100000";
    let answer = world.take("ada", &event("s", &[SERIES, exdate])).await;
    assert_eq!((answer.changed, answer.unchanged), (1, 2));
    let changes = world.changes(ACME, cursor).await;
    assert_eq!(changes.len(), 1);
    assert!(changes[0].removed);
    let removed = changes[0].meeting.clone().unwrap();
    assert_eq!(removed.meeting_id, before[1].meeting_id);
    assert!(removed.cancelled);
    assert_eq!(removed.received_at, Some(world.now()));
    assert_eq!(world.get(&removed.meeting_id).await.unwrap(), removed);
    assert_eq!(world.list().await.len(), 2);

    // A shorter series likewise; said again it changes nothing.
    let shorter = event("s", &["RRULE:FREQ=WEEKLY;COUNT=1"]);
    assert_eq!(world.take("ada", &shorter).await.changed, 1);
    assert_eq!(world.take("ada", &shorter).await.changed, 0);
    assert_eq!(starts(&world.list().await), ["03-05 09:00"]);
}

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
async fn a_watcher_sees_every_change_once() {
    let world = World::open().await;
    let request = wire::WatchMeetingsRequest { company: ACME.into(), ..Default::default() };
    let mut live = world.client().watch_meetings(request).await.unwrap().into_inner();
    world.take("ada", &event("a", &["SUMMARY:1"])).await;
    let first = live.message().await.unwrap().unwrap();
    world.take("ada", &event("a", &["SUMMARY:2"])).await;
    let second = live.message().await.unwrap().unwrap();
    assert!(second.cursor > first.cursor);
    let seen = |change: &wire::WatchMeetingsResponse| {
        let meeting = change.meeting.clone().unwrap();
        (meeting.title().to_owned(), meeting.revision)
    };
    assert_eq!((seen(&first), seen(&second)), (("1".into(), 1), ("2".into(), 2)));

    world.take("ada", &event("b", &[])).await;
    let third = live.message().await.unwrap().unwrap();
    // From any cursor on the same comes, a meeting that changed twice once, as it is now.
    let all = world.changes(ACME, 0).await;
    assert_eq!(all, [second.clone(), third.clone()]);
    assert_eq!(world.changes(ACME, second.cursor).await, std::slice::from_ref(&third));
    assert!(world.changes(ACME, third.cursor).await.is_empty());
    assert!(world.changes(ACME, u64::MAX).await.is_empty());
}

/// Two instances of the service on each kind of database that they can share.
async fn with_replicas<F: Future<Output = ()>>(more: &str, law: impl Fn(World, World) -> F) {
    for engine in storage::testing::engines().await.iter().filter(|engine| engine.is_shared()) {
        eprintln!("on {}", engine.name());
        let config = engine.config();
        let store =
            format!("store.url = '{}'\nstore.schema = '{}'\n{more}", config.url, config.schema);
        law(World::with(&store).await, World::with(&store).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ingests_of_replicas_at_once_lose_nothing() {
    with_replicas("", async |one, two| {
        let mut work = Vec::new();
        for n in 0..12 {
            let own = event(&format!("own{n}"), &["RRULE:FREQ=DAILY;COUNT=3"]);
            let day = 5 + n;
            let shared = event(
                "shared",
                &[
                    &format!("RECURRENCE-ID:202603{day:02}T090000Z"),
                    &format!("DTSTART:202603{day:02}T090000Z"),
                ],
            );
            let mut client = [&one, &two][n % 2].client();
            let request = icalendar(&format!("calendar{n}"), &(own + &shared));
            work.push(tokio::spawn(async move { client.ingest_events(request).await.unwrap() }));
        }
        for one in work {
            one.await.unwrap();
        }
        let all = one.list().await;
        assert_eq!(all.len(), 12 * 4);
        assert_eq!(two.list().await, all);
        let changes = two.changes(ACME, 0).await;
        let ids: BTreeSet<_> =
            changes.iter().map(|one| one.meeting.clone().unwrap().meeting_id).collect();
        assert_eq!(ids.len(), 12 * 4);
        // Every change has told of another meeting, so none was made twice.
        assert_eq!(
            changes.iter().map(|one| one.cursor).collect::<Vec<_>>(),
            (1..=12 * 4).collect::<Vec<_>>()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_move_one_meeting_at_once_give_each_change_a_revision() {
    with_replicas("", async |one, two| {
        one.take("ada", &event("a", &["SUMMARY:0"])).await;
        let work = (1..=16).map(|n| {
            let mut client = [&one, &two][n % 2].client();
            let moved = event("a", &[&format!("SUMMARY:{n}"), &format!("SEQUENCE:{n}")]);
            let request = icalendar("ada", &moved);
            tokio::spawn(async move { client.ingest_events(request).await.unwrap().into_inner() })
        });
        let mut changed = 0;
        for answer in futures::future::join_all(work).await {
            let answer = answer.unwrap();
            // What came after a later one is told as superseded.
            assert_eq!(answer.changed as usize + answer.problems.len(), 1, "{answer:?}");
            changed += u64::from(answer.changed);
        }
        let meeting = one.only().await;
        assert_eq!((meeting.title(), meeting.revision), ("16", 1 + changed));
        let changes = two.changes(ACME, 0).await;
        assert_eq!((changes.len(), changes[0].cursor), (1, 1 + changed));
    })
    .await;
}

#[tokio::test]
async fn a_watcher_sees_what_another_replica_took() {
    with_replicas("", async |one, two| {
        let request = wire::WatchMeetingsRequest::default();
        let mut live = one.client().watch_meetings(request).await.unwrap().into_inner();
        for n in 1..=2 {
            two.take("ada", &event(&format!("{n}"), &[])).await;
            let begun = Instant::now();
            assert_eq!(live.message().await.unwrap().unwrap().cursor, n);
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
    })
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
async fn companies_see_nothing_of_each_other() {
    let world = World::open().await;
    world.take("ada", &event("a", &["SUMMARY:Ours"])).await;
    let ours = world.only().await;
    let mut theirs = icalendar("ada", &event("a", &["SUMMARY:Theirs"]));
    theirs.company = "other".into();
    world.send(theirs).await.unwrap();

    assert_eq!(world.only().await, ours);
    let other = world.list_of("other").await;
    assert_eq!(other.len(), 1);
    assert_eq!(other[0].title(), "Theirs");
    assert_ne!(other[0].meeting_id, ours.meeting_id);
    let status = world.get(&other[0].meeting_id).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_MEETING".into())
    );
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        meeting_ids: vec![other[0].meeting_id.clone(), ours.meeting_id.clone()],
        ..Default::default()
    };
    let found = world.client().list_meetings(request).await.unwrap().into_inner().meetings;
    assert_eq!(found, [ours]);
    assert_eq!(world.changes(ACME, 0).await.len(), 1);
    assert_eq!(world.changes("other", 0).await.len(), 1);
    assert_eq!(world.changes("", 0).await.len(), 2);
    assert!(world.list_of("nobody").await.is_empty());
}

#[tokio::test]
async fn meetings_are_listed_in_pages_by_start_uid_and_recurrence() {
    let world = World::open().await;
    let mut events = String::new();
    for uid in ["b", "a", "C", "z"] {
        events += &event(uid, &["RRULE:FREQ=DAILY;COUNT=10"]);
    }
    // Without UID.
    events += "BEGIN:VEVENT\r\nDTSTART;TZID=Europe/Berlin:20260305T100000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n";
    world.take("ada", &events).await;
    let all = world.list().await;
    assert_eq!(all.len(), 41);
    let uids: Vec<_> = all[..5].iter().map(|one| one.key.clone().unwrap().ical_uid).collect();
    let expected = [None, Some("C"), Some("a"), Some("b"), Some("z")];
    assert_eq!(uids, expected.map(|uid| uid.map(str::to_owned)));

    let ids: Vec<String> = all.iter().map(|one| one.meeting_id.clone()).rev().collect();
    for (page_size, meeting_ids) in [(1, vec![]), (7, vec![]), (41, vec![]), (7, ids)] {
        let mut request = wire::ListMeetingsRequest {
            company: ACME.into(),
            page_size,
            meeting_ids,
            ..Default::default()
        };
        let mut found = Vec::new();
        loop {
            let page = world.client().list_meetings(request.clone()).await.unwrap().into_inner();
            assert!(page.meetings.len() <= page_size as usize);
            found.extend(page.meetings);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(found, all);
    }
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        from: all[5].start,
        to: all[9].start,
        ..Default::default()
    };
    let period = world.client().list_meetings(request).await.unwrap().into_inner().meetings;
    assert_eq!(period, all[5..9]);
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        page_token: "nonsense".into(),
        ..Default::default()
    };
    let status = world.client().list_meetings(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_period_is_the_settings_unless_the_request_says_otherwise() {
    let world = World::with("window_past = '2d'\nwindow_future = '10d'\nroll_step = '1d'").await;
    let daily = event("s", &["DTSTART:20260101T100000Z", "RRULE:FREQ=DAILY"]);
    world.take("ada", &daily).await;
    let all = starts(&world.list().await);
    assert_eq!((all.len(), &*all[0], &*all[11]), (12, "02-28 10:00", "03-11 10:00"));

    let mut request = icalendar("ada", &daily);
    request.expand_from = Some(to_wire(at("2026-03-20T00:00:00Z")));
    request.expand_to = Some(to_wire(at("2026-03-22T00:00:00Z")));
    world.send(request).await.unwrap();
    let all = starts(&world.list().await);
    // No gap is left between the two.
    assert_eq!((all.len(), &*all[21]), (22, "03-21 10:00"));
}

#[tokio::test]
async fn as_time_passes_the_window_opens_further() {
    let world =
        World::with("window_future = '10d'\nroll_step = '1d'\nroll_every = '20ms'\nroll_batch = 2")
            .await;
    let mut events = event("single", &["DTSTART:20260316T120000Z"]);
    for n in 0..5 {
        events += &event(&format!("s{n}"), &["DTSTART:20260301T100000Z", "RRULE:FREQ=DAILY"]);
    }
    world.take("ada", &events).await;
    let before = world.list().await;
    assert_eq!(before.len(), 5 * 11);
    world.later(5 * 24 * 60);
    let begun = Instant::now();
    while world.list().await.len() < 5 * 16 + 1 && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = world.list().await;
    assert_eq!(after.len(), 5 * 16 + 1);
    assert_eq!(after[..before.len()], before);
    // They are as old as the news they come from.
    assert!(after.iter().all(|one| one.received_at == before[0].received_at && one.revision == 1));
    assert_eq!(world.changes(ACME, 0).await.len(), after.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_open_the_window_at_once_do_it_once() {
    let often = "window_future = '10d'\nroll_step = '1d'\nroll_every = '20ms'\nroll_batch = 2";
    with_replicas(often, async |one, two| {
        let mut events = String::new();
        for n in 0..5 {
            events += &event(&format!("s{n}"), &["DTSTART:20260301T100000Z", "RRULE:FREQ=DAILY"]);
        }
        one.take("ada", &events).await;
        for days in [5, 10, 15] {
            one.later(5 * 24 * 60);
            two.later(5 * 24 * 60);
            let begun = Instant::now();
            while one.list().await.len() < 5 * (11 + days)
                && begun.elapsed() < Duration::from_secs(10)
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // Whoever was second has had its chance.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let changes = two.changes(ACME, 0).await;
        assert_eq!(changes.len(), 5 * 26);
        assert_eq!(changes.last().unwrap().cursor, 5 * 26);
        assert!(changes.iter().all(|one| one.meeting.as_ref().unwrap().revision == 1));
    })
    .await;
}

#[tokio::test]
async fn links_on_the_companys_consent_host_are_consent_links_whatever_their_token() {
    let world = World::open().await;
    let url = "https://meet.acme.example/acme/d/x1";
    let mut request = icalendar("ada", &event("a", &[&format!("LOCATION:{url}")]));
    world.send(request.clone()).await.unwrap();
    assert!(world.only().await.links.is_empty());
    request.consent_host = "meet.acme.example".into();
    world.send(request).await.unwrap();
    let meeting = world.only().await;
    let shape = meeting.links[0].consent.clone().unwrap();
    assert_eq!(meeting.links[0].kind(), wire::LinkKind::Consent);
    assert_eq!((shape.company.as_str(), shape.token.as_str()), ("acme", "x1"));
    assert_eq!(shape.r#type(), wire::ConsentLinkType::Dynamic);
    assert_eq!(meeting.links[0].field(), wire::Field::Location);

    // Another calendar that does not name the host does not take it back.
    world.take("bob", &event("a", &[&format!("LOCATION:{url}")])).await;
    assert_eq!(world.only().await, meeting);
}

#[tokio::test]
async fn links_of_a_text_come_in_order_of_confidence() {
    let world = World::open().await;
    let request = wire::ParseLinksRequest {
        text: format!("https://meet.jit.si/room {ZOOM} https://c.acme.example/acme/s/t"),
        consent_host: "c.acme.example".into(),
    };
    let links = world.client().parse_links(request).await.unwrap().into_inner().links;
    let kinds: Vec<_> = links.iter().map(wire::Link::kind).collect();
    assert_eq!(kinds, [wire::LinkKind::Join, wire::LinkKind::Consent, wire::LinkKind::Unsupported]);
    assert_eq!(links[0].service, "zoom");
    assert_eq!(links[0].url, ZOOM);
}

#[tokio::test]
async fn an_address_that_received_a_mail_is_told_until_a_calendar_holds_the_meeting() {
    let world = World::open().await;
    let mut mail = icalendar("mail", &event("a", &[]));
    mail.recipient = "Recorder@Other.example".into();
    world.send(mail).await.unwrap();
    assert_eq!(world.only().await.foreign_recipient, "recorder@other.example");
    world.take("ada", &event("a", &[])).await;
    assert_eq!(world.only().await.foreign_recipient, "");
}

#[tokio::test]
async fn an_instance_that_only_numbers_its_series_finds_it() {
    let master = serde_json::json!({
        "id": "M1", "iCalUId": "series@microsoft.example", "type": "seriesMaster", "subject": "Weekly",
        "start": {"dateTime": "2026-03-05T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-05T10:00:00", "timeZone": "UTC"},
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["thursday"]},
            "range": {"type": "numbered", "startDate": "2026-03-05", "numberOfOccurrences": 2},
        },
    })
    .to_string();
    let exception = serde_json::json!({
        "id": "M1-2", "iCalUId": "other@microsoft.example", "type": "exception", "subject": "Moved",
        "seriesMasterId": "M1", "originalStart": "2026-03-12T09:00:00Z",
        "start": {"dateTime": "2026-03-13T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-13T10:00:00", "timeZone": "UTC"},
    })
    .to_string();
    for order in [[&master, &exception], [&exception, &master]] {
        let world = World::open().await;
        for text in order {
            world.send(payload("bob", Format::Microsoft, text)).await.unwrap();
        }
        let all = world.list().await;
        assert_eq!(starts(&all), ["03-05 09:00", "03-13 09:00"]);
        assert!(
            all.iter()
                .all(|one| one.key.as_ref().unwrap().ical_uid() == "series@microsoft.example")
        );
        // The source takes the series back, and all of it goes.
        let gone = r#"{"value": [{"id": "M1", "@removed": {"reason": "deleted"}}]}"#;
        world.send(payload("bob", Format::Microsoft, gone)).await.unwrap();
        assert!(world.list().await.is_empty());
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
