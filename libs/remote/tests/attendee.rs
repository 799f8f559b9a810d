//! Attendee's client against Attendee, played: orders, crashes, callbacks, recordings, refusals.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fakes::{Clock, Fault, Match, Random, Reply};
use http::Method;
use remote::attendee::{Attendee, Change, Order, Voice};
use remote::bots::{Attempt, How, Leave, Withdrawn};
use remote::{Base, Budget, Error, Http, Private, Settings};
use serde_json::json;

struct World {
    fake: fakes::attendee::Attendee,
    clock: Clock,
    attendee: Attendee,
}

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn client(fake: &fakes::attendee::Attendee, key: &str, patience: u64) -> Attendee {
    let settings = Settings { timeout: Duration::from_secs(patience), ..Settings::default() };
    let base = Base::new(&fake.base()).unwrap();
    let http = Http::new(&settings).unwrap();
    Attendee::new(http, base, "acme", &key.to_owned().into(), Budget::unbounded())
}

async fn world() -> World {
    world_with(20).await
}

/// A client that waits only a second.
async fn hasty() -> World {
    world_with(1).await
}

async fn world_with(patience: u64) -> World {
    let clock = Clock::held(noon());
    let fake = fakes::attendee::Attendee::start(clock.clone()).await;
    let attendee = client(&fake, fake.key(), patience);
    World { fake, clock, attendee }
}

fn attempt(key: &str) -> Attempt {
    Attempt::new(key).unwrap()
}

fn order() -> Order {
    let url = Private::new("https://zoom.example/j/85393847045?pwd=x");
    Order::new(attempt("plan-7.1"), url, "Notes")
}

impl World {
    fn creates_fail(&self, fault: Fault) {
        let creates = Match::path("/api/v1/bots").method(Method::POST).once();
        self.fake.server().faults().add(creates, fault);
    }

    fn creates(&self) -> usize {
        self.fake.server().log().count(&Method::POST, "/api/v1/bots")
    }

    async fn recording(&self) -> String {
        let bot = self.attendee.create(&order()).await.unwrap().id;
        self.fake.walk(&bot, &["joined_meeting", "recording_permission_granted"]);
        bot
    }
}

#[tokio::test]
async fn a_bot_is_ordered_as_told() {
    let world = world().await;
    let join_at = noon() + TimeDelta::minutes(30);
    let order = Order {
        join_at: Some(join_at),
        leave: Leave { host: Some(Duration::from_secs(600)), ..Leave::default() },
        video: false,
        ..order()
    };
    let made = world.attendee.ensure_bot(&order).await.unwrap();
    assert_eq!(made.how, How::Created);
    assert_eq!(made.bot.attempt.as_deref(), Some("plan-7.1"));
    assert_eq!((made.bot.join_at, made.bot.state.as_deref()), (Some(join_at), Some("scheduled")));
    let told = world.fake.order(&made.bot.id);
    assert_eq!(told["deduplication_key"], "plan-7.1");
    assert_eq!(told["metadata"], json!({"callsheet": "plan-7.1"}));
    assert_eq!(told["recording_settings"], json!({"format": "mp3"}));
    let leave = json!({"wait_for_host_to_start_meeting_timeout_seconds": 600});
    assert_eq!(told["automatic_leave_settings"], leave);
    let seen = &world.fake.server().log().of(&Method::POST, "/api/v1/bots")[0];
    assert_eq!(seen.header("authorization"), Some("Token attendee-key"));
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_bot() {
    for fault in [
        Fault::DropAfter,
        Fault::Cut,
        Fault::Page,
        Fault::SlowAfter(Duration::from_secs(60)),
        Fault::AnswerAfter(Reply::status(502)),
    ] {
        let world = hasty().await;
        world.creates_fail(fault.clone());
        let first = world.attendee.ensure_bot(&order()).await.unwrap();
        assert_eq!(first.how, How::CreatedUnheard, "{fault:?}");
        let again = world.attendee.ensure_bot(&order()).await.unwrap();
        assert_eq!((again.how, &again.bot.id), (How::Found, &first.bot.id));
        assert_eq!((world.fake.bots().len(), world.creates()), (1, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_told_and_made_up_for() {
    let world = world().await;
    world.creates_fail(Fault::DropBefore);
    let error = world.attendee.ensure_bot(&order()).await.unwrap_err();
    assert!(error.is_transient() && error.may_have_been_done(), "{error:?}");
    assert_eq!(world.attendee.ensure_bot(&order()).await.unwrap().how, How::Created);
    assert_eq!(world.fake.bots().len(), 1);
}

#[tokio::test]
async fn a_create_that_is_carried_out_late_makes_one_bot() {
    let world = hasty().await;
    world.fake.linger(Duration::from_millis(3000));
    world.attendee.ensure_bot(&order()).await.unwrap_err();
    world.fake.linger(Duration::from_millis(10));
    let quick = world.attendee.ensure_bot(&order()).await.unwrap();
    assert_eq!(quick.how, How::Created);
    // The first one is carried out only now, and refused.
    tokio::time::sleep(Duration::from_millis(3000)).await;
    assert_eq!(world.fake.bots(), [quick.bot.id]);
}

#[tokio::test]
async fn many_who_ensure_at_once_get_one_bot() {
    let world = world().await;
    world.fake.linger(Duration::from_millis(50));
    let all = (0..20).map(|_| {
        let attendee = world.attendee.clone();
        tokio::spawn(async move { attendee.ensure_bot(&order()).await.unwrap().bot.id })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!([one.await.unwrap()], world.fake.bots()[..]);
    }
    assert!(world.creates() > 1);
}

#[tokio::test]
async fn a_bot_that_ended_is_still_the_one_of_its_attempt() {
    let world = world().await;
    let bot = world.attendee.ensure_bot(&order()).await.unwrap().bot;
    world.fake.happen(&bot.id, "could_not_join_meeting", Some("meeting_not_found"));
    let again = world.attendee.ensure_bot(&order()).await.unwrap();
    assert_eq!((again.how, &again.bot.id), (How::Found, &bot.id));
    assert!(again.bot.is_over());
    // Attendee itself would have let a second one in.
    assert_ne!(world.attendee.create(&order()).await.unwrap().id, bot.id);
    let live = world.attendee.ensure_bot(&order()).await.unwrap();
    assert!(!live.bot.is_over() && live.surplus.is_empty());
}

#[tokio::test]
async fn bots_are_found_on_every_page() {
    let world = world().await;
    world.fake.page(1);
    for _ in 0..3 {
        let bot = world.attendee.create(&order()).await.unwrap().id;
        world.fake.happen(&bot, "could_not_join_meeting", Some("blocked_by_captcha"));
    }
    world.attendee.create(&Order { attempt: attempt("plan-8.1"), ..order() }).await.unwrap();
    assert_eq!(world.attendee.find(&attempt("plan-7.1")).await.unwrap().len(), 3);
    assert_eq!(world.attendee.find(&attempt("plan-9.1")).await.unwrap().len(), 0);
    let lists = world.fake.server().log().of(&Method::GET, "/api/v1/bots");
    assert_eq!(lists[2].asked("cursor").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_bot_is_moved_until_it_has_its_resources() {
    let world = world().await;
    let hour = noon() + TimeDelta::hours(1);
    let bot = world.attendee.create(&Order { join_at: Some(hour), ..order() }).await.unwrap().id;
    let later = hour + TimeDelta::minutes(15);
    let change = Change { join_at: Some(later), ..Change::default() };
    assert_eq!(world.attendee.update(&bot, &change).await.unwrap().join_at, Some(later));
    world.fake.happen(&bot, "staged", None);
    assert!(matches!(
        world.attendee.update(&bot, &change).await,
        Err(Error::Refused { status: 400, .. })
    ));
}

#[tokio::test]
async fn a_bot_is_called_back_wherever_it_is() {
    let world = world().await;
    let ahead = Order { join_at: Some(noon() + TimeDelta::hours(1)), ..order() };
    let bot = world.attendee.create(&ahead).await.unwrap().id;
    assert_eq!(world.attendee.withdraw(&bot).await, Ok(Withdrawn::Deleted));
    assert_eq!(world.attendee.withdraw(&bot).await, Ok(Withdrawn::Gone));

    let bot = world.attendee.create(&ahead).await.unwrap().id;
    world.fake.happen(&bot, "staged", None);
    let error = world.attendee.withdraw(&bot).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 400, .. }), "{error:?}");
    world.fake.walk(&bot, &["join_requested", "put_in_waiting_room"]);
    assert_eq!(world.attendee.withdraw(&bot).await, Ok(Withdrawn::Leaving));
    assert_eq!(world.attendee.withdraw(&bot).await, Ok(Withdrawn::Leaving));
    let last = world.attendee.retrieve(&bot).await.unwrap().events().pop().unwrap();
    assert_eq!(last.sub_code.as_deref(), Some("user_requested"));
    world.fake.walk(&bot, &["left_meeting", "post_processing_completed"]);
    assert_eq!(world.attendee.withdraw(&bot).await, Ok(Withdrawn::Gone));
}

#[tokio::test]
async fn recording_is_interrupted_and_resumed() {
    let world = world().await;
    let bot = world.recording().await;
    world.attendee.pause_recording(&bot).await.unwrap();
    assert_eq!(world.fake.state_of(&bot), "joined_recording_paused");
    let paused = world.attendee.retrieve(&bot).await.unwrap();
    assert_eq!(paused.recording_state.as_deref(), Some("paused"));
    world.attendee.resume_recording(&bot).await.unwrap();
    assert_eq!(world.fake.state_of(&bot), "joined_recording");
    let error = world.attendee.resume_recording(&bot).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 400, .. }), "{error:?}");
}

#[tokio::test]
async fn an_announcement_is_played_or_spoken_in_the_meeting() {
    let world = world().await;
    let voice = Voice { language: "en-US".to_owned(), name: "en-US-Casual-K".to_owned() };
    let bot = world.attendee.create(&order()).await.unwrap().id;
    let error = world.attendee.play(&bot, b"hello").await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 400, .. }), "{error:?}");
    world.fake.happen(&bot, "joined_meeting", None);
    world.attendee.play(&bot, b"hello").await.unwrap();
    world.attendee.speak(&bot, "This call is recorded.", &voice).await.unwrap();
    assert_eq!(world.fake.played(&bot), [&b"hello"[..], b"This call is recorded."]);
}

#[tokio::test]
async fn a_recording_that_comes_late_is_fetched_without_credentials_while_its_link_holds() {
    let world = world().await;
    let bot = world.recording().await;
    world.fake.walk(&bot, &["meeting_ended", "post_processing_completed"]);
    assert!(matches!(world.attendee.recording(&bot).await, Err(Error::NotFound { .. })));
    world.fake.ready(&bot, 2, true);
    let link = async || world.attendee.recording(&bot).await.unwrap().medium.unwrap().url;
    let fetch = async |url: &Private| reqwest::get(url.expose()).await.unwrap();
    let url = link().await;
    assert_eq!(fetch(&url).await.bytes().await.unwrap(), fakes::wav(2, true));
    world.clock.advance(Duration::from_secs(1801));
    assert_eq!(fetch(&url).await.status().as_u16(), 403);
    assert_eq!(fetch(&link().await).await.status().as_u16(), 200);
    let started = world.attendee.recording(&bot).await.unwrap().started_ms;
    assert_eq!(started, Some(noon().timestamp_millis()));

    world.attendee.delete_data(&bot).await.unwrap();
    assert!(matches!(world.attendee.recording(&bot).await, Err(Error::NotFound { .. })));
    assert_eq!(world.fake.state_of(&bot), "data_deleted");
}

#[tokio::test]
async fn refusals_keep_their_words() {
    let world = world().await;
    let credits = json!({"error": "Organization has run out of credits."});
    world.creates_fail(Fault::Answer(Reply::json(400, &credits)));
    let error = world.attendee.ensure_bot(&order()).await.unwrap_err();
    let text = "Organization has run out of credits.".to_owned();
    assert_eq!(error, Error::Refused { status: 400, code: "400".to_owned(), text });
    world.fake.capacity(0);
    let error = world.attendee.ensure_bot(&order()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { text, .. } if text.contains("concurrent")),
        "{error:?}"
    );
    assert!(matches!(world.attendee.retrieve("bot_x").await, Err(Error::NotFound { .. })));
    let stranger = client(&world.fake, "other", 20);
    assert!(matches!(stranger.retrieve("bot_x").await, Err(Error::Unauthorised { .. })));
    let late = Order { join_at: Some(noon() - TimeDelta::minutes(1)), ..order() };
    let error = world.attendee.create(&late).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { text, .. } if text.starts_with("join_at: ")));
    assert!(world.fake.bots().is_empty());
}

#[tokio::test]
async fn too_many_calls_are_told_with_their_wait() {
    let world = world().await;
    world.creates_fail(Fault::busy(7));
    let error = world.attendee.ensure_bot(&order()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(!error.may_have_been_done() && world.fake.bots().is_empty());
}

#[tokio::test]
async fn whatever_goes_wrong_there_is_one_bot_in_the_end() {
    for seed in 0..24 {
        let world = world().await;
        let mut random = Random::new(seed);
        for _ in 0..8 {
            let faults = [
                Fault::DropBefore,
                Fault::DropAfter,
                Fault::Cut,
                Fault::Page,
                Fault::busy(0),
                Fault::failure(503),
                Fault::AnswerAfter(Reply::status(502)),
            ];
            let method = [Method::POST, Method::POST, Method::GET][random.below(3)].clone();
            let calls = Match::path("/api/v1/bots").method(method).once();
            world.fake.server().faults().add(calls, faults[random.below(faults.len())].clone());
            if let Err(error) = world.attendee.ensure_bot(&order()).await {
                assert!(error.is_transient() || matches!(error, Error::Unreadable(_)), "{error:?}");
            }
        }
        world.fake.server().faults().clear();
        let bot = world.attendee.ensure_bot(&order()).await.unwrap().bot;
        assert_eq!(world.fake.bots(), [bot.id], "seed {seed}");
    }
}
