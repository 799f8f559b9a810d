//! What can happen to Redis, and to what lies in it.

use std::time::{Duration, Instant};

use feed::{Error, RedisFeed, Settings};

use crate::world::{LONG, SHORT, Server, World, all, notice, notices, some, subjects, tally};

fn settings() -> Settings {
    Settings { poll_ms: 20, timeout_ms: 1000, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_in_the_stream_is_buried() {
    let Some(world) = World::redis() else { return };
    let feed = world.feed(settings());
    let rubbish: [&[&[u8]]; 6] = [
        &[b"hello", b"world"],
        &[b"t", b"", b"c", b"", b"s", b"a", b"r", b"1", b"n", b""],
        &[b"t", b"meetings", b"c", b"acme", b"s", b"a", b"r", b"one", b"n", b""],
        &[b"t", b"meetings", b"c", b"acme", b"s", b"\xff", b"r", b"1", b"n", b""],
        &[b"t", b"meetings", b"c", b"acme", b"s", b"a", b"r", b"-1", b"n", b""],
        &[b"t", b"meetings", b"a", b"\xff\xff"],
    ];
    for fields in rubbish {
        let words: [&[u8]; 3] = [b"XADD", b"@:work", b"*"];
        world.command::<String>(&[&words, fields].concat()).await;
    }
    let large = vec![b'x'; 100_000];
    world.command::<String>(&[b"XADD", b"@:work", b"*", b"why", &large]).await;
    // Among what was put off: nothing packed, a number, and something packed that is no notice.
    for member in [&b"nonsense"[..], b"7", b"\x92\xa1a\x91\xa1b"] {
        world.command::<u64>(&[b"ZADD", b"@:later", b"1", member]).await;
    }
    feed.publish(&[notice("good", 1)]).await.unwrap();

    let found = some(&feed, 100).await;
    assert_eq!(subjects(&found), ["good"]);
    feed.done(&found).await.unwrap();
    assert_eq!(all(&feed).await, []);
    let depth = feed.depth().await.unwrap();
    assert_eq!((depth.open(), depth.buried), (0, 10));
    for buried in feed.buried(None, 100).await.unwrap() {
        assert_eq!(buried.why, "cannot be read as a notice", "{buried:?}");
        assert_eq!(buried.notice.revision, 0);
    }
    // Replayed it is as unreadable as before, and that is all.
    assert_eq!(feed.replay(&[]).await.unwrap(), 10);
    assert_eq!(all(&feed).await, []);
    assert_eq!(feed.depth().await.unwrap().buried, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_kind_is_an_error_and_no_panic() {
    let Some(world) = World::redis() else { return };
    world.command::<()>(&[b"SET", b"@:work", b"mine"]).await;
    let feed = world.feed(settings());
    assert!(matches!(feed.publish(&[notice("a", 1)]).await, Err(Error::Failed(_))));
    assert!(matches!(feed.next(1, SHORT).await, Err(Error::Failed(_))));
    assert!(matches!(feed.depth().await, Err(Error::Failed(_))));
    assert!(matches!(feed.epoch().await, Err(Error::Failed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_trimmed_by_others_is_forgotten() {
    let Some(world) = World::redis() else { return };
    let feed = world.feed(Settings { abandoned_after_ms: 100, ..settings() });
    feed.publish(&notices(0..10)).await.unwrap();
    let found = some(&feed, 5).await;
    world.command::<u64>(&[b"XTRIM", b"@:work", b"MAXLEN", b"0"]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    feed.later(&found[..1], SHORT).await.unwrap();
    feed.bury(&found[1..2], "no").await.unwrap();
    assert_eq!(all(&feed).await, []);
    let depth = feed.depth().await.unwrap();
    assert_eq!((depth.held, depth.later, depth.buried), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_gone_is_made_again_and_nothing_in_the_stream_is_lost() {
    let Some(world) = World::redis() else { return };
    let feed = world.feed(settings());
    let epoch = feed.epoch().await.unwrap();
    feed.publish(&notices(0..10)).await.unwrap();
    let held = some(&feed, 4).await;
    feed.done(&held[..1]).await.unwrap();
    world.command::<u64>(&[b"XGROUP", b"DESTROY", b"@:work", b"workers"]).await;
    feed.later(&held[1..2], SHORT).await.unwrap();
    let found = all(&feed).await;
    assert_eq!(tally(&found).len(), 9, "what was held is delivered again");
    assert_ne!(feed.epoch().await.unwrap(), epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_is_noticed_and_used_again() {
    let Some(server) = Server::start().await else { return };
    let world = World::at(&server.url());
    // One waits for notices while it happens, for the others it happens between calls.
    let (feed, waiting) = (world.feed(settings()), world.feed(settings()));
    let mut epochs = vec![feed.epoch().await.unwrap()];
    let mut ids = 0..;
    for _ in 0..5 {
        feed.publish(&notices(0..20)).await.unwrap();
        let lost = some(&feed, 10).await;
        while !waiting.next(100, SHORT).await.unwrap().is_empty() {}
        let subject = ids.next().unwrap();
        let emptied = async {
            tokio::time::sleep(SHORT).await;
            world.command::<()>(&[b"FLUSHALL"]).await;
            // What was held has no meaning now, and does no harm.
            feed.later(&lost[..1], SHORT).await.unwrap();
            feed.bury(&lost[1..2], "no").await.unwrap();
            feed.done(&lost).await.unwrap();
            feed.publish(&[notice(subject, 1)]).await.unwrap();
        };
        let (found, ()) = tokio::join!(some(&waiting, 100), emptied);
        assert_eq!(subjects(&found), [subject.to_string()]);
        waiting.done(&found).await.unwrap();
        epochs.push(feed.epoch().await.unwrap());
        assert_eq!(waiting.epoch().await.unwrap(), feed.epoch().await.unwrap());
        assert_eq!(feed.depth().await.unwrap().open(), 0);
    }
    let count = epochs.len();
    epochs.sort();
    epochs.dedup();
    assert_eq!(epochs.len(), count, "every loss begins another epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_away_is_used_again() {
    let Some(mut server) = Server::start().await else { return };
    let world = World::at(&server.url());
    let (feed, waiting) = (world.feed(settings()), world.feed(settings()));
    let epoch = feed.epoch().await.unwrap();
    feed.publish(&notices(0..5)).await.unwrap();
    let lost = all(&waiting).await;
    assert_eq!(lost.len(), 5);

    let killed = async {
        tokio::time::sleep(SHORT).await;
        server.kill();
    };
    let (interrupted, ()) = tokio::join!(waiting.next(10, LONG), killed);
    assert!(matches!(interrupted, Err(Error::Unavailable(_))), "{interrupted:?}");
    assert!(matches!(feed.publish(&[notice("a", 1)]).await, Err(Error::Unavailable(_))));
    assert!(matches!(feed.done(&lost).await, Err(Error::Unavailable(_))));
    assert!(matches!(feed.epoch().await, Err(Error::Unavailable(_))));
    assert!(matches!(feed.depth().await, Err(Error::Unavailable(_))));
    let begun = Instant::now();
    assert!(matches!(waiting.next(10, LONG).await, Err(Error::Unavailable(_))));
    assert!(begun.elapsed() >= Duration::from_millis(100), "a loop must not spin");
    // One that is made while Redis is away is as good as any.
    let late = world.feed(settings());
    assert!(matches!(late.next(10, SHORT).await, Err(Error::Unavailable(_))));

    server.start_again().await;
    feed.publish(&[notice("b", 1)]).await.unwrap();
    assert_eq!(subjects(&some(&waiting, 10).await), ["b"]);
    assert_eq!(late.next(10, SHORT).await.unwrap(), []);
    feed.done(&lost).await.unwrap();
    assert_ne!(feed.epoch().await.unwrap(), epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_calls_is_not_even_an_error() {
    let Some(mut server) = Server::start().await else { return };
    let world = World::at(&server.url());
    let feed = world.feed(settings());
    feed.publish(&notices(0..5)).await.unwrap();
    assert_eq!(all(&feed).await.len(), 5);
    let epoch = feed.epoch().await.unwrap();
    server.kill();
    server.start_again().await;
    feed.publish(&[notice("b", 1)]).await.unwrap();
    assert_eq!(subjects(&some(&feed, 10).await), ["b"]);
    assert_ne!(feed.epoch().await.unwrap(), epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_with_an_older_state_is_noticed() {
    let Some(mut server) = Server::start().await else { return };
    let world = World::at(&server.url());
    let feed = world.feed(settings());
    feed.publish(&[notice("kept", 1)]).await.unwrap();
    assert_eq!(feed.next(1, Duration::ZERO).await.unwrap().len(), 1);
    let epoch = feed.epoch().await.unwrap();
    world.command::<()>(&[b"SAVE"]).await;
    feed.publish(&[notice("lost", 1)]).await.unwrap();
    server.kill();
    server.start_again().await;
    assert_ne!(feed.epoch().await.unwrap(), epoch);
    let depth = feed.depth().await.unwrap();
    assert_eq!((depth.held, depth.waiting), (1, 0));
}

#[tokio::test]
async fn an_address_that_is_none_is_told_without_quoting_it() {
    for url in ["", "amqp://user:secret@host", "redis://user:secret@host:port"] {
        let settings = Settings { redis: Some(url.to_owned()), ..settings() };
        let error = RedisFeed::new(&settings).unwrap_err();
        assert!(matches!(error, Error::Settings(_)), "{url}");
        assert!(!format!("{error} {error:?} {settings:?}").contains("secret"));
    }
    let settings =
        Settings { redis: Some("redis://user:secret@127.0.0.1:1".to_owned()), ..settings() };
    let feed = RedisFeed::new(&settings).unwrap();
    assert!(!format!("{feed:?}").contains("secret"));
}
