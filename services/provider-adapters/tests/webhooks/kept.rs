//! Which webhooks are believed and kept, once each, and how the others are answered.

use std::time::Duration;

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use proto::provider::v1::Adapter;
use serde_json::json;
use storage::sea_orm::{ConnectionTrait as _, Statement};
use storage::testing::{Engine, engines};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bodies::{PROVIDERS, body};
use crate::world::{SECRET, World, mac, now, request};

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_believed_by_its_own_proof_and_kept_once() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        for (before, provider) in (0..).zip(PROVIDERS) {
            let sent = body(provider, "77");
            let well = if provider == "teams" { 202 } else { 200 };
            assert_eq!(world.deliver(provider, &sent).await, well, "{provider}");
            assert_eq!(world.kept().await, before + 1, "{provider}");
            assert_eq!(world.deliver(provider, &sent).await, well, "{provider} again");
            assert_eq!(world.kept().await, before + 1, "{provider} again");
            // The bytes are others than those that were signed.
            let proof = world.signed(provider, &sent);
            let tampered = sent.replace("77", "78").replace(SECRET, "aGlkZGVuIGJlaGluZCB0aGUgc3Vu");
            let proof = if provider == "ringcentral" {
                vec![("verification-token".to_owned(), "another".to_owned())]
            } else {
                proof
            };
            let path = format!("/webhooks/{provider}");
            let refused = if provider == "teams" { 202 } else { 401 };
            assert_eq!(
                world.send(&path, &proof, &tampered).await.0,
                refused,
                "{provider} tampered"
            );
            if !["teams", "aircall"].contains(&provider) {
                assert_eq!(world.send(&path, &[], &sent).await.0, 401, "{provider} without proof");
            }
            assert_eq!(world.kept().await, before + 1, "{provider} tampered");
        }
        let store = storage::connect(&world.engine.config()).await.unwrap();
        let sql = "SELECT body FROM provider_adapters_inbox";
        let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await;
        for row in rows.unwrap() {
            let body: Vec<u8> = row.try_get_by_index(0).unwrap();
            assert!(!String::from_utf8_lossy(&body).contains(SECRET), "no secret is kept");
        }
        let refused: u64 =
            world.health(Adapter::Dialer).await.iter().map(|one| one.refused_webhooks).sum();
        assert!(refused >= 12, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_to_whom_it_should_be() {
    let world = World::on(Engine::file()).await;
    let question = |token: &str| {
        json!({ "event": "endpoint.url_validation", "payload": { "plainToken": token }, "event_ts": 1 })
            .to_string()
    };
    let asked = question("qgg8vlvZRS6UYooatFL8Aw");
    let path = "/webhooks/zoom";
    assert_eq!(world.send(path, &[], &asked).await.0, 401, "whoever asks must have signed");
    let (status, answer) = world.send(path, &world.signed("zoom", &asked), &asked).await;
    let code = mac(hmac::HMAC_SHA256, SECRET.as_bytes(), "qgg8vlvZRS6UYooatFL8Aw");
    assert!(status == 200 && answer.contains(&HEXLOWER.encode(&code)), "{status} {answer}");
    let oracle = question(&format!("v0:{}:{{}}", now().timestamp()));
    let (status, answer) = world.send(path, &world.signed("zoom", &oracle), &oracle).await;
    assert!(
        status == 401 && answer.is_empty(),
        "nothing is signed for a forger: {status} {answer}"
    );

    let (status, answer) = world.send("/webhooks/teams?validationToken=a%20b", &[], "").await;
    assert!(status == 200 && answer == "a b", "{status} {answer}");
    let token = [("validation-token".to_owned(), "t0k3n".to_owned())];
    assert_eq!(world.send("/webhooks/ringcentral", &token, "").await.0, 200);
    assert_eq!(world.kept().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_webhook_or_not_ours_is_not_kept() {
    let world = World::on(Engine::file()).await;
    let sent = body("zoom", "77");
    let proof = world.signed("zoom", &sent);
    assert_eq!(world.send("/webhooks/nobody", &proof, &sent).await.0, 404);
    assert_eq!(request(world.address, "GET", "/webhooks/zoom", &proof, b"").await.0, 405);
    assert_eq!(world.send("/webhooks/unset", &proof, &sent).await.0, 503, "it may be set soon");
    let large = "x".repeat(signals::MAX_BODY + 1);
    assert_eq!(world.send("/webhooks/zoom", &proof, &large).await.0, 413);
    // A retry that comes very late is answered well, or it would come again.
    world.clock.advance(TimeDelta::minutes(91));
    assert_eq!(world.send("/webhooks/zoom", &proof, &sent).await.0, 200);
    // Nobody else could have signed: our own clock is wrong.
    world.clock.advance(TimeDelta::minutes(-100));
    assert_eq!(world.send("/webhooks/zoom", &proof, &sent).await.0, 503);
    let foreign = sent.replace("\"A1\"", "\"B2\"");
    assert_eq!(world.deliver("zoom", &foreign).await, 200, "it is another account's");
    assert_eq!(world.kept().await, 0);
    assert_eq!(world.deliver("zoom", &sent).await, 200);
    assert_eq!(world.kept().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_many_times_at_once_is_kept_once() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let bodies: Vec<String> = (0..60).map(|n| body("dialer", &(n % 20).to_string())).collect();
        let sent = bodies.iter().map(|body| world.deliver("dialer", body));
        let answers = futures::future::join_all(sent).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        assert_eq!(world.kept().await, 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_trouble_is_told_so_that_it_comes_again() {
    let world = World::on(Engine::file()).await;
    let store = storage::connect(&world.engine.config()).await.unwrap();
    let rename = |from: &'static str, to: &'static str| {
        let store = store.clone();
        async move {
            store
                .write(|tx| async move {
                    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
                    Ok::<_, storage::Error>(tx.execute_unprepared(&sql).await?)
                })
                .await
                .unwrap()
        }
    };
    rename("provider_adapters_inbox", "gone").await;
    let sent = body("zoom", "77");
    assert_eq!(world.deliver("zoom", &sent).await, 503);
    rename("gone", "provider_adapters_inbox").await;
    assert_eq!(world.deliver("zoom", &sent).await, 200);
    assert_eq!(world.kept().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_keeps_nobody_waiting() {
    let world = World::on(Engine::file()).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(b"POST /webhooks/zoom HTTP/1.1\r\nhost: ").await.unwrap();
        idle.push(stream);
    }
    assert_eq!(world.deliver("zoom", &body("zoom", "77")).await, 200);
    let began = std::time::Instant::now();
    world.running.shutdown().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "nor when it is time to end");
    drop(idle);
}
