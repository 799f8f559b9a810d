//! Policies made ready for judging, each once, as many as the settings say.

use std::sync::Arc;

use decision::{CompanyFile, Policy};

use crate::error::Error;
use crate::recent::Recent;
use crate::store::Store;

/// Policies by company and version. A version never changes, so nothing in here grows old.
#[derive(Debug)]
pub(crate) struct Policies {
    store: Arc<dyn Store>,
    recent: Recent<(String, u64), Arc<Policy>>,
}

impl Policies {
    /// Keeps at most `capacity` policies, at least one.
    pub(crate) fn new(store: Arc<dyn Store>, capacity: usize) -> Self {
        Self { store, recent: Recent::new(capacity) }
    }

    /// What is asked of the store besides versions.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The policy of a company at a version, the newest for 0. Those who ask at the same time wait for one of them.
    ///
    /// # Errors
    /// [`Error::UnknownCompany`], [`Error::UnknownVersion`], or those of the store. None of them is remembered.
    pub(crate) async fn get(&self, company: &str, version: u64) -> Result<Arc<Policy>, Error> {
        let version = match version {
            0 => self.newest(company).await?,
            version => version,
        };
        let key = (company.to_owned(), version);
        self.recent.get(&key, || self.compile(company, version)).await
    }

    async fn newest(&self, company: &str) -> Result<u64, Error> {
        let unknown = || Error::UnknownCompany(company.to_owned());
        self.store.newest(company).await?.ok_or_else(unknown)
    }

    async fn compile(&self, company: &str, version: u64) -> Result<Arc<Policy>, Error> {
        let Some(found) = self.store.version(company, version).await? else {
            let newest = self.newest(company).await?;
            return Err(Error::UnknownVersion { company: company.to_owned(), version, newest });
        };
        // Automata of thousands of keywords take their time.
        tokio::task::spawn_blocking(move || {
            let file = CompanyFile::from_canonical(&found.document).map_err(Error::Unreadable)?;
            Ok(Arc::new(Policy::compile(&file, version)))
        })
        .await?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::gather::Owners;
    use crate::store::suite;
    use crate::store::{Applied, Draft, Stamp, Version};

    /// A store that counts what it is asked.
    #[derive(Debug)]
    struct Counted {
        store: crate::store::sql::SqlStore,
        asked: AtomicUsize,
    }

    impl Counted {
        fn asked(&self) -> usize {
            self.asked.swap(0, Ordering::Relaxed)
        }

        fn count(&self) -> &dyn Store {
            self.asked.fetch_add(1, Ordering::Relaxed);
            &self.store
        }
    }

    #[async_trait::async_trait]
    impl Store for Counted {
        async fn newest(&self, company: &str) -> Result<Option<u64>, storage::Error> {
            self.count().newest(company).await
        }
        async fn version(&self, company: &str, v: u64) -> Result<Option<Version>, storage::Error> {
            self.count().version(company, v).await
        }
        async fn versions(&self, c: &str, b: u64, n: u64) -> Result<Vec<Stamp>, storage::Error> {
            self.count().versions(c, b, n).await
        }
        async fn log(&self, c: Option<&str>, a: u64, n: u64) -> Result<Vec<Stamp>, storage::Error> {
            self.count().log(c, a, n).await
        }
        async fn owners(&self, names: &[String]) -> Result<Vec<(String, String)>, storage::Error> {
            self.count().owners(names).await
        }
        async fn try_out(&self, draft: &Draft) -> Result<Applied, storage::Error> {
            self.count().try_out(draft).await
        }
        async fn apply(&self, d: &Draft, base: Option<u64>) -> Result<Applied, storage::Error> {
            self.count().apply(d, base).await
        }
    }

    async fn world(capacity: usize, versions: usize) -> (Arc<Counted>, Policies) {
        let store = suite::in_memory().await;
        for i in 0..versions {
            let mut file = CompanyFile::named("acme");
            file.name = i.to_string();
            let draft = suite::draft("acme", &file.canonical(), &["acme.example"]);
            store.apply(&draft, None).await.unwrap();
        }
        let store = Arc::new(Counted { store, asked: AtomicUsize::new(0) });
        (Arc::clone(&store), Policies::new(store, capacity))
    }

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_cost_one_query() {
        let (store, policies) = world(4, 1).await;
        let all = futures::future::join_all((0..32).map(|_| policies.get("acme", 1))).await;
        assert_eq!(store.asked(), 1);
        let first = all[0].as_ref().unwrap();
        assert!(all.iter().all(|one| Arc::ptr_eq(first, one.as_ref().unwrap())));
    }

    #[tokio::test]
    async fn a_cached_version_costs_no_query_and_the_newest_one() {
        let (store, policies) = world(4, 2).await;
        policies.get("acme", 0).await.unwrap();
        store.asked();
        assert_eq!(policies.get("acme", 2).await.unwrap().version, 2);
        assert_eq!(store.asked(), 0);
        assert_eq!(policies.get("acme", 0).await.unwrap().version, 2);
        assert_eq!(store.asked(), 1);
    }

    #[tokio::test]
    async fn the_policy_unused_longest_gives_way() {
        let (store, policies) = world(2, 3).await;
        for version in [1, 2, 1, 3] {
            policies.get("acme", version).await.unwrap();
        }
        store.asked();
        for (version, queries) in [(1, 0), (3, 0), (2, 1)] {
            policies.get("acme", version).await.unwrap();
            assert_eq!(store.asked(), queries, "version {version}");
        }
        assert_eq!(policies.recent.len(), 2);
    }

    #[tokio::test]
    async fn what_is_unknown_is_not_remembered() {
        let (_, policies) = world(4, 1).await;
        assert!(matches!(policies.get("other", 0).await, Err(Error::UnknownCompany(_))));
        assert!(matches!(policies.get("other", 1).await, Err(Error::UnknownCompany(_))));
        assert!(matches!(
            policies.get("acme", 2).await,
            Err(Error::UnknownVersion { version: 2, newest: 1, .. })
        ));
        assert_eq!(policies.recent.len(), 0);
        let mut file = CompanyFile::named("acme");
        file.name = "later".to_owned();
        let draft = suite::draft("acme", &file.canonical(), &[]);
        policies.store().apply(&draft, None).await.unwrap();
        assert_eq!(policies.get("acme", 2).await.unwrap().version, 2);
    }

    #[tokio::test]
    async fn recipients_cost_one_query_for_all_of_them_and_none_where_there_are_none() {
        let (store, _) = world(4, 1).await;
        Owners::of(&*store, ["", "", "no address"].into_iter()).await.unwrap();
        assert_eq!(store.asked(), 0);
        let recipients =
            ["X@eu.acme.example", "y@acme.example", "z@nobody.example", "acme.example"];
        let owners = Owners::of(&*store, recipients.into_iter()).await.unwrap();
        assert_eq!(store.asked(), 1);
        let found = recipients.map(|recipient| owners.stranger(recipient, "other", None));
        assert_eq!(found, [Some("acme"), Some("acme"), None, Some("acme")]);
        assert!(recipients.iter().all(|it| owners.stranger(it, "acme", None).is_none()));
    }
}
