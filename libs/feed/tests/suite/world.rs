//! What the tests stand on: feeds of every kind, and servers of their own.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use feed::{Delivery, Feed, Notice, RedisFeed, Settings, TableFeed};
use sea_orm_migration::prelude::*;
use storage::Store;
use storage::testing::{Engine, SERVERS, engines};

/// Names a Redis that tests may write to, each under keys of its own.
const REDIS: &str = "CALLSHEET_TEST_REDIS";

/// A place in which feeds share their work.
pub(crate) struct World {
    pub(crate) name: String,
    kind: Kind,
}

enum Kind {
    Table { store: Store, _engine: Engine },
    Redis { url: String, prefix: String },
}

impl World {
    /// One of each kind that there is, and nothing in it.
    pub(crate) async fn all() -> Vec<Self> {
        let mut worlds = Vec::new();
        for engine in engines().await {
            let store = storage::connect(&engine.config()).await.unwrap();
            storage::migrate::<Tables>(&store).await.unwrap();
            let name = format!("a table, {}", engine.name());
            worlds.push(Self { name, kind: Kind::Table { store, _engine: engine } });
        }
        worlds.extend(Self::redis());
        worlds
    }

    /// One on the Redis for tests.
    pub(crate) fn redis() -> Option<Self> {
        match std::env::var(REDIS) {
            Ok(url) => Some(Self::at(&url)),
            Err(_) => {
                missing(&format!("{REDIS} is not set"));
                None
            }
        }
    }

    /// One on a Redis.
    pub(crate) fn at(url: &str) -> Self {
        let prefix = format!("test-{:032x}", rand::random::<u128>());
        Self { name: "redis".to_owned(), kind: Kind::Redis { url: url.to_owned(), prefix } }
    }

    /// A consumer, apart from every other.
    pub(crate) fn feed(&self, settings: Settings) -> Arc<dyn Feed> {
        match &self.kind {
            Kind::Table { store, .. } => Arc::new(TableFeed::new(store, "test", &settings)),
            Kind::Redis { url, prefix } => {
                let (redis, prefix) = (Some(url.clone()), prefix.clone());
                Arc::new(RedisFeed::new(&Settings { redis, prefix, ..settings }).unwrap())
            }
        }
    }

    pub(crate) fn is_redis(&self) -> bool {
        matches!(self.kind, Kind::Redis { .. })
    }

    /// Sends a command to Redis past the feed, with `@` for the prefix of the keys.
    pub(crate) async fn command<T: redis::FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let Kind::Redis { url, prefix } = &self.kind else { panic!("not on Redis") };
        let client = redis::Client::open(url.as_str()).unwrap();
        let mut line = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::Cmd::new();
        for word in words {
            match word.strip_prefix(b"@") {
                Some(rest) => command.arg([prefix.as_bytes(), rest].concat()),
                None => command.arg(*word),
            };
        }
        command.query_async(&mut line).await.unwrap()
    }
}

fn missing(what: &str) {
    let required = std::env::var(SERVERS).is_ok_and(|servers| servers == "required");
    assert!(!required, "{what}");
    eprintln!("skipped: {what}");
}

struct Tables;

impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First)]
    }

    fn migration_table_name() -> DynIden {
        "test_migrations".into_iden()
    }
}

#[derive(DeriveMigrationName)]
struct First;

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        feed::create_tables(manager, "test").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        feed::drop_tables(manager, "test").await
    }
}

/// A Redis of the test's own, which ends with it.
pub(crate) struct Server {
    port: u16,
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts one, unless there is no program for it.
    pub(crate) async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Ok(process) = Self::spawn(port, &folder) else {
            missing("there is no redis-server");
            return None;
        };
        let server = Self { port, process, folder };
        server.wait().await;
        Some(server)
    }

    fn spawn(port: u16, folder: &tempfile::TempDir) -> std::io::Result<Child> {
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
    }

    async fn wait(&self) {
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not listen");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again after it was killed, with what it saved.
    pub(crate) async fn start_again(&mut self) {
        self.process = Self::spawn(self.port, &self.folder).unwrap();
        self.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn notice(subject: impl std::fmt::Display, revision: u64) -> Notice {
    Notice {
        topic: "meetings".to_owned(),
        company: "acme".to_owned(),
        subject: subject.to_string(),
        revision,
        note: String::new(),
    }
}

pub(crate) fn notices(subjects: std::ops::Range<u64>) -> Vec<Notice> {
    subjects.map(|subject| notice(subject, 1)).collect()
}

pub(crate) fn subjects(deliveries: &[Delivery]) -> Vec<&str> {
    let mut subjects: Vec<&str> =
        deliveries.iter().map(|delivery| delivery.notice.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects
}

pub(crate) const SHORT: Duration = Duration::from_millis(50);
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What the feed has to offer until nothing comes for a while; nothing of it is done.
pub(crate) async fn all(feed: &Arc<dyn Feed>) -> Vec<Delivery> {
    let mut all = Vec::new();
    loop {
        let some = feed.next(100, SHORT).await.unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// The next notices, and at least one.
pub(crate) async fn some(feed: &Arc<dyn Feed>, most: usize) -> Vec<Delivery> {
    let some = feed.next(most, LONG).await.unwrap();
    assert!(!some.is_empty(), "nothing came");
    some
}

/// How often each subject occurs.
pub(crate) fn tally(deliveries: &[Delivery]) -> BTreeMap<&str, usize> {
    let mut tally = BTreeMap::new();
    for delivery in deliveries {
        *tally.entry(delivery.notice.subject.as_str()).or_default() += 1;
    }
    tally
}
