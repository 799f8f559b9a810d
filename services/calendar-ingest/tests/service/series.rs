//! Series, their occurrences, and the window in which these are laid out.

use std::time::{Duration, Instant};

use proto::calendar::v1::Format;
use proto::time::to_wire;

use crate::world::{ACME, World, at, event, icalendar, payload, starts};

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
