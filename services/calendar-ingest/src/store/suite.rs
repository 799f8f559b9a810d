//! What every store must do.

use std::sync::Arc;

use storage::testing::Engine;

use super::sql::Sql;
use super::{Changes, Component, Listing, Meeting, Pool, Store};
use crate::error::Error;

fn component(id: &str, pool: &str, slot: &str) -> Component {
    Component {
        id: id.into(),
        company: "acme".into(),
        source: "ada".into(),
        pool: pool.into(),
        slot: slot.into(),
        source_key: Some(format!("number of {id}")),
        series_key: (!slot.is_empty()).then(|| "series".into()),
        event: "{}".into(),
        digest: "d".into(),
        zone: "UTC".into(),
        consent_host: String::new(),
        recipient: String::new(),
        received: 5,
    }
}

fn meeting(id: &str, start: i64, uid: &str, recurrence: i64) -> Meeting {
    Meeting {
        id: id.into(),
        company: "acme".into(),
        pool: "p".into(),
        start,
        uid: uid.as_bytes().to_vec(),
        recurrence,
        revision: 1,
        received: 7,
        removed: false,
        digest: "d".into(),
        body: vec![0, 255, 1],
    }
}

fn pool(id: &str, expanded_to: i64, open: bool) -> Pool {
    Pool { id: id.into(), company: "acme".into(), expanded_to, open }
}

fn of_meetings(meetings: Vec<Meeting>) -> Changes {
    Changes { meetings, ..Changes::default() }
}

fn everything() -> Listing {
    Listing { company: "acme".into(), from: i64::MIN, to: i64::MAX, after: None, limit: 100 }
}

async fn list(store: &dyn Store, query: &Listing) -> Vec<String> {
    store.list(query).await.unwrap().into_iter().map(|meeting| meeting.id).collect()
}

async fn components_are_added_replaced_and_dropped(store: &dyn Store) {
    let changes = Changes {
        components: vec![
            component("a", "p", ""),
            component("b", "p", "x"),
            component("c", "q", ""),
        ],
        pools: vec![pool("p", 1, true), pool("q", 2, true)],
        ..Changes::default()
    };
    assert_eq!(store.version("acme").await.unwrap(), 0);
    store.apply("acme", 0, &changes).await.unwrap();
    assert_eq!(store.version("acme").await.unwrap(), 1);
    let changed = Component { event: "{\"x\":1}".into(), ..component("a", "p", "") };
    let changes = Changes {
        dropped: vec!["b".into(), "unknown".into()],
        components: vec![changed.clone()],
        ..Changes::default()
    };
    store.apply("acme", 1, &changes).await.unwrap();
    let found = store.pools(&["p".into(), "unknown".into()]).await.unwrap();
    assert_eq!(found.components, [changed]);
    assert_eq!(found.pools, [pool("p", 1, true)]);
    assert!(store.pools(&[]).await.unwrap().components.is_empty());
}

async fn instances_and_series_find_each_other(store: &dyn Store) {
    let changes = Changes {
        components: vec![component("a", "p", ""), component("b", "q", "x")],
        ..Changes::default()
    };
    store.apply("acme", 0, &changes).await.unwrap();
    let ids = |found: Vec<Component>| found.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(store.linked(&["number of a".into()], &[]).await.unwrap()), ["a"]);
    assert_eq!(ids(store.linked(&[], &["series".into()]).await.unwrap()), ["b"]);
    assert!(store.linked(&[], &[]).await.unwrap().is_empty());
}

async fn a_change_of_what_others_changed_is_refused(store: &dyn Store) {
    let changes = of_meetings(vec![meeting("a", 0, "u", 0)]);
    store.apply("acme", 0, &changes).await.unwrap();
    for version in [0, 2] {
        let late = of_meetings(vec![meeting("b", 0, "u", 0)]);
        let refused = store.apply("acme", version, &late).await;
        assert!(matches!(refused, Err(Error::Contended)), "{version}");
    }
    assert_eq!(list(store, &everything()).await, ["a"]);
    store.apply("other", 0, &changes).await.unwrap();
}

async fn meetings_are_found_by_id_in_their_company(store: &dyn Store) {
    let one = meeting("a", 3, "u", i64::MIN);
    store.apply("acme", 0, &of_meetings(vec![one.clone()])).await.unwrap();
    let ids = ["a".to_owned(), "b".to_owned()];
    assert_eq!(store.meetings("acme", &ids).await.unwrap(), [one]);
    assert!(store.meetings("other", &ids).await.unwrap().is_empty());
    assert!(store.meetings("acme", &["\0".into()]).await.unwrap().is_empty());
}

async fn a_removed_meeting_is_found_by_its_id(store: &dyn Store) {
    let gone = Meeting { removed: true, ..meeting("gone", 1, "u", 0) };
    store.apply("acme", 0, &of_meetings(vec![gone.clone()])).await.unwrap();
    assert_eq!(store.meetings("acme", &["gone".into()]).await.unwrap(), [gone]);
}

async fn meetings_are_listed_in_order_without_those_removed(store: &dyn Store) {
    let all = [
        meeting("c", 1, "b", 0),
        meeting("b", 1, "a", 5),
        meeting("d", 1, "\u{ff}", 0),
        meeting("a", 1, "a", i64::MIN),
        meeting("e", 2, "a", 0),
        meeting("z", -2, "a", 0),
        Meeting { removed: true, ..meeting("gone", 1, "a", 1) },
        Meeting { company: "other".into(), ..meeting("theirs", 1, "a", 1) },
    ];
    store.apply("acme", 0, &of_meetings(all.to_vec())).await.unwrap();
    assert_eq!(list(store, &everything()).await, ["z", "a", "b", "c", "d", "e"]);
    let first = Listing { from: 1, to: 2, limit: 2, ..everything() };
    assert_eq!(list(store, &first).await, ["a", "b"]);
    for (after, rest) in [(3, &["b", "c", "d", "e"][..]), (1, &["c", "d", "e"]), (0, &["d", "e"])] {
        let after = Some(all[after].position());
        assert_eq!(list(store, &Listing { after, ..everything() }).await, rest);
    }
}

async fn changes_are_told_once_and_in_their_order(store: &dyn Store) {
    let (a, b) = (meeting("a", 1, "u", 0), meeting("b", 1, "u", 1));
    let head = store.apply("acme", 0, &of_meetings(vec![a.clone(), b.clone()])).await.unwrap();
    assert_eq!(head, Some(2));
    let again = Meeting { revision: 2, ..a };
    assert_eq!(store.apply("acme", 1, &of_meetings(vec![again.clone()])).await.unwrap(), Some(3));
    let theirs = Meeting { company: "other".into(), ..meeting("c", 1, "u", 0) };
    assert_eq!(store.apply("other", 0, &of_meetings(vec![theirs])).await.unwrap(), Some(4));
    let pools = Changes { pools: vec![pool("p", 1, true)], ..Changes::default() };
    assert_eq!(store.apply("other", 1, &pools).await.unwrap(), None);

    let (changes, reached) = store.changes(Some("acme"), 0, 10).await.unwrap();
    let told: Vec<_> = changes.iter().map(|one| (one.cursor, one.meeting.clone())).collect();
    assert_eq!((told, reached), (vec![(2, b), (3, again)], Some(3)));
    // What is left out still moves on.
    let (changes, reached) = store.changes(None, 0, 1).await.unwrap();
    assert_eq!((changes.len(), reached), (0, Some(1)));
    let (changes, reached) = store.changes(None, 3, 10).await.unwrap();
    assert_eq!((changes.len(), reached), (1, Some(4)));
    assert_eq!(store.changes(None, 4, 10).await.unwrap(), (Vec::new(), None));
}

async fn pools_are_due_when_they_may_hold_more(store: &dyn Store) {
    let pools =
        vec![pool("a", 5, true), pool("b", 3, true), pool("c", 3, false), pool("d", 9, true)];
    store.apply("acme", 0, &Changes { pools, ..Changes::default() }).await.unwrap();
    let due = |found: Vec<Pool>| found.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(due(store.due(9, None, 10).await.unwrap()), ["b", "a"]);
    let first = store.due(9, None, 1).await.unwrap();
    assert_eq!(due(store.due(9, first.last(), 1).await.unwrap()), ["a"]);
    assert_eq!(due(first), ["b"]);
    for (last, rest) in [(pool("c", 3, true), &["a"][..]), (pool("a", 5, true), &[])] {
        assert_eq!(due(store.due(9, Some(&last), 10).await.unwrap()), rest);
    }
    let pools = vec![pool("b", 20, true)];
    store.apply("acme", 1, &Changes { pools, ..Changes::default() }).await.unwrap();
    assert_eq!(due(store.due(9, None, 10).await.unwrap()), ["a"]);
}

async fn ten_thousand_rows_go_in_and_come_out(store: &dyn Store) {
    let meetings: Vec<_> = (0..10_000).map(|n| meeting(&format!("m{n}"), n, "u", n)).collect();
    let changes = Changes {
        components: (0..3000).map(|n| component(&format!("c{n}"), "p", "x")).collect(),
        pools: vec![pool("p", 1, true)],
        ..of_meetings(meetings)
    };
    assert_eq!(store.apply("acme", 0, &changes).await.unwrap(), Some(10_000));
    let found = store.pools(&["p".into()]).await.unwrap();
    assert_eq!((found.components.len(), found.meetings.len()), (3000, 10_000));
    let ids: Vec<String> = (0..5000).map(|n| format!("m{n}")).collect();
    assert_eq!(store.meetings("acme", &ids).await.unwrap().len(), 5000);
    let dropped = (0..3000).map(|n| format!("c{n}")).collect();
    store.apply("acme", 1, &Changes { dropped, ..Changes::default() }).await.unwrap();
    assert!(store.pools(&["p".into()]).await.unwrap().components.is_empty());
}

async fn open(engine: &Engine) -> Arc<dyn Store> {
    Arc::new(Sql::open(&engine.config()).await.unwrap())
}

/// Every law, on every kind of database.
macro_rules! suite {
    ($($law:ident),+ $(,)?) => {
        mod every_engine {
            $(
                #[tokio::test]
                async fn $law() {
                    for engine in storage::testing::engines().await {
                        eprintln!("on {}", engine.name());
                        super::$law(&*super::open(&engine).await).await;
                    }
                }
            )+
        }
    };
}

suite!(
    components_are_added_replaced_and_dropped,
    instances_and_series_find_each_other,
    a_change_of_what_others_changed_is_refused,
    meetings_are_found_by_id_in_their_company,
    a_removed_meeting_is_found_by_its_id,
    meetings_are_listed_in_order_without_those_removed,
    changes_are_told_once_and_in_their_order,
    pools_are_due_when_they_may_hold_more,
    ten_thousand_rows_go_in_and_come_out,
);

/// Runs a law on every database that two stores can share.
async fn with_two<F>(law: impl Fn([Arc<dyn Store>; 2]) -> F)
where
    F: Future<Output = ()>,
{
    for engine in storage::testing::engines().await.iter().filter(|engine| engine.is_shared()) {
        eprintln!("on {}", engine.name());
        law([open(engine).await, open(engine).await]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_change_one_version_at_once_one_does() {
    with_two(async |stores| {
        for version in 0..10 {
            let tries = (0..8).map(|n| {
                let store = Arc::clone(&stores[n % 2]);
                let mine = of_meetings(vec![meeting(&format!("m{version}"), 0, &n.to_string(), 0)]);
                tokio::spawn(async move { store.apply("acme", version, &mine).await })
            });
            let done = futures::future::join_all(tries).await;
            let (done, refused): (Vec<_>, Vec<_>) =
                done.into_iter().map(Result::unwrap).partition(Result::is_ok);
            assert_eq!(done.len(), 1);
            assert!(refused.iter().all(|one| matches!(one, Err(Error::Contended))), "{refused:?}");
        }
        assert_eq!(stores[0].version("acme").await.unwrap(), 10);
        let (changes, reached) = stores[1].changes(None, 0, 100).await.unwrap();
        assert_eq!((changes.len(), reached), (10, Some(10)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_is_seen_in_its_order_and_without_gaps_while_it_is_written() {
    const COMPANIES: u64 = 8;
    const ROUNDS: u64 = 15;
    with_two(async |stores| {
        let writers = (0..COMPANIES).map(|n| {
            let stores = stores.clone();
            tokio::spawn(async move {
                let company = format!("c{n}");
                for round in 0..ROUNDS {
                    // Sizes differ, so that transactions overtake each other.
                    let meetings = (0..=(n * 7 + round) % 20).map(|k| Meeting {
                        company: company.clone(),
                        ..meeting(&format!("{company} {round} {k}"), 0, "u", 0)
                    });
                    let changes = of_meetings(meetings.collect());
                    let store = &stores[usize::try_from(n + round).unwrap() % 2];
                    store.apply(&company, round, &changes).await.unwrap();
                }
            })
        });
        let writing = tokio::spawn(futures::future::join_all(writers));
        let mut seen = 0;
        loop {
            let over = writing.is_finished();
            let (changes, reached) = stores[0].changes(None, seen, 7).await.unwrap();
            for change in changes {
                assert_eq!(change.cursor, seen + 1, "a gap, or one that came too late");
                seen = change.cursor;
            }
            if over && reached.is_none() {
                break;
            }
        }
        writing.await.unwrap().into_iter().for_each(Result::unwrap);
        let all: u64 = (0..COMPANIES)
            .flat_map(|n| (0..ROUNDS).map(move |round| (n * 7 + round) % 20 + 1))
            .sum();
        assert_eq!(seen, all);
    })
    .await;
}
