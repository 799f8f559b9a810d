//! The record of choices as a stream.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use proto::consent::v1::{Choice, RecordChoiceRequest, WatchChoicesResponse};
use tonic::Code;

use crate::world::{World, choosing, client_of, places, start, watched, watching};

#[tokio::test]
async fn choices_are_streamed_from_a_cursor_on() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut client = world.client();
        assert!(watched(&mut client, watching("", 0, true)).await.is_empty());
        let mut occurrence = choosing("b", Choice::JoinWithoutRecording, "2");
        occurrence.key.as_mut().unwrap().recurrence_id = Some(proto::time::to_wire(start()));
        let other = RecordChoiceRequest {
            company: "other".into(),
            ..choosing("c", Choice::JoinWithoutRecording, "3")
        };
        let recorded = [choosing("a", Choice::Join, "1"), occurrence, other];
        for (request, sequence) in recorded.iter().zip(1..) {
            let answer = client.record_choice(request.clone()).await.unwrap().into_inner();
            assert_eq!(answer.sequence, sequence);
            // Recorded before, so it has its place.
            client.record_choice(request.clone()).await.unwrap();
            world.clock.advance(TimeDelta::seconds(1));
        }
        let all = watched(&mut client, watching("", 0, true)).await;
        for (seen, (request, sequence)) in all.iter().zip(recorded.iter().zip(1_u64..)) {
            let at = start() + TimeDelta::seconds(i64::try_from(sequence).unwrap() - 1);
            let expected = WatchChoicesResponse {
                cursor: sequence,
                company: request.company.clone(),
                key: request.key.clone(),
                choice: request.choice,
                chosen_at: Some(proto::time::to_wire(at)),
            };
            assert_eq!(*seen, expected);
        }
        assert_eq!(all.len(), 3);
        assert_eq!(watched(&mut client, watching("", 1, true)).await, all[1..]);
        assert_eq!(watched(&mut client, watching("acme", 0, true)).await, all[..2]);
        assert_eq!(watched(&mut client, watching("other", 0, true)).await, all[2..]);
        assert!(watched(&mut client, watching("other", 3, true)).await.is_empty());
        for beyond in [4, u64::MAX] {
            assert!(watched(&mut client, watching("", beyond, true)).await.is_empty());
        }
        assert!(watched(&mut client, watching("no\0company", 0, true)).await.is_empty());
    }
}

#[tokio::test]
async fn a_long_record_is_streamed_whole() {
    for place in places().await {
        let world = World::of_acme(place).await;
        for n in 0..600 {
            let company = if n % 300 == 299 { "other" } else { "acme" };
            let request = RecordChoiceRequest {
                company: company.into(),
                ..choosing(&n.to_string(), Choice::Join, &n.to_string())
            };
            world.client().record_choice(request).await.unwrap();
        }
        let cursors = async |company: &str| {
            let all = watched(&mut world.client(), watching(company, 0, true)).await;
            all.into_iter().map(|choice| choice.cursor).collect::<Vec<_>>()
        };
        assert_eq!(cursors("").await, (1..=600).collect::<Vec<_>>());
        assert_eq!(cursors("acme").await.len(), 598);
        assert_eq!(cursors("other").await, [300, 600]);
    }
}

#[tokio::test]
async fn whoever_watches_is_woken_by_this_replica_and_finds_what_others_recorded() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let stream = world.client().watch_choices(watching("acme", 0, false)).await;
        let mut stream = stream.unwrap().into_inner();
        let began = Instant::now();
        for n in 0..20_u64 {
            let request = choosing("a", Choice::Join, &n.to_string());
            world.client().record_choice(request).await.unwrap();
            assert_eq!(stream.message().await.unwrap().unwrap().cursor, n + 1);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "looked for now and then, not woken");
        let request = choosing("a", Choice::JoinWithoutRecording, "elsewhere");
        client_of(&other).record_choice(request).await.unwrap();
        let found = tokio::time::timeout(Duration::from_secs(5), stream.message()).await;
        assert_eq!(found.unwrap().unwrap().unwrap().cursor, 21);
    }
}

#[tokio::test]
async fn a_stream_that_waits_ends_with_the_service() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let stream = world.client().watch_choices(watching("", 0, false)).await;
        let mut stream = stream.unwrap().into_inner();
        let reading = tokio::spawn(async move { stream.message().await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.running.shutdown().await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
        // Not as one that has caught up.
        assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_ends_the_stream_with_an_error() {
    for place in places().await {
        let world = World::of_acme(place).await;
        world.drop_table("consent_head").await;
        let mut client = world.client();
        let stream = client.watch_choices(watching("", 0, true)).await.unwrap();
        let status = stream.into_inner().message().await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        let record = choosing("a", Choice::JoinWithoutRecording, "1");
        assert_eq!(client.record_choice(record).await.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_record_at_once_leave_no_gap_and_hide_nothing_from_those_who_watch() {
    const EACH: usize = 60;
    const WRITERS: usize = 4;
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let total = 2 * WRITERS * EACH;
        let watchers: Vec<_> = [&world.running, &other, &other]
            .into_iter()
            .map(|running| {
                let mut client = client_of(running);
                tokio::spawn(async move {
                    let stream = client.watch_choices(watching("", 0, false)).await.unwrap();
                    let mut stream = stream.into_inner();
                    let mut seen = Vec::new();
                    while seen.len() < total {
                        seen.push(stream.message().await.unwrap().unwrap().cursor);
                    }
                    seen
                })
            })
            .collect();
        // One that asks again and again from where it was, as a follower does that lost its stream.
        let mut client = client_of(&world.running);
        let asking = tokio::spawn(async move {
            let mut seen: Vec<u64> = Vec::new();
            while seen.len() < total {
                let cursor = seen.last().copied().unwrap_or_default();
                let more = watched(&mut client, watching("", cursor, true)).await;
                seen.extend(more.into_iter().map(|choice| choice.cursor));
            }
            seen
        });
        let mut writers = Vec::new();
        for writer in 0..2 * WRITERS {
            let mut client = client_of(if writer % 2 == 0 { &world.running } else { &other });
            writers.push(tokio::spawn(async move {
                let mut places = Vec::new();
                for n in 0..EACH {
                    let request = choosing("a", Choice::Join, &format!("{writer}-{n}"));
                    let answer = client.record_choice(request).await.unwrap();
                    places.push(answer.into_inner().sequence);
                }
                assert!(places.is_sorted());
                places
            }));
        }
        let mut drawn = Vec::new();
        for writer in writers {
            drawn.extend(writer.await.unwrap());
        }
        drawn.sort_unstable();
        let every: Vec<u64> = (1..=u64::try_from(total).unwrap()).collect();
        assert_eq!(drawn, every);
        for watcher in watchers.into_iter().chain([asking]) {
            // Whoever missed one would wait for ever.
            let seen = tokio::time::timeout(Duration::from_secs(20), watcher).await;
            assert_eq!(seen.unwrap().unwrap(), every);
        }
    }
}
