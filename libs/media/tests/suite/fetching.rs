//! Fetching as it should go: whole, once, checked.

use crate::support::server::{Reply, Server};
use crate::support::{content, download, fetcher, key, noise, pace, places, sha256};
use media::{BreakOff, Download, Error, Expected, Refusal};
use std::time::Duration;

#[tokio::test]
async fn a_recording_arrives_whole_with_its_manifest() {
    for length in [0, 1, 100_000, 8 << 20, (17 << 20) + 3] {
        let bytes = noise(length);
        let served = bytes.clone();
        let server = Server::start(move |seen, _| Reply::file(seen, &served, "\"v1\"")).await;
        for place in places() {
            let download = download(&server.url("files.example", "/rec"));
            let got = fetcher(&place.store, pace()).fetch(&download).await.unwrap();
            assert_eq!((got.bytes, got.sha256.clone()), (length as u64, sha256(&bytes)));
            assert_eq!(
                (got.media_type.as_deref(), got.version.as_deref()),
                (Some("audio/mpeg"), Some("\"v1\""))
            );
            assert!(
                content(&place.store, &got).await == bytes,
                "{length} bytes in {:?}",
                place.store
            );
            assert_eq!(place.again().find(&key("r1")).await.unwrap(), Some(got.clone()));
            // Nothing is left of the way it came.
            let object = got.path().filename().unwrap().to_owned();
            assert_eq!(place.names(&key("r1")).await, ["manifest.json".to_owned(), object]);
        }
    }
}

#[tokio::test]
async fn the_same_key_is_fetched_once() {
    let bytes = noise(300_000);
    let served = bytes.clone();
    let server = Server::start(move |seen, _| Reply::file(seen, &served, "\"v1\"")).await;
    for (index, place) in places().into_iter().enumerate() {
        let fetcher = fetcher(&place.store, pace());
        let download = download(&server.url("files.example", "/rec"));
        let both = futures::join!(fetcher.fetch(&download), fetcher.fetch(&download));
        let (first, second) = (both.0.unwrap(), both.1.unwrap());
        assert_eq!(first, second);
        assert_eq!(fetcher.fetch(&download).await.unwrap(), first);
        assert_eq!(server.seen().len(), index + 1);
    }
}

#[tokio::test]
async fn what_was_announced_is_held_against_what_comes() {
    let bytes = noise(50_000);
    let served = bytes.clone();
    let server = Server::start(move |seen, _| Reply::file(seen, &served, "\"v1\"")).await;
    let expecting = |bytes, sha256: Option<&str>| Download {
        expected: Expected { bytes, sha256: sha256.map(str::to_owned) },
        ..download(&server.url("files.example", "/rec"))
    };
    for place in places() {
        let fetcher = fetcher(&place.store, pace());
        for wrong in [expecting(Some(49_999), None), expecting(None, Some(&sha256(b"other")))] {
            let error = fetcher.fetch(&wrong).await.unwrap_err();
            assert!(matches!(error, Error::Mismatch { .. }), "{error}");
            assert_eq!(place.names(&key("r1")).await, Vec::<String>::new());
        }
        let right = expecting(Some(50_000), Some(&sha256(&bytes).to_uppercase()));
        fetcher.fetch(&right).await.unwrap();
    }
}

#[tokio::test]
async fn a_length_that_is_nowhere_announced_is_checked_as_well() {
    let server =
        Server::start(move |_, _| Reply { length: Some(None), ..Reply::ok(noise(1000)) }).await;
    let [place, _] = places();
    let fetcher = fetcher(&place.store, pace());
    let expecting = |bytes| Download {
        expected: Expected { bytes: Some(bytes), sha256: None },
        ..download(&server.url("files.example", "/rec"))
    };
    assert!(matches!(fetcher.fetch(&expecting(999)).await, Err(Error::Mismatch { .. })));
    assert!(matches!(fetcher.fetch(&expecting(1001)).await, Err(Error::Mismatch { .. })));
    assert_eq!(fetcher.fetch(&expecting(1000)).await.unwrap().bytes, 1000);
}

#[tokio::test]
async fn too_large_is_refused_announced_or_not() {
    let replies: [fn() -> Reply; 3] = [
        || Reply::ok(noise(100_001)),
        || Reply { length: Some(None), ..Reply::ok(noise(100_001)) },
        || Reply { length: Some(None), endless: true, ..Reply::ok(noise(10_000)) },
    ];
    for reply in replies {
        let server = Server::start(move |_, _| reply()).await;
        for place in places() {
            let download =
                Download { largest: 100_000, ..download(&server.url("files.example", "/rec")) };
            let error = fetcher(&place.store, pace()).fetch(&download).await.unwrap_err();
            let expected = Refusal::TooLarge { limit: 100_000 };
            assert!(matches!(&error, Error::Refused { why, .. } if *why == expected), "{error}");
            assert_eq!(place.names(&key("r1")).await, Vec::<String>::new());
        }
    }
}

/// Whether an error is the one that is meant.
type Is = fn(&Error) -> bool;

#[tokio::test]
async fn statuses_say_different_things() {
    let cases: [(u16, &str, Is); 9] = [
        (404, "", |error| matches!(error, Error::Gone { status: 404, .. })),
        (410, "", |error| matches!(error, Error::Gone { .. })),
        (401, "", |error| matches!(error, Error::NotPermitted { .. })),
        (403, "no", |error| matches!(error, Error::NotPermitted { .. })),
        (401, r#"{"code":124,"message":"Access token is expired."}"#, |error| {
            matches!(error, Error::Expired { .. })
        }),
        (403, "<Message>Request has expired</Message>", |error| {
            matches!(error, Error::Expired { .. })
        }),
        (418, "", |error| matches!(error, Error::Unusable { .. })),
        (206, "", |error| matches!(error, Error::Unusable { .. })),
        (302, "", |error| matches!(error, Error::Unusable { .. })),
    ];
    for (status, body, is) in cases {
        let server = Server::start(move |_, _| Reply::ok(body.into()).coded(status)).await;
        let [place, _] = places();
        let download = download(&server.url("files.example", "/rec?token=s3cret"));
        let error = fetcher(&place.store, pace()).fetch(&download).await.unwrap_err();
        assert!(is(&error), "{status}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        assert!(!error.is_passing());
        assert_eq!(server.seen().len(), 1, "{status} is not asked for again");
    }
}

#[tokio::test]
async fn busy_is_waited_for_as_long_as_it_wants() {
    let server = Server::start(|seen, before| match before {
        0 => Reply::status(429).with("retry-after", "1"),
        1 => Reply::status(503),
        _ => Reply::file(seen, b"recording", "\"v1\""),
    })
    .await;
    let [place, _] = places();
    let began = std::time::Instant::now();
    fetcher(&place.store, pace())
        .fetch(&download(&server.url("files.example", "/rec")))
        .await
        .unwrap();
    assert_eq!(server.seen().len(), 3);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_long_wait_is_left_to_the_caller() {
    let server = Server::start(|_, _| Reply::status(429).with("retry-after", "3600")).await;
    let [place, _] = places();
    let error = fetcher(&place.store, pace())
        .fetch(&download(&server.url("files.example", "/rec")))
        .await
        .unwrap_err();
    let hour = Duration::from_secs(3600);
    assert!(
        matches!(error, Error::Busy { status: 429, retry_after: Some(wait), .. } if wait == hour)
    );
    assert!(error.is_passing());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn silence_and_slowness_end() {
    let server = Server::start(|_, _| Reply {
        silence: Duration::from_secs(30),
        length: Some(Some(9)),
        ..Reply::ok(vec![1])
    })
    .await;
    let url = server.url("files.example", "/rec");
    let [place, _] = places();
    let idle = Duration::from_millis(100);
    let impatient = media::fetch::Pace { idle, tries: 1, ..pace() };
    let error = fetcher(&place.store, impatient).fetch(&download(&url)).await.unwrap_err();
    assert!(matches!(&error, Error::BrokenOff { why: BreakOff::Idle(_), .. }), "{error}");
    let hurried = media::fetch::Pace { deadline: idle, ..pace() };
    let error = fetcher(&place.store, hurried).fetch(&download(&url)).await.unwrap_err();
    assert!(matches!(&error, Error::BrokenOff { why: BreakOff::Deadline(_), .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let [place, _] = places();
    let url = format!("http://files.example:{port}/rec?token=s3cret");
    let error = fetcher(&place.store, pace()).fetch(&download(&url)).await.unwrap_err();
    assert!(matches!(&error, Error::BrokenOff { why: BreakOff::Connect(_), .. }), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
}
