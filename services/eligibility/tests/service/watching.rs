//! Versions watched as they come.

use futures::StreamExt as _;
use proto::eligibility::v1 as wire;

use crate::world::{ACME, World, question, with_replicas};

#[tokio::test]
async fn policies_are_watched_from_a_cursor_and_as_they_come() {
    let world = World::open().await;
    for (company, name) in [("acme", "a"), ("other", "a"), ("acme", "b")] {
        world.apply(&format!("company: {company}\nname: {name}\n")).await.unwrap();
    }
    let watch = async |company: &str, cursor: u64, until_caught_up: bool| {
        let request =
            wire::WatchPoliciesRequest { company: company.into(), cursor, until_caught_up };
        let stream = world.companies().watch_policies(request).await.unwrap().into_inner();
        stream.map(|item| {
            let item = item.unwrap();
            let version = item.version.unwrap();
            assert_eq!(version.digest.len(), 64);
            (item.cursor, version.company, version.policy_version)
        })
    };
    let item = |cursor: u64, company: &str, version: u64| (cursor, company.to_owned(), version);
    let all: Vec<_> = watch("", 0, true).await.collect().await;
    assert_eq!(all, [item(1, "acme", 1), item(2, "other", 1), item(3, "acme", 2)]);
    let some: Vec<_> = watch("acme", 1, true).await.collect().await;
    assert_eq!(some, [item(3, "acme", 2)]);
    assert!(watch("", 3, true).await.collect::<Vec<_>>().await.is_empty());

    let mut live = Box::pin(watch("acme", 2, false).await);
    assert_eq!(live.next().await, Some(item(3, "acme", 2)));
    let applied = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        world.apply("company: other\nname: b\n").await.unwrap();
        world.apply("company: acme\nname: c\n").await.unwrap();
    };
    let (next, ()) = tokio::join!(live.next(), applied);
    assert_eq!(next, Some(item(5, "acme", 3)));
}

#[tokio::test]
async fn more_versions_than_are_read_at_once_all_come() {
    let world = World::open().await;
    for i in 0..230 {
        world.apply(&format!("company: acme\nname: number {i}\n")).await.unwrap();
    }
    let request = wire::WatchPoliciesRequest { until_caught_up: true, ..Default::default() };
    let log = world.companies().watch_policies(request).await.unwrap().into_inner();
    assert_eq!(
        log.map(|item| item.unwrap().cursor).collect::<Vec<_>>().await,
        (1..=230).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_version_applied_by_another_replica_is_seen_too() {
    with_replicas("watch.poll = '20ms'", async |one, two| {
        let request = wire::WatchPoliciesRequest::default();
        let mut log = one.companies().watch_policies(request).await.unwrap().into_inner();
        let applied = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            two.apply(ACME).await.unwrap();
        };
        let (next, ()) = tokio::join!(log.next(), applied);
        assert_eq!(next.unwrap().unwrap().cursor, 1);
        // And judged by at once, for the number of the newest version is asked of the database.
        let answer = one.judge("acme", 0, vec![question()]).await.unwrap();
        assert_eq!(answer.policy_version, 1);
    })
    .await;
}
