//! Domains, each of which belongs to one company.

use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{ACME, World, reason, violations, with_replicas};

#[tokio::test]
async fn a_domain_has_one_owner() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let greedy = "company: other\nname: Other\ndomains:\n  - other.example\n  - ACME.example\n";
    let error = world.apply(greedy).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
    assert!(
        error.message().starts_with("line 5, column 5: `acme.example` belongs to another company"),
        "{}",
        error.message()
    );
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!(
        (metadata["domain"].as_str(), metadata["field"].as_str()),
        ("acme.example", "domains[1]")
    );
    assert_eq!(violations(&error)[0].0, "domains[1]");
    // Nothing of the owner is told, and nothing of the file is stored.
    assert!(!format!("{error:?}").contains("`acme`"));
    assert_eq!(world.get("other", 0).await.unwrap_err().code(), Code::NotFound);

    let recorder = "company: other\nassistant: [recorder@acme.example]\n";
    let error = world.apply(recorder).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
    assert_eq!(violations(&error)[0].0, "assistant[0]");

    // Given up, it can be had.
    world.apply("company: acme\n").await.unwrap();
    assert_eq!(world.apply(greedy).await.unwrap().policy_version, 1);
    let error = world.apply(ACME).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
}

#[tokio::test]
async fn two_companies_that_want_one_domain_at_once_do_not_both_get_it() {
    let world = World::open().await;
    let files: Vec<String> =
        (0..8).map(|i| format!("company: c{i}\ndomains: [wanted.example]\n")).collect();
    let all = futures::future::join_all(files.iter().map(|file| world.apply(file))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
    for error in all.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_asked_for_one_domain_at_once_give_it_once() {
    with_replicas("", async |one, two| {
        let files: Vec<String> =
            (0..8).map(|i| format!("company: c{i}\ndomains: [wanted.example]\n")).collect();
        let all = files.iter().enumerate().map(|(i, file)| [&one, &two][i % 2].apply(file));
        let all = futures::future::join_all(all).await;
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
        for error in all.into_iter().filter_map(Result::err) {
            assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
        }
    })
    .await;
}
