//! Sessions whose calls cannot be decided, or are decided and nothing is written: refusals reach them, and nobody waits in vain.

use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;

use crate::sessions::{bot_company, bots, code, is_over, until};
use crate::state::Mood;
use crate::timers::durable;
use crate::world::{FOLLOWING, HASTY, World, consent_link, is_plan, meeting_with, minute, person};

/// Ada's call is being recorded by a bot since its start, and consent is enforced for it, or not.
async fn recording(enforced: bool) -> World {
    let world = World::empty(&format!("{FOLLOWING}\n{HASTY}")).await;
    let mut file = bot_company();
    if enforced {
        file.members[0].consent_profile = Some("eu".into());
    }
    world.apply(file);
    let link = if enforced { consent_link("zoom:a") } else { crate::world::zoom("a") };
    world.put([meeting_with("a", 60, |m| m.links = vec![link])]);
    world.until("a", is_plan).await;
    world.clock.set(minute(58));
    world.until_stage("a", "STAGED").await;
    until(|| !world.orders("a").is_empty()).await;
    world.tell("a", "recording_started", minute(60));
    world.until_stage("a", "RECORDING").await;
    world.clock.set(minute(61));
    world
}

fn refuse(world: &World) {
    let key = decision::CallKey { ical_uid: Some("a@mail.example".into()), recurrence_id: None };
    world.peers.change(|state| state.refuse("acme", key));
}

#[tokio::test]
async fn a_refusal_ends_a_recording_although_nobody_can_decide_its_call() {
    for (method, mood) in
        [("ListMeetings", Mood::Down), ("ListMeetings", Mood::Slow), ("JudgeMeetings", Mood::Down)]
    {
        let world = recording(true).await;
        world.peers.make(method, mood);
        refuse(&world);
        world.until_stage("a", "ENDED").await;
        until(|| world.withdrawn("a") == [(1, 0)]).await;
        until(|| world.acts("a").contains(&provider::Act::Discard)).await;
        let refused = SkipCode::ComplianceUserRequest;
        world.until("a", |one| code(one) == refused).await;
        // When it answers again that stands.
        world.peers.make(method, Mood::Well);
        world.settle().await;
        assert_eq!(code(&world.get("a").await), refused, "{method}");
    }
}

#[tokio::test]
async fn a_refusal_where_consent_is_not_enforced_ends_nothing_while_nobody_decides() {
    let world = recording(false).await;
    world.peers.make("ListMeetings", Mood::Down);
    refuse(&world);
    world.settle().await;
    world.until_stage("a", "RECORDING").await;
    assert_eq!(world.withdrawn("a"), []);
}

#[tokio::test]
async fn a_refusal_made_before_the_end_counts_although_it_comes_after_it() {
    for (made, wanted) in [(70, SkipCode::ComplianceUserRequest), (96, SkipCode::Unspecified)] {
        let world = recording(true).await;
        world.tell("a", "files_ready", minute(90));
        world.tell("a", "imported", minute(91));
        world.clock.set(minute(95));
        let recorded = world.until("a", is_over).await;
        assert_eq!(recorded.kind(), wire::DecisionKind::Recorded);
        world.peers.change(|state| state.refused_at = Some(minute(made)));
        world.clock.set(minute(100));
        refuse(&world);
        if wanted == SkipCode::Unspecified {
            world.settle().await;
            assert_eq!(world.get("a").await, recorded);
        } else {
            let taken = world.until("a", |one| code(one) == wanted).await;
            assert_eq!(taken.revision, recorded.revision + 1);
            until(|| world.acts("a").contains(&provider::Act::Discard)).await;
        }
    }
}

#[tokio::test]
async fn a_late_edit_that_changes_no_plan_keeps_nobody_from_being_sent() {
    let world = World::with(&format!("{FOLLOWING}\nsessions.arm_ahead = '30m'")).await;
    world.put([crate::sessions::linked("a", 60)]);
    world.until("a", is_plan).await;
    world.clock.set(minute(30));
    world.until_stage("a", "STAGED").await;
    until(|| !world.orders("a").is_empty()).await;
    world.tell("a", "armed", minute(30));
    world.until_stage("a", "ARMED").await;
    // Too late for a call that nobody had planned yet.
    world.clock.set(minute(45));
    world.alter("a", |meeting| {
        meeting.attendees.push(person("pat@customer.example"));
        meeting.received_at = Some(to_wire(minute(45)));
    });
    world.settle().await;
    assert!(is_plan(&world.get("a").await), "it is set up");
    world.tell("a", "native_impossible", minute(55));
    world.until_stage("a", "SCHEDULED").await;
    world.clock.set(minute(58));
    until(|| world.orders("a").len() == 2).await;
    assert_eq!(world.orders("a")[1].method(), provider::Method::Local);
}

#[tokio::test]
async fn what_could_not_be_known_when_somebody_had_been_sent_is_looked_into_again() {
    let world = bots(&format!("{FOLLOWING}\n{HASTY}")).await;
    crate::sessions::sent(&world, "a").await;
    world.tell("a", "in_lobby", minute(59));
    world.until_stage("a", "LOBBY").await;
    world.clock.set(minute(59));
    world.peers.make("JudgeMeetings", Mood::Down);
    world.alter("a", |meeting| meeting.cancelled = true);
    world.settle().await;
    assert!(is_plan(&world.get("a").await), "nobody knows what speaks against it");
    // No more news come, and nothing is swept.
    world.settle().await;
    world.peers.make("JudgeMeetings", Mood::Well);
    world.until("a", |one| code(one) == SkipCode::Cancelled).await;
    until(|| world.withdrawn("a") == [(1, 0)]).await;
}

#[tokio::test]
async fn a_call_that_waits_for_consent_is_judged_again_although_its_last_moment_passed_meanwhile() {
    let (_folder, still, following) = durable();
    let ahead = |one: String| format!("{one}\n{HASTY}\nsessions.arm_ahead = '30m'");
    let (still, following) = (ahead(still), ahead(following));
    let world = World::empty(&following).await;
    world.apply(crate::world::enforcing());
    world.put([meeting_with("a", 60, |m| m.links = vec![consent_link("zoom:a")])]);
    world.until("a", is_plan).await;
    world.clock.set(minute(30));
    world.until_stage("a", "STAGED").await;
    until(|| !world.orders("a").is_empty()).await;
    world.tell("a", "armed", minute(30));
    world.until_stage("a", "ARMED").await;
    world.peers.make("JudgeConsents", Mood::Down);
    world.alter("a", |meeting| meeting.title = Some("Renewal, again".into()));
    world.settle().await;
    // Nobody is there until the last moment to hand it over has passed, and it runs.
    let world = world.restart(&still).await;
    world.clock.set(minute(71));
    world.tell("a", "meeting_started", minute(60));
    world.tell("a", "recording_started", minute(60));
    let world = world.restart(&following).await;
    let over = world.until("a", |one| !is_plan(one)).await;
    assert_eq!(code(&over), SkipCode::ComplianceSystemDecision);
}
