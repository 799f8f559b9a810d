//! What the tests stand on: a server that misbehaves as told, stores, and media made by hand.

pub(crate) mod bucket;
pub(crate) mod made;
pub(crate) mod server;

use media::fetch::{Lookup, Pace};
use media::{Download, Fetcher, HostRule, Hosts, Key, Reach, Recording, Store};
use object_store::ObjectStoreExt as _;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A store, and the folder it lies in if it lies in one.
pub(crate) struct Place {
    pub(crate) store: Store,
    folder: Option<tempfile::TempDir>,
}

impl Place {
    /// The same store as another process would find it.
    pub(crate) fn again(&self) -> Store {
        match &self.folder {
            Some(folder) => Store::folder(folder.path()).unwrap(),
            None => self.store.clone(),
        }
    }

    /// Waits until it has been noted that something of a recording arrived, for a while.
    pub(crate) async fn noted(&self, key: &Key) {
        let path = key.folder().join("progress.json");
        for _ in 0..1000 {
            if let Ok(found) = self.store.objects().get(&path).await {
                let bytes = found.bytes().await.unwrap();
                // Where it is a file it may be being written.
                let noted: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
                if noted["bytes"].as_u64() > Some(0) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The names of all objects of a recording, without where they lie.
    pub(crate) async fn names(&self, key: &Key) -> Vec<String> {
        use futures::TryStreamExt as _;
        let folder = key.folder();
        let listed = self.store.objects().list(Some(&folder));
        let objects: Vec<_> = listed.try_collect().await.unwrap();
        let mut names: Vec<String> = objects
            .iter()
            .filter_map(|object| object.location.filename().map(str::to_owned))
            .collect();
        names.sort();
        names
    }
}

/// One of each kind of store.
pub(crate) fn places() -> [Place; 2] {
    let folder = tempfile::tempdir().unwrap();
    [
        Place { store: Store::memory(), folder: None },
        Place { store: Store::folder(folder.path()).unwrap(), folder: Some(folder) },
    ]
}

/// Every name that ends in `.example` is this machine; `private.example` is not to be asked.
pub(crate) fn lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let ip = match name.as_str() {
                "private.example" => [10, 0, 0, 1],
                _ => [127, 0, 0, 1],
            };
            Ok(vec![ip.into()])
        })
    })
}

/// As fast as a test wants it.
pub(crate) fn pace() -> Pace {
    Pace {
        connect: Duration::from_secs(2),
        idle: Duration::from_secs(5),
        deadline: Duration::from_secs(60),
        pause: Duration::from_millis(10),
        ..Pace::default()
    }
}

/// What only a laptop may.
pub(crate) const LAPTOP: Reach = Reach { plain_http: true, loopback: true };

/// A fetcher that finds the servers of the tests.
pub(crate) fn fetcher(store: &Store, pace: Pace) -> Fetcher {
    Fetcher::resolving(store.clone(), LAPTOP, pace, lookup()).unwrap()
}

/// A download from a server of the tests.
pub(crate) fn download(url: &str) -> Download {
    Download { largest: 100 << 20, ..Download::new(key("r1"), Url::parse(url).unwrap()) }
}

/// A key of the tests.
pub(crate) fn key(name: &str) -> Key {
    Key::new("acme", name).unwrap()
}

/// A list of hosts.
pub(crate) fn only(hosts: &[&str]) -> Hosts {
    Hosts::Only(rules(hosts))
}

/// Rules over hosts.
pub(crate) fn rules(hosts: &[&str]) -> Vec<HostRule> {
    hosts.iter().map(|host| host.parse().unwrap()).collect()
}

/// What a recording holds in the store.
pub(crate) async fn content(store: &Store, recording: &Recording) -> Vec<u8> {
    store.objects().get(&recording.path()).await.unwrap().bytes().await.unwrap().to_vec()
}

/// So many bytes that no two places look alike.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// SHA-256 as a provider would tell it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}
