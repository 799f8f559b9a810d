//! Versions of a company file: made, read again, judged by.

use futures::StreamExt as _;
use proto::eligibility::v1 as wire;
use proto::verdict::v1::Outcome;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{ACME, NOW, World, outcome, question, reason, with_replicas};

#[tokio::test]
async fn a_company_is_applied_read_and_judged_by() {
    let world = World::open().await;
    let applied = world.apply(ACME).await.unwrap();
    assert_eq!(
        (applied.company.as_str(), applied.policy_version, applied.changed),
        ("acme", 1, true)
    );
    let found = world.get("acme", 0).await.unwrap();
    assert_eq!(found.applied_at.unwrap().seconds, NOW);
    assert!(found.document.starts_with(r#"{"company":"acme""#), "{}", found.document);
    let answer = world.judge("acme", 0, vec![question()]).await.unwrap();
    assert_eq!(answer.policy_version, 1);
    let verdict = &answer.verdicts[0];
    assert_eq!(outcome(verdict), Outcome::Allow);
    assert_eq!((verdict.owner.as_str(), verdict.requester.as_str()), ("ada", ""));
}

#[tokio::test]
async fn the_same_content_again_makes_no_version_however_it_is_written() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let canonical = world.get("acme", 1).await.unwrap().document;
    for text in [ACME, &canonical, &format!("# another comment\n{ACME}")] {
        let again = world.apply(text).await.unwrap();
        assert_eq!((again.policy_version, again.changed), (1, false));
    }
}

#[tokio::test]
async fn every_version_stays_readable_and_can_be_judged_by() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    world.clock.advance(chrono::TimeDelta::hours(1));
    let strict = ACME.replace("settings:\n", "settings:\n  exclusions: { keywords: [renewal] }\n");
    assert_eq!(world.apply(&strict).await.unwrap().policy_version, 2);
    let (old, new) = (world.get("acme", 1).await.unwrap(), world.get("acme", 0).await.unwrap());
    assert_eq!((old.policy_version, new.policy_version), (1, 2));
    assert!(!old.document.contains("renewal") && new.document.contains("renewal"));
    assert_eq!(new.applied_at.unwrap().seconds - old.applied_at.unwrap().seconds, 3_600);
    for (asked, judged_by, skipped) in [(1, 1, false), (2, 2, true), (0, 2, true)] {
        let answer = world.judge("acme", asked, vec![question()]).await.unwrap();
        assert_eq!(answer.policy_version, judged_by);
        let skip = outcome(&answer.verdicts[0]) == Outcome::Skip;
        assert_eq!(skip, skipped, "version {asked}");
    }
}

#[tokio::test]
async fn versions_applied_at_once_are_all_kept() {
    let world = World::open().await;
    let files: Vec<String> = (0..8).map(|i| format!("company: acme\nname: number {i}\n")).collect();
    let all = futures::future::join_all(files.iter().map(|file| world.apply(file))).await;
    let mut versions: Vec<u64> = all.into_iter().map(|one| one.unwrap().policy_version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>());
    let mut names = std::collections::BTreeSet::new();
    for version in versions {
        names.insert(world.get("acme", version).await.unwrap().document);
    }
    assert_eq!(names.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_on_one_database_lose_nothing() {
    with_replicas("", async |one, two| {
        let files: Vec<String> =
            (0..20).map(|i| format!("company: acme\nname: number {i}\n")).collect();
        let all = files.iter().enumerate().map(|(i, file)| [&one, &two][i % 2].apply(file));
        let mut versions = Vec::new();
        for answer in futures::future::join_all(all).await {
            versions.push(answer.unwrap().policy_version);
        }
        versions.sort_unstable();
        assert_eq!(versions, (1..=20).collect::<Vec<_>>());
        let request = wire::WatchPoliciesRequest { until_caught_up: true, ..Default::default() };
        let log = two.companies().watch_policies(request).await.unwrap().into_inner();
        let seen: Vec<_> = log.map(|item| item.unwrap().cursor).collect().await;
        assert_eq!(seen, (1..=20).collect::<Vec<_>>());
        // Judged by the newest, whoever applied it.
        let answer = one.judge("acme", 0, vec![question()]).await.unwrap();
        assert_eq!(answer.policy_version, 20);
    })
    .await;
}

#[tokio::test]
async fn versions_come_in_pages_newest_first() {
    let world = World::open().await;
    for i in 0..5 {
        world.apply(&format!("company: acme\nname: number {i}\n")).await.unwrap();
    }
    let mut request = wire::ListPolicyVersionsRequest {
        company: "acme".into(),
        page_size: 2,
        ..Default::default()
    };
    let mut seen = Vec::new();
    for _ in 0..3 {
        let page = world.companies().list_policy_versions(request.clone()).await.unwrap();
        let page = page.into_inner();
        seen.extend(page.versions);
        request.page_token = page.next_page_token;
    }
    assert_eq!(request.page_token, "");
    assert_eq!(seen.iter().map(|v| v.policy_version).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    let digests: std::collections::BTreeSet<_> = seen.iter().map(|v| v.digest.clone()).collect();
    assert!(digests.len() == 5 && digests.iter().all(|digest| digest.len() == 64));
    request.company = "other".into();
    let error = world.companies().list_policy_versions(request).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
}

#[tokio::test]
async fn an_unknown_company_or_version_is_told() {
    let world = World::open().await;
    let error = world.judge("acme", 0, vec![question()]).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
    world.apply(ACME).await.unwrap();
    let error = world.judge("acme", 7, vec![question()]).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::FailedPrecondition, "ERROR_REASON_UNKNOWN_POLICY_VERSION")
    );
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!((metadata["policy_version"].as_str(), metadata["newest"].as_str()), ("7", "1"));
    let error = world.get("acme", u64::MAX).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_UNKNOWN_POLICY_VERSION");
}
