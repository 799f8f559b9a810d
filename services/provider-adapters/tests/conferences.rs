//! Webhooks that call a conference otherwise than the link to it does: those of Webex and of Google Meet, played over real
//! sockets, from what they deliver to what is told of an attempt.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use chassis::{Clock as _, House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use fakes::meet::Meet;
use fakes::webex::Webex;
use fakes::{Clock, Fault, Match};
use http::Method as Verb;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use serde_json::json;
use storage::StoreConfig;
use storage::testing::Engine;

const LINK: &str = "https://acme.webex.com/acme/j.php?MTID=m0aB";
const CODE: &str = "qrs-tuvw-xyz";
const AUDIENCE: &str = "https://hooks.acme.example/webhooks/meet";

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

struct World {
    running: Running,
    clock: SimulatedClock,
    theirs: Clock,
    webex: Webex,
    meet: Meet,
    address: SocketAddr,
    _engine: Engine,
    _files: tempfile::TempDir,
}

impl World {
    /// A company that is told of these resources of Webex, and of all at Google.
    async fn told_of(resources: &str) -> Self {
        let (clock, theirs) = (SimulatedClock::at(now()), Clock::held(now()));
        let webex = Webex::start(theirs.clone()).await;
        let meet = Meet::start(theirs.clone()).await;
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = files.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            format!("file:{}", path.display())
        };
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pem = BASE64.encode(pkcs8.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let engine = Engine::file();
        let StoreConfig { url, schema, .. } = engine.config();
        let (account, pusher) = meet.accounts();
        let settings = format!(
            "store.url = '{url}'\nstore.schema = '{schema}'\ninbox.poll = '20ms'\nsubscriptions.poll = '20ms'\n\
             webhooks.listen = '{address}'\nwebhooks.public_url = 'http://{address}'\n\
             [[connections]]\nname = 'webex'\ncompany = 'acme'\nprovider = 'webex'\nbase_url = '{}'\n\
             secrets = ['{}']\nown = ['org-1']\n\
             [connections.api]\naccess_token = '{}'\nresources = '{resources}'\n\
             [[connections]]\nname = 'meet'\ncompany = 'acme'\nprovider = 'google_meet'\nbase_url = '{}'\n\
             keys = '{}'\naudiences = ['https://old.acme.example/meet', '{AUDIENCE}']\nsender = '{pusher}'\n\
             [connections.api]\nclient_email = '{account}'\nprivate_key = '{}'\ntoken_url = '{}'\n",
            webex.api_url(),
            file("webex", b"the secret of webex"),
            file("token", webex.token().as_bytes()),
            meet.api_url(),
            meet.keys_url(),
            file("key", pem.as_bytes()),
            meet.token_url(),
        );
        meet.push_to(&format!("http://{address}/webhooks/meet"), AUDIENCE);
        let house = House::new().clock(clock.clone());
        let running = house.host::<provider_adapters::App>(settings).open().await.unwrap();
        let world =
            Self { running, clock, theirs, webex, meet, address, _engine: engine, _files: files };
        let wanted = resources.split(',').count();
        world.until("webhooks", async || world.webex.webhooks().len() == wanted).await;
        world
    }

    fn client(&self) -> ProviderAdapterServiceClient<Link> {
        ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap())
    }

    /// Orders a bot for a conference, which a fleet may take.
    async fn order(&self, call: &str, provider: Provider, id: &str, start: DateTime<Utc>) {
        let attempt =
            Attempt { company: "acme".into(), call_id: call.into(), plan_revision: 1, run: 0 };
        let adapter =
            if provider == Provider::Webex { Adapter::Webex } else { Adapter::GoogleMeet };
        let order = Order {
            attempt: Some(attempt),
            adapter: adapter.into(),
            method: Method::Bot.into(),
            conference: Some(Conference { provider: provider.into(), id: id.into() }),
            start: Some(to_wire(start)),
            end: Some(to_wire(start + TimeDelta::minutes(30))),
            ..Default::default()
        };
        self.client().dispatch(DispatchRequest { orders: vec![order] }).await.unwrap();
    }

    /// What was told: calls and signals.
    async fn told(&self) -> Vec<String> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().watch_signals(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(one) = stream.message().await.unwrap() {
            if let Some(News::Signal(signal)) = one.news {
                all.push(format!("{} {}", signal.attempt.unwrap().call_id, signal.signal));
            }
        }
        all
    }

    fn advance(&self, time: TimeDelta) {
        self.clock.advance(time);
        self.theirs.advance(time.to_std().unwrap());
    }

    async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..400 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            self.advance(TimeDelta::seconds(1));
        }
        panic!("waited in vain for {what} at {}; told: {:?}", self.address, self.told().await);
    }

    async fn until_told(&self, expected: &[&str]) {
        let has_all = async || {
            let told = self.told().await;
            expected.iter().all(|one| told.iter().any(|it| it == one))
        };
        self.until(&format!("{expected:?}"), has_all).await;
    }

    /// Time passes, in which what waits is looked at again and again.
    async fn rounds(&self) {
        for _ in 0..20 {
            self.advance(TimeDelta::seconds(20));
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// How often Webex was asked for one meeting.
    fn asked_of_webex(&self) -> usize {
        let all = self.webex.log().of(&Verb::GET, "/v1/meetings");
        all.iter().filter(|one| one.path.starts_with("/v1/meetings/")).count()
    }

    fn asked_of_google(&self, what: &str) -> usize {
        self.meet.log().of(&Verb::GET, &format!("/v2/{what}/")).len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_of_webex_is_known_by_the_link_its_webhook_tells() {
    let world = World::told_of("meetings, meetingParticipants, recordings").await;
    let meeting = world.webex.add_meeting(LINK, None, json!({}));
    world.order("c1", Provider::Webex, "m0aB", now()).await;
    world.webex.begin(&meeting);
    world.until_told(&["c1 meeting_started"]).await;
    // What follows names the run, and no link.
    world.webex.join(&meeting, "ada@acme.example", false, false);
    world.until_told(&["c1 roster"]).await;
    world.webex.record(&meeting, "bytes".into(), true);
    world.webex.end(&meeting);
    world.until_told(&["c1 meeting_ended"]).await;
    world.webex.settled().await;
    world.rounds().await;
    // It has the recording of a bot, and that of Webex itself is no news to it.
    let told = world.told().await;
    assert!(!told.iter().any(|one| one.contains("files_ready")), "{told:?}");
    assert_eq!(world.asked_of_webex(), 0, "nobody need be asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn webex_is_asked_once_for_a_meeting_it_tells_no_link_of() {
    let world = World::told_of("meetingParticipants").await;
    let meeting = world.webex.add_meeting(LINK, None, json!({}));
    world.order("c1", Provider::Webex, "m0aB", now()).await;
    world.webex.begin(&meeting);
    world.webex.join(&meeting, "ada@acme.example", false, false);
    world.until_told(&["c1 roster"]).await;
    let before = world.told().await.len();
    world.webex.join(&meeting, "bob@acme.example", false, false);
    world.until("another roster", async || world.told().await.len() > before).await;
    assert_eq!(world.asked_of_webex(), 1);
    // The next one of the series: its run has another name, the series the same.
    let soon = now() + TimeDelta::hours(2);
    world.order("c2", Provider::Webex, "m0aB", soon).await;
    world.advance(soon - world.clock.now());
    world.webex.begin(&meeting);
    world.webex.join(&meeting, "ada@acme.example", false, false);
    world.until_told(&["c2 roster"]).await;
    assert_eq!(world.asked_of_webex(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_of_webex_nobody_ordered_is_asked_for_once() {
    let world = World::told_of("meetingParticipants").await;
    let meeting = world.webex.add_meeting(LINK, None, json!({}));
    world.webex.begin(&meeting);
    world.webex.join(&meeting, "ada@acme.example", false, false);
    world.until("the question", async || world.asked_of_webex() > 0).await;
    world.rounds().await;
    assert_eq!(world.asked_of_webex(), 1);
    // It is ordered after all, while the event waits.
    world.order("c1", Provider::Webex, "m0aB", now()).await;
    world.until_told(&["c1 roster"]).await;
    assert_eq!(world.asked_of_webex(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_is_asked_again_later() {
    let world = World::told_of("meetingParticipants").await;
    let meeting = world.webex.add_meeting(LINK, None, json!({}));
    world.order("c1", Provider::Webex, "m0aB", now()).await;
    world.webex.begin(&meeting);
    world.webex.faults().add(Match::path("/v1/meetings/").times(1), Fault::failure(503));
    world.webex.join(&meeting, "ada@acme.example", false, false);
    world.until("the question", async || world.asked_of_webex() > 0).await;
    // It is left alone for a while, whatever waits.
    for _ in 0..10 {
        world.advance(TimeDelta::seconds(2));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(world.asked_of_webex(), 1);
    world.until_told(&["c1 roster"]).await;
    assert_eq!(world.asked_of_webex(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_shown_to_us_is_not_asked_for_again_and_again() {
    let world = World::told_of("meetingParticipants").await;
    let meeting = world.webex.add_meeting(LINK, None, json!({}));
    world.webex.begin(&meeting);
    world.webex.faults().add(Match::path("/v1/meetings/"), Fault::failure(404));
    world.webex.join(&meeting, "ada@acme.example", false, false);
    world.until("the question", async || world.asked_of_webex() > 0).await;
    world.rounds().await;
    assert_eq!(world.asked_of_webex(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conference_of_google_is_known_by_the_space_it_takes_place_in() {
    let world = World::told_of("meetings").await;
    let space = world.meet.add_space(CODE);
    world.order("c1", Provider::GoogleMeet, CODE, now()).await;
    let record = world.meet.begin(&space);
    world.until_told(&["c1 meeting_started"]).await;
    world.meet.end(&record);
    world.until_told(&["c1 meeting_ended"]).await;
    assert_eq!(
        (world.asked_of_google("spaces"), world.asked_of_google("conferenceRecords")),
        (1, 0)
    );
    // Another conference in the same space, on another day: by the name that was learnt.
    let tomorrow = now() + TimeDelta::days(1);
    world.order("c2", Provider::GoogleMeet, CODE, tomorrow).await;
    world.advance(tomorrow - world.clock.now());
    world.meet.begin(&space);
    world.until_told(&["c2 meeting_started"]).await;
    let told = world.told().await;
    assert_eq!(told.iter().filter(|one| *one == "c1 meeting_started").count(), 1);
    assert_eq!(world.asked_of_google("spaces"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conference_of_google_whose_space_is_not_told_is_known_by_its_record() {
    let world = World::told_of("meetings").await;
    let space = world.meet.add_space(CODE);
    world.order("c1", Provider::GoogleMeet, CODE, now()).await;
    world.meet.outbox().lose(1);
    let record = world.meet.begin(&space);
    world.meet.end(&record);
    world.until_told(&["c1 meeting_ended"]).await;
    assert_eq!(
        (world.asked_of_google("spaces"), world.asked_of_google("conferenceRecords")),
        (1, 1)
    );
}
