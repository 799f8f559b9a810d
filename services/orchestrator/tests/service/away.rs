//! Eligibility that is away altogether, while calls have to be decided.

use decision::CompanyFile;
use proto::skip::v1::SkipCode;

use crate::state::{Mood, State};
use crate::timers::durable;
use crate::world::{
    World, acme, acme_with, code, consent_link, enforcing, is_pending, meeting, meeting_with,
    minute,
};

const ALL: [&str; 4] = ["GetCompany", "JudgeMeetings", "WatchPolicies", "ApplyCompany"];

fn go_away(state: &mut State) {
    for method in ALL {
        state.make(method, Mood::Down);
    }
}

/// A replica that has just begun, among peers of which eligibility is away; an earlier one has followed this policy.
async fn cold(file: CompanyFile) -> (World, tempfile::TempDir) {
    let (folder, _, following) = durable();
    let world = World::empty(&following).await;
    world.apply(file);
    world.settle().await;
    world.peers.change(go_away);
    (world.restart(&following).await, folder)
}

#[tokio::test]
async fn a_replica_that_begins_while_eligibility_is_away_makes_calls_wait_and_then_nobody_knows() {
    let (world, _folder) = cold(acme()).await;
    world.put([meeting("a", 60)]);
    let waiting = world.until("a", is_pending).await;
    assert_eq!((waiting.missing.clone(), waiting.policy_version), (vec!["eligibility".into()], 1));
    world.clock.set(minute(58));
    let closed = world.until("a", |decision| !is_pending(decision)).await;
    assert_eq!((code(&closed), closed.cause.as_str()), (SkipCode::UnknownState, "timer"));
}

#[tokio::test]
async fn a_plan_that_nobody_could_be_sent_for_ends_in_a_code_while_eligibility_is_away() {
    let (_folder, still, following) = durable();
    let world = World::empty(&following).await;
    world.apply(acme());
    world.settle().await;
    world.put([meeting("a", 60)]);
    world.until("a", crate::world::is_plan).await;
    let world = world.restart(&still).await;
    world.peers.change(go_away);
    world.clock.set(minute(71));
    let world = world.restart(&following).await;
    let closed = world.until("a", |decision| decision.revision == 2).await;
    assert_eq!((code(&closed), closed.cause.as_str()), (SkipCode::UnknownState, "timer"));
}

#[tokio::test]
async fn consent_fails_closed_while_eligibility_is_away_too() {
    let (world, _folder) = cold(enforcing()).await;
    world.peers.make("JudgeConsents", Mood::Down);
    let consented = |id: &str, start| {
        meeting_with(id, start, |meeting| {
            meeting.links = vec![consent_link(&format!("zoom:{id}"))];
        })
    };
    // Nobody can tell whose the call is, and whether that enforces consent.
    world.put([consented("a", 60)]);
    assert_eq!(world.until("a", is_pending).await.missing, ["eligibility"]);
    world.clock.set(minute(58));
    let closed = world.until("a", |decision| !is_pending(decision)).await;
    assert_eq!(code(&closed), SkipCode::UnknownState);
    // It judges again, while its company files still cannot be had.
    world.peers.make("JudgeMeetings", Mood::Well);
    world.put([consented("b", 120)]);
    assert_eq!(world.until("b", is_pending).await.missing, ["consent"]);
    world.clock.set(minute(118));
    let closed = world.until("b", |decision| !is_pending(decision)).await;
    assert_eq!(code(&closed), SkipCode::ComplianceSystemDecision);
}

#[tokio::test]
async fn a_policy_that_came_before_eligibility_went_is_judged_by_where_nobody_had_needed_it_yet() {
    let (_folder, still, following) = durable();
    let world = World::with(&still).await;
    // This replica knows the first version, another one has passed on the second.
    world.put([meeting("warm", 600)]);
    assert_eq!(world.decide("warm").await.policy_version, 1);
    let other = world.beside(&following).await;
    world.apply(acme_with(|file| file.name = "Acme".into()));
    world.settle().await;
    other.running.shutdown().await.unwrap();
    world.peers.change(go_away);
    world.put([meeting("a", 60)]);
    let waiting = world.decide("a").await;
    assert!(is_pending(&waiting), "{waiting:#?}");
    assert_eq!(waiting.policy_version, 2);
    world.clock.set(minute(58));
    let closed = world.decide("a").await;
    assert_eq!((code(&closed), closed.policy_version), (SkipCode::UnknownState, 2));
}

#[tokio::test]
async fn a_verdict_by_a_policy_that_cannot_be_had_is_none() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    world.apply(acme_with(|file| file.name = "Acme".into()));
    world.peers.make("GetCompany", Mood::Down);
    world.put([meeting("b", 120)]);
    let waiting = world.decide("b").await;
    assert!(is_pending(&waiting), "{waiting:#?}");
    assert_eq!((waiting.missing.clone(), waiting.policy_version), (vec!["eligibility".into()], 1));
    world.peers.make("GetCompany", Mood::Well);
    let plan = world.decide("b").await;
    assert!(crate::world::is_plan(&plan) && plan.policy_version == 2, "{plan:#?}");
}
