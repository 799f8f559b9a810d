//! What changes is decided again by itself.

use chrono::TimeDelta;
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use tonic::Code;

use crate::state::Mood;
use crate::world::{
    FOLLOWING, World, acme, acme_with, code, enforcing, is_pending, is_plan, meeting, meeting_with,
    now,
};

fn without_zoom() -> decision::CompanyFile {
    acme_with(|file| file.settings.providers.get_mut("zoom").unwrap().enabled = false)
}

#[tokio::test]
async fn a_meeting_that_comes_or_changes_is_decided_by_itself() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    let first = world.until("a", is_plan).await;
    assert_eq!(first.cause, "meeting");
    world.alter("a", |meeting| meeting.cancelled = true);
    let second = world.until("a", |decision| code(decision) == SkipCode::Cancelled).await;
    assert_eq!((second.revision, second.meeting_revision), (2, 2));
}

#[tokio::test]
async fn a_new_policy_decides_upcoming_calls_again_by_itself() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60), meeting("b", 120)]);
    world.until("b", is_plan).await;
    world.apply(without_zoom());
    for id in ["a", "b"] {
        let fell = world.until(id, |decision| !is_plan(decision)).await;
        assert_eq!(code(&fell), SkipCode::CallProviderDisabledForCompany);
        assert_eq!(fell.related_code(), SkipCode::InvalidatingByCompanySettings);
        assert_eq!((fell.cause.as_str(), fell.policy_version), ("policy", 2));
    }
    world.apply(acme());
    world.until("a", is_plan).await;
}

#[tokio::test]
async fn a_new_policy_decides_calls_beyond_the_window_again_if_somebody_asked_for_them() {
    let world = World::with(&format!("{FOLLOWING}\nfollow.window = '7d'")).await;
    world.put([meeting("far", 10 * 24 * 60), meeting("farther", 11 * 24 * 60)]);
    assert!(is_plan(&world.decide("far").await));
    world.apply(without_zoom());
    world.until("far", |decision| !is_plan(decision)).await;
    assert!(world.get_of("acme", "farther", 0).await.is_err(), "nobody asked for it");
}

#[tokio::test]
async fn calls_that_are_over_are_left_alone_by_a_new_policy() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60), meeting("b", 600)]);
    world.until("a", is_plan).await;
    world.until("b", is_plan).await;
    // The first version has been followed too, and whoever followed it looked at the clock before.
    world.settle().await;
    // The recorder is sent in time; otherwise the call would end in a code.
    world.clock.set(now() + TimeDelta::minutes(59));
    world.settle().await;
    world.clock.set(now() + TimeDelta::hours(5));
    world.apply(without_zoom());
    world.until("b", |decision| !is_plan(decision)).await;
    let over = world.get("a").await;
    assert!(["meeting", "session"].contains(&over.cause.as_str()), "{over:#?}");
}

#[tokio::test]
async fn a_company_applied_after_its_meetings_came_has_them_decided() {
    let world = World::empty(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.settle().await;
    assert_eq!(world.get_of("acme", "a", 0).await.unwrap_err().code(), Code::NotFound);
    world.apply(acme());
    world.until("a", is_plan).await;
}

#[tokio::test]
async fn a_removed_meeting_is_cancelled_if_it_was_decided_before() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.peers.change(|state| {
        state.put(meeting("b", 120));
        state.remove("acme", "b");
        state.remove("acme", "a");
        state.put(meeting("c", 180));
    });
    world.until("a", |decision| code(decision) == SkipCode::Cancelled).await;
    world.until("c", is_plan).await;
    // Nobody ever heard of the other, and nobody needs to.
    assert_eq!(world.get_of("acme", "b", 0).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_meeting_removed_while_nobody_followed_is_cancelled_and_its_rival_planned() {
    let path = tempfile::tempdir().unwrap();
    let settings = format!(
        "store.url = 'sqlite://{}?mode=rwc'\n{FOLLOWING}",
        path.path().join("calls.db").display()
    );
    let world = World::with(&settings).await;
    world.put([meeting("a", 60), meeting("b", 75)]);
    world.until("a", is_plan).await;
    world.until("b", |decision| code(decision) == SkipCode::OverlappingMeeting).await;
    let world = world.restart(&settings.replace("enabled = true", "enabled = false")).await;
    world.peers.change(|state| state.remove("acme", "a"));
    let world = world.restart(&settings).await;
    world.until("a", |decision| code(decision) == SkipCode::Cancelled).await;
    world.until("b", is_plan).await;
}

#[tokio::test]
async fn cursors_survive_a_restart_and_nothing_is_decided_twice() {
    let path = tempfile::tempdir().unwrap();
    let settings = format!(
        "store.url = 'sqlite://{}?mode=rwc'\n{FOLLOWING}",
        path.path().join("calls.db").display()
    );
    let world = World::with(&settings).await;
    world.put([meeting("a", 60), meeting("b", 120)]);
    world.until("b", is_plan).await;
    world.settle().await;
    let log = world.log("", 0).await;
    world.peers.forget();
    let world = world.restart(&settings).await;
    world.settle().await;
    assert_eq!(world.log("", 0).await, log);
    assert_eq!(world.peers.state().watched_from, [0, 2]);
    assert!(world.peers.sizes("JudgeMeetings").is_empty(), "nothing has changed");
    // And it goes on from there.
    world.put([meeting("c", 180)]);
    world.until("c", is_plan).await;
    assert_eq!(world.log("", 0).await.len(), 3);
}

#[tokio::test]
async fn calls_that_wait_are_tried_again_until_they_are_decided() {
    let world = World::empty(&format!("{FOLLOWING}\ngather.deadline = '500ms'")).await;
    world.apply(enforcing());
    world.peers.make("ResolveConsentLinks", Mood::Down);
    let consented = |id: &str, at| {
        meeting_with(id, at, |meeting| {
            meeting.links = vec![crate::world::consent_link(&format!("zoom:{id}"))];
        })
    };
    world.put([consented("a", 60), consented("b", 600)]);
    world.until("a", is_pending).await;
    world.until("b", is_pending).await;
    world.clock.set(now() + TimeDelta::minutes(58));
    let closed = world.until("a", |decision| !is_pending(decision)).await;
    assert_eq!(code(&closed), SkipCode::ComplianceSystemDecision);
    assert_eq!(closed.cause, "timer");
    assert!(is_pending(&world.get("b").await));
    world.peers.make("ResolveConsentLinks", Mood::Well);
    world.until("b", is_plan).await;
    // The deadline is over, and what was closed stays so.
    world.settle().await;
    assert_eq!(world.get("a").await, closed);
}

#[tokio::test]
async fn a_call_that_waits_is_cancelled_when_its_meeting_goes_meanwhile() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.peers.make("JudgeMeetings", Mood::Down);
    world.put([meeting("b", 120)]);
    world.until("b", is_pending).await;
    world.peers.change(|state| state.remove("acme", "b"));
    world.settle().await;
    assert!(is_pending(&world.get("b").await));
    world.peers.make("JudgeMeetings", Mood::Well);
    world.until("b", |decision| code(decision) == SkipCode::Cancelled).await;
}

#[tokio::test]
async fn calls_are_decided_when_they_come_into_the_window() {
    let world = World::with(&format!("{FOLLOWING}\nfollow.window = '7d'")).await;
    let week = 7 * 24 * 60;
    world.put([
        meeting("near", week - 60),
        meeting("far", week + 60),
        meeting("farther", week + 600),
    ]);
    world.until("near", is_plan).await;
    world.settle().await;
    assert_eq!(world.get_of("acme", "far", 0).await.unwrap_err().code(), Code::NotFound);
    world.clock.advance(TimeDelta::minutes(120));
    let decided = world.until("far", is_plan).await;
    assert_eq!(decided.cause, "timer");
    assert_eq!(world.get_of("acme", "farther", 0).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn calls_that_come_into_the_window_while_a_peer_is_down_are_not_forgotten() {
    for method in ["ListMeetings"] {
        let world = World::with(&format!("{FOLLOWING}\nfollow.window = '7d'")).await;
        let week = 7 * 24 * 60;
        world.put([meeting("near", 60), meeting("far", week + 60)]);
        world.until("near", is_plan).await;
        world.settle().await;
        world.peers.make(method, Mood::Down);
        world.clock.advance(TimeDelta::minutes(120));
        world.settle().await;
        assert!(world.get_of("acme", "far", 0).await.is_err(), "{method}");
        world.peers.make(method, Mood::Well);
        world.until("far", is_plan).await;
    }
}

#[tokio::test]
async fn a_broken_link_to_a_peer_is_taken_up_again() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.peers.make("GetCompany", Mood::Down);
    world.peers.make("JudgeMeetings", Mood::Down);
    world.apply(without_zoom());
    world.settle().await;
    world.peers.make("GetCompany", Mood::Well);
    world.peers.make("JudgeMeetings", Mood::Well);
    let fell = world.until("a", |decision| code(decision) != SkipCode::Unspecified).await;
    assert_eq!(code(&fell), SkipCode::CallProviderDisabledForCompany);
}

#[tokio::test]
async fn a_stored_meeting_that_cannot_be_read_does_not_stop_following() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting_with("bad", 60, |meeting| meeting.links[0].id.clear()), meeting("a", 120)]);
    world.until("a", is_plan).await;
    world.put([meeting("b", 180)]);
    world.until("b", is_plan).await;
}

#[tokio::test]
async fn an_old_change_does_not_undo_what_was_decided_from_a_newer_one() {
    let path = tempfile::tempdir().unwrap();
    let settings = |enabled: bool| {
        format!(
            "store.url = 'sqlite://{}?mode=rwc'\nfollow.enabled = {enabled}\nfollow.sweep = '50ms'",
            path.path().join("calls.db").display()
        )
    };
    let world = World::with(&settings(false)).await;
    world.put([meeting_with("a", 60, |meeting| meeting.cancelled = true)]);
    world.alter("a", |meeting| meeting.cancelled = false);
    assert!(is_plan(&world.decide("a").await));
    // The log is read from its beginning, and its first entry is as old as can be.
    world.peers.change(|state| state.cut_log_after = Some(1));
    let world = world.restart(&settings(true)).await;
    world.settle().await;
    let holds = world.get("a").await;
    assert!(is_plan(&holds) && holds.revision == 1, "{holds:#?}");
}

#[tokio::test]
async fn a_watcher_of_everything_hears_of_what_followers_decide() {
    let world = World::with(FOLLOWING).await;
    let request = wire::WatchCallsRequest::default();
    let mut stream = world.client().watch_calls(request).await.unwrap().into_inner();
    world.put([meeting("a", 60)]);
    let next = tokio::time::timeout(std::time::Duration::from_secs(5), stream.message());
    let change = next.await.unwrap().unwrap().unwrap();
    assert_eq!(change.decision.unwrap().call_id, "a");
}

#[tokio::test]
async fn a_refusal_decides_the_call_again_by_itself_and_no_other() {
    let world = World::empty(FOLLOWING).await;
    world.apply(enforcing());
    let consented = |id: &str, at| {
        meeting_with(id, at, |meeting| {
            meeting.links = vec![crate::world::consent_link(&format!("zoom:{id}"))];
        })
    };
    world.put([consented("a", 60), consented("b", 600)]);
    let planned = world.until("a", is_plan).await;
    let other = world.until("b", is_plan).await;
    // The first version of the policy has been followed too.
    world.settle().await;
    let key = decision::CallKey::try_from(planned.key.unwrap()).unwrap();
    world.peers.change(|state| state.refuse("acme", key));
    let refused = world.until("a", |decision| !is_plan(decision)).await;
    assert_eq!(code(&refused), SkipCode::ComplianceUserRequest);
    assert_eq!(refused.cause, "consent");
    world.settle().await;
    assert_eq!(world.get("b").await, other);
}
