//! Zoom as it is played: what it tells, and how hard it makes it to read.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use chrono::{DateTime, Utc};
use fakes::zoom::{Control, Options, Person, Signature, Zoom, manner};
use fakes::{Clock, Fault, Match, Order, Reply, Server, Sign, sign};
use serde_json::{Value, json};

/// Somebody who takes webhooks and answers questions, and Zoom at a quarter to nine.
struct World {
    zoom: Zoom,
    ours: Server,
    ada: String,
    meeting: u64,
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

async fn world() -> World {
    world_at(Clock::held(at("2026-03-02T08:45:00.123Z"))).await
}

async fn world_at(clock: Clock) -> World {
    let secret = Options::default().webhook_secret;
    let hook = async move |body: Bytes| {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let plain = body["payload"]["plainToken"].as_str().unwrap_or_default().to_owned();
        let encrypted = sign::sha256_hex(secret.as_bytes(), plain.as_bytes());
        Reply::json(200, &json!({"plainToken": plain, "encryptedToken": encrypted}))
    };
    let ours = Server::start(Router::new().route("/zoom", post(hook))).await;
    let zoom = Zoom::start_with(Options { clock, ..Options::default() }).await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, at("2026-03-02T09:00:00Z"), 30);
    zoom.subscribe(&ours.url("/zoom"));
    World { zoom, ours, ada, meeting }
}

impl World {
    /// All webhooks that arrived.
    async fn told(&self) -> Vec<Value> {
        self.zoom.outbox().settled().await;
        self.ours.log().all().iter().map(fakes::Seen::json).collect()
    }

    async fn names(&self) -> Vec<String> {
        let told = self.told().await;
        told.iter().map(|one| one["event"].as_str().unwrap().to_owned()).collect()
    }

    fn pass(&self, minutes: u64) {
        self.zoom.options().clock.advance(Duration::from_secs(60 * minutes));
    }

    /// A meeting that was recorded; which run.
    fn recorded(&self) -> String {
        let uuid = self.zoom.begin(self.meeting);
        self.zoom.record(self.meeting, Control::Start);
        self.pass(30);
        self.zoom.end(self.meeting);
        uuid
    }
}

#[tokio::test]
async fn an_armed_meeting_tells_its_story() {
    let world = world().await;
    let zoom = &world.zoom;
    let ada = Person::user(&world.ada, "Ada", "ada@acme.example");
    let armed = json!({"settings": {"auto_recording": "cloud"}});
    zoom.change_meeting(world.meeting, &armed);
    zoom.wait_for_host(world.meeting, &Person::guest("Bob"));
    world.pass(15);
    let uuid = zoom.begin(world.meeting);
    zoom.join(world.meeting, &ada);
    zoom.wait(world.meeting, &Person::guest("Bob"));
    zoom.admit(world.meeting, &Person::guest("Bob"));
    zoom.record(world.meeting, Control::Pause);
    zoom.record(world.meeting, Control::Resume);
    world.pass(30);
    zoom.leave(world.meeting, &ada, "Host ended the meeting.");
    zoom.end(world.meeting);
    zoom.finish(&uuid);
    assert_eq!(
        world.names().await,
        [
            "meeting.updated",
            "meeting.participant_jbh_waiting",
            "meeting.started",
            "recording.started",
            "meeting.participant_joined",
            "meeting.participant_joined_waiting_room",
            "meeting.participant_admitted",
            "meeting.participant_left_waiting_room",
            "meeting.participant_joined",
            "recording.paused",
            "recording.resumed",
            "meeting.participant_left",
            "recording.stopped",
            "meeting.ended",
            "recording.completed",
        ]
    );
    let told = world.told().await;
    let started = &told[3]["payload"]["object"]["recording_file"];
    assert_eq!(started, &json!({"recording_start": "2026-03-02T09:00:00Z", "recording_end": null}));
    let left = &told[11]["payload"]["object"]["participant"]["leave_reason"];
    assert_eq!(left, "Ada left the meeting.<br>Reason: Host ended the meeting.");
    assert_eq!(
        told[12]["payload"]["object"]["recording_file"]["recording_end"],
        "2026-03-02T09:30:00Z"
    );
    assert_eq!(told[14]["payload"]["object"]["recording_files"].as_array().unwrap().len(), 3);
    assert!(told[14]["download_token"].is_string());
}

#[tokio::test]
async fn who_may_not_record_is_not_recorded() {
    let world = world().await;
    let armed = json!({"settings": {"auto_recording": "cloud"}});
    world.zoom.change_meeting(world.meeting, &armed);
    world.zoom.change_user(&world.ada, json!({"type": 1}));
    world.zoom.begin(world.meeting);
    assert!(!world.names().await.contains(&"recording.started".to_owned()));
}

#[tokio::test]
async fn numbers_are_numbers_and_strings_and_runs_have_slashes() {
    let world = world().await;
    for _ in 0..6 {
        world.zoom.begin(world.meeting);
        world.zoom.end(world.meeting);
    }
    let told = world.told().await;
    let started: Vec<_> = told.iter().filter(|one| one["event"] == "meeting.started").collect();
    let ids = started.iter().map(|one| &one["payload"]["object"]["id"]);
    assert!(ids.clone().any(Value::is_string) && ids.clone().any(Value::is_u64));
    let uuids: Vec<_> =
        started.iter().map(|one| one["payload"]["object"]["uuid"].as_str().unwrap()).collect();
    assert!(uuids.iter().any(|uuid| uuid.starts_with('/')));
    assert!(uuids.iter().any(|uuid| uuid.contains("//") && !uuid.starts_with('/')));
}

#[tokio::test]
async fn what_is_sent_is_signed_over_its_bytes_and_time() {
    let world = world().await;
    world.zoom.begin(world.meeting);
    let told = world.told().await;
    let seen = &world.ours.log().all()[0];
    let stamp = seen.header("x-zm-request-timestamp").unwrap();
    assert_eq!(told[0]["event_ts"].as_i64().unwrap() / 1000, stamp.parse::<i64>().unwrap());
    let text = [b"v0:", stamp.as_bytes(), b":", &seen.body[..]].concat();
    let secret = world.zoom.options().webhook_secret.as_bytes();
    let expected = format!("v0={}", sign::sha256_hex(secret, &text));
    assert_eq!(seen.header("x-zm-signature"), Some(expected.as_str()));
    // A title has letters that are escaped and letters that are not.
    let raw = String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(raw.contains("\\uD83D\\uDE92 –"));
}

#[tokio::test]
async fn one_recording_is_told_twice_with_other_tokens_and_links() {
    let world = world_at(Clock::system()).await;
    world.zoom.tell_twice();
    let uuid = world.recorded();
    world.zoom.finish(&uuid);
    world.zoom.transcribe(&uuid);
    let told = world.told().await;
    let [one, other, transcript] = &told[told.len() - 3..] else { panic!("not three") };
    let files = &transcript["payload"]["object"]["recording_files"];
    assert_eq!(files[0]["file_type"], "TRANSCRIPT");
    assert_ne!(one["download_token"], other["download_token"]);
    let file =
        |told: &Value, key: &str| told["payload"]["object"]["recording_files"][0][key].clone();
    assert_eq!(file(one, "id"), file(other, "id"));
    assert_ne!(file(one, "download_url"), file(other, "download_url"));
    assert_eq!(one["event_ts"], other["event_ts"]);
}

#[tokio::test]
async fn files_come_by_themselves_and_only_with_a_token() {
    let world = world().await;
    world.zoom.files_after(Duration::from_millis(20));
    world.zoom.set_media("MP4", "0123456789");
    world.recorded();
    while !world.names().await.contains(&"recording.completed".to_owned()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = world.told().await.pop().unwrap();
    let link = told["payload"]["object"]["recording_files"][0]["download_url"].as_str().unwrap();
    let token = told["download_token"].as_str().unwrap();
    let client = reqwest::Client::new();
    let get = |token: &str| client.get(link).header("authorization", format!("Bearer {token}"));
    assert_eq!(get("wrong").send().await.unwrap().status(), 401);
    let whole = get(token).send().await.unwrap();
    assert_eq!(whole.bytes().await.unwrap(), "0123456789");
    let rest = get(token).header("range", "bytes=7-").send().await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.headers()["content-range"], "bytes 7-9/10");
    assert_eq!(rest.bytes().await.unwrap(), "789");
}

#[tokio::test]
async fn a_receiver_in_trouble_is_told_again_and_one_that_refuses_is_not() {
    let world = world().await;
    world.ours.faults().add(Match::all().times(3), Fault::failure(500));
    world.zoom.begin(world.meeting);
    world.zoom.outbox().settled().await;
    assert_eq!(world.zoom.outbox().done()[0].attempts.len(), 4);
    assert!(world.zoom.outbox().done()[0].delivered);
    world.ours.faults().add(Match::all(), Fault::failure(401));
    world.zoom.end(world.meeting);
    world.zoom.outbox().settled().await;
    let last = world.zoom.outbox().done().pop().unwrap();
    assert_eq!((last.attempts.len(), last.delivered), (1, false));
    assert_eq!(manner().waits.iter().sum::<Duration>(), Duration::from_secs(85 * 60));
}

#[tokio::test]
async fn an_order_can_be_turned_around() {
    let world = world().await;
    world.zoom.outbox().hold();
    let uuid = world.recorded();
    world.zoom.finish(&uuid);
    world.zoom.outbox().release(Order::Reversed);
    let names = world.names().await;
    assert_eq!((names[0].as_str(), names.len()), ("recording.completed", 5));
    assert_eq!(names[4], "meeting.started");
}

#[tokio::test]
async fn an_endpoint_is_asked_whether_it_is_ours() {
    let world = world().await;
    let sender = world.zoom.outbox().senders().remove(0);
    assert!(world.zoom.validate(&sender).await);
    let asked = &world.ours.log().all()[0];
    assert!(asked.header("x-zm-signature").is_some());
    assert_eq!(asked.json()["payload"]["plainToken"].as_str().unwrap().len(), 22);
    world.ours.faults().add(Match::all(), Fault::failure(200));
    assert!(!world.zoom.validate(&sender).await);
}

#[tokio::test]
async fn changes_say_what_changed_and_what_was_there() {
    let world = world().await;
    let off = json!({"recording": {"cloud_recording": false}});
    world.zoom.change_settings(&world.ada, off.clone());
    world.zoom.lock_account(json!({"recording": {"cloud_recording": true}}));
    world.zoom.deactivate(&world.ada);
    world.zoom.delete_meeting(world.meeting);
    world.zoom.deauthorize();
    world.zoom.say("account.settings_updated", json!({"object": {"id": "x"}}));
    let told = world.told().await;
    let payload = &told[0]["payload"];
    assert_eq!(payload["object"], json!({"id": world.ada, "settings": off}));
    assert_eq!(payload["old_object"]["settings"]["recording"]["cloud_recording"], true);
    assert_eq!(told[2]["payload"]["object"]["id"], json!(world.ada));
    assert_eq!(told[3]["payload"]["operation"], "single");
    // This one has another envelope.
    assert_eq!(told[4]["event_ts"], Value::Null);
    assert_eq!(told[4]["payload"]["event_ts"], "2026-03-02 08:45:00");
    assert_eq!(told[5]["payload"]["object"]["id"], "x");
    assert_eq!(told[5]["payload"]["account_id"], told[4]["payload"]["account_id"]);
}

#[tokio::test]
async fn a_call_tells_its_story() {
    let world = world().await;
    let zoom = &world.zoom;
    let call = zoom.dial(&world.ada, "+15550100", "+15550101");
    zoom.answer(&call);
    let recording = zoom.record_call(&call, "Automatic");
    zoom.stop_recording_call(&recording);
    zoom.hang_up(&call, "Call connected");
    zoom.finish_call_recording(&recording);
    zoom.delete_call_recording(&recording);
    let declined = zoom.dial(&world.ada, "+15550100", "+15550102");
    zoom.decline(&declined);
    let names = world.names().await;
    assert_eq!(
        names,
        [
            "phone.caller_ringing",
            "phone.caller_connected",
            "phone.recording_started",
            "phone.recording_stopped",
            "phone.caller_ended",
            "phone.recording_completed",
            "phone.recording_deleted",
            "phone.caller_ringing",
            "phone.callee_rejected",
        ]
    );
    let told = world.told().await;
    assert_eq!(told[5]["payload"]["object"]["recordings"][0]["call_id"], json!(call));
    assert_eq!(told[6]["payload"]["object"]["recordings"][0]["id"], json!(recording));
}

#[test]
fn signatures_are_those_that_were_captured() {
    let root = std::env::var_os("CALLSHEET_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read(root.join("providers/zoom/vectors.x-zm-signature.json")) else {
        println!("skipped: no fixtures of zoom");
        return;
    };
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    let valid = vectors["vectors"].as_array().unwrap().iter();
    let valid: Vec<_> = valid.filter(|one| one["expected_valid"] == true).collect();
    assert!(!valid.is_empty());
    for one in valid {
        let stamp = one["headers"]["x-zm-request-timestamp"].as_str().unwrap();
        let at = DateTime::from_timestamp(stamp.parse().unwrap(), 0).unwrap();
        let body = one["raw_body"].as_str().unwrap().as_bytes();
        let sign = Signature::new(one["secret_token"].as_str().unwrap());
        let headers = sign.headers(&"https://x.example".parse().unwrap(), body, at);
        assert_eq!(headers["x-zm-signature"], one["headers"]["x-zm-signature"].as_str().unwrap());
    }
}
