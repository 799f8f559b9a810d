//! Bots of others: sent once, called back, told what to do, and only where they may go.

use std::time::Duration;

use chrono::TimeDelta;
use fakes::zoom::{Options, Zoom};
use fakes::{Fault, Match, Reply};
use http::Method as Verb;
use proto::provider::v1::*;
use serde_json::json;

use crate::world::{World, attempt, shared};

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
