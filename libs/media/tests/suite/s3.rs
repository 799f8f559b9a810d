//! The same over the protocol of S3, against a bucket on a socket.

use crate::support::bucket::{self, Bucket};
use crate::support::server::{Reply, Server};
use crate::support::{content, download, fetcher, key, noise, pace};
use media::fetch::Pace;
use media::store::{Secret, Settings};
use media::{Error, Store};
use std::sync::{Arc, Mutex};

const MIB: usize = 1 << 20;

async fn store() -> (Store, Arc<Mutex<Bucket>>) {
    let (server, bucket) = bucket::serve().await;
    let settings = Settings {
        url: "s3://recordings/some/prefix".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{}", server.port)),
        region: Some("eu-central-1".to_owned()),
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some(Secret::new("s3cret")),
        plain_http: true,
        ..Settings::default()
    };
    (settings.open().unwrap(), bucket)
}

fn once() -> Pace {
    Pace { tries: 0, ..pace() }
}

#[tokio::test]
async fn large_and_small_arrive_whole() {
    let (store, bucket) = store().await;
    for length in [0, 1000, 8 * MIB, 20 * MIB + 1] {
        let server =
            Server::start(move |seen, _| Reply::file(seen, &noise(length), "\"v1\"")).await;
        let mut download = download(&server.url("files.example", "/rec"));
        download.key = key(&format!("r{length}"));
        let got = fetcher(&store, pace()).fetch(&download).await.unwrap();
        assert!(content(&store, &got).await == noise(length));
        let bucket = bucket.lock().unwrap();
        let prefix = format!("some/prefix/acme/r{length}/");
        let names: Vec<_> =
            bucket.objects.keys().filter(|name| name.starts_with(&prefix)).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(bucket.uploads.is_empty());
    }
}

#[tokio::test]
async fn an_upload_outlives_the_process_that_began_it() {
    let (store, bucket) = store().await;
    let server = Server::start(|seen, before| {
        let reply = Reply::file(seen, &noise(21 * MIB), "\"v1\"");
        if before == 0 { reply.cut(18 * MIB) } else { reply }
    })
    .await;
    let download = download(&server.url("files.example", "/rec"));
    fetcher(&store, once()).fetch(&download).await.unwrap_err();
    assert_eq!(bucket.lock().unwrap().uploads.len(), 1);
    let got = fetcher(&store, once()).fetch(&download).await.unwrap();
    assert!(content(&store, &got).await == noise(21 * MIB));
    assert_eq!(server.seen()[1].header("range"), Some(format!("bytes={}-", 18 * MIB).as_str()));
    assert!(bucket.lock().unwrap().uploads.is_empty());
}

#[tokio::test]
async fn an_upload_the_store_has_given_up_is_begun_anew() {
    let (store, bucket) = store().await;
    let server = Server::start(|seen, before| {
        let reply = Reply::file(seen, &noise(34 * MIB), "\"v1\"");
        if before == 0 { reply.cut(18 * MIB) } else { reply }
    })
    .await;
    let download = download(&server.url("files.example", "/rec"));
    fetcher(&store, once()).fetch(&download).await.unwrap_err();
    bucket.lock().unwrap().uploads.clear();
    let got = fetcher(&store, pace()).fetch(&download).await.unwrap();
    assert!(content(&store, &got).await == noise(34 * MIB));
}

#[tokio::test]
async fn deleting_gives_up_the_upload_too() {
    let (store, bucket) = store().await;
    let server =
        Server::start(|seen, _| Reply::file(seen, &noise(21 * MIB), "\"v1\"").cut(18 * MIB)).await;
    let download = download(&server.url("files.example", "/rec"));
    fetcher(&store, once()).fetch(&download).await.unwrap_err();
    store.delete(&download.key).await.unwrap();
    {
        let bucket = bucket.lock().unwrap();
        assert!(bucket.uploads.is_empty());
        assert_eq!(
            bucket.objects.keys().collect::<Vec<_>>(),
            ["some/prefix/acme/r1/manifest.json"]
        );
    }
    assert!(matches!(fetcher(&store, once()).fetch(&download).await, Err(Error::Deleted)));
}

#[tokio::test]
async fn an_upload_of_which_no_part_arrived_is_given_up_too() {
    let (store, bucket) = store().await;
    let server = Server::start(|seen, _| Reply::file(seen, &noise(21 * MIB), "\"v1\"")).await;
    let download = download(&server.url("files.example", "/rec"));
    bucket.lock().unwrap().no_parts = true;
    fetcher(&store, once()).fetch(&download).await.unwrap_err();
    assert_eq!(bucket.lock().unwrap().uploads.len(), 1);
    store.delete(&download.key).await.unwrap();
    assert!(bucket.lock().unwrap().uploads.is_empty());
}

#[tokio::test]
async fn a_store_in_passing_trouble_is_borne_with() {
    let (store, bucket) = store().await;
    let server = Server::start(|seen, _| Reply::file(seen, &noise(9 * MIB), "\"v1\"")).await;
    bucket.lock().unwrap().trouble = 2;
    let got = fetcher(&store, pace())
        .fetch(&download(&server.url("files.example", "/rec")))
        .await
        .unwrap();
    assert!(content(&store, &got).await == noise(9 * MIB));
}
