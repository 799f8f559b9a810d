//! What is stored, and what is not stored again.

use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;

use crate::world::{World, acme_with, code, is_plan, meeting};

#[tokio::test]
async fn a_call_is_decided_and_kept() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    let decision = world.decide("a").await;
    assert!(is_plan(&decision), "{decision:#?}");
    assert_eq!((decision.revision, decision.predecessor), (1, 0));
    assert_eq!((decision.policy_version, decision.meeting_revision), (1, 1));
    assert_eq!((decision.company.as_str(), decision.cause.as_str()), ("acme", "asked"));
    assert_eq!(decision.plan.as_ref().unwrap().owner, "ada");
    assert_eq!(decision.warnings, Vec::<i32>::new());
    assert_eq!(world.get("a").await, decision);
}

#[tokio::test]
async fn a_decision_that_says_nothing_new_is_not_stored_again() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    let first = world.decide("a").await;
    // Another revision and another policy, and nothing in them matters.
    world.alter("a", |_| {});
    world.apply(acme_with(|file| file.name = "Acme".into()));
    let again = world.decide_all(&["a"]).await;
    assert_eq!((again.policy_version, again.decided, again.changed), (2, 1, 0));
    assert_eq!(again.decisions, std::slice::from_ref(&first));
    assert_eq!(world.log("acme", 0).await, [(1, first)]);
}

#[tokio::test]
async fn a_decision_that_says_something_new_names_the_one_before() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    let first = world.decide("a").await;
    world.alter("a", |meeting| meeting.cancelled = true);
    let second = world.decide("a").await;
    assert_eq!(code(&second), SkipCode::Cancelled);
    assert_eq!((second.revision, second.predecessor, second.meeting_revision), (2, 1, 2));
    assert_eq!(world.get_of("acme", "a", 1).await.unwrap(), first);
    assert_eq!(world.get("a").await, second);
}

#[tokio::test]
async fn what_a_decision_was_judged_from_is_noted_although_it_says_nothing_new() {
    let world = World::open().await;
    let pending = |world: &World| {
        world.peers.make("JudgeMeetings", crate::state::Mood::Down);
    };
    world.put([meeting("a", 60)]);
    // Known, so that the policy can be had while eligibility does not judge.
    assert!(is_plan(&world.decide("a").await));
    pending(&world);
    world.put([meeting("b", 120)]);
    assert!(crate::world::is_pending(&world.decide("b").await));
    // The meeting moves on by a revision, and the call is still pending for the same reasons.
    world.alter("b", |_| {});
    assert_eq!(world.decide("b").await.revision, 1);
    world.peers.make("JudgeMeetings", crate::state::Mood::Well);
    world.apply(acme_with(|file| {
        file.settings.providers.get_mut("zoom").unwrap().enabled = false;
    }));
    // From the revision before it would seem that the meeting changed too, and not a setting alone.
    let fell = world.decide("b").await;
    assert_eq!(code(&fell), SkipCode::InvalidatingByCompanySettings);
    assert_eq!(fell.meeting_revision, 2);
}

#[tokio::test]
async fn a_call_asked_for_many_times_at_once_is_decided_once() {
    let world = World::open().await;
    world.put([meeting("a", 60), meeting("b", 75)]);
    let asking = (0..8).map(|n| world.decide_all(if n % 2 == 0 { &["a"] } else { &["b"] }));
    futures::future::join_all(asking).await;
    // One is planned, and whichever came first, the other gives way.
    let plans: Vec<bool> =
        [world.get("a").await, world.get("b").await].iter().map(is_plan).collect();
    assert_eq!(plans, [true, false]);
    let log = world.log("acme", 0).await;
    assert!(log.iter().filter(|(_, decision)| decision.call_id == "a").count() == 1, "{log:#?}");
}

#[tokio::test]
async fn a_dry_run_tells_and_keeps_nothing() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    let request =
        wire::DecideCallsRequest { dry_run: true, ..crate::world::stored("acme", &["a"]) };
    let told = world.ask(request).await.unwrap();
    assert_eq!((told.decided, told.changed), (1, 1));
    assert!(is_plan(&told.decisions[0]));
    assert!(world.get_of("acme", "a", 0).await.is_err());
}

#[tokio::test]
async fn a_whole_period_is_decided_page_by_page_and_told_only_where_wanted() {
    let world = World::open().await;
    world.put([meeting("b", 120), meeting("a", 60), meeting("late", 600), meeting("early", 59)]);
    let request = wire::DecideCallsRequest {
        company: "acme".into(),
        from: Some(proto::time::to_wire(crate::world::minute(60))),
        to: Some(proto::time::to_wire(crate::world::minute(600))),
        ..wire::DecideCallsRequest::default()
    };
    let told = world.ask(request.clone()).await.unwrap();
    assert_eq!(crate::world::ids(&told.decisions), ["a", "b"]);
    let untold =
        world.ask(wire::DecideCallsRequest { omit_decisions: true, ..request }).await.unwrap();
    assert_eq!((untold.decided, untold.changed, untold.decisions.len()), (2, 0, 0));
}

#[tokio::test]
async fn a_moved_call_is_listed_at_its_new_time() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    world.alter("a", |moved| {
        (moved.start, moved.end) = (meeting("a", 90).start, meeting("a", 90).end);
    });
    let moved = world.decide("a").await;
    assert!(is_plan(&moved) && moved.revision == 2);
    let period = wire::ListCallsRequest {
        company: "acme".into(),
        from: meeting("a", 90).start,
        ..wire::ListCallsRequest::default()
    };
    assert_eq!(world.list(period).await.unwrap().decisions, [moved]);
}
