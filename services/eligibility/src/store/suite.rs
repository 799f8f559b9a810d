//! What every store of versions and claims must do.

use chrono::DateTime;

use super::sql::SqlStore;
use super::{Applied, Draft, Store};
use crate::claims::Claim;
use crate::migration::Migrator;

pub(crate) async fn in_memory() -> SqlStore {
    let database = storage::connect(&storage::StoreConfig::memory()).await.unwrap();
    storage::migrate::<Migrator>(&database).await.unwrap();
    SqlStore::new(database)
}

async fn in_a_file(folder: &tempfile::TempDir) -> SqlStore {
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("e.db").display());
    let database = storage::connect(&storage::StoreConfig::at(url)).await.unwrap();
    storage::migrate::<Migrator>(&database).await.unwrap();
    SqlStore::new(database)
}

pub(crate) fn draft(company: &str, document: &str, domains: &[&str]) -> Draft {
    let claim = |(i, name): (usize, &&str)| Claim {
        name: (*name).to_owned(),
        field: format!("domains[{i}]"),
    };
    Draft {
        company: company.to_owned(),
        document: document.to_owned(),
        digest: format!("digest of {document}"),
        claims: domains.iter().enumerate().map(claim).collect(),
        applied_at: DateTime::from_timestamp_micros(1_772_445_600_123_456).unwrap(),
    }
}

/// Runs a law on every store.
macro_rules! suite {
    ($($law:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $law() { super::$law(&super::in_memory().await).await; })*
        }
        mod file {
            $(#[tokio::test] async fn $law() {
                let folder = tempfile::tempdir().unwrap();
                super::$law(&super::in_a_file(&folder).await).await;
            })*
        }
    };
}

suite! {
    versions_count_from_one_and_stay_readable
    the_same_digest_makes_no_version
    a_stale_base_changes_nothing
    a_claim_has_one_owner_until_it_is_given_up
    trying_out_stores_nothing
    the_log_has_every_version_in_order
    versions_are_listed_newest_first
    numbers_beyond_every_row_find_nothing
}

async fn versions_count_from_one_and_stay_readable(store: &dyn Store) {
    assert_eq!(store.newest("acme").await.unwrap(), None);
    assert_eq!(store.version("acme", 0).await.unwrap(), None);
    let (one, two) = (draft("acme", "one", &[]), draft("acme", "two", &[]));
    assert_eq!(store.apply(&one, None).await.unwrap(), Applied::New(1));
    assert_eq!(store.apply(&two, None).await.unwrap(), Applied::New(2));
    assert_eq!(store.newest("acme").await.unwrap(), Some(2));
    let old = store.version("acme", 1).await.unwrap().unwrap();
    assert_eq!((old.document.as_str(), old.stamp.digest.as_str()), ("one", "digest of one"));
    assert_eq!(old.stamp.applied_at, one.applied_at);
    assert_eq!(store.version("acme", 0).await.unwrap().unwrap().document, "two");
    assert_eq!(store.version("acme", 3).await.unwrap(), None);
    assert_eq!(store.version("other", 1).await.unwrap(), None);
}

async fn the_same_digest_makes_no_version(store: &dyn Store) {
    let (one, two) = (draft("acme", "one", &[]), draft("acme", "two", &[]));
    store.apply(&one, None).await.unwrap();
    assert_eq!(store.apply(&one, None).await.unwrap(), Applied::Unchanged(1));
    store.apply(&two, None).await.unwrap();
    // Going back is a change.
    assert_eq!(store.apply(&one, None).await.unwrap(), Applied::New(3));
}

async fn a_stale_base_changes_nothing(store: &dyn Store) {
    store.apply(&draft("acme", "one", &[]), None).await.unwrap();
    store.apply(&draft("acme", "two", &[]), Some(1)).await.unwrap();
    let late = draft("acme", "three", &[]);
    assert_eq!(store.apply(&late, Some(1)).await.unwrap(), Applied::Stale(2));
    assert_eq!(store.newest("acme").await.unwrap(), Some(2));
}

async fn a_claim_has_one_owner_until_it_is_given_up(store: &dyn Store) {
    store.apply(&draft("acme", "one", &["acme.example"]), None).await.unwrap();
    let greedy = draft("other", "one", &["other.example", "acme.example"]);
    let Applied::Taken(claim) = store.apply(&greedy, None).await.unwrap() else { panic!() };
    assert_eq!((claim.name.as_str(), claim.field.as_str()), ("acme.example", "domains[1]"));
    assert_eq!(store.newest("other").await.unwrap(), None);
    let names = ["acme.example".to_owned(), "other.example".to_owned()];
    assert_eq!(
        store.owners(&names).await.unwrap(),
        [("acme.example".to_owned(), "acme".to_owned())]
    );
    store.apply(&draft("acme", "two", &[]), None).await.unwrap();
    assert_eq!(store.apply(&greedy, None).await.unwrap(), Applied::New(1));
}

async fn trying_out_stores_nothing(store: &dyn Store) {
    let one = draft("acme", "one", &["acme.example"]);
    assert_eq!(store.try_out(&one).await.unwrap(), Applied::New(1));
    assert_eq!(store.newest("acme").await.unwrap(), None);
    store.apply(&one, None).await.unwrap();
    assert_eq!(store.try_out(&one).await.unwrap(), Applied::Unchanged(1));
    let greedy = draft("other", "one", &["acme.example"]);
    assert!(matches!(store.try_out(&greedy).await.unwrap(), Applied::Taken(_)));
}

async fn the_log_has_every_version_in_order(store: &dyn Store) {
    for (company, document) in [("acme", "1"), ("other", "1"), ("acme", "2"), ("acme", "3")] {
        store.apply(&draft(company, document, &[]), None).await.unwrap();
    }
    let all = store.log(None, 0, 100).await.unwrap();
    let seen: Vec<_> = all.iter().map(|s| (s.position, s.company.as_str(), s.version)).collect();
    assert_eq!(seen, [(1, "acme", 1), (2, "other", 1), (3, "acme", 2), (4, "acme", 3)]);
    let some = store.log(Some("acme"), 1, 1).await.unwrap();
    assert_eq!(some.iter().map(|s| s.position).collect::<Vec<_>>(), [3]);
    assert_eq!(store.log(None, 4, 100).await.unwrap(), []);
}

async fn versions_are_listed_newest_first(store: &dyn Store) {
    for document in ["1", "2", "3"] {
        store.apply(&draft("acme", document, &[]), None).await.unwrap();
    }
    let numbers = |found: Vec<super::Stamp>| found.iter().map(|s| s.version).collect::<Vec<_>>();
    assert_eq!(numbers(store.versions("acme", u64::MAX, 2).await.unwrap()), [3, 2]);
    assert_eq!(numbers(store.versions("acme", 2, 2).await.unwrap()), [1]);
    assert!(store.versions("other", u64::MAX, 2).await.unwrap().is_empty());
}

async fn numbers_beyond_every_row_find_nothing(store: &dyn Store) {
    store.apply(&draft("acme", "one", &[]), None).await.unwrap();
    assert_eq!(store.version("acme", u64::MAX).await.unwrap(), None);
    assert_eq!(store.log(None, u64::MAX, 100).await.unwrap(), []);
}
