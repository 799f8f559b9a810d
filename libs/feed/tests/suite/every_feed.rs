//! What every feed does, on whatever it stands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use feed::{Error, Settings};
use tokio::time::sleep;

use crate::world::{LONG, SHORT, World, all, notice, notices, some, subjects, tally};

fn settings() -> Settings {
    Settings { poll_ms: 20, ..Settings::default() }
}

/// Work counts as abandoned soon.
fn hasty() -> Settings {
    Settings { abandoned_after_ms: 200, ..settings() }
}

const ABANDONED: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn everything_published_is_delivered() {
    for world in World::all().await {
        let feed = world.feed(Settings { batch: 70, ..settings() });
        feed.publish(&[]).await.unwrap();
        let mut published = notices(0..300);
        published[7].note = "removed".to_owned();
        published[8].revision = i64::MAX as u64;
        published[9].company = String::new();
        published[10].subject = "ünïcode, and \"more\"\n".to_owned();
        feed.publish(&published).await.unwrap();
        let depth = feed.depth().await.unwrap();
        assert_eq!((depth.waiting, depth.open()), (300, 300), "{}", world.name);
        assert!(depth.oldest.unwrap() < LONG);

        let delivered = all(&feed).await;
        assert!(delivered.iter().all(|delivery| delivery.attempts == 1), "{}", world.name);
        let mut found: Vec<_> = delivered.iter().map(|delivery| delivery.notice.clone()).collect();
        let by_subject = |a: &feed::Notice, b: &feed::Notice| a.subject.cmp(&b.subject);
        found.sort_by(by_subject);
        published.sort_by(by_subject);
        assert_eq!(found, published, "{}", world.name);
        assert_eq!(feed.depth().await.unwrap().held, 300, "{}", world.name);

        feed.done(&[]).await.unwrap();
        feed.done(&delivered).await.unwrap();
        let depth = feed.depth().await.unwrap();
        assert_eq!((depth.open(), depth.oldest), (0, None), "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_share_work_and_nothing_is_delivered_twice_while_held() {
    for world in World::all().await {
        let (one, two) = (world.feed(settings()), world.feed(settings()));
        one.publish(&notices(0..400)).await.unwrap();
        let (found, rest) =
            tokio::join!(async { [some(&one, 60).await, some(&one, 60).await].concat() }, async {
                [some(&two, 60).await, some(&two, 60).await].concat()
            },);
        assert!(!found.is_empty() && !rest.is_empty());
        let everything = [found, rest, all(&one).await, all(&two).await].concat();
        assert_eq!(everything.len(), 400, "{}", world.name);
        assert_eq!(tally(&everything).len(), 400, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_come_than_asked_for() {
    for world in World::all().await {
        let feed = world.feed(Settings { batch: 5, ..settings() });
        feed.publish(&notices(0..20)).await.unwrap();
        assert_eq!(feed.next(0, LONG).await.unwrap(), [], "{}", world.name);
        assert_eq!(feed.next(3, LONG).await.unwrap().len(), 3, "{}", world.name);
        assert_eq!(feed.next(10, LONG).await.unwrap().len(), 5, "{}", world.name);
        assert_eq!(feed.next(10, Duration::ZERO).await.unwrap().len(), 5, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_waits_is_woken() {
    for world in World::all().await {
        // Looking around alone would take too long.
        let feed = world.feed(Settings { poll_ms: 1000, ..settings() });
        feed.next(1, Duration::ZERO).await.unwrap();
        let begun = Instant::now();
        let waiting = some(&feed, 10);
        let publishing = async {
            sleep(SHORT).await;
            feed.publish(&[notice("a", 1)]).await.unwrap();
        };
        let (found, ()) = tokio::join!(waiting, publishing);
        assert_eq!(subjects(&found), ["a"]);
        let took = begun.elapsed();
        assert!(took < Duration::from_millis(800), "{}: {took:?}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_publishes_is_found() {
    for world in World::all().await {
        let (here, there) = (world.feed(settings()), world.feed(settings()));
        assert_eq!(here.next(1, Duration::ZERO).await.unwrap(), []);
        let begun = Instant::now();
        let publishing = async {
            sleep(SHORT).await;
            there.publish(&[notice("a", 1)]).await.unwrap();
        };
        let (found, ()) = tokio::join!(some(&here, 10), publishing);
        assert_eq!(subjects(&found), ["a"]);
        assert!(begun.elapsed() < Duration::from_secs(2), "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gave_up_takes_nothing_along() {
    for world in World::all().await {
        // Nothing is abandoned during the test. The hasty one is still waiting at the server when it is gone here.
        let hasty = world.feed(Settings { poll_ms: 1000, ..settings() });
        let other = world.feed(settings());
        hasty.next(1, Duration::ZERO).await.unwrap();
        let given_up = tokio::time::timeout(SHORT, hasty.next(10, LONG)).await;
        assert!(given_up.is_err());
        hasty.publish(&notices(0..10)).await.unwrap();
        let mut found = Vec::new();
        let begun = Instant::now();
        while found.len() < 10 && begun.elapsed() < LONG {
            found.extend(other.next(10, SHORT).await.unwrap());
        }
        assert_eq!(tally(&found).len(), 10, "{}", world.name);
        assert!(found.iter().all(|delivery| delivery.attempts == 1), "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_consumer_held_is_taken_over() {
    for world in World::all().await {
        let killed = world.feed(hasty());
        killed.publish(&notices(0..30)).await.unwrap();
        assert_eq!(some(&killed, 20).await.len(), 20);
        drop(killed);
        let heir = world.feed(hasty());
        let fresh = all(&heir).await;
        let fresh = fresh.iter().filter(|delivery| delivery.attempts == 1).count();
        assert_eq!(fresh, 10, "{}", world.name);
        sleep(ABANDONED).await;
        // What is abandoned comes before what is new.
        heir.publish(&[notice("new", 1)]).await.unwrap();
        let first = some(&heir, 10).await;
        assert!(first.iter().all(|delivery| delivery.attempts > 1), "{}: {first:?}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_abandoned_notices_are_all_taken_over() {
    for world in World::all().await {
        let killed = world.feed(hasty());
        killed.publish(&notices(0..2000)).await.unwrap();
        for _ in 0..4 {
            killed.next(500, Duration::ZERO).await.unwrap();
        }
        drop(killed);
        sleep(ABANDONED).await;
        // Not abandoned a second time during the test.
        let heir = world.feed(Settings { abandoned_after_ms: 60_000, ..settings() });
        let impatient = world.feed(hasty());
        let mut found = Vec::new();
        while let Ok(some) = impatient.next(300, SHORT).await
            && !some.is_empty()
        {
            impatient.done(&some).await.unwrap();
            found.extend(some);
        }
        found.extend(all(&heir).await);
        assert_eq!(tally(&found).len(), 2000, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_after_a_takeover_does_no_harm() {
    for world in World::all().await {
        let (slow, heir) = (world.feed(hasty()), world.feed(hasty()));
        slow.publish(&notices(0..3)).await.unwrap();
        let first = some(&slow, 10).await;
        assert_eq!(first.len(), 3);
        sleep(ABANDONED).await;
        let second = some(&heir, 10).await;
        assert_eq!(second.len(), 3, "{}", world.name);
        // Neither of these is the slow one's business any more.
        slow.later(&first[1..2], Duration::ZERO).await.unwrap();
        slow.bury(&first[2..3], "cannot").await.unwrap();
        let depth = heir.depth().await.unwrap();
        assert_eq!((depth.held, depth.later, depth.buried), (3, 0, 0), "{}", world.name);
        slow.done(&first[0..1]).await.unwrap();
        // In a table the claim has to be one's own; on Redis whoever did the work says so for all.
        let held = if world.is_redis() { 2 } else { 3 };
        assert_eq!(heir.depth().await.unwrap().held, held, "{}", world.name);
        heir.done(&second).await.unwrap();
        assert_eq!(heir.depth().await.unwrap().open(), 0, "{}", world.name);
        sleep(ABANDONED).await;
        assert_eq!(all(&heir).await, [], "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_comes_later_and_not_before() {
    const AFTER: Duration = Duration::from_millis(400);
    for world in World::all().await {
        let (one, two) = (world.feed(settings()), world.feed(settings()));
        one.publish(&notices(0..5)).await.unwrap();
        let found = all(&one).await;
        let begun = Instant::now();
        one.later(&found[..2], AFTER).await.unwrap();
        one.done(&found[2..]).await.unwrap();
        let depth = one.depth().await.unwrap();
        assert_eq!((depth.later, depth.open(), depth.oldest), (2, 2, None), "{}", world.name);
        assert_eq!(two.next(10, Duration::from_millis(100)).await.unwrap(), []);
        let mut again = some(&two, 10).await;
        // By the clock of the server, which counts whole milliseconds.
        let took = begun.elapsed() + Duration::from_millis(2);
        assert!(took >= AFTER, "{}: {took:?}", world.name);
        assert!(took < AFTER * 4, "{}: {took:?}", world.name);
        again.extend(all(&two).await);
        assert_eq!(subjects(&again), subjects(&found[..2]), "{}", world.name);
        assert!(again.iter().all(|delivery| delivery.attempts == 2), "{}", world.name);
        // And once more, at once.
        two.later(&again, Duration::ZERO).await.unwrap();
        let third = all(&two).await;
        assert_eq!(third.len(), 2);
        assert!(third.iter().all(|delivery| delivery.attempts == 3), "{}", world.name);
        // What they were called before means nothing now.
        two.done(&again).await.unwrap();
        assert_eq!(two.depth().await.unwrap().open(), 2, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_buried_is_listed_and_can_be_replayed() {
    for world in World::all().await {
        let feed = world.feed(settings());
        feed.publish(&notices(0..10)).await.unwrap();
        let found = all(&feed).await;
        for (number, delivery) in found.iter().enumerate() {
            let why = format!("reason {number}");
            feed.bury(std::slice::from_ref(delivery), &why).await.unwrap();
        }
        let depth = feed.depth().await.unwrap();
        assert_eq!((depth.open(), depth.buried), (0, 10), "{}", world.name);

        let first = feed.buried(None, 4).await.unwrap();
        let rest = feed.buried(Some(&first[3].id), 100).await.unwrap();
        assert_eq!((first.len(), rest.len()), (4, 6), "{}", world.name);
        let buried = [first, rest].concat();
        for (number, (buried, delivery)) in buried.iter().zip(&found).enumerate() {
            assert_eq!(buried.notice, delivery.notice, "{}", world.name);
            assert_eq!((buried.attempts, &buried.why), (1, &format!("reason {number}")));
            assert!((chrono::Utc::now() - buried.at).num_seconds().abs() < 60);
        }

        let unknown = [buried[0].id.clone(), buried[0].id.clone(), buried[5].id.clone()];
        assert_eq!(feed.replay(&unknown).await.unwrap(), 2, "{}", world.name);
        assert_eq!(feed.replay(&unknown).await.unwrap(), 0, "{}", world.name);
        let again = all(&feed).await;
        let expected = [&found[0], &found[5]].map(|delivery| delivery.notice.subject.as_str());
        let expected: BTreeSet<_> = expected.into();
        assert_eq!(tally(&again).into_keys().collect::<BTreeSet<_>>(), expected);
        assert!(again.iter().all(|delivery| delivery.attempts == 1), "{}", world.name);
        feed.done(&again).await.unwrap();

        assert_eq!(feed.replay(&[]).await.unwrap(), 8, "{}", world.name);
        assert_eq!(feed.replay(&[]).await.unwrap(), 0, "{}", world.name);
        assert_eq!(all(&feed).await.len(), 8);
        assert_eq!(feed.buried(None, 10).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_buried_ones_are_kept() {
    for world in World::all().await {
        let feed = world.feed(Settings { buried: 100, ..settings() });
        for round in 0..30 {
            feed.publish(&notices(round * 100..round * 100 + 100)).await.unwrap();
            let found = all(&feed).await;
            feed.bury(&found, "no").await.unwrap();
        }
        let buried = feed.depth().await.unwrap().buried;
        // Redis cuts whole nodes of its streams, of a hundred entries as delivered.
        assert!((100..=300).contains(&buried), "{}: {buried}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_nobody_are_told_apart() {
    for world in World::all().await {
        let feed = world.feed(settings());
        feed.publish(&[notice("a", 1)]).await.unwrap();
        let mut found = some(&feed, 1).await;
        "?".clone_into(&mut found[0].id);
        assert!(matches!(feed.done(&found).await, Err(Error::UnknownId(_))));
        assert!(matches!(feed.later(&found, SHORT).await, Err(Error::UnknownId(_))));
        assert!(matches!(feed.bury(&found, "").await, Err(Error::UnknownId(_))));
        assert!(matches!(feed.buried(Some("?"), 1).await, Err(Error::UnknownId(_))));
        assert!(matches!(feed.replay(&["?".to_owned()]).await, Err(Error::UnknownId(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_and_a_hopeless_notice_is_buried() {
    for world in World::all().await {
        let feed = world.feed(Settings { max_attempts: 3, ..hasty() });
        feed.publish(&[notice("abandoned", 1)]).await.unwrap();
        for attempt in 1..=3 {
            let found = some(&feed, 10).await;
            assert_eq!(found[0].attempts, attempt, "{}", world.name);
            sleep(ABANDONED).await;
        }
        assert_eq!(feed.next(10, ABANDONED).await.unwrap(), [], "{}", world.name);

        feed.publish(&[notice("put off", 1)]).await.unwrap();
        for attempt in 1..=3 {
            let found = some(&feed, 10).await;
            assert_eq!(found[0].attempts, attempt, "{}", world.name);
            feed.later(&found, Duration::ZERO).await.unwrap();
        }
        assert_eq!(feed.next(10, ABANDONED).await.unwrap(), [], "{}", world.name);

        let buried = feed.buried(None, 10).await.unwrap();
        assert_eq!(buried.len(), 2, "{}", world.name);
        for (buried, subject) in buried.iter().zip(["abandoned", "put off"]) {
            assert_eq!(buried.notice, notice(subject, 1));
            assert_eq!(buried.why, "given up after 3 deliveries");
            assert_eq!(buried.attempts, 3, "{}", world.name);
        }
        assert_eq!(feed.depth().await.unwrap().open(), 0, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_publishes_too_much_waits() {
    for world in World::all().await {
        let feed = world.feed(Settings { capacity: 20, patience_ms: 100, ..settings() });
        feed.publish(&notices(0..20)).await.unwrap();
        let begun = Instant::now();
        let full = feed.publish(&notices(20..21)).await;
        assert!(matches!(full, Err(Error::Full)), "{}: {full:?}", world.name);
        assert!(begun.elapsed() < Duration::from_secs(5));
        // What is held counts.
        let found = some(&feed, 10).await;
        assert!(matches!(feed.publish(&notices(20..21)).await, Err(Error::Full)));

        let patient = world.feed(Settings { capacity: 20, patience_ms: 20_000, ..settings() });
        let room = async {
            sleep(SHORT).await;
            feed.done(&found[5..]).await.unwrap();
        };
        let more = notices(20..24);
        let (published, ()) = tokio::join!(patient.publish(&more), room);
        published.unwrap();
        assert_eq!(feed.depth().await.unwrap().open(), 19, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_off_leaves_room_for_others() {
    for world in World::all().await {
        let feed = world.feed(Settings { capacity: 20, patience_ms: 100, ..settings() });
        for round in 0..5 {
            feed.publish(&notices(round * 20..round * 20 + 20)).await.unwrap();
            let found = all(&feed).await;
            assert_eq!(found.len(), 20, "{}", world.name);
            feed.later(&found, LONG).await.unwrap();
        }
        let depth = feed.depth().await.unwrap();
        assert_eq!((depth.on_the_way(), depth.later), (0, 100), "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_off_and_is_due_leaves_room_for_what_is_new() {
    for world in World::all().await {
        let feed = world.feed(Settings { capacity: 100, patience_ms: 100, ..settings() });
        for round in 0..6 {
            feed.publish(&notices(round * 50..round * 50 + 50)).await.unwrap();
            let found = all(&feed).await;
            feed.later(&found, LONG / 40).await.unwrap();
        }
        sleep(LONG / 40).await;
        let old = some(&feed, 40).await;
        let new: Vec<_> = (0..40).map(|at| notice(format!("new {at}"), 1)).collect();
        feed.publish(&new).await.unwrap();
        // Each time what came is put off again, and is due at once.
        feed.later(&old, Duration::ZERO).await.unwrap();
        let mut arrived = BTreeSet::new();
        for _ in 0..10 {
            let found = some(&feed, 40).await;
            let (new, old): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|one| one.notice.subject.starts_with("new"));
            arrived.extend(new.iter().map(|one| one.notice.subject.clone()));
            feed.done(&new).await.unwrap();
            feed.later(&old, Duration::ZERO).await.unwrap();
        }
        assert_eq!(arrived.len(), 40, "{}", world.name);
        // And none of the old ones is lost.
        let mut done = 0;
        while done < 300 {
            let found = some(&feed, 100).await;
            feed.done(&found).await.unwrap();
            done += found.len();
        }
        assert_eq!(feed.depth().await.unwrap().open(), 0, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_company_cannot_put_off_any_more_is_buried_and_can_be_replayed() {
    for world in World::all().await {
        let feed = world.feed(Settings { put_off: 10, ..settings() });
        let of = |company: &str, subjects| {
            let of = |notice| feed::Notice { company: company.to_owned(), ..notice };
            notices(subjects).into_iter().map(of).collect::<Vec<_>>()
        };
        feed.publish(&[of("acme", 0..15), of("other", 0..5)].concat()).await.unwrap();
        let found = all(&feed).await;
        for found in found.chunks(4) {
            feed.later(found, Duration::ZERO).await.unwrap();
        }
        let depth = feed.depth().await.unwrap();
        assert_eq!((depth.later, depth.buried, depth.open()), (15, 5, 15), "{}", world.name);
        for buried in feed.buried(None, 10).await.unwrap() {
            assert_eq!(buried.notice.company, "acme", "{}", world.name);
            assert_eq!(buried.attempts, 1, "{}", world.name);
            assert_eq!(buried.why, "too much of its company was put off already");
        }
        // What has come back makes room again.
        let back = all(&feed).await;
        assert_eq!(back.len(), 15, "{}", world.name);
        feed.done(&back).await.unwrap();
        assert_eq!(feed.replay(&[]).await.unwrap(), 5, "{}", world.name);
        feed.publish(&of("acme", 20..24)).await.unwrap();
        let found = all(&feed).await;
        assert_eq!(found.len(), 9, "{}", world.name);
        feed.later(&found, LONG).await.unwrap();
        let depth = feed.depth().await.unwrap();
        assert_eq!((depth.later, depth.buried), (9, 0), "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_revision_always_arrives() {
    for world in World::all().await {
        let feed = world.feed(settings());
        feed.publish(&[notice("a", 1), notice("a", 2), notice("b", 7)]).await.unwrap();
        feed.publish(&[notice("b", 6), notice("a", 3)]).await.unwrap();
        let held = all(&feed).await;
        // Of something that is being worked on at the moment.
        feed.publish(&[notice("a", 5)]).await.unwrap();
        feed.publish(&[notice("a", 4)]).await.unwrap();
        feed.done(&held).await.unwrap();
        let rest = all(&feed).await;
        let newest = |of: &[feed::Delivery], subject| {
            let of = of.iter().filter(|delivery| delivery.notice.subject == subject);
            of.map(|delivery| delivery.notice.revision).max()
        };
        assert_eq!(newest(&held, "a"), Some(3), "{}", world.name);
        assert_eq!(newest(&held, "b"), Some(7), "{}", world.name);
        assert_eq!(newest(&rest, "a"), Some(5), "{}", world.name);
        // One that waits stands for all, in a table.
        if !world.is_redis() {
            assert_eq!((held.len(), rest.len()), (2, 1), "{}", world.name);
        }
        feed.done(&rest).await.unwrap();
        // Several of one subject, all abandoned, come back beside each other.
        let hasty = world.feed(hasty());
        hasty.publish(&[notice("a", 6)]).await.unwrap();
        let mut more = some(&hasty, 10).await;
        hasty.publish(&[notice("a", 7)]).await.unwrap();
        more.extend(some(&hasty, 10).await);
        sleep(ABANDONED).await;
        let again = all(&hasty).await;
        assert_eq!(newest(&more, "a"), Some(7), "{}", world.name);
        assert_eq!(newest(&again, "a"), Some(7), "{}", world.name);
        let revisions: BTreeSet<_> = again.iter().map(|it| it.notice.revision).collect();
        assert_eq!(revisions, BTreeSet::from([6, 7]), "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_epoch_stays_while_nothing_is_lost() {
    for world in World::all().await {
        let feed = world.feed(settings());
        let epoch = feed.epoch().await.unwrap();
        feed.publish(&notices(0..10)).await.unwrap();
        let found = all(&feed).await;
        feed.done(&found).await.unwrap();
        assert_eq!(world.feed(settings()).epoch().await.unwrap(), epoch, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_notices_go_through_four_consumers_quickly() {
    for world in World::all().await {
        let count: usize = if world.is_redis() { 100_000 } else { 20_000 };
        let patient = Settings { patience_ms: 60_000, batch: 1000, ..settings() };
        let publisher = world.feed(patient.clone());
        let begun = Instant::now();
        let left = Arc::new(AtomicUsize::new(count));
        let mut workers = Vec::new();
        for _ in 0..4 {
            let feed = world.feed(patient.clone());
            let left = Arc::clone(&left);
            workers.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                while left.load(Ordering::SeqCst) > 0 {
                    let some = feed.next(500, SHORT).await.unwrap();
                    feed.done(&some).await.unwrap();
                    left.fetch_sub(some.len(), Ordering::SeqCst);
                    seen.extend(some.into_iter().map(|delivery| delivery.notice.subject));
                }
                seen
            }));
        }
        publisher.publish(&notices(0..count as u64)).await.unwrap();
        let mut seen = Vec::new();
        for worker in workers {
            seen.extend(worker.await.unwrap());
        }
        let took = begun.elapsed();
        let rate = count as f64 / took.as_secs_f64();
        eprintln!("{}: {count} notices in {took:.1?}, {rate:.0} per second", world.name);
        assert_eq!(seen.len(), count, "{}", world.name);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count, "{}", world.name);
        assert_eq!(publisher.depth().await.unwrap().open(), 0, "{}", world.name);
        assert!(took < Duration::from_secs(120), "{}: {took:?}", world.name);
    }
}
