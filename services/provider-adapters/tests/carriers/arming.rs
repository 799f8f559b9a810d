//! Meetings of Zoom that record themselves: armed once, put back, told to record and to stop, whatever goes wrong.

use std::time::Duration;

use chrono::TimeDelta;
use fakes::{Fault, Match, Reply};
use http::Method as Verb;
use proto::provider::v1::*;
use serde_json::json;

use crate::world::{World, attempt, now, shared};

fn arms(world: &World) -> usize {
    world.zoom.log().of(&Verb::PATCH, "/v2/meetings/").iter().filter(|one| one.carried_out).count()
}

#[tokio::test]
async fn a_meeting_is_armed_once_and_put_back_when_it_is_called_back() {
    for engine in shared().await {
        let world = World::on(engine).await;
        let meeting = world.meeting();
        let one = attempt("c1", 1, 0);
        world.order(world.native(one.clone(), meeting)).await;
        world.told(&["armed"]).await;
        assert_eq!(world.auto_recording(meeting), "cloud");
        let raw = world.raw("armed").await;
        assert_eq!((raw.provider.as_str(), raw.code.as_str()), ("zoom", "auto_recording"));
        world.withdraw(one).await;
        world.idle().await;
        assert_eq!(world.auto_recording(meeting), "none");
        assert_eq!(arms(&world), 2, "once there and once back");
        world.close().await;
    }
}

#[tokio::test]
async fn what_somebody_else_armed_is_used_and_left_as_it_is() {
    for engine in shared().await {
        let world = World::on(engine).await;
        let meeting = world.meeting();
        world.zoom.change_meeting(meeting, &json!({"settings": {"auto_recording": "cloud"}}));
        world.order(world.native(attempt("c1", 1, 0), meeting)).await;
        world.told(&["armed"]).await;
        world.withdraw(attempt("c1", 1, 0)).await;
        world.idle().await;
        assert_eq!((arms(&world), world.auto_recording(meeting).as_str()), (0, "cloud"));
        world.close().await;
    }
}

#[tokio::test]
async fn what_two_attempts_want_armed_stays_until_the_last_is_called_back() {
    for engine in shared().await {
        let world = World::on(engine).await;
        let meeting = world.meeting();
        world.order(world.native(attempt("c1", 1, 0), meeting)).await;
        world.told(&["armed"]).await;
        world.order(world.native(attempt("c2", 1, 0), meeting)).await;
        world.told(&["armed", "armed"]).await;
        world.withdraw(attempt("c1", 1, 0)).await;
        world.idle().await;
        assert_eq!(world.auto_recording(meeting), "cloud");
        world.withdraw(attempt("c2", 1, 0)).await;
        world.idle().await;
        assert_eq!((arms(&world), world.auto_recording(meeting).as_str()), (2, "none"));
        world.close().await;
    }
}

#[tokio::test]
async fn what_is_taken_back_while_somebody_comes_to_want_it_is_armed_again() {
    for engine in shared().await {
        let world = World::on(engine).await;
        let meeting = world.meeting();
        world.order(world.native(attempt("c1", 1, 0), meeting)).await;
        world.told(&["armed"]).await;
        let faults = world.zoom.faults();
        faults.add(arm().once(), Fault::Slow(Duration::from_secs(1)));
        faults.add(arm().once(), Fault::failure(503));
        world.withdraw(attempt("c1", 1, 0)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        // It is still armed when this one looks.
        world.order(world.native(attempt("c2", 1, 0), meeting)).await;
        world.told(&["armed", "armed"]).await;
        world.idle().await;
        assert_eq!(world.auto_recording(meeting), "cloud");
        assert_eq!(arms(&world), 3, "armed, taken back, and armed again once that was possible");
        world.close().await;
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_with_its_reason() {
    type Spoil = fn(&World, u64);
    let cases: [(&str, &str, Spoil); 8] = [
        ("native_impossible", "no_licence", |it, _| {
            it.zoom.change_user(&it.ada, json!({"type": 1}))
        }),
        ("host_inactive", "host_inactive", |it, _| it.zoom.deactivate(&it.ada)),
        ("native_impossible", "cloud_recording_off", |it, _| {
            let off = json!({"recording": {"cloud_recording": false}});
            it.zoom.change_settings(&it.ada, off);
        }),
        ("native_impossible", "cloud_recording_locked_off", |it, _| {
            let off = json!({"recording": {"cloud_recording": false}});
            it.zoom.change_settings(&it.ada, off);
            it.zoom.lock_account(json!({"recording": {"cloud_recording": true}}));
        }),
        ("native_impossible", "auto_recording_off", |it, _| {
            it.zoom.lock_group("g1", &it.ada, json!({"recording": {"auto_recording": true}}));
        }),
        ("native_impossible", "meeting_not_found", |it, meeting| it.zoom.delete_meeting(meeting)),
        ("native_impossible", "host_mismatch", |it, meeting| {
            it.zoom.change_meeting(meeting, &json!({"host_id": it.bob}));
        }),
        ("native_impossible", "host_mismatch_by_assistant", |it, meeting| {
            it.zoom.let_schedule(&it.bob, &it.ada);
            it.zoom.change_meeting(meeting, &json!({"host_id": it.bob}));
        }),
    ];
    for (signal, why, spoil) in cases {
        let world = World::new().await;
        let meeting = world.meeting();
        spoil(&world, meeting);
        world.order(world.native(attempt("c1", 1, 0), meeting)).await;
        world.told(&[signal]).await;
        assert_eq!(world.raw(signal).await.code, why);
        assert_eq!(arms(&world), 0);
        world.close().await;
    }
}

#[tokio::test]
async fn whatever_goes_wrong_in_passing_a_meeting_is_armed_once() {
    let faults: [(&str, Match, Fault); 8] = [
        ("busy", Match::path("/meetings/").times(2), fakes::zoom::busy_second()),
        ("busy user", Match::path("/users/").times(2), fakes::zoom::busy_second()),
        ("failure", Match::all().times(3), Fault::failure(503)),
        ("no token", Match::path("/oauth/").times(2), Fault::failure(500)),
        ("broken before", arm().times(2), Fault::DropBefore),
        ("broken after", arm().once(), Fault::DropAfter),
        ("failed after", arm().once(), Fault::AnswerAfter(Reply::status(502))),
        ("answered late", arm().once(), Fault::SlowAfter(Duration::from_secs(4))),
    ];
    for (name, which, fault) in faults {
        let world = World::new().await;
        let meeting = world.meeting();
        world.zoom.faults().add(which, fault);
        world.order(world.native(attempt("c1", 1, 0), meeting)).await;
        world.told(&["armed"]).await;
        assert_eq!(arms(&world), 1, "{name}");
        world.withdraw(attempt("c1", 1, 0)).await;
        world.idle().await;
        assert_eq!(world.auto_recording(meeting), "none", "{name}: it was known to be ours");
        world.close().await;
    }
}

fn arm() -> Match {
    Match::path("/v2/meetings/").method(Verb::PATCH)
}

#[tokio::test]
async fn a_token_that_lapsed_is_no_trouble_and_credentials_that_are_refused_are_told() {
    let world = World::new().await;
    let (one, other) = (world.meeting(), world.meeting());
    world.order(world.native(attempt("c1", 1, 0), one)).await;
    world.told(&["armed"]).await;
    world.zoom.expire_tokens();
    world.order(world.native(attempt("c2", 1, 0), other)).await;
    world.told(&["armed", "armed"]).await;
    world.zoom.deauthorize();
    let third = Order {
        latest_join: Some(proto::time::to_wire(now() + TimeDelta::minutes(20))),
        ..world.native(attempt("c3", 1, 0), world.meeting())
    };
    world.order(third).await;
    world
        .until("a problem", async || world.problems().await.contains(&"credentials_refused".into()))
        .await;
    assert_eq!(world.all().await.len(), 2, "it may yet be mended");
    world.told(&["armed", "armed", "native_impossible"]).await;
    assert!(world.now() >= now() + TimeDelta::minutes(10), "not while there is time to try again");
    world.close().await;
}

#[tokio::test]
async fn a_process_that_is_killed_before_it_hears_the_answer_arms_no_second_time() {
    for engine in shared().await {
        let world = World::on(engine).await;
        let meeting = world.meeting();
        world.zoom.faults().add(arm().once(), Fault::SlowAfter(Duration::from_secs(60)));
        world.order(world.native(attempt("c1", 1, 0), meeting)).await;
        world.until("the request", async || arms(&world) == 1).await;
        let world = world.killed().await;
        world.told(&["armed"]).await;
        assert_eq!(arms(&world), 1);
        world.withdraw(attempt("c1", 1, 0)).await;
        world.idle().await;
        assert_eq!(world.auto_recording(meeting), "none");
        world.close().await;
    }
}

#[tokio::test]
async fn a_user_has_a_hundred_changes_a_day_whoever_makes_them() {
    for engine in shared().await {
        let world = World::patient(engine).await;
        let other = world.replica().await;
        let orders: Vec<Order> = (0..110)
            .map(|n| world.native(attempt(&format!("c{n}"), 1, 0), world.meeting()))
            .collect();
        world.orders(orders).await;
        world.until("all", async || world.all().await.len() == 110).await;
        let all = world.all().await;
        let count = |name: &str| all.iter().filter(|one| one.signal == name).count();
        assert_eq!((count("armed"), count("native_impossible")), (100, 10));
        let raw = world.raw("native_impossible").await;
        assert_eq!(raw.code, "daily_budget");
        let asked = world.zoom.log().of(&Verb::PATCH, "/v2/meetings/").len();
        assert_eq!(asked, 100, "what cannot be done is not asked for");
        other.shutdown().await.unwrap();
        world.close().await;
    }
}

#[tokio::test]
async fn a_running_meeting_is_told_to_record_and_to_stop() {
    let world = World::new().await;
    let meeting = world.meeting();
    world.order(world.native(attempt("c1", 1, 0), meeting)).await;
    world.told(&["armed"]).await;
    world.zoom.change_meeting(meeting, &json!({"settings": {"auto_recording": "none"}}));
    world.instruct(attempt("c1", 1, 0), Act::StartLiveRecording, 1).await;
    world.told(&["armed", "native_refused"]).await;
    world.zoom.begin(meeting);
    // It was carried out, and nobody heard: the second word finds a recording that runs.
    let events = Match::path("/live_meetings/").once();
    world.zoom.faults().add(events, Fault::DropAfter);
    world.instruct(attempt("c1", 1, 0), Act::StartLiveRecording, 2).await;
    world.idle().await;
    assert_eq!(world.all().await.len(), 2, "an echo of our own word is no refusal");
    assert!(!world.zoom.record(meeting, fakes::zoom::Control::Start), "it runs");
    world.instruct(attempt("c1", 1, 0), Act::Stop, 3).await;
    world.idle().await;
    assert!(world.zoom.record(meeting, fakes::zoom::Control::Start), "it was stopped");
    world.close().await;
}

#[tokio::test]
async fn what_a_meeting_does_and_what_became_of_its_files_is_asked_for() {
    let world = World::new().await;
    let meeting = world.meeting();
    let one = || attempt("c1", 1, 0);
    world.order(world.native(one(), meeting)).await;
    world.told(&["armed"]).await;
    world.advance(TimeDelta::minutes(35));
    world.instruct(one(), Act::CheckMeeting, 1).await;
    world.told(&["armed", "never_started"]).await;
    let uuid = world.zoom.begin(meeting);
    world.instruct(one(), Act::CheckMeeting, 2).await;
    world.told(&["armed", "never_started", "meeting_started"]).await;
    world.advance(TimeDelta::minutes(10));
    world.zoom.end(meeting);
    let ended = world.now();
    world.advance(TimeDelta::minutes(10));
    world.instruct(one(), Act::CheckMeeting, 3).await;
    let mut told = vec!["armed", "never_started", "meeting_started", "meeting_ended"];
    world.told(&told).await;
    let last = world.all().await.pop().unwrap();
    assert_eq!(last.at, Some(proto::time::to_wire(ended)), "as Zoom tells, not as we look");
    world.instruct(one(), Act::CheckFiles, 4).await;
    told.push("files_missing");
    world.told(&told).await;
    assert_eq!(world.raw("files_missing").await.code, "3301");
    world.zoom.finish(&uuid);
    world.instruct(one(), Act::CheckFiles, 5).await;
    told.push("files_ready");
    world.told(&told).await;
    world.close().await;
}

#[tokio::test]
async fn the_copy_at_zoom_goes_though_no_webhook_told_its_run() {
    let world = World::new().await;
    let meeting = world.meeting();
    world.order(world.native(attempt("c1", 1, 0), meeting)).await;
    world.told(&["armed"]).await;
    let run = |finished| {
        let uuid = world.zoom.begin(meeting);
        world.zoom.record(meeting, fakes::zoom::Control::Start);
        world.advance(TimeDelta::minutes(5));
        world.zoom.end(meeting);
        if finished {
            world.zoom.finish(&uuid);
        }
        uuid
    };
    let ours = run(true);
    // Another meeting under the same number, on another day.
    world.advance(TimeDelta::days(1));
    run(true);
    let deletions = || world.zoom.log().of(&Verb::DELETE, "/v2/meetings/");
    // Whoever may not delete has not deleted.
    let forbidden = Match::path("/recordings").method(Verb::DELETE).once();
    world.zoom.faults().add(forbidden, Fault::failure(403));
    world.instruct(attempt("c1", 1, 0), Act::Discard, 1).await;
    world.idle().await;
    let deleted: Vec<_> = deletions().into_iter().filter(|one| one.carried_out).collect();
    assert_eq!((deletions().len(), deleted.len()), (2, 1), "{ours}");
    world.close().await;
}
