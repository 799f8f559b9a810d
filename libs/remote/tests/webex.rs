//! Webex's client against Webex as it is played, and its webhooks against what reads them.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use chrono::TimeDelta;
use fakes::webex::Webex;
use fakes::{Clock, Fault, Match, Reply, Server};
use http::Method;
use remote::webex::{Client, Joining, Wanted, Webhook};
use remote::{Base, Budget, Error, Http, Mint, Minted, Private, Tokens};
use secrecy::SecretString;
use serde_json::json;
use signals::{Event, News, Secret, Signal, webex};

const LINK: &str = "https://acme.webex.example/acme/j.php?MTID=m1";

#[derive(Debug)]
struct Fixed(SecretString);

#[async_trait]
impl Mint for Fixed {
    async fn mint(&self) -> Result<Minted, Error> {
        Ok(Minted { token: self.0.clone(), lifetime: Duration::from_secs(3600) })
    }
}

struct World {
    fake: Webex,
    clock: Clock,
    client: Client,
    hook: Server,
}

fn client(fake: &Webex, token: &str) -> Client {
    let http = Http::new(&remote::Settings::default()).unwrap();
    let tokens = Tokens::new(Arc::new(Fixed(token.to_owned().into())));
    Client::new(&http, Base::new(&fake.api_url()).unwrap(), "org-1", tokens, Budget::unbounded())
}

async fn world() -> World {
    let clock = Clock::held("2026-02-02T10:00:00Z".parse().unwrap());
    let fake = Webex::start(clock.clone()).await;
    let hook = Server::start(Router::new().route("/webex", post(async || ""))).await;
    let client = client(&fake, fake.token());
    World { fake, clock, client, hook }
}

impl World {
    fn wanted(&self, resource: &str) -> Wanted {
        Wanted {
            name: format!("callsheet {resource}"),
            url: self.hook.url("/webex"),
            resource: resource.to_owned(),
            event: "all".to_owned(),
            secret: "webex secret".to_owned().into(),
            organisation: false,
        }
    }

    async fn webhook(&self, resource: &str) -> Webhook {
        self.client.make_webhook(&self.wanted(resource)).await.unwrap()
    }

    /// The events that arrived, each believed.
    async fn heard(&self) -> Vec<Event> {
        self.fake.settled().await;
        let secrets = [Secret::new("webex secret").unwrap()];
        let all = self.hook.log().all().into_iter().map(|seen| {
            webex::verify(&seen.headers, &seen.body, &secrets).unwrap();
            webex::read(&seen.body).unwrap()
        });
        all.collect()
    }
}

#[tokio::test]
async fn webhooks_are_made_listed_revived_and_deleted() {
    let world = world().await;
    world.fake.page(1);
    let first = world.webhook("meetings").await;
    let second = world.webhook("recordings").await;
    assert!(first.active() && first.signed);
    let all = world.client.webhooks(false).await.unwrap();
    assert!(all.iter().map(|one| &one.id).eq([&first.id, &second.id]));
    assert!(world.client.webhooks(true).await.unwrap().is_empty());

    world.fake.give_up(&first.id);
    assert!(!world.client.webhooks(false).await.unwrap()[0].active());
    let meeting = world.fake.add_meeting(LINK, None, json!({}));
    assert!(world.heard().await.is_empty());
    let wanted = world.wanted("meetings");
    assert!(world.client.revive_webhook(&first.id, &wanted).await.unwrap().active());
    world.fake.begin(&meeting);
    assert!(world.heard().await[0].says(Signal::MeetingStarted));

    world.client.delete_webhook(&first.id).await.unwrap();
    let gone = world.client.delete_webhook(&first.id).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone:?}");
    let gone = world.client.revive_webhook(&first.id, &wanted).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone:?}");
}

#[tokio::test]
async fn a_meeting_is_followed_from_beginning_to_end() {
    let world = world().await;
    for resource in ["meetings", "meetingParticipants"] {
        world.webhook(resource).await;
    }
    let more = json!({"unlockedMeetingJoinSecurity": "allowJoinWithLobby", "enabledJoinBeforeHost": false,
        "audioConnectionOptions": {"audioConnectionType": "VoIP"}});
    let meeting = world.fake.add_meeting(LINK, None, more);
    let read = world.client.meeting_by_link(LINK).await.unwrap().unwrap();
    assert_eq!((read.id.as_str(), read.state.as_deref()), (meeting.as_str(), Some("scheduled")));
    assert_eq!(read.strangers.as_deref(), Some("allowJoinWithLobby"));
    assert_eq!((read.before_host, read.audio.as_deref()), (Some(false), Some("VoIP")));
    assert!(!read.registration);
    let run = world.fake.begin(&meeting);
    world.fake.join(&meeting, "bot@acme.example", false, true);
    world.fake.join(&meeting, "ada@acme.example", true, false);
    let people = world.client.participants(&run).await.unwrap();
    assert_eq!((people[0].state.as_deref(), people[1].host), (Some("lobby"), Some(true)));
    world.fake.leave(&meeting, "ada@acme.example");
    world.fake.end(&meeting);
    let read = world.client.meeting_by_link(LINK).await.unwrap().unwrap();
    assert_eq!((read.id, read.state.as_deref()), (run.clone(), Some("ended")));
    let heard = world.heard().await;
    let of = |name: &str| heard.iter().find(|event| event.name == name).unwrap();
    assert_eq!(of("meetings.started").about.conference.as_ref(), Some(&meeting));
    assert_eq!(of("meetings.started").about.instance.as_ref(), Some(&run));
    assert!(of("meetings.ended").says(Signal::MeetingEnded));
    assert!(of("meetingParticipants.joined").tells(News::LobbyEntered));
    assert!(of("meetingParticipants.left").participants[0].left.is_some());
    world.fake.set_state(&meeting, "missed");
    assert_eq!(world.heard().await.last().unwrap().name, "meetings.updated");
    assert_eq!(world.client.meeting_by_link("https://webex.example/x").await.unwrap(), None);
    assert!(matches!(world.client.participants("x").await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_webhook_that_comes_twice_is_one_event() {
    let world = world().await;
    let hook = world.webhook("meetings").await;
    let outbox = world.fake.outbox(&hook.id);
    outbox.double(1);
    world.hook.faults().add(Match::path("/webex").once(), Fault::AnswerAfter(Reply::status(503)));
    let meeting = world.fake.add_meeting(LINK, None, json!({}));
    world.fake.begin(&meeting);
    let mut heard = world.heard().await;
    assert_eq!(heard.len(), 5);
    heard.sort_by_key(|event| event.key.clone());
    heard.dedup_by_key(|event| event.key.clone());
    assert_eq!(heard.len(), 2);
    // What is tampered with is not believed, nor what is not signed.
    let sender = outbox.senders().remove(0);
    let signed = sender.sign(&outbox.done()[0].notice.clone());
    let secrets = [Secret::new("webex secret").unwrap()];
    for wrong in [signed.clone().tampered(), signed.without("x-spark-signature")] {
        assert!(webex::verify(&wrong.headers, &wrong.notice.body, &secrets).is_err());
    }
}

#[tokio::test]
async fn a_recording_is_fetched_while_its_link_holds() {
    let world = world().await;
    world.webhook("recordings").await;
    let meeting = world.fake.add_meeting(LINK, None, json!({}));
    let run = world.fake.begin(&meeting);
    world.fake.end(&meeting);
    let id = world.fake.record(&meeting, fakes::wav(2, false), true);
    let shut = world.fake.record(&meeting, fakes::wav(1, false), false);
    let all = world.client.recordings(&run).await.unwrap();
    assert!(all.iter().map(|one| &one.id).eq([&id, &shut]));
    assert!(all[0].link.is_none());
    let (now, long) = (world.clock.now(), Duration::from_secs(3 * 3600 + 1));
    let one = world.client.recording(&id).await.unwrap();
    assert_eq!((one.seconds, one.expires), (Some(2), Some(now + TimeDelta::hours(3))));
    let file = one.download(now).unwrap();
    assert!(file.header.is_none());
    let fetch = async || reqwest::get(file.url.expose()).await.unwrap();
    assert_eq!(fetch().await.bytes().await.unwrap(), fakes::wav(2, false));
    world.clock.advance(long);
    assert_eq!(fetch().await.status().as_u16(), 403);
    assert!(one.download(world.clock.now()).is_none());
    let again = world.client.recording(&id).await.unwrap();
    assert!(again.download(world.clock.now()).is_some());
    assert!(world.client.recording(&shut).await.unwrap().download(now).is_none());
    world.client.delete_recording(&id).await.unwrap();
    assert!(matches!(world.client.recording(&id).await, Err(Error::NotFound { .. })));
    let heard = world.heard().await;
    assert!(heard[0].says(Signal::FilesReady) && heard.last().unwrap().says(Signal::FilesDeleted));
}

#[tokio::test]
async fn one_joins_without_being_redirected() {
    let world = world().await;
    world.fake.add_meeting(LINK, Some("right"), json!({}));
    let joining = |password: Option<&str>| Joining {
        link: Private::new(LINK),
        password: password.map(|text| text.to_owned().into()),
        name: "Notes".to_owned(),
        email: "notes@acme.example".to_owned(),
    };
    let links = world.client.join(&joining(Some("right"))).await.unwrap();
    assert!(links.join.is_some());
    assert_eq!(links.expires, Some(world.clock.now() + TimeDelta::minutes(5)));
    assert!(!format!("{links:?}").contains("hush"));
    for password in [None, Some("wrong")] {
        let error = world.client.join(&joining(password)).await.unwrap_err();
        assert!(matches!(&error, Error::Forbidden { text, .. } if text.contains("password")));
        assert!(!error.is_transient());
    }
    let moved = Reply::status(302).header("location", "https://evil.example/");
    world.fake.faults().add(Match::path("/meetings/join").once(), Fault::Answer(moved));
    let error = world.client.join(&joining(Some("right"))).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 302, .. }), "{error:?}");
    // Who does not ask for links is redirected.
    let request = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let request = request.unwrap().post(world.fake.api_url() + "/meetings/join");
    let request = request.header("authorization", "Bearer webex-token");
    let body = json!({"webLink": LINK, "password": "right"}).to_string();
    let answer =
        request.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
}

#[tokio::test]
async fn failures_are_told_apart() {
    let world = world().await;
    let stranger = client(&world.fake, "other");
    assert!(matches!(stranger.webhooks(false).await, Err(Error::Unauthorised { .. })));
    let creates = Match::path("/webhooks").method(Method::POST).once();
    world.fake.faults().add(creates, Fault::DropAfter);
    let lost = world.client.make_webhook(&world.wanted("meetings")).await.unwrap_err();
    assert!(lost.may_have_been_done());
    assert_eq!(world.client.webhooks(false).await.unwrap().len(), 1);
    world.fake.faults().add(Match::path("/recordings").once(), Fault::busy(5));
    let error = world.client.recording("x").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
}
