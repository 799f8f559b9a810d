//! Bots of Recall and Attendee: their recordings lie behind links that hold for a time.

use fakes::attendee::Attendee;
use fakes::recall::Recall;
use fakes::{Fault, Match, Reply, wav};
use http::Method;
use proto::provider::v1::Adapter;
use proto::verdict::v1::Provider;
use serde_json::json;

use crate::world::{Setting, World, clock};

async fn with_recall() -> (World, Recall, String) {
    let theirs = clock();
    let recall = Recall::start(theirs.clone()).await;
    let api = [("key", recall.key())];
    let setting = Setting::default().connect("recall", &recall.base(), &recall.secret(), &api);
    let world = World::open(theirs, World::address(), setting).await;
    recall.subscribe(&world.hook("recall"), 1000);
    world.order(World::meeting("c1", Adapter::Webex, Provider::Webex, "123")).await;
    let bot = recall.bots().remove(0);
    recall.walk(&bot, &["joining_call", "in_call_not_recording", "in_call_recording"]);
    world.hears("c1", "recording_started").await;
    recall.walk(&bot, &["call_ended:call_ended_by_host"]);
    (world, recall, bot)
}

#[tokio::test]
async fn a_recording_of_recall_is_fetched_without_the_key() {
    let (world, recall, bot) = with_recall().await;
    recall.ready(&bot, 60, false);
    recall.walk(&bot, &["done"]);
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(world.files(), [wav(60, false).len() as u64]);
    let asked = recall.server().log().of(&Method::GET, "/media/");
    assert!(!asked.is_empty() && asked.iter().all(|one| one.header("authorization").is_none()));
    world.close().await;
}

#[tokio::test]
async fn a_link_of_recall_that_has_had_its_time_is_asked_for_again() {
    let (world, recall, bot) = with_recall().await;
    recall.ready(&bot, 60, false);
    recall.walk(&bot, &["done"]);
    world.hears("c1", "files_ready").await;
    let text = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let expired = Reply::status(403).body("application/xml", text);
    recall.server().faults().add(Match::path("/media/").once(), Fault::Answer(expired));
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(recall.server().log().count(&Method::GET, "/media/"), 2);
    world.close().await;
}

#[tokio::test]
async fn a_recording_that_recall_still_works_on_is_waited_for() {
    let (world, recall, bot) = with_recall().await;
    world.act("c1", proto::provider::v1::Act::Fetch, 9).await;
    let asked = async || recall.server().log().count(&Method::GET, "/api/v1/bot/") >= 2;
    world.until("another question", asked).await;
    assert_eq!(world.files(), [0_u64; 0]);
    recall.ready(&bot, 60, false);
    world.hears("c1", "imported 60 s").await;
    world.close().await;
}

#[tokio::test]
async fn a_recording_that_recall_failed_to_make_is_lost() {
    let (world, recall, bot) = with_recall().await;
    recall.spoil(&bot, "out_of_space");
    world.fetches("c1", "files_lost recording.failed").await;
    world.close().await;
}

async fn with_attendee() -> (World, Attendee, String) {
    let theirs = clock();
    let attendee = Attendee::start(theirs.clone()).await;
    let api = [("key", attendee.key())];
    let base = attendee.base();
    let setting = Setting::default().connect("attendee", &base, &attendee.secret(), &api);
    let world = World::open(theirs, World::address(), setting).await;
    attendee.subscribe(&world.hook("attendee"), 1000);
    world.order(World::meeting("c1", Adapter::Teams, Provider::Teams, "123")).await;
    let bot = attendee.bots().remove(0);
    let way = ["joined_meeting", "recording_permission_granted", "meeting_ended"];
    attendee.walk(&bot, &way);
    (world, attendee, bot)
}

#[tokio::test]
async fn a_recording_of_attendee_is_fetched_when_it_is_there() {
    let (world, attendee, bot) = with_attendee().await;
    world.act("c1", proto::provider::v1::Act::Fetch, 9).await;
    let asked = async || {
        let log = attendee.server().log().of(&Method::GET, "/api/v1/bots/");
        log.iter().filter(|one| one.path.ends_with("/recording")).count() >= 2
    };
    world.until("another question", asked).await;
    attendee.ready(&bot, 60, false);
    world.hears("c1", "imported 60 s").await;
    let asked = attendee.server().log().of(&Method::GET, "/media/");
    assert!(!asked.is_empty() && asked.iter().all(|one| one.header("authorization").is_none()));
    world.close().await;
}

#[tokio::test]
async fn a_link_to_a_host_that_is_not_listed_is_not_followed() {
    let (world, attendee, bot) = with_attendee().await;
    attendee.ready(&bot, 60, false);
    let link = json!({"url": "http://localhost:9/file", "start_timestamp_ms": 1});
    let other = Fault::Answer(Reply::json(200, &link));
    attendee.server().faults().add(Match::path("/recording"), other);
    world.fetches("c1", "files_lost host_not_allowed").await;
    world.close().await;
}
