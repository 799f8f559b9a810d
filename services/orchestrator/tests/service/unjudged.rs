//! What is due, and cannot be judged since its meeting is unknown or cannot be had, ends in a code.

use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;

use crate::state::Mood;
use crate::world::{
    FOLLOWING, World, also, code, consent_link, enforcing, is_pending, is_plan, meeting,
    meeting_with, minute,
};

fn sub_reason(decision: &wire::Decision) -> &str {
    decision.primary.as_ref().map_or("", |primary| &primary.sub_reason)
}

/// Whether nobody has asked for meetings by their ids since it was last forgotten.
fn is_quiet(world: &World) -> bool {
    world.peers.sizes("ListMeetings").iter().all(|ids| *ids == 0)
}

#[tokio::test]
async fn a_plan_whose_meeting_nobody_knows_is_called_off_when_it_is_due() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60), meeting("b", 60)]);
    world.alter("b", |meeting| meeting.organizer = Some(crate::world::person("bob@acme.example")));
    world.until("a", is_plan).await;
    world.until("b", is_plan).await;
    world.settle().await;
    world.peers.state().lose("acme", "a");
    world.clock.set(minute(58));
    let gone = world.until("a", |decision| !is_plan(decision)).await;
    assert_eq!((code(&gone), sub_reason(&gone)), (SkipCode::Cancelled, "meeting_unknown"));
    assert_eq!((gone.revision, gone.predecessor, gone.cause.as_str()), (2, 1, "timer"));
    // The others are handed over all the same.
    world.until("b", |decision| decision.released_at.is_some()).await;
    world.settle().await;
    world.peers.forget();
    // The other one is being recorded, for all that is known.
    world.clock.set(minute(72));
    world.settle().await;
    assert!(is_quiet(&world), "nothing is left to do");
    assert_eq!(world.get("a").await, gone);
}

#[tokio::test]
async fn a_meeting_that_comes_back_is_decided_anew() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.alter("a", |meeting| meeting.title = Some("Renewal, again".into()));
    world.until("a", |decision| decision.meeting_revision == 2).await;
    world.settle().await;
    world.peers.state().lose("acme", "a");
    world.clock.set(minute(58));
    world.until("a", |decision| code(decision) == SkipCode::Cancelled).await;
    // Whoever keeps the meetings counts from the beginning again.
    world.put([meeting("a", 120)]);
    let back = world.until("a", is_plan).await;
    assert_eq!((back.meeting_revision, back.start), (1, Some(to_wire(minute(120)))));
}

#[tokio::test]
async fn a_call_that_waits_and_whose_meeting_nobody_knows_is_called_off() {
    let world = World::with(FOLLOWING).await;
    world.peers.make("JudgeMeetings", Mood::Down);
    world.put([meeting("a", 60)]);
    world.until("a", is_pending).await;
    world.peers.state().lose("acme", "a");
    let gone = world.until("a", |decision| !is_pending(decision)).await;
    assert_eq!((code(&gone), sub_reason(&gone)), (SkipCode::Cancelled, "meeting_unknown"));
    assert!(gone.missing.is_empty());
}

#[tokio::test]
async fn a_skip_whose_meeting_nobody_knows_stays_and_is_tried_no_more() {
    let world = World::empty(FOLLOWING).await;
    world.apply(enforcing());
    world.peers.make("JudgeConsents", Mood::Down);
    world.put([meeting_with("a", 60, |meeting| meeting.all_day = true)]);
    let skip = world.until("a", |decision| code(decision) == SkipCode::AllDayEvent).await;
    world.peers.state().lose("acme", "a");
    world.settle().await;
    world.peers.forget();
    world.settle().await;
    assert!(is_quiet(&world));
    assert_eq!(world.get("a").await, skip);
}

#[tokio::test]
async fn a_plan_that_cannot_be_judged_while_its_window_is_open_is_missed_and_not_called_off() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.settle().await;
    world.peers.make("ListMeetings", Mood::Down);
    // The last instant is in time still.
    world.clock.set(minute(70));
    world.settle().await;
    assert!(is_plan(&world.get("a").await));
    world.clock.set(minute(71));
    let missed = world.until("a", |decision| !is_plan(decision)).await;
    let expected = (SkipCode::CannotConnectError, "dispatch_missed");
    assert_eq!((code(&missed), sub_reason(&missed)), expected);
    world.peers.make("ListMeetings", Mood::Well);
    world.settle().await;
    assert_eq!(world.get("a").await, missed);
}

#[tokio::test]
async fn a_call_that_was_moved_while_nobody_told_of_it_is_decided_when_somebody_does() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.settle().await;
    world.peers.make("ListMeetings", Mood::Down);
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(600)));
        meeting.end = Some(to_wire(minute(630)));
    });
    world.clock.set(minute(71));
    world.until("a", |decision| code(decision) == SkipCode::CannotConnectError).await;
    world.peers.make("ListMeetings", Mood::Well);
    let moved = world.until("a", is_plan).await;
    assert_eq!(moved.start, Some(to_wire(minute(600))));
}

#[tokio::test]
async fn a_call_that_waits_and_cannot_be_judged_before_it_begins_ends_as_its_deadline_would_end_it()
{
    for (method, expected) in [
        ("JudgeConsents", SkipCode::ComplianceSystemDecision),
        ("JudgeMeetings", SkipCode::UnknownState),
    ] {
        let world = World::empty(FOLLOWING).await;
        world.apply(enforcing());
        world.peers.make(method, Mood::Down);
        world.put([meeting_with("a", 60, |meeting| meeting.links = vec![consent_link("zoom:a")])]);
        world.until("a", is_pending).await;
        world.peers.make("ListMeetings", Mood::Down);
        world.clock.set(minute(59));
        world.settle().await;
        assert!(is_pending(&world.get("a").await), "{method}");
        world.clock.set(minute(60));
        let closed = world.until("a", |decision| !is_pending(decision)).await;
        assert_eq!((code(&closed), also(&closed)), (expected, vec![]), "{method}");
        assert_eq!((sub_reason(&closed), closed.cause.as_str()), ("unavailable", "timer"));
    }
}
