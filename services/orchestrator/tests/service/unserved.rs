//! Orders for adapters that nobody hosts: no peer is set for them, or the one that is does not host them.

use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::skip::v1::SkipCode;

use crate::register::{phone_call, upload};
use crate::sessions::{bots, code, is_over, linked, sent, stop, until};
use crate::state::Mood;
use crate::timers::durable;
use crate::world::{FOLLOWING, World, is_plan, meeting_with, minute, person, teams};

/// Nobody is set for an adapter.
fn nobody(adapter: &str) -> String {
    format!("{FOLLOWING}\ngather.adapters.{adapter} = ''")
}

async fn explained(world: &World, id: &str) -> String {
    let request = wire::ExplainCallRequest { company: "acme".into(), call_id: id.into() };
    world.client().explain_call(request).await.unwrap().into_inner().sentences.join("\n")
}

#[tokio::test]
async fn an_order_that_nobody_serves_ends_in_a_code_that_says_what_is_missing() {
    let unset = nobody("zoom-local");
    for (settings, missing) in [
        (unset.as_str(), "set `gather.adapters.zoom-local`"),
        (FOLLOWING, "the peer set for zoom-local does not host it"),
    ] {
        let world = bots(settings).await;
        world.peers.change(|state| state.adapters.unhosted = vec![provider::Adapter::ZoomLocal]);
        world.put([linked("a", 60)]);
        world.until("a", is_plan).await;
        world.clock.set(minute(58));
        world.until_stage("a", "LEAVING").await;
        world.peers.forget();
        world.settle().await;
        assert_eq!(world.peers.sizes("Dispatch"), [] as [usize; 0], "it is not tried again");
        let told = explained(&world, "a").await;
        assert!(told.contains(missing), "{told}");
        world.clock.set(minute(61));
        let over = world.until("a", is_over).await;
        assert_eq!(code(&over), SkipCode::CannotConnectError);
        assert!(world.orders("a").is_empty());
        let raws = world.call("a").await.session.unwrap().raws;
        assert!(raws.iter().any(|raw| raw.text.contains(missing)), "{raws:?}");
    }
}

#[tokio::test]
async fn what_is_to_be_fetched_by_nobody_ends_in_a_code_of_its_kind() {
    let world = World::with(&nobody("dialer")).await;
    let asked = wire::ImportRecordingRequest { recorded_at: None, ..upload("k-1") };
    let upload = world.import(asked).await.unwrap().call_id;
    let over = world.until(&upload, is_over).await;
    assert_eq!(code(&over), SkipCode::ImportFromCustomerUrlFailed);
    let call = world.dial(phone_call()).await.unwrap().call_id;
    let over = world.until(&call, is_over).await;
    assert_eq!(code(&over), SkipCode::ImportFromDialerFailed);
}

#[tokio::test]
async fn an_adapter_that_nobody_hosts_holds_up_no_other_and_gives_way_to_one_that_is_there() {
    let world = World::with(FOLLOWING).await;
    world.peers.change(|state| state.adapters.unhosted = vec![provider::Adapter::ZoomNative]);
    let of_teams = meeting_with("b", 60, |meeting| {
        meeting.organizer = Some(person("eve@acme.example"));
        let url = "https://teams.microsoft.com/meet/2000000000001?p=s3cret".to_owned();
        meeting.links = vec![proto::calendar::v1::Link { url, ..teams("2000000000001") }];
    });
    world.put([linked("a", 60), of_teams]);
    for id in ["a", "b"] {
        world.until(id, is_plan).await;
    }
    world.clock.set(minute(58));
    for (id, adapter, method) in [
        ("b", provider::Adapter::Teams, provider::Method::Bot),
        ("a", provider::Adapter::ZoomLocal, provider::Method::Local),
    ] {
        until(|| !world.orders(id).is_empty()).await;
        let order = world.orders(id).remove(0);
        assert_eq!((order.adapter(), order.method()), (adapter, method));
    }
}

#[tokio::test]
async fn a_peer_that_is_away_for_the_moment_is_not_taken_for_nobody() {
    let world = bots(FOLLOWING).await;
    world.peers.make("Dispatch", Mood::Down);
    world.put([linked("a", 60)]);
    world.until("a", is_plan).await;
    world.clock.set(minute(58));
    until(|| world.peers.sizes("Dispatch").len() > 5).await;
    world.until_stage("a", "STAGED").await;
    world.peers.make("Dispatch", Mood::Well);
    until(|| world.orders("a").len() == 1).await;
}

#[tokio::test]
async fn what_takes_an_attempt_back_waits_long_for_somebody_to_take_it_and_not_for_ever() {
    for (most, comes) in [("1000000", true), ("5", false)] {
        let (_folder, _, following) = durable();
        let world = bots(&following).await;
        sent(&world, "a").await;
        let alone = "gather.adapters.zoom-local = ''";
        let alone = format!("{following}\n{alone}\nsessions.most_tries = {most}");
        let world = world.restart(&alone).await;
        stop(&world, "a", "ada").await.unwrap();
        world.until_stage("a", "ENDED").await;
        // Time for more than five tries.
        for _ in 0..4 {
            world.settle().await;
        }
        let world = world.restart(&following).await;
        if comes {
            until(|| world.withdrawn("a") == [(1, 0)]).await;
        } else {
            world.settle().await;
            assert_eq!(world.withdrawn("a"), []);
        }
    }
}

/// Waits for less long than whoever hands over waits for a peer.
async fn soon(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(3), waited).await.expect("at once");
}

#[tokio::test]
async fn a_peer_that_never_answers_holds_up_no_orders_to_another() {
    let apart = format!("{FOLLOWING}\ngather.adapters.zoom-local = 'elsewhere'");
    let world = bots(&apart).await;
    world.peers.change(|state| state.adapters.hanging = vec![provider::Adapter::ZoomLocal]);
    let of_teams = |id: &str, start| {
        meeting_with(id, start, |meeting| {
            meeting.organizer = Some(person("eve@acme.example"));
            let url = "https://teams.microsoft.com/meet/2000000000001?p=s3cret".to_owned();
            meeting.links = vec![proto::calendar::v1::Link { url, ..teams("2000000000001") }];
        })
    };
    world.put([linked("a", 60), of_teams("b", 62)]);
    for id in ["a", "b"] {
        world.until(id, is_plan).await;
    }
    world.clock.set(minute(58));
    until(|| !world.peers.sizes("Dispatch").is_empty()).await;
    // It hangs, and does so again whenever it is asked again.
    world.clock.set(minute(60));
    soon(|| world.orders("b").len() == 1).await;
    stop(&world, "b", "eve").await.unwrap();
    soon(|| world.withdrawn("b") == [(1, 0)]).await;
    assert_eq!(world.orders("a"), []);
}
