//! How provider-adapters learn what they must know of calls: the company's set-up and hosts, and single conferences.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use decision::Conference;
use prost::Message as _;
use proto::Invalid;
use proto::provider::v1::ApplyProviderFactsRequest;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::error::Error;
use crate::facts::{self, Known};
use crate::store::Store;

/// Members of all policy versions in memory: some 300 bytes each.
const MEMBERS: usize = 500_000;
/// Members of all drafts in memory.
const DRAFTS: usize = 200_000;
/// What a draft weighs besides, so that there are not many of them.
const DRAFT: usize = 5_000;
/// How long it is taken for true that nothing is known of any conference of a company. Another process may learn
/// something meanwhile; this one forgets what it took for true when it learns something itself.
const SILENCE: Duration = Duration::from_secs(5);
/// Companies of which that is remembered.
const SILENT: usize = 10_000;

/// Learns facts.
#[derive(Debug)]
pub(crate) struct Gather {
    store: Arc<dyn Store>,
    facts: Cache<(Arc<str>, u64), Known>,
    /// By the digest of all they say.
    drafts: Cache<[u8; 32], Known>,
    silent: Mutex<Silent>,
}

/// Companies of which no conference is known.
#[derive(Debug, Default)]
struct Silent {
    /// Since when.
    since: HashMap<String, Instant>,
    /// How often something was learned: what was read before that is not taken for true any more.
    learned: u64,
}

impl Gather {
    /// Learns through a store.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let facts = Cache::new(MEMBERS, |known: &Known| known.hosts.len());
        let drafts = Cache::new(DRAFTS, |known: &Known| known.hosts.len() + DRAFT);
        Self { store, facts, drafts, silent: Mutex::default() }
    }

    /// The store, for what is applied.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The facts of a policy version.
    ///
    /// # Errors
    /// It was not applied here, or the store fails.
    pub(crate) async fn facts(&self, company: &str, version: u64) -> Result<Arc<Known>, Error> {
        let load = async || {
            let kept = self.store.facts(company, version).await?;
            kept.map(Known::compile)
                .ok_or_else(|| Error::UnknownVersion { company: company.to_owned(), version })
        };
        self.facts.get_or_load((Arc::from(company), version), load).await
    }

    /// Proposed facts, checked as those that are applied and made ready once. Nothing of them is stored.
    ///
    /// # Errors
    /// They are of another company, or could not be applied.
    pub(crate) async fn draft(
        &self,
        company: &str,
        draft: ApplyProviderFactsRequest,
    ) -> Result<Arc<Known>, Error> {
        if draft.company != company {
            let problem = format!("it is `{}` in a request for `{company}`", draft.company);
            return Err(Invalid::Text { field: "draft.company", problem }.into());
        }
        let digest: [u8; 32] = Sha256::digest(draft.encode_to_vec()).into();
        let compile = async || Ok(Known::compile(facts::from_wire(draft)?.2));
        self.drafts.get_or_load(digest, compile).await
    }

    /// The newest policy version of a company and its facts; none where nothing was applied.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn newest(&self, company: &str) -> Result<Option<(u64, Arc<Known>)>, Error> {
        match self.store.newest_version(company).await? {
            Some(version) => Ok(Some((version, self.facts(company, version).await?))),
            None => Ok(None),
        }
    }

    /// Which conferences can be heard, as far as that is known, with at most one query.
    ///
    /// # Errors
    /// The store fails. What a store could not say is not told as unknown: the caller warns of a check not made.
    pub(crate) async fn audio(
        &self,
        company: &str,
        conferences: HashSet<&Conference>,
    ) -> Result<HashMap<Conference, bool>, Error> {
        let asked_at = Instant::now();
        let learned = {
            let silent = self.silent();
            let since = silent.since.get(company);
            if conferences.is_empty()
                || since.is_some_and(|since| asked_at.duration_since(*since) < SILENCE)
            {
                return Ok(HashMap::new());
            }
            silent.learned
        };
        let audio = self.store.audio(company, &conferences).await?;
        let mut silent = self.silent();
        if !audio.more && audio.known.is_empty() && silent.learned == learned {
            if silent.since.len() >= SILENT {
                silent.since.clear();
            }
            silent.since.insert(company.to_owned(), asked_at);
        }
        Ok(audio.known)
    }

    /// Notes what is known of a conference.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn keep_audio(
        &self,
        company: &str,
        conference: &Conference,
        computer_audio: Option<bool>,
    ) -> Result<(), Error> {
        self.store.keep_audio(company, conference, computer_audio).await?;
        let mut silent = self.silent();
        silent.learned += 1;
        silent.since.remove(company);
        Ok(())
    }

    fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::store::Audio;
    use async_trait::async_trait;
    use decision::Provider;
    use proto::provider::v1::HostFacts;

    /// What replicas share.
    #[derive(Debug, Default)]
    struct Shared {
        heard: Mutex<HashMap<Conference, bool>>,
        queries: Mutex<u32>,
    }

    #[async_trait]
    impl Store for Shared {
        async fn keep_facts(&self, _: &str, _: u64, _: &Facts) -> Result<(), Error> {
            Ok(())
        }

        async fn facts(&self, _: &str, _: u64) -> Result<Option<Facts>, Error> {
            Ok(None)
        }

        async fn newest_version(&self, _: &str) -> Result<Option<u64>, Error> {
            Ok(None)
        }

        async fn keep_audio(
            &self,
            _: &str,
            conference: &Conference,
            computer_audio: Option<bool>,
        ) -> Result<(), Error> {
            let mut heard = self.heard.lock().unwrap();
            heard.extend(computer_audio.map(|it| (conference.clone(), it)));
            Ok(())
        }

        async fn audio(&self, _: &str, asked: &HashSet<&Conference>) -> Result<Audio, Error> {
            *self.queries.lock().unwrap() += 1;
            // Read now, answered later.
            let heard = self.heard.lock().unwrap().clone();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let more = !heard.is_empty();
            let known = heard.into_iter().filter(|(it, _)| asked.contains(it)).collect();
            Ok(Audio { known, more })
        }
    }

    fn conference() -> Conference {
        Conference { provider: Provider::Teams, id: "19:a@thread.v2".into() }
    }

    async fn heard(gather: &Gather) -> Option<bool> {
        let conference = conference();
        let known = gather.audio("acme", HashSet::from([&conference])).await.unwrap();
        known.get(&conference).copied()
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_replica_learns_is_known_to_all_within_five_seconds() {
        for pause in (0..6_000).step_by(500) {
            let shared = Arc::new(Shared::default());
            let (here, there) = (Gather::new(shared.clone()), Gather::new(shared.clone()));
            assert_eq!(heard(&there).await, None);
            tokio::time::advance(Duration::from_millis(pause)).await;
            // Asked again and again, which must not make it believe any longer.
            // It is learned at once, while the other replica's query may be under way.
            let learned = Instant::now();
            let (conference, asked) = (conference(), heard(&there));
            let (_, kept) = tokio::join!(asked, here.keep_audio("acme", &conference, Some(false)));
            kept.unwrap();
            while learned.elapsed() < SILENCE {
                heard(&there).await;
                tokio::time::advance(Duration::from_millis(100)).await;
            }
            assert_eq!(heard(&there).await, Some(false), "{pause}");
            // Where it was learned it is known at once.
            assert_eq!(heard(&here).await, Some(false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_nothing_is_known_is_believed_for_a_while() {
        let shared = Arc::new(Shared::default());
        let gather = Gather::new(shared.clone());
        for _ in 0..10 {
            assert_eq!(heard(&gather).await, None);
        }
        assert_eq!(*shared.queries.lock().unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_learned_while_the_store_is_asked_is_not_forgotten() {
        let shared = Arc::new(Shared::default());
        let gather = Gather::new(shared);
        let learning = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            gather.keep_audio("acme", &conference(), Some(false)).await.unwrap();
        };
        let (before, ()) = tokio::join!(heard(&gather), learning);
        assert_eq!(before, None);
        assert_eq!(heard(&gather).await, Some(false));
    }

    #[tokio::test]
    async fn a_draft_is_made_ready_once_and_few_are_kept() {
        let gather = Gather::new(Arc::new(Shared::default()));
        let draft = |members: usize, name: &str| ApplyProviderFactsRequest {
            company: "acme".into(),
            hosts: (0..members)
                .map(|n| HostFacts { member: format!("{name}{n}"), ..HostFacts::default() })
                .collect(),
            ..ApplyProviderFactsRequest::default()
        };
        let first = gather.draft("acme", draft(1, "m")).await.unwrap();
        assert!(Arc::ptr_eq(&first, &gather.draft("acme", draft(1, "m")).await.unwrap()));
        assert!(!Arc::ptr_eq(&first, &gather.draft("acme", draft(1, "n")).await.unwrap()));
        gather.draft("acme", draft(DRAFTS, "m")).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &gather.draft("acme", draft(1, "m")).await.unwrap()));
    }
}
