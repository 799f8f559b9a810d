//! Recall and Attendee as they are played: what cannot happen does not, and what is asked wrongly is refused.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use chrono::TimeDelta;
use fakes::attendee::{self, Attendee};
use fakes::recall::{self, Recall};
use fakes::{Clock, Manner};
use http::Method;
use serde_json::{Value, json};

fn clock() -> Clock {
    Clock::held("2026-01-01T12:00:00Z".parse().unwrap())
}

/// Asks, and gives the status and the body.
async fn ask(method: Method, url: String, key: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let request = client.build().unwrap().request(method, url);
    let request = request.header("authorization", format!("Token {key}")).body(body.to_string());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

async fn recall_bot(fake: &Recall, order: &Value) -> String {
    let (status, bot) = ask(Method::POST, fake.base() + "/bot/", fake.key(), order).await;
    assert_eq!(status, 201, "{bot}");
    bot["id"].as_str().unwrap().to_owned()
}

async fn attendee_bot(fake: &Attendee, order: &Value) -> (u16, Value) {
    ask(Method::POST, fake.base() + "/bots", fake.key(), order).await
}

#[tokio::test]
#[should_panic(expected = "`in_call_recording` cannot follow Some(\"call_ended\")")]
async fn a_bot_of_recall_that_left_does_not_record() {
    let fake = Recall::start(clock()).await;
    let bot = recall_bot(&fake, &json!({"meeting_url": "https://zoom.example/j/1"})).await;
    fake.walk(&bot, &["joining_call", "call_ended:meeting_not_started", "in_call_recording"]);
}

#[tokio::test]
#[should_panic(expected = "Event joined_meeting not allowed when bot is in state scheduled.")]
async fn a_bot_of_attendee_that_was_not_sent_does_not_join() {
    let fake = Attendee::start(clock()).await;
    let order = json!({"meeting_url": "https://zoom.example/j/1", "bot_name": "Notes",
        "join_at": "2026-01-01T13:00:00Z"});
    let bot = attendee_bot(&fake, &order).await.1;
    fake.happen(bot["id"].as_str().unwrap(), "joined_meeting", None);
}

#[tokio::test]
async fn recall_takes_what_is_documented_and_nothing_else() {
    let fake = Recall::start(clock()).await;
    let bad = [
        json!({}),
        json!({"meeting_url": "zoom"}),
        json!({"meeting_url": "https://zoom.example/j/1", "metadata": {"a": 1}}),
        json!({"meeting_url": "https://zoom.example/j/1", "metadata": {"a": "x".repeat(501)}}),
    ];
    for order in bad {
        let (status, _) = ask(Method::POST, fake.base() + "/bot/", fake.key(), &order).await;
        assert_eq!(status, 400, "{order}");
    }
    let order = json!({"meeting_url": "https://zoom.example/j/1"});
    let (status, _) = ask(Method::POST, fake.base() + "/bot", fake.key(), &order).await;
    assert_eq!(status, 301);
    let (status, _) = ask(Method::POST, fake.base() + "/bot/", "other", &order).await;
    assert_eq!(status, 401);
    assert!(fake.bots().is_empty());
}

#[tokio::test]
async fn without_a_key_recall_makes_as_many_bots_as_it_is_told() {
    let fake = Recall::start(clock()).await;
    for _ in 0..2 {
        recall_bot(&fake, &json!({"meeting_url": "https://zoom.example/j/1"})).await;
    }
    assert_eq!(fake.bots().len(), 2);
}

#[tokio::test]
async fn a_bot_of_recall_is_sent_ten_minutes_ahead() {
    let clock = clock();
    let fake = Recall::start(clock.clone()).await;
    let join_at = clock.now() + TimeDelta::minutes(11);
    let order = json!({"meeting_url": "https://zoom.example/j/1", "join_at": join_at.to_rfc3339()});
    fake.free(0);
    let bot = recall_bot(&fake, &order).await;
    clock.advance(Duration::from_secs(61));
    let url = format!("{}/bot/{bot}/", fake.base());
    let (status, _) = ask(Method::DELETE, url, fake.key(), &json!({})).await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn attendee_lets_one_bot_in_under_a_key_until_that_one_is_over() {
    let fake = Attendee::start(clock()).await;
    let order = json!({"meeting_url": "https://zoom.example/j/1", "bot_name": "Notes", "deduplication_key": "k"});
    let first = attendee_bot(&fake, &order).await.1;
    let (status, words) = attendee_bot(&fake, &order).await;
    assert_eq!(status, 400);
    assert!(words["error"].as_str().unwrap().starts_with("Deduplication key already in use."));
    fake.happen(first["id"].as_str().unwrap(), "fatal_error", Some("bot_not_launched"));
    assert_eq!(attendee_bot(&fake, &order).await.0, 201);
}

#[test]
fn a_webhook_is_repeated_as_documented() {
    let seconds =
        |manner: Manner| -> Vec<u64> { manner.waits.iter().map(Duration::as_secs).collect() };
    let svix = seconds(recall::manner());
    assert_eq!(svix, [5, 300, 1800, 7200, 18_000, 36_000, 36_000]);
    assert_eq!(seconds(attendee::manner()).len(), 2);
}
