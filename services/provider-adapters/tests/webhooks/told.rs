//! What webhooks come to in the attempt they are about, and what becomes of those that are about none.

use std::time::Duration;

use chrono::TimeDelta;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use serde_json::json;
use storage::testing::{Engine, engines};

use crate::bodies::{dialer, zoom};
use crate::world::{World, native};

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_told_as_it_goes_whatever_the_order() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let ada = json!({ "participant": { "user_name": "Ada", "participant_uuid": "p1",
            "email": "ada@acme.example", "participant_user_id": "host-1" } });
        let bot = json!({ "participant": { "user_name": "Recorder", "participant_uuid": "p2",
            "participant_user_id": "bot-account" } });
        // It begins before anybody ordered anything.
        let began = zoom("meeting.started", "77", "u1", 1, json!({}));
        assert_eq!(world.deliver("zoom", &began).await, 200);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(world.told().await.is_empty());
        assert_eq!(world.dispatch(native("c1", "77")).await, Receipt::Accepted);
        world.clock.advance(TimeDelta::seconds(5));
        world.until_told(&["native_impossible", "meeting_started"]).await;
        let mut all = vec!["native_impossible", "meeting_started"];
        world
            .deliver("zoom", &zoom("meeting.participant_joined", "77", "u1", 2, bot.clone()))
            .await;
        all.extend(["in_call", "roster: recorder"]);
        world.until_told(&all).await;
        world
            .deliver("zoom", &zoom("meeting.participant_joined", "77", "u1", 3, ada.clone()))
            .await;
        all.extend(["host_joined", "roster: ada@acme.example, recorder"]);
        world.until_told(&all).await;
        // That the recorder left is told before somebody else came, who came earlier.
        let bob = json!({ "participant": { "user_name": "Bob", "participant_uuid": "p3" } });
        for event in [
            zoom("meeting.participant_left", "77", "u1", 9, bot),
            zoom("meeting.participant_joined", "77", "u1", 8, bob),
            zoom("meeting.participant_joined", "77", "u1", 3, ada),
        ] {
            world.deliver("zoom", &event).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        all.extend(["left", "roster: ada@acme.example", "roster: ada@acme.example, somebody"]);
        world.until_told(&all).await;
        // An older word on somebody changes nothing of who is there.
        let bot = json!({ "participant": { "user_name": "Recorder", "participant_uuid": "p2",
            "participant_user_id": "bot-account" } });
        world.deliver("zoom", &zoom("meeting.participant_joined", "77", "u1", 4, bot)).await;
        all.extend(["in_call", "roster: ada@acme.example, somebody"]);
        world.until_told(&all).await;
        // Another run of the same meeting, long after: no session of ours.
        world.deliver("zoom", &zoom("meeting.started", "77", "u9", 600, json!({}))).await;
        let world = world.restarted().await;
        world.until_told(&all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_after_our_own_is_ours() {
    let world = World::on(Engine::file()).await;
    for (call, meeting) in [("c1", "77"), ("c2", "78")] {
        world.dispatch(native(call, meeting)).await;
    }
    world.clock.advance(TimeDelta::minutes(4));
    let withdrawal = Withdrawal { attempt: native("c1", "77").attempt, ..Default::default() };
    let request = WithdrawRequest { withdrawals: vec![withdrawal] };
    world.client().withdraw(request).await.unwrap();
    world.deliver("zoom", &zoom("recording.stopped", "77", "u1", 5, json!({}))).await;
    let impossible = "native_impossible";
    world.until_told(&[impossible, impossible, "own_stop", "recording_stopped"]).await;
    world.deliver("zoom", &zoom("recording.stopped", "78", "u2", 5, json!({}))).await;
    let all = [impossible, impossible, "own_stop", "recording_stopped", "recording_stopped"];
    world.until_told(&all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_registered_is_told_and_its_signals_follow_its_order() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        world.deliver("dialer", &dialer("call.ringing", "k1")).await;
        world.deliver("dialer", &dialer("call.answered", "k1")).await;
        world.until_told(&["call k1"]).await;
        let News::PhoneCall(call) = world.news().await.remove(0) else { panic!() };
        assert_eq!((call.connection.as_str(), call.user.as_str()), ("dialer", "ada"));
        assert_eq!(
            (call.own_number.as_str(), call.other_number.as_str()),
            ("+15550100", "+15550101")
        );
        let order = Order {
            adapter: Adapter::Dialer.into(),
            method: Method::DialerImport.into(),
            conference: None,
            phone_call: Some(call),
            ..native("c1", "")
        };
        assert_eq!(world.dispatch(order).await, Receipt::Accepted);
        world.clock.advance(TimeDelta::seconds(5));
        world.until_told(&["call k1", "dialer_import_failed", "ringing", "answered"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_ordered_is_given_up_and_forgotten() {
    let world = World::on(Engine::file()).await;
    world.deliver("zoom", &zoom("meeting.started", "77", "u1", 1, json!({}))).await;
    let waiting = async || {
        let health = world.health(Adapter::ZoomNative).await;
        health.into_iter().find(|one| one.name == "zoom").unwrap().waiting_webhooks
    };
    assert_eq!(waiting().await, 1);
    world.clock.advance(TimeDelta::minutes(21));
    for _ in 0..100 {
        if waiting().await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(waiting().await, 0);
    world.dispatch(native("c1", "77")).await;
    world.until_told(&["native_impossible"]).await;
}
