//! Webhooks verified over their bytes, kept and acknowledged, beside bare inserts of the same rows into the same database.
//!
//! `cargo bench -p provider-adapters --bench webhooks`. With `CALLSHEET_TEST_POSTGRES`, on PostgreSQL as well.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use chassis::House;
use chrono::Utc;
use signals::Secret;
use storage::sea_orm::ConnectionTrait as _;
use storage::sea_orm::sea_query::{ColumnDef, Query, Table};
use storage::testing::{Engine, engines};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "aGlkZGVuIGJlaGluZCB0aGUgbW9vbg";
/// Webhooks delivered.
const WEBHOOKS: usize = 10_000;
/// Connections they come through.
const CONNECTIONS: usize = 64;
/// Rows in one bare insert.
const BATCH: usize = 64;

fn body(n: usize) -> String {
    format!(
        r#"{{"id":"e{n}","event":"call.ringing","at":"2026-11-22T10:00:00Z","account":"A1","call":{{"id":"k{n}","direction":"outbound","from":"+15550100","to":"+15550101","user":"ada@acme.example"}}}}"#
    )
}

#[tokio::main]
async fn main() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let bare = inserted(&engine).await;
        let whole = delivered(&engine).await;
        println!(
            "{:<8}  verified, kept and acknowledged {whole:>7.0}/s   bare insert {bare:>7.0}/s   ratio {:.2}",
            engine.name(),
            whole / bare
        );
    }
}

/// Rows of the same size per second, in batches, by writers side by side.
async fn inserted(engine: &Engine) -> f64 {
    let store = storage::connect(&engine.config()).await.unwrap();
    let table = Table::create()
        .table("bench")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("name").text().not_null().unique_key())
        .col(ColumnDef::new("body").blob().not_null())
        .to_owned();
    let table = &table;
    store
        .write(|tx| async move { Ok::<_, storage::Error>(tx.execute(table).await?) })
        .await
        .unwrap();
    let began = Instant::now();
    for first in (0..WEBHOOKS).step_by(BATCH) {
        let mut insert = Query::insert();
        insert.into_table("bench").columns(["name", "body"]);
        for n in first..first + BATCH {
            insert.values_panic([format!("{n:032}").into(), body(n).into_bytes().into()]);
        }
        let insert = &insert;
        store
            .write(|tx| async move { Ok::<_, storage::Error>(tx.execute(insert).await?) })
            .await
            .unwrap();
    }
    WEBHOOKS as f64 / began.elapsed().as_secs_f64()
}

/// Webhooks per second, over sockets.
async fn delivered(engine: &Engine) -> f64 {
    let config = engine.config();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = format!(
        "store.url = '{}'\nstore.schema = '{}'\nwebhooks.listen = '{address}'\n[[connections]]\nname = 'dialer'\n\
         company = 'acme'\nprovider = 'dialer'\nsecrets = ['file:{}']\n",
        config.url,
        config.schema,
        secret.display()
    );
    let house = House::new().host::<provider_adapters::App>(settings);
    let running = house.open().await.unwrap();
    let key = Secret::new(SECRET).unwrap();
    let seconds = Utc::now().timestamp();
    let requests: Vec<Vec<u8>> = (0..WEBHOOKS)
        .map(|n| {
            let body = body(n);
            let code = signals::dialer::sign(&key, seconds, body.as_bytes());
            let request = format!(
                "POST /webhooks/dialer HTTP/1.1\r\nhost: hooks\r\ncontent-length: {}\r\n\
                 x-callsheet-signature: {code}\r\nx-callsheet-timestamp: {seconds}\r\n\r\n{body}",
                body.len()
            );
            request.into_bytes()
        })
        .collect();
    let requests = Arc::new(requests);
    let began = Instant::now();
    let senders = (0..CONNECTIONS).map(|place| {
        let requests = Arc::clone(&requests);
        tokio::spawn(async move { send(address, &requests, place).await })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let rate = WEBHOOKS as f64 / began.elapsed().as_secs_f64();
    running.shutdown().await.unwrap();
    rate
}

/// Sends every so-manieth request, each when the one before was answered.
async fn send(address: SocketAddr, requests: &[Vec<u8>], place: usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = [0; 1024];
    for request in requests.iter().skip(place).step_by(CONNECTIONS) {
        stream.write_all(request).await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{:?}", &answer[..read]);
    }
}
