//! What every store of versions and claims must do.

use std::sync::Arc;

use chrono::DateTime;
use storage::testing::Engine;

use super::sql::SqlStore;
use super::{Applied, Draft, Stamp, Store};
use crate::claims::Claim;
use crate::migration::Migrator;

pub(crate) async fn in_memory() -> SqlStore {
    let database = storage::connect(&storage::StoreConfig::memory()).await.unwrap();
    storage::migrate::<Migrator>(&database).await.unwrap();
    SqlStore::new(database)
}

async fn open(engine: &Engine) -> SqlStore {
    let database = storage::connect(&engine.config()).await.unwrap();
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
        digest: format!("digest of {}", document.get(..40).unwrap_or(document)),
        claims: domains.iter().enumerate().map(claim).collect(),
        applied_at: DateTime::from_timestamp_micros(1_772_445_600_123_456).unwrap(),
    }
}

/// Runs a law on every kind of database.
macro_rules! suite {
    ($($law:ident)*) => {
        mod every_engine {
            $(#[tokio::test] async fn $law() {
                for engine in storage::testing::engines().await {
                    eprintln!("on {}", engine.name());
                    super::$law(&super::open(&engine).await).await;
                }
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
    names_that_no_text_can_hold_are_nobodys
    claims_follow_the_newest_version
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

async fn names_that_no_text_can_hold_are_nobodys(store: &dyn Store) {
    store.apply(&draft("acme", "one", &["acme.example"]), None).await.unwrap();
    assert_eq!(store.newest("\0").await.unwrap(), None);
    assert_eq!(store.version("\0", 0).await.unwrap(), None);
    assert!(store.versions("\0", 5, 5).await.unwrap().is_empty());
    assert!(store.log(Some("\0"), 0, 5).await.unwrap().is_empty());
    let names = ["\0".to_owned(), "acme.example".to_owned()];
    assert_eq!(store.owners(&names).await.unwrap().len(), 1);
}

async fn claims_follow_the_newest_version(store: &dyn Store) {
    let names: Vec<String> = (0..3000).map(|n| format!("d{n}.example")).collect();
    let domains = |range: std::ops::Range<usize>| names[range].iter().map(String::as_str).collect();
    for (version, range) in
        [0..2000, 1000..3000, 1000..3000, 2990..2991, 0..3000].into_iter().enumerate()
    {
        let domains: Vec<&str> = domains(range);
        store.apply(&draft("acme", &version.to_string(), &domains), None).await.unwrap();
        let mut owned: Vec<String> =
            store.owners(&names).await.unwrap().into_iter().map(|(name, _)| name).collect();
        owned.sort_unstable();
        let mut expected = domains.clone();
        expected.sort_unstable();
        assert_eq!(owned, expected, "version {version}");
    }
}

/// Runs a law on every database that two stores can share.
async fn with_two<F: Future<Output = ()>>(law: impl Fn([Arc<SqlStore>; 2]) -> F) {
    for engine in storage::testing::engines().await.iter().filter(|engine| engine.is_shared()) {
        eprintln!("on {}", engine.name());
        let stores = [open(engine).await, open(engine).await];
        law(stores.map(Arc::new)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_and_the_log_have_no_gaps_while_replicas_apply() {
    const COMPANIES: usize = 6;
    const ROUNDS: usize = 12;
    with_two(async |stores| {
        let applies = (0..COMPANIES * 2).map(|n| {
            let store = Arc::clone(&stores[n % 2]);
            tokio::spawn(async move {
                // Two at a time change one company.
                let company = format!("c{}", n / 2);
                for round in 0..ROUNDS {
                    let document = format!("{n} {round} {}", "x".repeat(n * 1000 % 7000));
                    let applied = store.apply(&draft(&company, &document, &[]), None).await;
                    assert!(matches!(applied.unwrap(), Applied::New(_)));
                }
            })
        });
        let applying = tokio::spawn(futures::future::join_all(applies));
        let mut seen: Vec<Stamp> = Vec::new();
        loop {
            let over = applying.is_finished();
            let after = seen.last().map_or(0, |stamp| stamp.position);
            let log = stores[0].log(None, after, 5).await.unwrap();
            if over && log.is_empty() {
                break;
            }
            for stamp in log {
                let before = seen.last().map_or(0, |stamp| stamp.position);
                assert_eq!(stamp.position, before + 1, "a gap, or one that came too late");
                seen.push(stamp);
            }
        }
        applying.await.unwrap().into_iter().for_each(Result::unwrap);
        for n in 0..COMPANIES {
            let company = format!("c{n}");
            let versions = seen.iter().filter(|stamp| stamp.company == company);
            let versions: Vec<u64> = versions.map(|stamp| stamp.version).collect();
            assert_eq!(versions, (1..=2 * ROUNDS as u64).collect::<Vec<_>>());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn companies_that_claim_what_is_the_others_at_once_do_not_both_get_it() {
    with_two(async |stores| {
        for round in 0..25 {
            // Each wants a domain and an assistant in the other's: whoever is second cannot have it.
            let (mine, theirs) = (format!("a{round}.example"), format!("b{round}.example"));
            let (mail, letter) = (format!("rec@{mine}"), format!("rec@{theirs}"));
            let drafts = [
                draft(&format!("a{round}"), "x", &[&mine, &letter]),
                draft(&format!("b{round}"), "x", &[&theirs, &mail]),
            ];
            let tries = drafts.into_iter().zip(&stores).map(|(draft, store)| {
                let store = Arc::clone(store);
                tokio::spawn(async move { store.apply(&draft, None).await.unwrap() })
            });
            let done = futures::future::join_all(tries).await;
            let new = done.into_iter().filter(|one| matches!(one, Ok(Applied::New(1)))).count();
            assert_eq!(new, 1, "in round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_based_on_one_that_others_follow_too_is_made_once() {
    with_two(async |stores| {
        stores[0].apply(&draft("acme", "first", &[]), None).await.unwrap();
        for base in 1..=15 {
            let tries = (0..6).map(|n| {
                let store = Arc::clone(&stores[n % 2]);
                let draft = draft("acme", &format!("{base} {n}"), &[]);
                tokio::spawn(async move { store.apply(&draft, Some(base)).await.unwrap() })
            });
            let done = futures::future::join_all(tries).await;
            let mut done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
            done.sort_by_key(|applied| matches!(applied, Applied::Stale(_)));
            assert_eq!(done[0], Applied::New(base + 1));
            assert!(done[1..].iter().all(|one| *one == Applied::Stale(base + 1)), "{done:?}");
        }
    })
    .await;
}
