//! Measures how many notices a second each kind of feed carries, beside bare Redis Streams.
//!
//! `cargo run --release -p feed --example rate [notices]`, with `CALLSHEET_TEST_REDIS` and, for a table in PostgreSQL,
//! `CALLSHEET_TEST_POSTGRES`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use feed::{Feed, Notice, RedisFeed, Settings, TableFeed};
use redis::streams::StreamReadReply;
use sea_orm_migration::prelude::*;
use storage::testing::engines;

const BATCH: usize = 500;
const CONSUMERS: usize = 4;

#[tokio::main]
async fn main() {
    let count = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    println!("{count} notices, batches of {BATCH}, one publisher, then {CONSUMERS} consumers");
    println!("{:<24} {:>12} {:>12}", "", "published/s", "done/s");
    let settings = Settings { capacity: count * 2, batch: BATCH, ..Settings::default() };
    if let Ok(url) = std::env::var("CALLSHEET_TEST_REDIS") {
        // Twice each, in turn, so that neither has the warmer machine.
        for _ in 0..2 {
            let prefix = format!("rate-{:032x}", rand::random::<u128>());
            bare(&url, &prefix, count).await;
            let settings = Settings { redis: Some(url.clone()), prefix, ..settings.clone() };
            let feed = || -> Arc<dyn Feed> { Arc::new(RedisFeed::new(&settings).unwrap()) };
            measure("feed on Redis Streams", feed, count).await;
        }
    } else {
        println!("without Redis: CALLSHEET_TEST_REDIS is not set");
    }
    for engine in engines().await {
        let store = storage::connect(&engine.config()).await.unwrap();
        storage::migrate::<Tables>(&store).await.unwrap();
        let feed = || -> Arc<dyn Feed> { Arc::new(TableFeed::new(&store, "rate", &settings)) };
        measure(&format!("feed on a table, {}", engine.name()), feed, count).await;
    }
}

fn notices(count: usize) -> Vec<Notice> {
    let notice = |number| Notice {
        topic: "meetings".to_owned(),
        company: "acme".to_owned(),
        subject: format!("0199f3a2-7c1e-7d10-8f00-{number:012x}"),
        revision: 1,
        note: String::new(),
    };
    (0..count).map(notice).collect()
}

fn tell(what: &str, count: usize, publishing: Duration, working: Duration) {
    let rate = |took: Duration| count as f64 / took.as_secs_f64();
    println!("{what:<24} {:>12.0} {:>12.0}", rate(publishing), rate(working));
}

async fn measure(what: &str, feed: impl Fn() -> Arc<dyn Feed>, count: usize) {
    let publisher = feed();
    let notices = notices(count);
    let begun = Instant::now();
    publisher.publish(&notices).await.unwrap();
    let publishing = begun.elapsed();
    let left = Arc::new(AtomicUsize::new(count));
    let begun = Instant::now();
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| {
            let (feed, left) = (feed(), Arc::clone(&left));
            tokio::spawn(async move {
                while left.load(Ordering::SeqCst) > 0 {
                    let some = feed.next(BATCH, Duration::from_millis(10)).await.unwrap();
                    feed.done(&some).await.unwrap();
                    left.fetch_sub(some.len(), Ordering::SeqCst);
                }
            })
        })
        .collect();
    for consumer in consumers {
        consumer.await.unwrap();
    }
    tell(what, count, publishing, begun.elapsed());
}

/// The same with pipelines of XADD, and XREADGROUP with XACK and XDEL, which promise nothing: no limit, no second attempt.
async fn bare(url: &str, prefix: &str, count: usize) {
    let client = redis::Client::open(url).unwrap();
    let mut line = client.get_multiplexed_async_connection().await.unwrap();
    let stream = format!("{prefix}:bare");
    let created = redis::cmd("XGROUP")
        .arg("CREATE")
        .arg(&stream)
        .arg("g")
        .arg("0")
        .arg("MKSTREAM")
        .to_owned();
    created.exec_async(&mut line).await.unwrap();
    let notices = notices(count);
    let begun = Instant::now();
    for notices in notices.chunks(BATCH) {
        let mut calls = redis::pipe();
        for notice in notices {
            calls.cmd("XADD").arg(&stream).arg("*").arg("t").arg(&notice.topic);
            calls.arg("c").arg(&notice.company).arg("s").arg(&notice.subject);
            calls.arg("r").arg(notice.revision).arg("n").arg(&notice.note).ignore();
        }
        calls.exec_async(&mut line).await.unwrap();
    }
    let publishing = begun.elapsed();
    let left = Arc::new(AtomicUsize::new(count));
    let begun = Instant::now();
    let mut consumers = Vec::new();
    for number in 0..CONSUMERS {
        let mut line = client.get_multiplexed_async_connection().await.unwrap();
        let (stream, left) = (stream.clone(), Arc::clone(&left));
        consumers.push(tokio::spawn(async move {
            while left.load(Ordering::SeqCst) > 0 {
                let mut read = redis::cmd("XREADGROUP");
                read.arg("GROUP").arg("g").arg(number).arg("COUNT").arg(BATCH);
                read.arg("STREAMS").arg(&stream).arg(">");
                let reply: Option<StreamReadReply> = read.query_async(&mut line).await.unwrap();
                let Some(reply) = reply else { continue };
                let ids: Vec<&str> =
                    reply.keys.iter().flat_map(|key| &key.ids).map(|id| id.id.as_str()).collect();
                let mut calls = redis::pipe();
                calls.cmd("XACK").arg(&stream).arg("g").arg(&ids).ignore();
                calls.cmd("XDEL").arg(&stream).arg(&ids).ignore();
                calls.exec_async(&mut line).await.unwrap();
                left.fetch_sub(ids.len(), Ordering::SeqCst);
            }
        }));
    }
    for consumer in consumers {
        consumer.await.unwrap();
    }
    tell("bare Redis Streams", count, publishing, begun.elapsed());
    redis::cmd("DEL").arg(&stream).exec_async(&mut line).await.unwrap();
}

struct Tables;

impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First)]
    }

    fn migration_table_name() -> DynIden {
        "rate_migrations".into_iden()
    }
}

#[derive(DeriveMigrationName)]
struct First;

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        feed::create_tables(manager, "rate").await
    }
}
