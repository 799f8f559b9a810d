//! What is asked of adapters: one that is refused holds up no other, and nothing older follows what takes an attempt back.

use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;

use crate::register::{phone_call, upload};
use crate::sessions::{bots, code, delete, is_over, linked, sent, stop, until};
use crate::state::Mood;
use crate::world::{FOLLOWING, World, consent_link, is_plan, meeting_with, minute, person, zoom};

#[tokio::test]
async fn an_order_that_is_refused_holds_up_no_other_and_ends_in_a_code() {
    let world = bots(FOLLOWING).await;
    world.peers.change(|state| state.adapters.refused = vec!["bad".to_owned()]);
    let bad = proto::calendar::v1::Meeting {
        organizer: Some(person("eve@acme.example")),
        ..linked("bad", 60)
    };
    world.put([linked("a", 60), bad]);
    for id in ["a", "bad"] {
        world.until(id, is_plan).await;
    }
    world.clock.set(minute(58));
    until(|| !world.orders("a").is_empty()).await;
    world.until_stage("bad", "LEAVING").await;
    world.peers.forget();
    world.settle().await;
    assert_eq!(world.peers.sizes("Dispatch"), [] as [usize; 0], "it is not tried again");
    world.clock.set(minute(61));
    let over = world.until("bad", is_over).await;
    assert_eq!(code(&over), SkipCode::CannotConnectError);
}

#[tokio::test]
async fn what_was_asked_for_before_an_attempt_is_taken_back_is_not_handed_over_any_more() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.peers.make("Instruct", Mood::Down);
    world.tell("a", "in_call", minute(60));
    // Before time passes in which nothing would have been heard of it.
    world.until_stage("a", "IN_CALL_NOT_RECORDING").await;
    world.clock.set(minute(60));
    world.until_stage("a", "ASK_PERMISSION").await;
    world.settle().await;
    assert!(!world.peers.sizes("Instruct").is_empty(), "somebody has it in hand");
    stop(&world, "a", "ada").await.unwrap();
    until(|| world.withdrawn("a") == [(1, 0)]).await;
    world.peers.make("Instruct", Mood::Well);
    world.settle().await;
    assert_eq!(world.acts("a"), [], "nothing follows");
}

#[tokio::test]
async fn an_upload_that_is_stopped_is_taken_back_and_thrown_away() {
    let world = World::with(FOLLOWING).await;
    let id = world.import(upload("k-1")).await.unwrap().call_id;
    world.ordered(&id).await;
    until(|| world.acts(&id).contains(&provider::Act::Fetch)).await;
    let answer = stop(&world, &id, "ada").await.unwrap();
    assert_eq!(code(&answer.decision.unwrap()), SkipCode::CanceledByOwner);
    until(|| world.withdrawn(&id) == [(1, 0)]).await;
    until(|| world.acts(&id).contains(&provider::Act::Discard)).await;
}

#[tokio::test]
async fn an_upload_that_was_stopped_before_anybody_had_it_is_ordered_by_nobody() {
    let world = World::with(FOLLOWING).await;
    world.peers.make("Dispatch", Mood::Down);
    let id = world.import(upload("k-1")).await.unwrap().call_id;
    world.settle().await;
    stop(&world, &id, "ada").await.unwrap();
    until(|| world.withdrawn(&id) == [(1, 0)]).await;
    world.peers.make("Dispatch", Mood::Well);
    world.peers.forget();
    world.settle().await;
    assert_eq!(world.peers.sizes("Dispatch"), [] as [usize; 0]);
    assert_eq!(world.orders(&id), []);
}

#[tokio::test]
async fn a_telephone_call_that_is_called_off_is_taken_back() {
    let world = World::with(FOLLOWING).await;
    let id = world.dial(phone_call()).await.unwrap().call_id;
    world.ordered(&id).await;
    stop(&world, &id, "ada").await.unwrap();
    until(|| world.withdrawn(&id) == [(1, 0)]).await;
}

#[tokio::test]
async fn an_order_that_an_adapter_refuses_as_old_is_tried_as_another_attempt() {
    let world = bots(FOLLOWING).await;
    let attempt =
        provider::Attempt { company: "acme".into(), call_id: "a".into(), plan_revision: 1, run: 0 };
    world.peers.change(|state| state.adapters.withdrawn.push(attempt));
    world.put([linked("a", 60)]);
    world.until("a", is_plan).await;
    world.clock.set(minute(58));
    world.until_stage("a", "BACKING_OFF").await;
    world.clock.set(minute(59));
    until(|| world.orders("a").len() == 1).await;
    assert_eq!(world.orders("a")[0].attempt.as_ref().unwrap().run, 1);
}

#[tokio::test]
async fn what_a_decision_takes_back_is_taken_back_at_once() {
    // Nobody looks of himself for a long time.
    let world = bots(&FOLLOWING.replace("sessions.poll = '50ms'", "sessions.poll = '5m'")).await;
    sent(&world, "a").await;
    world.alter("a", |meeting| meeting.cancelled = true);
    until(|| world.withdrawn("a") == [(1, 0)]).await;
}

#[tokio::test]
async fn a_stop_while_an_earlier_recorder_leaves_holds_for_the_plan_that_is_made_anew() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(120)));
        meeting.end = Some(to_wire(minute(150)));
    });
    let moved = world.until("a", |one| one.revision == 2).await;
    assert!(is_plan(&moved), "{moved:#?}");
    assert_eq!(world.call("a").await.session.unwrap().stage, "LEAVING");
    let answer = stop(&world, "a", "ada").await.unwrap();
    assert_eq!(code(&answer.decision.unwrap()), SkipCode::CanceledByOwner);
    world.clock.set(minute(118));
    world.settle().await;
    assert_eq!(code(&world.get("a").await), SkipCode::CanceledByOwner);
    assert_eq!(world.orders("a").len(), 1, "nobody is sent again");
}

#[tokio::test]
async fn what_was_registered_and_recorded_is_not_fetched_again() {
    let world = World::with(FOLLOWING).await;
    let asked = wire::ImportRecordingRequest { recorded_at: None, ..upload("k-1") };
    let upload = world.import(asked).await.unwrap().call_id;
    let call = world.dial(phone_call()).await.unwrap().call_id;
    for id in [&upload, &call] {
        world.ordered(id).await;
        world.tell(id, "files_ready", minute(0));
        world.tell(id, "imported", minute(0));
        let recorded = world.until(id, is_over).await;
        assert_eq!(recorded.kind(), wire::DecisionKind::Recorded);
        let again = world.request(id, "eve").await;
        assert!(!again.accepted && again.rejection.contains("recorded"), "{again:?}");
        assert_eq!(world.get(id).await.revision, recorded.revision);
    }
}

#[tokio::test]
async fn a_recording_made_before_its_meeting_moved_can_be_deleted() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    for (signal, at) in [("recording_started", 60), ("files_ready", 62), ("imported", 63)] {
        world.tell("a", signal, minute(at));
    }
    world.until("a", is_over).await;
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(600)));
        meeting.end = Some(to_wire(minute(630)));
    });
    world.until("a", is_plan).await;
    world.clock.set(minute(598));
    until(|| world.orders("a").len() == 2).await;
    world.tell("a", "denied", minute(600));
    world.until_stage("a", "LEAVING").await;
    world.clock.set(minute(604));
    let over = world.until("a", is_over).await;
    assert_eq!(code(&over), SkipCode::DeniedEntry);
    for _ in 0..2 {
        let deleted = delete(&world, "a", "ada").await.unwrap();
        assert_eq!(code(&deleted), SkipCode::DeniedEntry, "what came of the last one stands");
    }
    let discarded = || {
        let state = world.peers.state();
        let mut acts = state.adapters.instructions.iter();
        acts.any(|one| {
            one.act() == provider::Act::Discard
                && one.attempt.as_ref().is_some_and(|attempt| attempt.plan_revision == 1)
        })
    };
    until(discarded).await;
}

#[tokio::test]
async fn a_conference_that_only_a_consent_link_names_is_joined_by_a_link_made_of_its_id() {
    let world = bots(FOLLOWING).await;
    let with = |id: &str, links| {
        meeting_with(id, 60, |meeting| {
            meeting.links = links;
            if id == "b" {
                meeting.organizer = Some(person("eve@acme.example"));
            }
        })
    };
    let join = proto::calendar::v1::Link {
        url: "https://acme.zoom.us/j/96000000002?pwd=s3cret".into(),
        ..zoom("96000000002")
    };
    world.put([
        with("a", vec![consent_link("zoom:96000000001")]),
        with("b", vec![consent_link("zoom:96000000002"), join]),
    ]);
    for id in ["a", "b"] {
        world.until(id, is_plan).await;
    }
    world.clock.set(minute(58));
    for (id, url) in [
        ("a", "https://zoom.us/j/96000000001"),
        ("b", "https://acme.zoom.us/j/96000000002?pwd=s3cret"),
    ] {
        until(|| !world.orders(id).is_empty()).await;
        assert_eq!(world.orders(id)[0].join_url, url);
    }
}
