//! Several instances of the service on one database.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proto::calendar::v1 as wire;

use crate::world::{ACME, event, icalendar, with_replicas};

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
