//! Plans carried out at providers that are played over real sockets, with what goes wrong there and in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "carriers/world.rs"]
mod world;

use std::time::Duration;

use chrono::TimeDelta;
use fakes::zoom::{Options, Zoom};
use fakes::{Fault, Match, Reply};
use http::Method as Verb;
use proto::provider::v1::*;
use serde_json::json;
use world::{World, attempt, now, shared};

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

#[tokio::test]
async fn a_bot_is_sent_once_whatever_goes_wrong() {
    let create = || Match::path("/bot").method(Verb::POST);
    let faults: [(&str, Match, Fault); 7] = [
        ("busy", Match::all().times(2), Fault::busy(3)),
        ("failure", Match::all().times(3), Fault::failure(503)),
        ("broken before", create().times(2), Fault::DropBefore),
        ("broken after", create().once(), Fault::DropAfter),
        ("cut", create().once(), Fault::Cut),
        ("failed after", create().once(), Fault::AnswerAfter(Reply::status(502))),
        ("answered late", create().once(), Fault::SlowAfter(Duration::from_secs(4))),
    ];
    for (name, which, fault) in faults {
        for runtime in ["recall", "attendee"] {
            let world = World::new().await;
            world.server(runtime).faults().add(which.clone(), fault.clone());
            world.order(world.bot(attempt("c1", 1, 0), runtime)).await;
            world.idle().await;
            assert_eq!(world.bots(runtime).len(), 1, "{runtime}, {name}");
            assert_eq!(world.all().await, [], "{runtime}, {name}");
            world.withdraw(attempt("c1", 1, 0)).await;
            world.idle().await;
            assert_eq!(world.bots(runtime).len(), 0, "{runtime}, {name}");
            world.close().await;
        }
    }
}

#[tokio::test]
async fn a_process_that_is_killed_before_it_hears_of_its_bot_sends_no_second_one() {
    for engine in shared().await {
        let world = World::on(engine).await;
        let create = Match::path("/bot").method(Verb::POST).once();
        world
            .recall
            .server()
            .faults()
            .add(create.clone(), Fault::SlowAfter(Duration::from_secs(60)));
        world.attendee.server().faults().add(create, Fault::SlowAfter(Duration::from_secs(60)));
        world.order(world.bot(attempt("c1", 1, 0), "recall")).await;
        world.order(world.bot(attempt("c2", 1, 0), "attendee")).await;
        let both = async || world.bots("recall").len() == 1 && world.bots("attendee").len() == 1;
        world.until("both bots", both).await;
        let world = world.killed().await;
        world.idle().await;
        assert_eq!((world.bots("recall").len(), world.bots("attendee").len()), (1, 1));
        world.withdraw(attempt("c1", 1, 0)).await;
        world.withdraw(attempt("c2", 1, 0)).await;
        world.idle().await;
        assert_eq!((world.bots("recall").len(), world.bots("attendee").len()), (0, 0));
        world.close().await;
    }
}

#[tokio::test]
async fn a_bot_nobody_heard_of_is_called_back_as_soon_as_it_shows() {
    let world = World::new().await;
    world.recall.linger(Duration::from_millis(1500));
    let create = Match::path("/bot").method(Verb::POST);
    world.recall.server().faults().add(create, Fault::DropAfter);
    world.order(world.bot(attempt("c1", 1, 0), "recall")).await;
    world
        .until("a create", async || world.recall.server().log().count(&Verb::POST, "/api") > 0)
        .await;
    world.withdraw(attempt("c1", 1, 0)).await;
    world.recall.blind(2);
    world.idle().await;
    tokio::time::sleep(Duration::from_millis(1700)).await;
    assert_eq!(world.bots("recall"), Vec::<String>::new());
    world.close().await;
}

#[tokio::test]
async fn no_bot_being_free_is_waited_out_and_a_wrong_link_is_not() {
    let world = World::new().await;
    world.recall.free(0);
    let soon = Order { join_at: None, ..world.bot(attempt("c1", 1, 0), "recall") };
    world.order(soon).await;
    let refused = async || world.recall.server().log().count(&Verb::POST, "/api") >= 2;
    world.until("two refusals", refused).await;
    world.recall.free(5);
    world.idle().await;
    assert_eq!(world.bots("recall").len(), 1, "a refusal that is repeated is asked for anew");
    let wrong =
        Order { join_url: "zoommtg:nowhere".into(), ..world.bot(attempt("c2", 1, 0), "recall") };
    world.order(wrong).await;
    world.told(&["url_unusable"]).await;
    let without = Order { join_url: String::new(), ..world.bot(attempt("c3", 1, 0), "recall") };
    world.order(without).await;
    world.told(&["url_unusable", "url_unusable"]).await;
    world.close().await;
}

#[tokio::test]
async fn a_bot_announces_before_it_records_or_does_not_go() {
    let world = World::new().await;
    let announced = |call: &str, runtime| Order {
        announcement: true,
        join_at: None,
        ..world.bot(attempt(call, 1, 0), runtime)
    };
    world.order(announced("c1", "recall")).await;
    world.idle().await;
    let bot = world.bots("recall").pop().unwrap();
    world.recall.walk(&bot, &["joining_call", "in_call_not_recording"]);
    world.instruct(attempt("c1", 1, 0), Act::Announce, 1).await;
    world.told(&["announcing", "announced"]).await;
    assert_eq!(world.recall.played(&bot).len(), 1);
    assert!(!world.recall.records(&bot));
    world.instruct(attempt("c1", 1, 0), Act::StartRecording, 2).await;
    world.idle().await;
    assert!(world.recall.records(&bot));
    // Told twice, it goes on with what it does.
    world.instruct(attempt("c1", 1, 0), Act::StartRecording, 3).await;
    world.idle().await;
    let starts = world.recall.server().log();
    let starts = starts
        .of(&Verb::POST, "/api")
        .into_iter()
        .filter(|one| one.path.contains("start_recording"));
    assert_eq!(starts.count(), 1);
    world.order(announced("c2", "attendee")).await;
    world.told(&["announcing", "announced", "announcement_failed"]).await;
    assert_eq!(world.bots("attendee"), Vec::<String>::new());
    world.close().await;
}

#[tokio::test]
async fn what_became_of_a_bot_is_asked_for_and_it_leaves_when_told() {
    let world = World::new().await;
    world.order(Order { join_at: None, ..world.bot(attempt("c1", 1, 0), "recall") }).await;
    world.idle().await;
    let bot = world.bots("recall").pop().unwrap();
    world.recall.walk(
        &bot,
        &["joining_call", "in_waiting_room", "in_call_not_recording", "in_call_recording"],
    );
    world.instruct(attempt("c1", 1, 0), Act::CheckMeeting, 1).await;
    world
        .until("news", async || {
            world.all().await.iter().any(|one| one.signal == "recording_started")
        })
        .await;
    let before = world.all().await.len();
    world.instruct(attempt("c1", 1, 0), Act::CheckMeeting, 2).await;
    world.idle().await;
    assert_eq!(world.all().await.len(), before, "what was told is told once");
    world.instruct(attempt("c1", 1, 0), Act::Stop, 3).await;
    world.idle().await;
    assert!(!world.recall.records(&bot));
    world.instruct(attempt("c1", 1, 0), Act::CheckFiles, 4).await;
    world
        .until("files", async || {
            world.all().await.iter().any(|one| one.signal == "files_processing")
        })
        .await;
    world.recall.ready(&bot, 60, false);
    world.recall.happen(&bot, "done", None);
    world.instruct(attempt("c1", 1, 0), Act::CheckFiles, 5).await;
    world
        .until("files", async || world.all().await.iter().any(|one| one.signal == "files_ready"))
        .await;
    world.close().await;
}

#[tokio::test]
async fn whoever_decides_ends_what_a_bot_does_before_it_leaves_by_itself() {
    let world = World::new().await;
    world.order(world.bot(attempt("c1", 1, 0), "recall")).await;
    world.order(world.bot(attempt("c2", 1, 0), "attendee")).await;
    world.idle().await;
    let order = world.recall.order(&world.bots("recall")[0]);
    let leave = &order["automatic_leave"];
    let longer = |value: &serde_json::Value, than: u64| value.as_u64().unwrap() > than;
    assert!(longer(&leave["everyone_left_timeout"]["timeout"], 60), "{leave}");
    assert!(longer(&leave["recording_permission_denied_timeout"], 600), "{leave}");
    assert!(longer(&leave["noone_joined_timeout"], 1200), "{leave}");
    assert!(longer(&leave["waiting_room_timeout"], 900), "{leave}");
    assert!(longer(&leave["in_call_recording_timeout"], 6 * 3600 - 1), "{leave}");
    let order = world.attendee.order(&world.bots("attendee")[0]);
    let leave = &order["automatic_leave_settings"];
    // It leaves by that also before anyone came.
    assert!(longer(&leave["only_participant_in_meeting_timeout_seconds"], 1200), "{leave}");
    assert!(longer(&leave["wait_for_host_to_start_meeting_timeout_seconds"], 600), "{leave}");
    world.close().await;
}

#[tokio::test]
async fn a_bot_is_called_back_by_the_connection_that_sent_it() {
    let world = World::new().await;
    world.order(world.bot(attempt("c1", 1, 0), "recall")).await;
    world.idle().await;
    assert_eq!(world.bots("recall").len(), 1);
    let base = world.recall.base();
    let world = world
        .set_up_with(&format!(
            "[[connections]]\nname = 'a-recall'\ncompany = 'acme'\nprovider = 'recall'\nbase_url = '{base}'\n\
             [connections.api]\nkey = 'of-another-workspace'\n"
        ))
        .await;
    world.withdraw(attempt("c1", 1, 0)).await;
    world.idle().await;
    assert_eq!(world.bots("recall").len(), 0);
    world.close().await;
}

#[tokio::test]
async fn of_several_accounts_the_one_that_has_the_meeting_is_used() {
    let world = World::new().await;
    let clock = world.time();
    let other = Zoom::start_with(Options { clock, ..Options::default() }).await;
    other.add_user("zoe@acme.example");
    let Options { account, client_id, client_secret, .. } = other.options();
    let (api, oauth) = (other.api_url(), other.oauth_url());
    let world = world
        .set_up_with(&format!(
            "[[connections]]\nname = 'a-zoom'\ncompany = 'acme'\nprovider = 'zoom'\nbase_url = '{api}'\n\
             [connections.api]\naccount_id = '{account}'\nclient_id = '{client_id}'\n\
             client_secret = '{client_secret}'\noauth_url = '{oauth}'\n"
        ))
        .await;
    let meeting = world.meeting();
    world.order(world.native(attempt("c1", 1, 0), meeting)).await;
    world.told(&["armed"]).await;
    assert_eq!(world.auto_recording(meeting), "cloud");
    world.withdraw(attempt("c1", 1, 0)).await;
    world.idle().await;
    assert_eq!(world.auto_recording(meeting), "none");
    // There one looks before a bot goes, too.
    world.order(world.local(attempt("c2", 1, 0), meeting)).await;
    world.idle().await;
    let order = world.recall.order(&world.bots("recall")[0]);
    assert_eq!(order["metadata"]["zoom_identity"], "own_account");
    world.close().await;
}

#[tokio::test]
async fn before_a_bot_goes_into_a_meeting_of_zoom_one_looks() {
    let world = World::new().await;
    let own = world.meeting();
    world.order(world.local(attempt("c1", 1, 0), own)).await;
    world.idle().await;
    let order = world.recall.order(&world.bots("recall")[0]);
    assert_eq!(order["metadata"]["zoom_identity"], "own_account");
    assert_eq!(order["metadata"]["zoom_permission"], "join_token");
    assert_eq!(order["zoom"]["obf_token_url"], "https://tokens.acme.example/obf");
    // A meeting of another account: somebody of ours will be there.
    world.order(world.local(attempt("c2", 1, 0), 99_999_999_999)).await;
    world.idle().await;
    let order = world.recall.order(&world.bots("recall")[1]);
    assert_eq!(order["metadata"]["zoom_identity"], "on_behalf");
    world.zoom.change_settings(&world.ada, json!({"recording": {"local_recording": false}}));
    world.order(world.local(attempt("c3", 1, 0), own)).await;
    world.told(&["local_recording_off"]).await;
    assert_eq!(world.bots("recall").len(), 2);
    // What cannot be learnt keeps no bot at home.
    world.zoom.faults().add(Match::path("/v2/"), Fault::failure(503));
    world.order(world.local(attempt("c4", 1, 0), own)).await;
    world.until("a bot", async || world.bots("recall").len() == 3).await;
    world.close().await;
}

#[tokio::test]
async fn where_bots_are_to_sign_in_they_do_or_stay() {
    let world = World::new().await;
    let teams = |call: &str| world.bot_for(attempt(call, 1, 0), Adapter::Teams);
    let meet = world.bot_for(attempt("c2", 1, 0), Adapter::GoogleMeet);
    world.order(teams("c1")).await;
    world.idle().await;
    let order = world.attendee.order(&world.bots("attendee")[0]);
    assert_eq!(order["teams_settings"], json!({"use_login": true}));
    world.order(meet).await;
    world.told(&["client_incompatible"]).await;
    assert_eq!(world.raw("client_incompatible").await.code, "no_account_for_bots");
    world.close().await;
}

#[tokio::test]
async fn in_each_conference_bots_are_guests_or_join_with_an_account() {
    let world = World::signed_in().await;
    world.apply(2, [false; 3]).await;
    world.apply(3, [true; 3]).await;
    let accounts = [
        (Adapter::Teams, "attendee", "teams_settings"),
        (Adapter::Webex, "recall", "webex"),
        (Adapter::GoogleMeet, "recall", "google_meet"),
    ];
    let mut call = 0;
    for (adapter, runtime, settings) in accounts {
        for (policy_version, signs_in) in [(2, false), (3, true)] {
            call += 1;
            let known = world.bots(runtime);
            let order = world.bot_for(attempt(&format!("c{call}"), 1, 0), adapter);
            world.order(Order { policy_version, ..order }).await;
            world.idle().await;
            let bot = world.bots(runtime).into_iter().find(|bot| !known.contains(bot)).unwrap();
            let order = match runtime {
                "recall" => world.recall.order(&bot),
                _ => world.attendee.order(&bot),
            };
            assert_eq!(order[settings].is_object(), signs_in, "{adapter:?}: {order}");
        }
    }
    assert_eq!(world.all().await, []);
    world.close().await;
}

#[tokio::test]
async fn before_a_bot_goes_into_a_meeting_of_webex_one_looks() {
    let cases = [
        (
            "no_audio",
            "audio_connection_type",
            json!({"audioConnectionOptions": {"audioConnectionType": "none"}}),
        ),
        (
            "settings_prevent",
            "participant_list_off",
            json!({"attendeePrivileges": {"enabledViewParticipantList": false}}),
        ),
        ("not_allowed", "registration", json!({"registration": {"requireEmail": true}})),
        (
            "signed_in_only",
            "guests_blocked",
            json!({"unlockedMeetingJoinSecurity": "blockFromJoin"}),
        ),
    ];
    for (signal, why, more) in cases {
        let world = World::new().await;
        let order = world.bot_for(attempt("c1", 1, 0), Adapter::Webex);
        world.webex.add_meeting(&order.join_url, None, more);
        world.order(order).await;
        world.told(&[signal]).await;
        let raw = world.raw(signal).await;
        assert_eq!((raw.provider.as_str(), raw.code.as_str()), ("webex", why));
        assert_eq!(world.bots("recall").len(), 0);
        world.close().await;
    }
    // One with an account is no guest.
    let world = World::signed_in().await;
    world.apply(3, [true; 3]).await;
    let order = Order { policy_version: 3, ..world.bot_for(attempt("c1", 1, 0), Adapter::Webex) };
    let meeting = world.webex.add_meeting(
        &order.join_url,
        None,
        json!({"unlockedMeetingJoinSecurity": "blockFromJoin"}),
    );
    world.order(order).await;
    world.idle().await;
    assert_eq!(world.called(2).await, [meeting], "as its webhooks will call it");
    let order = world.recall.order(&world.bots("recall")[0]);
    assert_eq!(order["metadata"]["webex_meeting"], "of_own");
    // What cannot be learnt keeps no bot at home.
    world.webex.faults().add(Match::path("/v1/meetings"), Fault::failure(503));
    world.order(world.bot_for(attempt("c2", 1, 0), Adapter::Webex)).await;
    world.until("a bot", async || world.bots("recall").len() == 2).await;
    world.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again() {
    let world = World::new().await;
    let order = world.bot_for(attempt("c1", 1, 0), Adapter::Webex);
    world.webex.add_meeting(&order.join_url, Some("another"), json!({}));
    world.order(Order { join_at: None, ..order }).await;
    world.idle().await;
    let bot = world.bots("recall").pop().unwrap();
    world.recall.walk(&bot, &["joining_call"]);
    world.recall.happen(&bot, "fatal", Some("meeting_password_incorrect"));
    world.instruct(attempt("c1", 1, 0), Act::CheckMeeting, 1).await;
    let is_told = async || world.all().await.iter().any(|one| one.signal == "password_wrong");
    world.until("the refusal", is_told).await;
    world.advance(TimeDelta::hours(1));
    world.instruct(attempt("c1", 1, 0), Act::CheckMeeting, 2).await;
    world.idle().await;
    let sent = world.recall.server().log().of(&Verb::POST, "/api/v1/bot");
    let sent = sent.iter().filter(|one| one.path.trim_end_matches('/') == "/api/v1/bot");
    assert_eq!(sent.count(), 1, "one bot, once");
    assert!(
        world.webex.log().of(&Verb::POST, "/v1/meetings/join").is_empty(),
        "nobody tries the door"
    );
    world.close().await;
}
