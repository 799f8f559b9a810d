//! The other telephone systems: each call's recording is found by what the system calls it, and fetched.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use fakes::dialers::{self, Dialers};
use fakes::zoom::{Options, Zoom};
use fakes::{Fault, Match, Notice, Reply, Sign, wav};
use http::Method;
use proto::provider::v1::Act;
use serde_json::json;

use crate::world::{Setting, World, clock, start};

const SECRET: &str = "aGlkZGVuIGJlaGluZCB0aGUgbW9vbg==";

/// Proves nothing: the token is in the body.
#[derive(Debug)]
struct Bare;

impl Sign for Bare {
    fn headers(&self, _: &url::Url, _: &[u8], _: chrono::DateTime<chrono::Utc>) -> http::HeaderMap {
        http::HeaderMap::new()
    }
}

struct Played {
    world: World,
    dialers: Dialers,
    clock: fakes::Clock,
}

async fn played(provider: &'static str, path: &str, secret: &str, api: &[(&str, &str)]) -> Played {
    let clock = clock();
    let dialers = Dialers::start(clock.clone()).await;
    let setting = Setting::default().connect(provider, &dialers.url(path), secret, api);
    let world = World::open(clock.clone(), World::address(), setting).await;
    Played { world, dialers, clock }
}

impl Played {
    async fn send(&self, provider: &str, sign: Arc<dyn Sign>, notice: Notice) {
        let sender = dialers::sender(&self.world.hook(provider), sign, &self.clock);
        assert!(sender.deliver(&notice).await.delivered, "{}", notice.name);
    }

    fn media(&self) -> Vec<fakes::Seen> {
        self.dialers.log().of(&Method::GET, "/media/")
    }
}

#[tokio::test]
async fn a_recording_of_telnyx_is_fetched_while_its_link_holds() {
    let sign = Arc::new(dialers::Telnyx::new(7));
    let api = [("key", "dialer-token")];
    let played = played("telnyx", "/v2", &sign.public_key(), &api).await;
    let world = &played.world;
    world.order(World::call("c1", "telnyx", "s1")).await;
    // In two pieces, on two pages; both are kept, and the longer one counts.
    for (id, seconds) in [("r1", 20), ("r2", 60), ("r3", 40)] {
        played.dialers.record(id, "s1", wav(seconds, false));
    }
    let saved = json!({"data": {"record_type": "event", "event_type": "call.recording.saved", "id": "e1",
        "occurred_at": start(), "payload": {"call_session_id": "s1", "call_leg_id": "l1",
            "recording_id": "r2", "recording_urls": {"wav": "https://storage.example/r2"}}}});
    played.send("telnyx", sign, Notice::json("call.recording.saved", &saved)).await;
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(world.files().len(), 3);
    assert!(played.media().iter().all(|one| one.header("authorization").is_none()));
    played.world.close().await;
}

#[tokio::test]
async fn a_recording_of_aircall_is_found_by_aircalls_own_number() {
    let api = [("id", "acme"), ("token", "dialer-token")];
    let played = played("aircall", "/aircall", SECRET, &api).await;
    let world = &played.world;
    // The call is known by the id that webhooks name beside its number.
    world.order(World::call("c1", "aircall", "CA-7")).await;
    let data = json!({"id": 812, "sid": "CA-7", "direction": "outbound", "raw_digits": "+1 555-0101",
        "number": {"id": 7, "digits": "+15550100"}, "duration": 61, "started_at": 1_795_341_600,
        "answered_at": 1_795_341_605, "ended_at": 1_795_341_661, "recording": "https://aircall.example/r.mp3"});
    let notice = dialers::aircall(SECRET, "call.ended", start().timestamp(), &data);
    played.send("aircall", Arc::new(Bare), notice).await;
    world.hears("c1", "files_ready").await;
    played.dialers.record("r1", "812", wav(60, false));
    // The first link opens nothing any more.
    let expired =
        Reply::status(403).body("application/xml", "<Message>Request has expired</Message>");
    played.dialers.faults().add(Match::path("/media/").once(), Fault::Answer(expired));
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(played.media().len(), 2);
    played.world.close().await;
}

#[tokio::test]
async fn a_recording_of_ringcentral_is_found_in_the_log_of_calls() {
    let api = [("client_id", "acme"), ("client_secret", "dialer-token"), ("jwt", "a-jwt")];
    let played = played("ringcentral", "", SECRET, &api).await;
    let world = &played.world;
    world.order(World::call("c1", "ringcentral", "s-1")).await;
    played.dialers.record("r1", "s-1", wav(60, false));
    world.act("c1", Act::CheckFiles, 1).await;
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    let content =
        played.dialers.log().of(&Method::GET, "/restapi/v1.0/account/~/recording/r1/content");
    assert_eq!(content[0].header("authorization"), Some("Bearer dialer-token"));
    played.world.close().await;
}

#[tokio::test]
async fn a_recording_of_vonage_is_fetched_with_a_token_of_our_own_making() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = data_encoding::BASE64.encode(pkcs8.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----");
    let api = [("application_id", "app-1"), ("private_key", pem.as_str())];
    let played = played("vonage", "", SECRET, &api).await;
    let world = &played.world;
    world.order(World::call("c1", "vonage", "CON-1")).await;
    played.dialers.record("file-1", "CON-1", wav(60, false));
    let record = json!({"conversation_uuid": "CON-1", "recording_uuid": "other-than-the-file", "size": 17,
        "recording_url": "https://api.nexmo.example/v1/files/file-1", "timestamp": start(),
        "start_time": start(), "end_time": start()});
    let sign = Arc::new(dialers::Vonage(SECRET.to_owned()));
    played.send("vonage", sign, Notice::json("record", &record)).await;
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(played.dialers.log().count(&Method::GET, "/v1/files/file-1"), 1);
    played.world.close().await;
}

#[tokio::test]
async fn a_recording_of_another_dialer_is_where_its_event_says() {
    let played = played("dialer", "", SECRET, &[("token", "theirs")]).await;
    let world = &played.world;
    world.order(World::call("c1", "dialer", "s-1")).await;
    let files = fakes::Server::start(axum::Router::new().fallback(async || wav(60, false))).await;
    let event = json!({"id": "e1", "event": "recording.ready", "at": start(),
        "call": {"id": "c-1", "session": "s-1"},
        "recording": {"id": "r-1", "seconds": 60, "url": files.url("/r-1?key=s3cret")}});
    let sign = Arc::new(dialers::Generic(SECRET.to_owned()));
    played.send("dialer", sign, Notice::json("recording.ready", &event)).await;
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    assert_eq!(files.log().all()[0].header("authorization"), Some("Bearer theirs"));
    let sql = "SELECT count(*) FROM provider_adapters_import WHERE link IS NOT NULL";
    assert_eq!(world.count(sql).await, 0, "the link is forgotten");
    played.world.close().await;
}

#[tokio::test]
async fn a_recording_of_zoom_phone_is_fetched_with_the_token_of_the_account() {
    let theirs = clock();
    let zoom = Zoom::start_with(Options { clock: theirs.clone(), ..Options::default() }).await;
    let ada = zoom.add_user("ada@acme.example");
    let options = zoom.options().clone();
    let api = [
        ("account_id", options.account.as_str()),
        ("client_id", &options.client_id),
        ("client_secret", &options.client_secret),
        ("oauth_url", &zoom.oauth_url()),
    ];
    let base = zoom.api_url();
    let setting = Setting::default().connect("zoom", &base, &options.webhook_secret, &api);
    let world = World::open(theirs, World::address(), setting).await;
    zoom.subscribe(&world.hook("zoom"));
    zoom.set_media("MP3", wav(60, false));
    let call = zoom.dial(&ada, "+15550100", "+15550101");
    world.order(World::call("c1", "zoom", &call)).await;
    zoom.answer(&call);
    let recording = zoom.record_call(&call, "Automatic");
    world.hears("c1", "recording_started").await;
    zoom.stop_recording_call(&recording);
    zoom.hang_up(&call, "Call connected");
    world.act("c1", Act::CheckFiles, 1).await;
    world.hears("c1", "files_missing").await;
    zoom.finish_call_recording(&recording);
    world.hears("c1", "files_ready").await;
    world.fetches("c1", "imported 60 s").await;
    world.close().await;
}

#[tokio::test]
async fn a_call_of_a_connection_that_only_hears_is_not_carried_out() {
    let played = played("telnyx", "/v2", &dialers::Telnyx::new(7).public_key(), &[]).await;
    played.world.order(World::call("c1", "telnyx", "s1")).await;
    played.world.hears("c1", "dialer_import_failed no_carrier").await;
    played.world.close().await;
}
