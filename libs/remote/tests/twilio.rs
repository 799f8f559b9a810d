//! Twilio's client against Twilio as it is played, and its callbacks against what reads them.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use chrono::{DateTime, Utc};
use fakes::twilio::{Options, Twilio};
use fakes::{Clock, Fault, Match, Order, Reply, Server};
use http::Method;
use remote::twilio::{Account, Client, Format, Settings};
use remote::{Base, Budget, Error, Http};
use secrecy::ExposeSecret;
use serde_json::json;
use signals::{Secret, Signal, twilio};

/// What a callback says besides.
type Fields = &'static [(&'static str, &'static str)];

struct World {
    fake: Twilio,
    clock: Clock,
    client: Client,
    hook: Server,
}

fn client(fake: &Twilio, token: &str) -> Client {
    let http = Http::new(&remote::Settings::default()).unwrap();
    let base = Base::new(&fake.url()).unwrap();
    let settings = Settings { api: base.clone(), voice: base };
    let sid = fake.options().account.clone();
    let account = Account { sid: sid.clone(), key: sid, secret: token.to_owned().into() };
    Client::new(&http, &settings, &account, Budget::unbounded())
}

async fn world() -> World {
    let noon: DateTime<Utc> = "2026-01-06T12:00:00Z".parse().unwrap();
    let clock = Clock::held(noon);
    let fake = Twilio::start_with(Options { clock: clock.clone(), ..Options::default() }).await;
    let hook = Server::start(Router::new().route("/twilio", post(async || ""))).await;
    fake.subscribe(&hook.url("/twilio"));
    let client = client(&fake, "acme-auth-token");
    World { fake, clock, client, hook }
}

impl World {
    /// All callbacks, each believed and read.
    async fn heard(&self) -> Vec<signals::Event> {
        self.fake.outbox().settled().await;
        let secrets = [Secret::new("acme-auth-token").unwrap()];
        let url = self.hook.url("/twilio");
        let all = self.hook.log().all().into_iter().map(|seen| {
            twilio::verify_form(&seen.headers, &url, &seen.body, &secrets).unwrap();
            twilio::read(&seen.body).unwrap()
        });
        all.collect()
    }

    fn ringing(&self) -> String {
        let call = self.fake.dial("+15550100", "+15550101");
        self.fake.walk(&call, &["initiated", "ringing"]);
        call
    }
}

#[tokio::test]
async fn a_call_is_followed_from_beginning_to_end() {
    let world = world().await;
    let call = world.fake.dial("+15550100", "+15550101");
    assert_eq!(world.client.call(&call).await.unwrap().status.as_deref(), Some("queued"));
    world.fake.walk(&call, &["initiated", "ringing"]);
    world.fake.happen_with(&call, "in-progress", &[("AnsweredBy", "human")]);
    assert!(!world.client.call(&call).await.unwrap().over());
    world.clock.advance(Duration::from_secs(61));
    world.fake.happen(&call, "completed");
    let read = world.client.call(&call).await.unwrap();
    assert!(read.over());
    assert_eq!((read.seconds, read.answered_by.as_deref()), (Some(61), Some("human")));
    assert_eq!((read.ended.unwrap() - read.started.unwrap()).num_seconds(), 61);
    let heard = world.heard().await;
    let names: Vec<&str> = heard.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["call.initiated", "call.ringing", "call.in-progress", "call.completed"]);
    assert!(heard.iter().map(|event| event.sequence.unwrap()).eq(0..4));
    assert!(heard[2].says(Signal::Answered) && heard[3].says(Signal::CallEnded));
    assert_eq!(heard[3].about.seconds, Some(61));
}

#[tokio::test]
async fn callbacks_that_overtake_one_another_can_be_put_in_order() {
    let world = world().await;
    world.fake.outbox().hold();
    let call = world.ringing();
    world.fake.walk(&call, &["in-progress", "completed"]);
    world.fake.outbox().double(1);
    world.fake.outbox().release(Order::Reversed);
    let mut heard = world.heard().await;
    assert_eq!((heard.len(), heard[0].name.as_str()), (8, "call.completed"));
    heard.sort_by_key(|event| event.sequence);
    heard.dedup_by_key(|event| event.key.clone());
    let names: Vec<&str> = heard.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["call.initiated", "call.ringing", "call.in-progress", "call.completed"]);
}

#[tokio::test]
async fn a_call_that_nobody_takes_tells_why() {
    let world = world().await;
    let ends: [(&str, Fields, Signal); 5] = [
        ("busy", &[("SipResponseCode", "486")], Signal::LineBusy),
        ("no-answer", &[("SipResponseCode", "487")], Signal::CallUnanswered),
        ("failed", &[("SipResponseCode", "404")], Signal::NumberInvalid),
        ("failed", &[("SipResponseCode", "403"), ("ErrorCode", "13225")], Signal::NumberHighRisk),
        ("failed", &[("SipResponseCode", "608")], Signal::CarrierBlocked),
    ];
    for (status, more, signal) in ends {
        world.hook.log().clear();
        let call = world.ringing();
        world.fake.happen_with(&call, status, more);
        let heard = world.heard().await;
        assert_eq!(heard.last().unwrap().signals().first(), Some(&signal), "{status}");
        let read = world.client.call(&call).await.unwrap();
        assert!(read.over() && read.seconds == Some(0), "{status}");
    }
    world.hook.log().clear();
    let call = world.ringing();
    world.fake.happen(&call, "canceled");
    assert_eq!(world.heard().await.last().unwrap().name, "call.canceled");
}

#[tokio::test]
#[should_panic(expected = "`in-progress` cannot follow `busy`")]
async fn a_call_that_is_over_stays_so() {
    let world = world().await;
    let call = world.ringing();
    world.fake.walk(&call, &["busy", "in-progress"]);
}

#[tokio::test]
async fn a_leg_names_the_call_it_was_placed_for() {
    let world = world().await;
    let parent = world.ringing();
    let leg = world.fake.dial_for(&parent, "+15550100", "+15550102");
    world.fake.happen(&leg, "initiated");
    let heard = world.heard().await;
    assert_eq!(heard.last().unwrap().about.session, Some(parent.clone()));
    assert_eq!(world.client.call(&leg).await.unwrap().parent, Some(parent));
}

#[tokio::test]
async fn a_recording_is_found_fetched_and_deleted() {
    let world = world().await;
    let call = world.ringing();
    world.fake.happen(&call, "in-progress");
    let sid = world.fake.record(&call, "StartCallRecordingAPI");
    let running = world.client.recording(&sid).await.unwrap();
    assert!(!running.ready() && !running.lost() && running.seconds.is_none());
    let file = world.client.download(&sid, Format::Wav, Some(1)).await.unwrap();
    let (name, value) = file.header.as_ref().unwrap();
    let fetch = async |trusted: bool| {
        let mut request = reqwest::Client::new().get(file.url.expose());
        if trusted {
            request = request.header(name.as_str(), value.expose_secret());
        }
        request.send().await.unwrap()
    };
    assert_eq!(fetch(true).await.status().as_u16(), 404);
    world.fake.finish_recording(&sid, 2, false);
    assert!(world.client.recording(&sid).await.unwrap().ready());
    assert_eq!(fetch(true).await.bytes().await.unwrap(), fakes::wav(2, false));
    assert_eq!(fetch(false).await.status().as_u16(), 401);
    assert!(!format!("{file:?}").contains(&sid));
    let heard = world.heard().await;
    let done = heard.last().unwrap();
    assert!(done.says(Signal::FilesReady));
    let told = &done.recordings[0];
    assert_eq!((told.seconds, told.by_hand, told.of.as_ref()), (Some(2), Some(true), Some(&call)));
    world.client.delete_recording(&sid).await.unwrap();
    let gone = world.client.delete_recording(&sid).await.unwrap_err();
    assert_eq!((gone.code(), world.fake.recordings().len()), (Some("20404"), 0));
    assert!(matches!(world.client.recording(&sid).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_recording_that_will_never_be_there_is_told() {
    let world = world().await;
    let call = world.ringing();
    world.fake.happen(&call, "in-progress");
    let (absent, failed) =
        (world.fake.record(&call, "DialVerb"), world.fake.record(&call, "DialVerb"));
    world.fake.absent(&absent);
    world.fake.fail_recording(&failed, 16101);
    let all = world.client.recordings(&call).await.unwrap();
    assert!(all.iter().all(|one| one.lost() && !one.ready()));
    assert_eq!(all[1].error.as_deref(), Some("16101"));
    let heard = world.heard().await;
    let told: Vec<&signals::Event> =
        heard.iter().filter(|event| event.says(Signal::DialerImportFailed)).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].recordings[0].by_hand, Some(false));
}

#[tokio::test]
async fn recordings_are_found_on_every_page() {
    let world = world().await;
    world.fake.page(2);
    let call = world.ringing();
    let made: Vec<String> = (0..5).map(|_| world.fake.record(&call, "DialVerb")).collect();
    let found = world.client.recordings(&call).await.unwrap();
    assert!(found.iter().map(|one| &one.sid).eq(&made));
    assert_eq!(world.client.recordings("CA0").await.unwrap(), []);
}

#[tokio::test]
async fn what_an_account_may_call_is_read() {
    let world = world().await;
    world.fake.permit("LV", true, false, true);
    let read = world.client.dialing("LV").await.unwrap();
    assert_eq!((read.ordinary, read.special, read.fraud), (Some(true), Some(false), Some(true)));
    assert!(matches!(world.client.dialing("XX").await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_body_of_json_is_believed_through_its_hash() {
    let world = world().await;
    let body = json!({"CallSid": "CA1"});
    let (url, signed) = world.fake.signed_json("https://hooks.acme.example/t?x=1", &body);
    let secrets = [Secret::new("acme-auth-token").unwrap()];
    let check = |body: &[u8]| twilio::verify_json(&signed.headers, &url, body, &secrets);
    assert_eq!(check(&signed.notice.body), Ok(()));
    assert!(check(b"{}").is_err());
    let target = world.hook.url("/twilio");
    assert_eq!(world.fake.post_json(&target, &body).await, fakes::Attempt::Status(200));
    assert!(world.hook.log().all()[0].query.starts_with("bodySHA256="));
}

#[tokio::test]
async fn a_callback_that_was_tampered_with_is_not_believed() {
    let world = world().await;
    let _ = world.ringing();
    world.fake.outbox().settled().await;
    let sender = world.fake.outbox().senders().remove(0);
    let notice = world.fake.outbox().done()[0].notice.clone();
    sender.post(&sender.sign(&notice).tampered()).await;
    let seen = world.hook.log().all().pop().unwrap();
    let secrets = [Secret::new("acme-auth-token").unwrap()];
    let url = world.hook.url("/twilio");
    assert!(twilio::verify_form(&seen.headers, &url, &seen.body, &secrets).is_err());
}

#[tokio::test]
async fn refusals_and_failures_are_told_apart() {
    let world = world().await;
    let call = world.ringing();
    let stranger = client(&world.fake, "other");
    assert!(matches!(stranger.call(&call).await, Err(Error::Unauthorised { .. })));
    // A client that was told to wait does not ask; each of these has not been told.
    let fresh = || client(&world.fake, "acme-auth-token");
    let fail = |fault| world.fake.faults().add(Match::path("/Calls/").once(), fault);
    fail(Fault::busy(7));
    let error = fresh().call(&call).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let busy = json!({"code": 20429, "message": "Too Many Requests", "status": 429});
    fail(Fault::Answer(Reply::json(429, &busy)));
    assert!(matches!(fresh().call(&call).await, Err(Error::Busy { .. })));
    fail(Fault::Cut);
    assert!(fresh().call(&call).await.unwrap_err().is_transient());
    fail(Fault::Answer(Reply::status(404)));
    // Not Twilio's word: it does not mean that there is no such call.
    let strange = fresh().call(&call).await.unwrap_err();
    assert!(matches!(strange, Error::Refused { status: 404, .. }), "{strange:?}");
    let deletes = Match::path("/Recordings/").method(Method::DELETE).once();
    let sid = world.fake.record(&call, "DialVerb");
    world.fake.faults().add(deletes, Fault::DropAfter);
    let lost = world.client.delete_recording(&sid).await.unwrap_err();
    assert!(lost.may_have_been_done());
    assert!(matches!(world.client.delete_recording(&sid).await, Err(Error::NotFound { .. })));
    assert!(world.client.call("../x").await.is_err());
}

#[test]
fn published_examples_are_read() {
    let root = std::env::var_os("CALLSHEET_FIXTURES").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        std::path::PathBuf::from,
    );
    let read = |name: &str| {
        let bytes = std::fs::read(root.join("providers/twilio").join(name)).ok()?;
        Some(remote::object(&bytes).unwrap())
    };
    let Some(call) = read("api.get-Calls-Sid.200.fetch.json") else {
        println!("skipped: no fixtures of Twilio");
        return;
    };
    let call = remote::twilio::PhoneCall::read(&call).unwrap();
    assert!(call.over() && call.started.is_some() && call.seconds == Some(4));
    let recording = read("api.get-Recordings-Sid.200.fetch.json").unwrap();
    let recording = remote::twilio::Recording::read(&recording).unwrap();
    assert!(recording.ready() && recording.encrypted && recording.started.is_some());
    let country = read("api.get-v1-DialingPermissions-Countries-IsoCode.200.fetch.json").unwrap();
    let country = remote::twilio::Dialing::read(&country).unwrap();
    assert_eq!((country.country.as_str(), country.ordinary), ("US", Some(false)));
}

#[tokio::test]
async fn a_call_is_recorded_on_our_word_from_its_answer_on() {
    let world = world().await;
    let call = world.ringing();
    let early = world.client.start_recording(&call, None).await.unwrap_err();
    assert!(matches!(&early, Error::Refused { code, .. } if code == "21220"), "{early:?}");
    world.fake.happen(&call, "in-progress");
    let callback = world.hook.url("/twilio");
    let begun = world.client.start_recording(&call, Some(&callback)).await.unwrap();
    assert!(begun.runs_by_api() && !begun.ready());
    let asked = world.fake.log().all().pop().unwrap();
    let body = String::from_utf8(asked.body.to_vec()).unwrap();
    assert!(
        body.contains("RecordingChannels=dual") && body.contains("RecordingStatusCallbackEvent")
    );
    world.client.stop_recording(&call, &begun.sid).await.unwrap();
    assert!(!world.client.recording(&begun.sid).await.unwrap().runs_by_api());
    let again = world.client.stop_recording(&call, &begun.sid).await.unwrap_err();
    assert!(matches!(again, Error::Refused { .. }));
    let absent = world.client.stop_recording(&call, "RE0").await.unwrap_err();
    assert!(matches!(absent, Error::NotFound { .. }));
}
