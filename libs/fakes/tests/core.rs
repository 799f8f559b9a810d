//! The scaffold itself: it fails as told, and sends as told.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use chrono::{DateTime, Utc};
use fakes::{
    Attempt, Clock, Fault, Manner, Match, Notice, Order, Outbox, Sender, Server, Sign, sign,
};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;
use url::Url;

/// Signs the time and the body.
#[derive(Debug)]
struct Simple;

impl Sign for Simple {
    fn headers(&self, _: &Url, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let text = [at.timestamp_millis().to_string().as_bytes(), body].concat();
        let mut headers = HeaderMap::new();
        let signature = sign::sha256_hex(b"secret", &text);
        headers.insert("x-signature", HeaderValue::from_str(&signature).unwrap());
        headers
    }
}

fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(1),
        waits: vec![Duration::from_millis(10), Duration::from_millis(20)],
        content: |status| status == 200 || status == 204,
        retries: |status| status >= 500,
        signs_anew: false,
    }
}

/// Somebody who takes webhooks, and who sends them.
async fn world() -> (Server, Outbox) {
    let server = Server::start(Router::new().route("/hook", post(async || "taken"))).await;
    let outbox = Outbox::new();
    let sender = Sender::new(&server.url("/hook"), Arc::new(Simple), manner(), Clock::system());
    outbox.subscribe(sender);
    (server, outbox)
}

fn notice(number: u32) -> Notice {
    Notice::json("thing.happened", &json!({"number": number}))
}

fn numbers(server: &Server) -> Vec<u64> {
    let all = server.log().all();
    all.iter().map(|seen| seen.json()["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_notice_is_sent_until_it_is_taken() {
    let (server, outbox) = world().await;
    server.faults().add(Match::path("/hook").once(), Fault::failure(503));
    server.faults().add(Match::path("/hook").once(), Fault::Slow(Duration::from_secs(9)));
    outbox.send(notice(1));
    outbox.settled().await;
    let done = &outbox.done()[0];
    assert_eq!(done.attempts, [Attempt::Status(503), Attempt::Timeout, Attempt::Status(200)]);
    assert!(done.delivered);
    let all = server.log().all();
    assert_eq!(all[0].headers["x-signature"], all[2].headers["x-signature"]);
}

#[tokio::test]
async fn what_is_refused_is_lost_for_good() {
    for fault in [Fault::failure(401), Fault::failure(302)] {
        let (server, outbox) = world().await;
        server.faults().add(Match::all(), fault);
        outbox.send(notice(1));
        outbox.settled().await;
        assert_eq!((outbox.done()[0].attempts.len(), outbox.done()[0].delivered), (1, false));
        assert_eq!(server.log().count(&Method::POST, "/hook"), 1);
    }
}

#[tokio::test]
async fn a_receiver_that_stays_broken_is_given_up() {
    let (server, outbox) = world().await;
    server.faults().add(Match::all(), Fault::DropBefore);
    outbox.send(notice(1));
    outbox.settled().await;
    assert_eq!(outbox.done()[0].attempts, [Attempt::Broken; 3]);
}

#[tokio::test]
async fn held_notices_come_in_the_order_a_test_wants() {
    let (server, outbox) = world().await;
    outbox.hold();
    for number in 1..=5 {
        outbox.send(notice(number));
    }
    outbox.settled().await;
    assert!(server.log().all().is_empty());
    outbox.release(Order::Reversed);
    outbox.settled().await;
    assert_eq!(numbers(&server), [5, 4, 3, 2, 1]);
    outbox.send(notice(6));
    outbox.settled().await;
    assert_eq!(numbers(&server).last(), Some(&6));
}

#[tokio::test]
async fn notices_are_doubled_and_lost() {
    let (server, outbox) = world().await;
    outbox.double(1);
    outbox.lose(1);
    outbox.send(notice(1));
    outbox.send(notice(2));
    outbox.settled().await;
    assert_eq!(numbers(&server), [2, 2]);
}

#[tokio::test]
async fn a_replay_is_the_same_and_tampering_is_not() {
    let (server, outbox) = world().await;
    let sender = outbox.senders().remove(0);
    let signed = sender.sign(&notice(3));
    for one in
        [signed.clone(), signed.clone(), signed.clone().tampered(), signed.without("x-signature")]
    {
        sender.post(&one).await;
    }
    let all = server.log().all();
    assert_eq!(
        (&all[0].body, &all[0].headers["x-signature"]),
        (&all[1].body, &all[1].headers["x-signature"])
    );
    assert_eq!(all[2].headers["x-signature"], all[0].headers["x-signature"]);
    assert_ne!(all[2].body, all[0].body);
    assert!(all[2].json().is_object());
    assert!(all[3].header("x-signature").is_none());
}

#[tokio::test]
async fn a_fault_strikes_where_and_as_often_as_told() {
    let (server, _) = world().await;
    let client = reqwest::Client::new();
    let ask = async || client.post(server.url("/hook")).send().await.unwrap().status().as_u16();
    let which = Match::path("/hook").method(Method::POST).after(1).times(2);
    server.faults().add(which, Fault::busy(7));
    server.faults().add(Match::path("/elsewhere"), Fault::failure(500));
    let statuses = [ask().await, ask().await, ask().await, ask().await];
    assert_eq!(statuses, [200, 429, 429, 200]);
    let carried_out: Vec<_> = server.log().all().iter().map(|seen| seen.carried_out).collect();
    assert_eq!(carried_out, [true, false, false, true]);
}
