//! One recording per key, whoever fetches it; and none after it was deleted.

use crate::support::server::{Reply, Server};
use crate::support::{content, download, fetcher, key, noise, pace, places};
use media::fetch::Pace;
use media::{Download, Error};
use std::time::Duration;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn deleted_is_deleted() {
    let server = Server::start(|seen, _| Reply::file(seen, &noise(1000), "\"v1\"")).await;
    for place in places() {
        let fetcher = fetcher(&place.store, pace());
        let one = download(&server.url("files.example", "/rec"));
        let other = Download { key: key("r10"), ..one.clone() };
        fetcher.fetch(&one).await.unwrap();
        let kept = fetcher.fetch(&other).await.unwrap();
        let asked = server.seen().len();
        for _ in 0..2 {
            place.store.delete(&key("r1")).await.unwrap();
            assert_eq!(place.names(&key("r1")).await, ["manifest.json"]);
            assert!(matches!(place.store.find(&key("r1")).await, Err(Error::Deleted)));
            assert!(matches!(fetcher.fetch(&one).await, Err(Error::Deleted)));
        }
        assert_eq!(server.seen().len(), asked);
        assert_eq!(content(&place.store, &kept).await.len(), 1000);
    }
}

#[tokio::test]
async fn deleting_what_is_on_its_way_leaves_nothing() {
    for place in places() {
        let server = Server::start(|seen, before| {
            let reply = Reply::file(seen, &noise(20 * MIB), "\"v1\"");
            let slow = Reply { silence: Duration::from_secs(20), ..reply.clone().cut(18 * MIB) };
            if before == 0 { slow } else { reply }
        })
        .await;
        let fetcher = fetcher(&place.store, pace());
        let download = download(&server.url("files.example", "/rec"));
        let fetching = tokio::spawn(async move { fetcher.fetch(&download).await });
        place.noted(&key("r1")).await;
        place.store.delete(&key("r1")).await.unwrap();
        let fetched = fetching.await.unwrap();
        assert!(matches!(fetched, Err(Error::Deleted)), "{fetched:?}");
        assert_eq!(place.names(&key("r1")).await, ["manifest.json"]);
    }
}

#[tokio::test]
async fn two_processes_make_one_recording() {
    for place in places() {
        let server = Server::start(|seen, _| Reply::file(seen, &noise(20 * MIB), "\"v1\"")).await;
        let download = download(&server.url("files.example", "/rec"));
        // Fetchers of their own know nothing of each other.
        let one = fetcher(&place.store, pace());
        let other = fetcher(&place.again(), pace());
        let both = futures::join!(one.fetch(&download), other.fetch(&download));
        let outcomes: Vec<_> = [both.0, both.1]
            .into_iter()
            .filter_map(|outcome| match outcome {
                Ok(recording) => Some(recording),
                Err(Error::Elsewhere | Error::Store { .. }) => None,
                Err(other) => panic!("{other}"),
            })
            .collect();
        assert!(!outcomes.is_empty());
        let settled = place.store.find(&key("r1")).await.unwrap().unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == settled));
        assert!(content(&place.store, &settled).await == noise(20 * MIB));
    }
}

#[tokio::test]
async fn whoever_takes_over_stops_whoever_was_there() {
    let [memory, folder] = places();
    let once = Pace { tries: 0, ..pace() };
    for (place, takes_over) in [(memory, true), (folder, false)] {
        let server = Server::start(|seen, before| {
            let reply = Reply::file(seen, &noise(40 * MIB), "\"v1\"");
            // The first is stuck in the middle of it, until it is given up on.
            let stuck = Reply { silence: Duration::from_secs(20), ..reply.clone().cut(26 * MIB) };
            if before == 0 { stuck } else { reply }
        })
        .await;
        let download = download(&server.url("files.example", "/rec"));
        let first = fetcher(&place.store, once);
        let first = tokio::spawn({
            let download = download.clone();
            async move { first.fetch(&download).await }
        });
        place.noted(&key("r1")).await;
        let second = fetcher(&place.again(), once).fetch(&download).await;
        if takes_over {
            let got = second.unwrap();
            assert!(content(&place.store, &got).await == noise(40 * MIB));
            assert_eq!(first.await.unwrap().ok().filter(|first| *first != got), None);
        } else {
            // In a folder the lock tells that somebody is at work.
            assert!(matches!(second, Err(Error::Elsewhere)), "{second:?}");
            assert!(first.await.unwrap().is_err_and(|error| error.is_passing()));
        }
    }
}
