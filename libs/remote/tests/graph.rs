//! Graph's client against Graph as it is played, and its notifications against what reads them.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use axum::Router;
use axum::extract::RawQuery;
use axum::response::IntoResponse;
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use fakes::graph::{Graph, Options};
use fakes::{Clock, Fault, Match, Order, Server};
use http::Method;
use remote::graph::{Application, Certificate, Client, Settings, Wanted};
use remote::{Base, Budget, Error, Http};
use secrecy::ExposeSecret;
use signals::graph::{self, Batch, Opener};
use signals::verify::jwt::Keys;
use signals::{News, Secret, Signal};

const JOIN: &str =
    "https://teams.example/l/meetup-join/19%3ameeting_x%40thread.v2/0?context=%7b'a'%7d";

struct World {
    fake: Graph,
    clock: Clock,
    client: Client,
    hook: Server,
}

async fn answer(RawQuery(query): RawQuery) -> axum::response::Response {
    match graph::handshake(&query.unwrap_or_default()) {
        Ok(Some(reply)) => ([("content-type", "text/plain")], reply.body).into_response(),
        Ok(None) => http::StatusCode::ACCEPTED.into_response(),
        Err(_) => http::StatusCode::BAD_REQUEST.into_response(),
    }
}

fn client(fake: &Graph, secret: &str) -> Client {
    let http = Http::new(&remote::Settings::default()).unwrap();
    let settings = Settings {
        api: Base::new(&fake.api_url()).unwrap(),
        login: Base::new(&fake.login_url()).unwrap(),
        scope: "https://graph.example/.default".to_owned(),
    };
    let options = fake.options();
    let (tenant, id) = (options.tenant.clone(), options.application.clone());
    let application = Application { tenant, id, secret: secret.to_owned().into() };
    Client::new(&http, &settings, application, Budget::unbounded())
}

async fn world() -> World {
    let clock = Clock::held("2026-02-02T10:00:00Z".parse().unwrap());
    let fake = Graph::start_with(Options { clock: clock.clone(), ..Options::default() }).await;
    let routes = Router::new()
        .route("/graph", post(answer))
        .route("/lifecycle", post(answer))
        .route("/deaf", post(async || "no"));
    let hook = Server::start(routes).await;
    let client = client(&fake, "acme-secret");
    World { fake, clock, client, hook }
}

impl World {
    fn wanted(&self, resource: &str, changes: &str) -> Wanted {
        Wanted {
            resource: resource.to_owned(),
            changes: changes.to_owned(),
            url: self.hook.url("/graph"),
            lifecycle_url: Some(self.hook.url("/lifecycle")),
            client_state: "our state".to_owned().into(),
            expires: self.clock.now() + TimeDelta::hours(24),
            certificate: None,
        }
    }

    /// The batches that arrived at a path, after everything is told.
    async fn batches(&self, path: &str) -> Vec<Batch> {
        self.fake.settled().await;
        let all = self.hook.log().of(&Method::POST, path).into_iter();
        all.filter(|seen| seen.query.is_empty())
            .map(|seen| Batch::read(&seen.body).unwrap())
            .collect()
    }

    /// The events in them, each believed.
    async fn events(&self, path: &str) -> Vec<signals::Event> {
        let secrets = [Secret::new("our state").unwrap()];
        let batches = self.batches(path).await.into_iter();
        let all = batches.flat_map(|batch| batch.notifications).map(|one| {
            let one = one.unwrap();
            one.check_client_state(&secrets).unwrap();
            one.event(None).unwrap()
        });
        all.collect()
    }
}

#[tokio::test]
async fn a_subscription_is_made_listed_renewed_and_ended() {
    let world = world().await;
    world.fake.page(1);
    let wanted = world.wanted("communications/callRecords", "created,updated");
    let made = world.client.subscribe(&wanted).await.unwrap();
    assert_eq!(made.expires, Some(wanted.expires));
    let asked = world.hook.log().all();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|seen| seen.asked("validationToken").is_some()));
    let other = world.wanted("communications/onlineMeetings/getAllRecordings", "created");
    let other = world.client.subscribe(&other).await.unwrap();
    let ids = |all: Vec<remote::graph::Subscription>| all.into_iter().map(|one| one.id);
    let all = world.client.subscriptions().await.unwrap();
    assert!(ids(all).eq([made.id.clone(), other.id.clone()]));
    world.clock.advance(Duration::from_secs(23 * 3600));
    let later = world.clock.now() + TimeDelta::hours(48);
    assert_eq!(world.client.renew(&made.id, later).await.unwrap().expires, Some(later));
    world.clock.advance(Duration::from_secs(2 * 3600));
    // The other one's time is over.
    let error = world.client.renew(&other.id, later).await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFound"));
    world.client.unsubscribe(&made.id).await.unwrap();
    assert!(matches!(world.client.unsubscribe(&made.id).await, Err(Error::NotFound { .. })));
    assert!(world.client.subscriptions().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_address_that_does_not_answer_as_ours_gets_nothing() {
    let world = world().await;
    let wanted = world.wanted("communications/callRecords", "created");
    let deaf = Wanted { lifecycle_url: Some(world.hook.url("/deaf")), ..wanted.clone() };
    let alone = Wanted { lifecycle_url: None, ..wanted.clone() };
    let late = Wanted { expires: world.clock.now() + TimeDelta::days(4), ..wanted };
    for (wanted, code) in
        [(deaf, "ValidationError"), (alone, "InvalidRequest"), (late, "InvalidRequest")]
    {
        let error = world.client.subscribe(&wanted).await.unwrap_err();
        assert!(matches!(&error, Error::Refused { status: 400, .. }), "{error:?}");
        assert_eq!(error.code(), Some(code));
    }
    assert!(world.fake.subscriptions().is_empty());
}

#[tokio::test]
async fn plain_notifications_come_in_batches_and_lead_to_what_they_name() {
    let world = world().await;
    for (resource, changes) in [
        ("communications/callRecords", "created,updated"),
        ("communications/onlineMeetings/getAllRecordings", "created"),
    ] {
        world.client.subscribe(&world.wanted(resource, changes)).await.unwrap();
    }
    let id = world.fake.add_meeting("ada", JOIN);
    let recording = world.fake.record(&id, fakes::wav(1, false));
    let record = world.fake.write_call_record(&id);
    world.fake.write_call_record(&id);
    let events = world.events("/graph").await;
    assert_eq!((world.batches("/graph").await.len(), events.len()), (1, 3));
    assert!(events[0].says(Signal::FilesReady));
    assert_eq!((events[1].sequence, events[2].sequence), (Some(1), Some(2)));
    assert_eq!(events[2].about.instance.as_ref(), Some(&record));

    let meeting = world.client.meeting("ada", JOIN).await.unwrap().unwrap();
    assert_eq!((&meeting.id, meeting.organizer.as_deref()), (&id, Some("ada")));
    assert_eq!(meeting.lobby_bypass.as_deref(), Some("organization"));
    assert_eq!(world.client.meeting("bob", JOIN).await.unwrap(), None);
    let all = world.client.meeting_recordings("ada", &id).await.unwrap();
    assert_eq!((all.len(), &all[0].id), (1, &recording));
    let file = world.client.download("ada", &id, &recording).await.unwrap();
    let (name, value) = file.header.unwrap();
    let request = reqwest::Client::new().get(file.url.expose());
    let answer = request.header(name, value.expose_secret()).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), fakes::wav(1, false));
    let record = world.client.call_record(&record).await.unwrap();
    assert_eq!((record.version, record.participants), (Some(2), vec!["ada".to_owned()]));
    assert_eq!(record.join_url.unwrap().expose(), JOIN);
}

#[tokio::test]
async fn rich_notifications_are_vouched_for_and_opened() {
    let world = world().await;
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&private).unwrap();
    let public = private.public_key();
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(&public).unwrap();
    // Like a certificate: the key, between other things.
    let der = [&[0x30, 0x82, 9, 9, 0xa0, 3, 2, 1, 2][..], public.as_ref(), &[7; 40]].concat();
    let filter = format!("/communications/onlineMeetings/?$filter=JoinWebUrl eq '{JOIN}'");
    let wanted = Wanted {
        certificate: Some(Certificate { id: "cert-1".to_owned(), der }),
        ..world.wanted(&filter, "updated")
    };
    let none = Certificate { id: "cert-2".to_owned(), der: vec![1, 2, 3] };
    let blind = Wanted { certificate: Some(none), ..wanted.clone() };
    assert!(matches!(world.client.subscribe(&blind).await, Err(Error::Refused { .. })));
    let made = world.client.subscribe(&wanted).await.unwrap();
    assert_eq!(made.certificate.as_deref(), Some("cert-1"));
    let meeting = world.fake.add_meeting("ada", JOIN);
    world.fake.call(&meeting, "CallStarted", &[], &[]);
    world.fake.call(&meeting, "CallRosterUpdate", &["ada"], &["bob"]);
    let batch = world.batches("/graph").await.remove(0);
    let keys = reqwest::get(world.fake.login_url() + "/common/discovery/v2.0/keys").await.unwrap();
    let keys = Keys::read(&keys.bytes().await.unwrap()).unwrap();
    let (now, options) = (world.clock.now(), world.fake.options());
    let check = |now: DateTime<Utc>, audience: &str| {
        graph::check_tokens(&batch.tokens, &keys, &[audience], now)
    };
    assert_eq!(check(now, &options.application), Ok(vec![options.tenant.clone()]));
    assert!(check(now, "other").is_err());
    assert!(check(now + TimeDelta::hours(2), &options.application).is_err());
    let openers = [Opener::new("cert-1", pkcs8.as_ref()).unwrap()];
    let open = |place: usize| {
        let one = batch.notifications[place].as_ref().unwrap();
        let content = Opener::open(&openers, one.sealed.as_ref().unwrap()).unwrap();
        one.event(Some(&content)).unwrap()
    };
    assert!(open(0).says(Signal::MeetingStarted));
    assert_eq!(open(0).about.conference.as_deref(), Some(JOIN));
    assert!(open(1).tells(News::ParticipantJoined) && open(1).tells(News::ParticipantLeft));
}

#[tokio::test]
async fn a_subscription_tells_what_befalls_it() {
    let world = world().await;
    let wanted = world.wanted("communications/callRecords", "created,updated");
    let id = world.client.subscribe(&wanted).await.unwrap().id;
    let meeting = world.fake.add_meeting("ada", JOIN);
    world.fake.lifecycle(&id, "reauthorizationRequired");
    world.fake.write_call_record(&meeting);
    assert_eq!(world.events("/graph").await.len(), 0);
    world.client.reauthorize(&id).await.unwrap();
    world.fake.write_call_record(&meeting);
    assert_eq!(world.events("/graph").await.len(), 1);
    world.fake.lifecycle(&id, "missed");
    world.fake.lifecycle(&id, "subscriptionRemoved");
    let news: Vec<News> = world
        .events("/lifecycle")
        .await
        .iter()
        .flat_map(|one| one.news().collect::<Vec<_>>())
        .collect();
    let expected = [News::SubscriptionEnding, News::SignalsMissed, News::SubscriptionLost];
    assert_eq!(news, expected);
    assert!(matches!(world.client.reauthorize(&id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_subscription_that_is_over_tells_nothing() {
    let world = world().await;
    let wanted = world.wanted("communications/callRecords", "created");
    world.client.subscribe(&wanted).await.unwrap();
    let meeting = world.fake.add_meeting("ada", JOIN);
    world.clock.advance(Duration::from_secs(25 * 3600));
    world.fake.write_call_record(&meeting);
    assert!(world.batches("/graph").await.is_empty());
}

#[tokio::test]
async fn batches_that_are_repeated_and_reordered_are_the_same_events() {
    let world = world().await;
    let wanted = world.wanted("communications/callRecords", "created,updated");
    world.client.subscribe(&wanted).await.unwrap();
    let meeting = world.fake.add_meeting("ada", JOIN);
    let outbox = world.fake.outbox(&world.hook.url("/graph"));
    world.hook.faults().add(Match::path("/graph").once(), Fault::failure(503));
    outbox.hold();
    for _ in 0..2 {
        world.fake.write_call_record(&meeting);
        world.fake.flush();
    }
    outbox.release(Order::Reversed);
    let mut events = world.events("/graph").await;
    assert_eq!(events.len(), 3);
    events.sort_by_key(|event| event.sequence);
    events.dedup_by_key(|event| event.key.clone());
    assert!(events.iter().map(|event| event.sequence).eq([Some(1), Some(2)]));
}

#[tokio::test]
async fn a_token_that_lapsed_is_replaced_once_and_a_wrong_secret_is_told() {
    let world = world().await;
    world.client.subscriptions().await.unwrap();
    world.fake.expire_tokens();
    world.client.subscriptions().await.unwrap();
    let path = format!("/{}/oauth2", world.fake.options().tenant);
    assert_eq!(world.fake.log().count(&Method::POST, &path), 2);
    let stranger = client(&world.fake, "other");
    let error = stranger.sign_in().await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorised { code, .. } if code == "invalid_client"));
    let wanted = world.wanted("communications/callRecords", "created");
    let creates = Match::path("/subscriptions").method(Method::POST).once();
    world.fake.faults().add(creates, Fault::DropAfter);
    let lost = world.client.subscribe(&wanted).await.unwrap_err();
    assert!(lost.may_have_been_done());
    // It was: who looks finds it.
    assert_eq!(world.client.subscriptions().await.unwrap().len(), 1);
    let calls = Match::path("/callRecords").once();
    world.fake.faults().add(calls, Fault::busy(9));
    let error = world.client.call_record("x").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
}
