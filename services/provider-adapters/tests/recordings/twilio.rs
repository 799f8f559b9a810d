//! Twilio: calls that are recorded by their plan or by our word, and fetched with the account's key.

use axum::Router;
use fakes::twilio::Twilio;
use fakes::{Fault, Match, Reply, Server, wav};
use http::Method;
use proto::provider::v1::Act;

use crate::world::{Setting, World, clock};

struct Played {
    world: World,
    twilio: Twilio,
    /// A call that somebody has answered, and that was ordered as `c1`.
    call: String,
}

async fn played(more: &[(&str, &str)], setting: Setting) -> Played {
    let theirs = clock();
    let options = fakes::twilio::Options { clock: theirs.clone(), ..Default::default() };
    let twilio = Twilio::start_with(options).await;
    let (account, token) = (&twilio.options().account, &twilio.options().token);
    let mut api = vec![("account_sid", account.as_str()), ("secret", token.as_str())];
    api.extend_from_slice(more);
    let address = World::address();
    let setting = setting.connect("twilio", &twilio.url(), token, &api);
    let world = World::open(theirs, address, setting).await;
    twilio.subscribe(&world.hook("twilio"));
    let call = twilio.dial("+15550100", "+15550101");
    twilio.walk(&call, &["initiated", "ringing", "in-progress"]);
    world.order(World::call("c1", "twilio", &call)).await;
    world.hears("c1", "answered").await;
    Played { world, twilio, call }
}

#[tokio::test]
async fn a_call_that_twilio_records_by_itself_is_fetched_with_the_key() {
    let Played { world, twilio, call } = played(&[], Setting::default()).await;
    let by = "SELECT count(*) FROM provider_adapters_attempt WHERE connection = 'twilio'";
    assert_eq!(world.count(by).await, 1, "by which it is done");
    // It is not to be told.
    world.act("c1", Act::StartRecording, 1).await;
    assert_eq!(twilio.recordings(), Vec::<String>::new());
    let recording = twilio.record(&call, "DialVerb");
    world.hears("c1", "recording_started").await;
    twilio.walk(&call, &["completed"]);
    world.hears("c1", "call_ended").await;
    // Asked for before it is there.
    world.act("c1", Act::CheckFiles, 2).await;
    world.hears("c1", "files_processing").await;
    twilio.faults().add(Match::path("/Recordings.json").once(), Fault::busy(2));
    twilio.finish_recording(&recording, 60, false);
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(world.files(), [wav(60, false).len() as u64]);
    let path = format!("/2010-04-01/Accounts/{}/Recordings/", twilio.options().account);
    let media = twilio.log().of(&Method::GET, &path);
    assert!(media.iter().all(|one| one.header("authorization").unwrap().starts_with("Basic ")));
    assert!(!world.told("c1").await.iter().any(|one| one == "manual_start"));
    // The copy at Twilio is its owner's.
    world.act("c1", Act::Discard, 10).await;
    assert_eq!(twilio.recordings(), [recording]);
    world.close().await;
}

#[tokio::test]
async fn a_call_is_recorded_by_our_word_once_and_nobody_takes_it_for_a_persons() {
    let Played { world, twilio, call } = played(&[("starts", "true")], Setting::default()).await;
    // The answer is lost: what came of the word is looked for before it is said again.
    let path = format!("/Calls/{call}/Recordings.json");
    twilio.faults().add(Match::path(&path).method(Method::POST).once(), Fault::DropAfter);
    world.act("c1", Act::StartRecording, 1).await;
    world.hears("c1", "recording_started").await;
    let ours = twilio.recordings();
    assert_eq!(ours.len(), 1, "{ours:?}");
    let told: Vec<_> =
        twilio.log().all().into_iter().filter(|one| one.method == Method::POST).collect();
    assert_eq!(told.len(), 1);
    let body = String::from_utf8_lossy(&told[0].body).into_owned();
    assert!(
        body.contains("RecordingStatusCallback=http") && body.contains("webhooks%2Ftwilio"),
        "{body}"
    );
    twilio.walk(&call, &["completed"]);
    twilio.finish_recording(&ours[0], 60, false);
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert!(!world.told("c1").await.iter().any(|one| one == "manual_start"));
    // What we began goes when it is thrown away.
    world.act("c1", Act::Discard, 10).await;
    assert_eq!(twilio.recordings(), Vec::<String>::new());
    world.until("the file to go", async || world.files().is_empty()).await;
    world.close().await;
}

#[tokio::test]
async fn what_we_began_ends_when_the_recording_is_stopped_and_goes_when_it_is_called_back() {
    let Played { world, twilio, .. } = played(&[("starts", "true")], Setting::default()).await;
    world.act("c1", Act::StartRecording, 1).await;
    let ours = twilio.recordings().remove(0);
    world.act("c1", Act::StartRecording, 2).await;
    assert_eq!(twilio.recordings().len(), 1, "it records already");
    world.act("c1", Act::Stop, 3).await;
    assert_eq!(twilio.recording_status(&ours), Some("processing"), "kept");
    world.withdraw("c1").await;
    assert_eq!(twilio.recording_status(&ours), None);
    world.close().await;
}

#[tokio::test]
async fn a_recording_that_a_person_began_is_left_alone() {
    let Played { world, twilio, call } = played(&[("starts", "true")], Setting::default()).await;
    let theirs = twilio.record(&call, "StartCallRecordingAPI");
    world.hears("c1", "manual_start").await;
    world.act("c1", Act::Stop, 3).await;
    world.withdraw("c1").await;
    assert_eq!(twilio.recording_status(&theirs), Some("in-progress"));
    world.close().await;
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let elsewhere = Server::start(Router::new().fallback(async || wav(60, false))).await;
    let setting = Setting::default().with("imports.hosts.twilio = ['=127.0.0.1', '=localhost']");
    let Played { world, twilio, call } = played(&[], setting).await;
    let recording = twilio.record(&call, "DialVerb");
    twilio.walk(&call, &["completed"]);
    twilio.finish_recording(&recording, 60, false);
    world.hears("c1", "files_ready").await;
    let to = format!("http://localhost:{}/media", elsewhere.address().port());
    let leads_on = Fault::Answer(Reply::status(307).header("location", &to));
    twilio.faults().add(Match::path(&format!("{recording}.wav")), leads_on);
    world.fetches("c1", "imported 60 s").await;
    let seen = elsewhere.log().all();
    assert!(!seen.is_empty() && seen.iter().all(|one| one.header("authorization").is_none()));
    world.close().await;
}

#[tokio::test]
async fn what_became_of_a_call_is_asked_for_when_no_webhook_came() {
    let Played { world, twilio, call } = played(&[], Setting::default()).await;
    twilio.outbox().lose(1);
    world.advance(chrono::TimeDelta::minutes(1));
    twilio.walk(&call, &["completed"]);
    world.act("c1", Act::CheckMeeting, 1).await;
    world.hears("c1", "call_ended").await;
    world.act("c1", Act::CheckFiles, 2).await;
    world.hears("c1", "files_missing").await;
    world.close().await;
}

#[tokio::test]
async fn a_recording_that_twilio_failed_to_make_is_told_with_its_error() {
    let Played { world, twilio, call } = played(&[], Setting::default()).await;
    let recording = twilio.record(&call, "DialVerb");
    twilio.walk(&call, &["completed"]);
    twilio.outbox().lose(1);
    twilio.fail_recording(&recording, 16_001);
    world.act("c1", Act::CheckFiles, 2).await;
    world.hears("c1", "dialer_import_failed 16001").await;
    world.close().await;
}
