//! Going on where it broke off: in one go, in another process, and only if it is still the same thing.

use crate::support::server::{Reply, Seen, Server};
use crate::support::{content, download, fetcher, key, noise, pace, places};
use media::fetch::Pace;
use media::{BreakOff, Error};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// Where each request began.
fn begins(seen: &[Seen]) -> Vec<usize> {
    let begin = |seen: &Seen| {
        let range =
            seen.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        range.map_or(0, |begin| begin.parse().unwrap())
    };
    seen.iter().map(begin).collect()
}

/// One try, and none after it.
fn once() -> Pace {
    Pace { tries: 0, ..pace() }
}

#[tokio::test]
async fn a_dropped_connection_is_gone_on_with() {
    let bytes = noise(20 * MIB);
    let served = bytes.clone();
    // Every connection breaks after 3 MiB: more often than tries may be in vain.
    let server =
        Server::start(move |seen, _| Reply::file(seen, &served, "\"v1\"").cut(3 * MIB)).await;
    for (index, place) in places().into_iter().enumerate() {
        let got = fetcher(&place.store, pace())
            .fetch(&download(&server.url("files.example", "/rec")))
            .await;
        assert!(content(&place.store, &got.unwrap()).await == bytes);
        let seen = server.seen().split_off(7 * index);
        assert_eq!(begins(&seen), [0, 3, 6, 9, 12, 15, 18].map(|mib| mib * MIB));
        assert_eq!(seen[1].header("if-range"), Some("\"v1\""));
    }
}

#[tokio::test]
async fn another_process_goes_on_from_what_was_noted() {
    let bytes = noise(21 * MIB);
    let served = bytes.clone();
    let server = Server::start(move |seen, before| {
        let reply = Reply::file(seen, &served, "\"v1\"");
        if before % 2 == 0 { reply.cut(19 * MIB + 5) } else { reply }
    })
    .await;
    for (index, place) in places().into_iter().enumerate() {
        let download = download(&server.url("files.example", "/rec"));
        let error = fetcher(&place.store, once()).fetch(&download).await.unwrap_err();
        let expected = 19 * MIB + 5;
        assert!(
            matches!(&error, Error::BrokenOff { bytes, why: BreakOff::Early, .. } if *bytes == expected as u64),
            "{error}"
        );
        let store = place.again();
        let got = fetcher(&store, once()).fetch(&download).await.unwrap();
        assert!(content(&store, &got).await == bytes);
        assert_eq!(begins(&server.seen().split_off(2 * index)), [0, expected]);
    }
}

#[tokio::test]
async fn a_process_that_dies_loses_no_more_than_a_few_parts() {
    let bytes = noise(48 * MIB);
    let served = bytes.clone();
    let server = Server::start(move |seen, before| {
        let reply = Reply::file(seen, &served, "\"v1\"");
        let stall = Reply { silence: Duration::from_secs(60), ..reply.clone().cut(40 * MIB) };
        if before % 2 == 0 { stall } else { reply }
    })
    .await;
    for (index, place) in places().into_iter().enumerate() {
        let download = download(&server.url("files.example", "/rec"));
        let fetcher_that_dies = fetcher(&place.store, pace());
        let fetching = fetcher_that_dies.fetch(&download);
        // Dropped in the middle, so that nothing can be said any more, as with a process that is killed.
        let key = key("r1");
        tokio::select! {
            ended = fetching => panic!("{ended:?}"),
            () = place.noted(&key) => {}
        }
        let store = place.again();
        let got = fetcher(&store, once()).fetch(&download).await.unwrap();
        assert!(content(&store, &got).await == bytes);
        let begins = begins(&server.seen().split_off(2 * index));
        assert!((8 * MIB..=40 * MIB).contains(&begins[1]), "{begins:?}");
    }
}

/// What comes of a download that broke off, where the second answer is this one. Also how often it was asked.
async fn after_a_break(
    second: impl Fn(&Seen) -> Reply + Clone + Send + Sync + 'static,
) -> Vec<(Vec<u8>, usize)> {
    let mut outcomes = Vec::new();
    for place in places() {
        let second = second.clone();
        let server = Server::start(move |seen, before| match before {
            0 => Reply::file(seen, &noise(2 * MIB), "\"v1\"").cut(MIB + 1),
            1 => second(seen),
            _ => Reply::file(seen, &noise(2 * MIB), "\"v1\""),
        })
        .await;
        let download = download(&server.url("files.example", "/rec"));
        fetcher(&place.store, once()).fetch(&download).await.unwrap_err();
        let store = place.again();
        let got = fetcher(&store, once()).fetch(&download).await.unwrap();
        assert_eq!(begins(&server.seen())[1], MIB + 1);
        outcomes.push((content(&store, &got).await, server.seen().len()));
    }
    outcomes
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_taken_whole() {
    for (got, asked) in after_a_break(|_| Reply::ok(noise(2 * MIB)).with("etag", "\"v1\"")).await {
        assert!(got == noise(2 * MIB));
        assert_eq!(asked, 2);
    }
}

#[tokio::test]
async fn another_version_is_taken_whole() {
    let other = || noise(2 * MIB).into_iter().rev().collect::<Vec<_>>();
    for (got, _) in after_a_break(move |seen| Reply::file(seen, &other(), "\"v2\"")).await {
        assert!(got == other());
    }
}

#[tokio::test]
async fn a_part_that_does_not_fit_is_not_added() {
    let part = |range: &str, etag: &str| {
        Reply::ok(noise(MIB)).coded(206).with("content-range", range).with("etag", etag)
    };
    let replies = [
        part("bytes 1048577-2097151/2097152", "\"v2\""),
        part("bytes 1048576-2097151/2097152", "\"v1\""),
        part("bytes 1048577-2097152/2097153", "\"v1\""),
        part("nonsense", "\"v1\""),
        Reply::status(416),
    ];
    for reply in replies {
        for (got, asked) in after_a_break(move |_| reply.clone()).await {
            assert!(got == noise(2 * MIB));
            assert_eq!(asked, 3);
        }
    }
}

#[tokio::test]
async fn without_a_version_nothing_is_gone_on_with() {
    let weak = [None, Some("W/\"v1\"")];
    for etag in weak {
        let server = Server::start(move |_, before| {
            let reply = Reply::ok(noise(MIB));
            let reply = etag.into_iter().fold(reply, |reply, etag| reply.with("etag", etag));
            if before == 0 { reply.cut(MIB / 2) } else { reply }
        })
        .await;
        let [place, _] = places();
        let got = fetcher(&place.store, pace())
            .fetch(&download(&server.url("files.example", "/rec")))
            .await;
        assert!(content(&place.store, &got.unwrap()).await == noise(MIB));
        assert_eq!(begins(&server.seen()), [0, 0]);
    }
}

#[tokio::test]
async fn tries_that_bring_nothing_come_to_an_end() {
    // It says more than it has, whatever is asked.
    let server =
        Server::start(|_, _| Reply { length: Some(Some(2000)), ..Reply::ok(noise(1000)) }).await;
    for (index, place) in places().into_iter().enumerate() {
        let error = fetcher(&place.store, pace())
            .fetch(&download(&server.url("files.example", "/rec")))
            .await
            .unwrap_err();
        assert!(matches!(&error, Error::BrokenOff { why: BreakOff::Early, .. }), "{error}");
        assert!(error.is_passing());
        assert!(server.seen().len() <= 6 * (index + 1), "{}", server.seen().len());
    }
}

#[tokio::test]
async fn a_file_that_is_not_what_was_noted_is_fetched_anew() {
    let [_, place] = places();
    let bytes = noise(2 * MIB);
    let served = bytes.clone();
    let server = Server::start(move |seen, before| {
        let reply = Reply::file(seen, &served, "\"v1\"");
        if before == 0 { reply.cut(MIB) } else { reply }
    })
    .await;
    let download = download(&server.url("files.example", "/rec"));
    fetcher(&place.store, once()).fetch(&download).await.unwrap_err();
    // As after a power failure: the note is there, what it speaks of is not.
    let spool = key("r1").folder().join("spool");
    use object_store::ObjectStoreExt as _;
    place.store.objects().put(&spool, vec![0; MIB].into()).await.unwrap();
    let got = fetcher(&place.again(), once()).fetch(&download).await.unwrap();
    assert!(content(&place.store, &got).await == bytes);
    assert_eq!(begins(&server.seen()), [0, 0]);
}
