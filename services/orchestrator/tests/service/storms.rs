//! Calls decided again after changes of policy, while something fails.

use chrono::TimeDelta;
use proto::orchestrator::v1 as wire;

use crate::state::Mood;
use crate::sweeping::{abel, of_abel, until_abel};
use crate::world::{FOLLOWING, HASTY, World, acme, acme_with, is_plan, meeting};

/// How far the calls of acme have come to be decided again, and when that is over.
async fn progress(world: &World, until_done: bool) -> wire::WatchRedecisionsResponse {
    let request = wire::WatchRedecisionsRequest { company: "acme".into(), until_done };
    let mut stream = world.client().watch_redecisions(request).await.unwrap().into_inner();
    let mut last = stream.message().await.unwrap().unwrap();
    while until_done && let Some(next) = stream.message().await.unwrap() {
        last = next;
    }
    last
}

#[tokio::test]
async fn a_company_that_cannot_be_decided_again_holds_up_no_other() {
    let world = World::with(&format!("{FOLLOWING}\n{HASTY}")).await;
    world.apply(abel());
    world.put([meeting("a", 60)]);
    world.put([of_abel("b", 60)]);
    world.until("a", is_plan).await;
    until_abel(&world, "b").await;
    world.settle().await;
    world.peers.state().silent.insert("abel".into());
    let without = |mut file: decision::CompanyFile| {
        file.settings.providers.get_mut("zoom").unwrap().enabled = false;
        file
    };
    world.apply(without(abel()));
    world.settle().await;
    // Theirs is the older one.
    world.clock.advance(TimeDelta::seconds(1));
    world.apply(without(acme()));
    world.until("a", |decision| !is_plan(decision)).await;
    assert!(is_plan(&world.get_of("abel", "b", 0).await.unwrap()));
    world.peers.state().silent.clear();
    for _ in 0..400 {
        if !is_plan(&world.get_of("abel", "b", 0).await.unwrap()) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("it is done in the end");
}

#[tokio::test]
async fn a_new_company_is_gone_through_from_where_it_was_left_and_every_meeting_counts_once() {
    let world = World::empty(&format!("{FOLLOWING}\nstorm.batch = 2")).await;
    world.put((0..7).map(|n| meeting(&format!("m{n}"), 60 * (n + 1))));
    world.settle().await;
    world.peers.forget();
    for _ in 0..2 {
        world.peers.when_asked("ListMeetings", |_| {});
    }
    world.peers.when_asked("ListMeetings", |state| state.make("ListMeetings", Mood::Down));
    world.apply(acme());
    world.until("m3", is_plan).await;
    world.settle().await;
    let left = progress(&world, false).await;
    assert_eq!((left.done, left.changed, left.total), (4, 4, 5), "one more is known of");
    assert_eq!(left.finished_at, None);
    world.peers.make("ListMeetings", Mood::Well);
    let done = progress(&world, true).await;
    assert_eq!((done.done, done.changed, done.total), (7, 7, 7));
    assert!(done.finished_at.is_some());
    assert_eq!(world.peers.sizes("JudgeMeetings"), [2, 2, 2, 1]);
}

#[tokio::test]
async fn a_change_while_a_new_company_is_gone_through_begins_anew() {
    let world = World::empty(&format!("{FOLLOWING}\nstorm.batch = 2")).await;
    world.put((0..5).map(|n| meeting(&format!("m{n}"), 60 * (n + 1))));
    world.settle().await;
    world.peers.when_asked("ListMeetings", |_| {});
    world.peers.when_asked("ListMeetings", |state| state.make("ListMeetings", Mood::Down));
    world.apply(acme());
    world.until("m1", is_plan).await;
    world.settle().await;
    world.apply(acme_with(|file| file.name = "Acme".into()));
    world.peers.make("ListMeetings", Mood::Well);
    let done = progress(&world, true).await;
    assert_eq!(done.policy_version, 2);
    for n in 0..5 {
        assert!(is_plan(&world.get(&format!("m{n}")).await));
    }
}
