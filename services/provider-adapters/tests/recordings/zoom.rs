//! Zoom's cloud: from the order over the webhook to the file in the store, and what may go wrong on the way.

use axum::Router;
use fakes::zoom::{Control, Options, Zoom, busy_second};
use fakes::{Clock, Fault, Match, Reply, Server, wav};
use http::Method;
use proto::provider::v1::{Act, Adapter};
use proto::verdict::v1::Provider;
use serde_json::json;

use crate::world::{Setting, World, clock};

struct Played {
    world: World,
    zoom: Zoom,
}

/// A company whose meetings Zoom records, and one of them with a call's id, recorded in so many pieces and over.
async fn played(pieces: u32) -> (Played, String) {
    let theirs: Clock = clock();
    let zoom = Zoom::start_with(Options { clock: theirs.clone(), ..Options::default() }).await;
    let ada = zoom.add_user("ada@acme.example");
    let address = World::address();
    let options = zoom.options().clone();
    let setting = Setting::default().connect(
        "zoom",
        &zoom.api_url(),
        &options.webhook_secret,
        &[
            ("account_id", &options.account),
            ("client_id", &options.client_id),
            ("client_secret", &options.client_secret),
            ("oauth_url", &zoom.oauth_url()),
            ("plan", "business"),
        ],
    );
    let world = World::open(theirs, address, setting).await;
    zoom.subscribe(&world.hook("zoom"));
    // The second run of the account has a uuid that must be escaped twice.
    let before = zoom.schedule(&ada, world.now(), 30);
    zoom.begin(before);
    zoom.end(before);
    let meeting = zoom.schedule(&ada, world.now(), 30);
    zoom.set_media("MP4", wav(60, false));
    zoom.set_media("M4A", wav(60, false));
    let number = meeting.to_string();
    world.order(World::meeting("c1", Adapter::ZoomNative, Provider::Zoom, &number)).await;
    let run = zoom.begin(meeting);
    zoom.record(meeting, Control::Start);
    for _ in 1..pieces {
        world.advance(chrono::TimeDelta::minutes(5));
        zoom.record(meeting, Control::Stop);
        zoom.record(meeting, Control::Start);
    }
    world.advance(chrono::TimeDelta::minutes(5));
    zoom.end(meeting);
    world.hears("c1", "meeting_ended").await;
    (Played { world, zoom }, run)
}

fn downloads(zoom: &Zoom) -> Vec<fakes::Seen> {
    zoom.log().of(&Method::GET, "/rec/download/")
}

#[tokio::test]
async fn a_recording_is_fetched_when_the_webhook_says_that_it_is_ready() {
    // One piece is longer than the other; both are kept with the sound alone, and the longest counts.
    let (Played { world, zoom }, run) = played(2).await;
    assert!(run.starts_with('/') || run.contains("//"), "a uuid that must be escaped twice: {run}");
    zoom.finish(&run);
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(world.files(), vec![wav(60, false).len() as u64; 4]);
    let asked = downloads(&zoom);
    assert!(asked.len() == 4 && asked.iter().all(|one| one.header("authorization").is_some()));
    assert!(asked.iter().all(|one| one.query.is_empty()), "the token is in no address");
    world.act("c1", Act::Discard, 10).await;
    world.until("the files to go", async || world.files().is_empty()).await;
    world.close().await;
}

#[tokio::test]
async fn what_is_not_ready_is_waited_for_and_what_is_too_much_is_asked_later() {
    let (Played { world, zoom }, run) = played(1).await;
    zoom.finish(&run);
    world.hears("c1", "files_ready").await;
    let file = json!({"id": "f1", "file_type": "MP4", "status": "processing"});
    let processing = Reply::json(200, &json!({"uuid": run, "recording_files": [file]}));
    let faults = zoom.faults();
    faults.add(Match::path("/recordings").once(), Fault::Answer(processing));
    faults.add(Match::path("/recordings").after(1).once(), busy_second());
    let absent = Reply::json(404, &json!({"code": 3001, "message": "Meeting does not exist."}));
    faults.add(Match::path("/recordings").after(2).once(), Fault::Answer(absent));
    faults.add(Match::path("/rec/download/").once(), Fault::busy(1));
    world.fetches("c1", "imported 60 s").await;
    assert!(zoom.log().count(&Method::GET, "/v2/meetings/") >= 4);
    world.close().await;
}

#[tokio::test]
async fn a_token_that_has_had_its_time_is_replaced() {
    let (Played { world, zoom }, run) = played(1).await;
    zoom.finish(&run);
    world.hears("c1", "files_ready").await;
    zoom.expire_tokens();
    let body =
        json!({"status": false, "errorCode": 124, "errorMessage": "Access token is expired."});
    let expired = Fault::Answer(Reply::json(401, &body));
    zoom.faults().add(Match::path("/rec/download/").once(), expired);
    let before = zoom.minted();
    world.fetches("c1", "imported 60 s").await;
    assert!(zoom.minted() > before, "the token of the API had lapsed too");
    let tokens: std::collections::BTreeSet<String> = downloads(&zoom)
        .iter()
        .filter_map(|one| one.header("authorization").map(str::to_owned))
        .collect();
    assert!(tokens.len() >= 2, "another token each time it is asked for");
    world.close().await;
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (Played { world, zoom }, run) = played(1).await;
    let elsewhere = Server::start(Router::new().fallback(async || "sound")).await;
    zoom.finish(&run);
    world.hears("c1", "files_ready").await;
    let to = format!("http://localhost:{}/stolen", elsewhere.address().port());
    let leads_away = Fault::Answer(Reply::status(302).header("location", &to));
    zoom.faults().add(Match::path("/rec/download/"), leads_away);
    world.fetches("c1", "files_lost host_not_allowed").await;
    assert_eq!(elsewhere.log().all().len(), 0, "nobody else was asked");
    assert_eq!(world.files(), [0_u64; 0]);
    world.close().await;
}

#[tokio::test]
async fn a_file_of_another_size_than_zoom_says_is_not_taken() {
    let (Played { world, zoom }, run) = played(1).await;
    zoom.finish(&run);
    world.hears("c1", "files_ready").await;
    let other = Reply::status(200).body("video/mp4", wav(30, false));
    zoom.faults().add(Match::path("/rec/download/"), Fault::Answer(other));
    world.fetches("c1", "files_lost not_as_announced").await;
    world.close().await;
}

#[tokio::test]
async fn a_recording_that_is_gone_is_told_with_the_word_of_zoom() {
    let (Played { world, zoom }, run) = played(1).await;
    zoom.finish(&run);
    world.hears("c1", "files_ready").await;
    zoom.outbox().lose(1);
    zoom.trash(&run);
    world.fetches("c1", "files_lost 3301").await;
    assert_eq!(downloads(&zoom).len(), 0);
    world.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_place_for_recordings_is_told() {
    let (Played { world, .. }, _) = played(1).await;
    let (codes, details) = world.described().await;
    assert!(!codes.iter().any(|one| one.contains("recording_store")), "{codes:?}");
    assert!(!details.iter().any(|one| one.contains("imports")), "{details:?}");
    // A file where the folder was: nothing can be written below it.
    let folder = world.folder().join("recordings");
    std::fs::remove_dir_all(&folder).ok();
    std::fs::write(&folder, "in the way").unwrap();
    let (codes, details) = world.described().await;
    assert!(codes.iter().any(|one| one == "recording_store_failing"), "{codes:?}");
    assert!(details.iter().any(|one| one.starts_with("error: recordings cannot be written")));
    world.close().await;
}
