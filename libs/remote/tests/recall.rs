//! Recall's client against Recall, played: orders, crashes, callbacks, media, refusals.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use fakes::{Clock, Fault, Match, Random, Reply};
use http::Method;
use remote::bots::{Attempt, How, Leave, Withdrawn};
use remote::recall::{Change, Order, Recall, Start, is_out_of_bots};
use remote::{Base, Budget, Error, Http, Limit, Private, Settings};
use serde_json::json;

struct World {
    fake: fakes::recall::Recall,
    clock: Clock,
    recall: Recall,
}

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn client(fake: &fakes::recall::Recall, key: &str, patience: u64) -> Recall {
    let settings = Settings { timeout: Duration::from_secs(patience), ..Settings::default() };
    let base = Base::new(&fake.base()).unwrap();
    let http = Http::new(&settings).unwrap();
    Recall::new(http, base, "acme", &key.to_owned().into(), Budget::unbounded())
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
    let fake = fakes::recall::Recall::start(clock.clone()).await;
    let recall = client(&fake, fake.key(), patience);
    World { fake, clock, recall }
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
        let creates = Match::path("/api/v1/bot/").method(Method::POST).once();
        self.fake.server().faults().add(creates, fault);
    }

    fn creates(&self) -> usize {
        self.fake.server().log().count(&Method::POST, "/api/v1/bot/")
    }

    async fn recording(&self) -> String {
        let bot = self.recall.create(&order()).await.unwrap().id;
        self.fake.walk(&bot, &["joining_call", "in_call_not_recording", "in_call_recording"]);
        bot
    }
}

#[tokio::test]
async fn a_bot_is_ordered_as_told() {
    let world = world().await;
    let join_at = noon() + TimeDelta::minutes(30);
    let mut order = Order {
        join_at: Some(join_at),
        leave: Leave { lobby: Some(Duration::from_secs(900)), ..Leave::default() },
        start: Start::Participant,
        ..order()
    };
    let made = world.recall.ensure_bot(&mut order).await.unwrap();
    assert_eq!((made.how, made.surplus.len()), (How::Created, 0));
    assert_eq!(made.bot.attempt.as_deref(), Some("plan-7.1"));
    assert_eq!((made.bot.join_at, made.bot.code()), (Some(join_at), None));
    let told = world.fake.order(&made.bot.id);
    assert_eq!(told["meeting_url"], "https://zoom.example/j/85393847045?pwd=x");
    assert_eq!(told["automatic_leave"], json!({"waiting_room_timeout": 900}));
    let seen = &world.fake.server().log().of(&Method::POST, "/api/v1/bot/")[0];
    assert_eq!(seen.header("authorization"), Some("Token recall-key"));
    assert_eq!(seen.header("idempotency-key"), Some("plan-7.1.0"));
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_bot() {
    for fault in [
        Fault::DropAfter,
        Fault::Cut,
        Fault::Page,
        Fault::SlowAfter(Duration::from_secs(60)),
        Fault::AnswerAfter(Reply::status(502)),
        Fault::AnswerAfter(Reply::status(504)),
    ] {
        let world = hasty().await;
        world.creates_fail(fault.clone());
        let first = world.recall.ensure_bot(&mut order()).await.unwrap();
        assert_eq!(first.how, How::CreatedUnheard, "{fault:?}");
        let again = world.recall.ensure_bot(&mut order()).await.unwrap();
        assert_eq!((again.how, &again.bot.id), (How::Found, &first.bot.id));
        assert_eq!((world.fake.bots().len(), world.creates()), (1, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_told_and_made_up_for() {
    let world = world().await;
    world.creates_fail(Fault::DropBefore);
    let error = world.recall.ensure_bot(&mut order()).await.unwrap_err();
    assert!(error.is_transient() && error.may_have_been_done(), "{error:?}");
    assert!(world.fake.bots().is_empty());
    assert_eq!(world.recall.ensure_bot(&mut order()).await.unwrap().how, How::Created);
    assert_eq!(world.fake.bots().len(), 1);
}

#[tokio::test]
async fn a_create_still_under_way_is_not_repeated() {
    let world = hasty().await;
    world.fake.linger(Duration::from_millis(3000));
    let error = world.recall.ensure_bot(&mut order()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let error = world.recall.ensure_bot(&mut order()).await.unwrap_err();
    assert!(matches!(error, Error::Busy { limit: Limit::Rate, .. }), "{error:?}");
    assert!(error.is_transient() && error.retry_after().is_some());
    tokio::time::sleep(Duration::from_millis(3000)).await;
    assert_eq!(world.recall.ensure_bot(&mut order()).await.unwrap().how, How::Found);
    assert_eq!(world.fake.bots().len(), 1);
}

#[tokio::test]
async fn a_list_that_lags_makes_no_second_bot() {
    let world = world().await;
    world.fake.blind(3);
    world.creates_fail(Fault::DropAfter);
    world.recall.ensure_bot(&mut order()).await.unwrap_err();
    // The list is still blind; that it is a repetition is known by its header.
    let again = world.recall.ensure_bot(&mut order()).await.unwrap();
    assert_eq!((again.how, world.creates()), (How::Created, 2));
    assert_eq!(world.fake.bots(), [again.bot.id]);
}

#[tokio::test]
async fn many_who_ensure_at_once_get_one_bot() {
    let world = world().await;
    world.fake.linger(Duration::from_millis(50));
    let all = (0..20).map(|_| {
        let recall = world.recall.clone();
        tokio::spawn(async move {
            loop {
                match recall.ensure_bot(&mut order()).await {
                    Ok(ensured) => return ensured.bot.id,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!([one.await.unwrap()], world.fake.bots()[..]);
    }
}

#[tokio::test]
async fn no_free_bot_is_no_bot_and_no_doubt() {
    let world = world().await;
    world.fake.free(0);
    let mut counted = order();
    let error = world.recall.ensure_bot(&mut counted).await.unwrap_err();
    assert!(is_out_of_bots(&error) && error.is_transient() && !error.may_have_been_done());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(counted.refusals, 1);
    world.fake.free(1);
    // Who forgot the count hears the old answer, for an hour.
    assert!(is_out_of_bots(&world.recall.ensure_bot(&mut order()).await.unwrap_err()));
    assert_eq!(world.recall.ensure_bot(&mut counted).await.unwrap().how, How::Created);
    assert_eq!(world.fake.bots().len(), 1);
    world.fake.free(0);
    let join_at = Some(noon() + TimeDelta::minutes(11));
    let mut ahead = Order { attempt: attempt("plan-8.1"), join_at, ..order() };
    assert!(world.recall.ensure_bot(&mut ahead).await.is_ok());
}

#[tokio::test]
async fn what_does_not_come_from_the_create_settles_nothing() {
    let world = world().await;
    world.fake.blind(9);
    let mut order = order();
    world.creates_fail(Fault::DropAfter);
    world.recall.ensure_bot(&mut order).await.unwrap_err();
    for (method, fault) in [
        (Method::POST, Fault::busy(0)),
        (Method::POST, Fault::failure(403)),
        (Method::POST, Fault::failure(503)),
        (Method::GET, Fault::failure(400)),
    ] {
        let calls = Match::path("/api/v1/bot/").method(method).once();
        world.fake.server().faults().add(calls, fault.clone());
        world.recall.ensure_bot(&mut order).await.unwrap_err();
        assert_eq!(order.refusals, 0, "{fault:?}");
    }
    let bot = world.recall.ensure_bot(&mut order).await.unwrap().bot;
    assert_eq!(world.fake.bots(), [bot.id]);
}

#[tokio::test]
async fn a_bot_that_ended_is_still_the_one_of_its_attempt() {
    let world = world().await;
    let bot = world.recall.ensure_bot(&mut order()).await.unwrap().bot;
    world.fake.walk(&bot.id, &["joining_call", "fatal:meeting_not_found"]);
    let again = world.recall.ensure_bot(&mut order()).await.unwrap();
    assert_eq!((again.how, again.bot.id), (How::Found, bot.id));
    assert!(again.bot.changes.last().is_some_and(|one| one.code == "fatal"));
    let mut next = Order { attempt: attempt("plan-7.2"), ..order() };
    assert_eq!(world.recall.ensure_bot(&mut next).await.unwrap().how, How::Created);
}

#[tokio::test]
async fn bots_are_found_on_every_page_and_nowhere_else() {
    let world = world().await;
    world.fake.page(1);
    for refusals in 0..3 {
        world.recall.create(&Order { refusals, ..order() }).await.unwrap();
        let other = Order { refusals, attempt: attempt("plan-8.1"), ..order() };
        world.recall.create(&other).await.unwrap();
    }
    let found = world.recall.find(&attempt("plan-7.1")).await.unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|bot| bot.attempt.as_deref() == Some("plan-7.1")));
    let lists = world.fake.server().log().of(&Method::GET, "/api/v1/bot/");
    assert_eq!(lists.len(), 3);
    assert_eq!(lists[2].asked("cursor").as_deref(), Some("2"));
    let ensured = world.recall.ensure_bot(&mut order()).await.unwrap();
    assert_eq!((ensured.how, ensured.surplus.len()), (How::Found, 2));
    assert!(!ensured.surplus.contains(&ensured.bot.id));
}

#[tokio::test]
async fn a_filter_that_is_ignored_makes_nobodys_bot_ours() {
    let world = world().await;
    let others = json!({"next": null, "results": [{"id": "b9", "metadata": {"callsheet": "other"}}, {"id": "b8"}]});
    let lists = Match::path("/api/v1/bot/").method(Method::GET);
    world.fake.server().faults().add(lists, Fault::Answer(Reply::json(200, &others)));
    assert_eq!(world.recall.ensure_bot(&mut order()).await.unwrap().how, How::Created);
}

#[tokio::test]
async fn a_bot_is_moved_until_it_is_sent() {
    let world = world().await;
    let hour = noon() + TimeDelta::hours(1);
    let order = Order { join_at: Some(hour), ..order() };
    let bot = world.recall.create(&order).await.unwrap().id;
    let later = hour + TimeDelta::minutes(15);
    let change = Change { join_at: Some(later), ..Change::default() };
    assert_eq!(world.recall.update(&bot, &change).await.unwrap().join_at, Some(later));
    assert_eq!(world.fake.order(&bot)["meeting_url"], order.meeting_url.expose());
    let soon = Change { join_at: Some(noon() + TimeDelta::minutes(5)), ..Change::default() };
    let error = world.recall.update(&bot, &soon).await.unwrap_err();
    assert_eq!(error.code(), Some("update_bot_failed"));
    world.clock.advance(Duration::from_secs(70 * 60));
    let error = world.recall.update(&bot, &change).await.unwrap_err();
    assert_eq!(error.code(), Some("update_bot_failed"));
    assert!(matches!(world.recall.delete(&bot).await, Err(Error::Refused { status: 405, .. })));
}

#[tokio::test]
async fn a_bot_is_called_back_wherever_it_is() {
    let world = world().await;
    let ahead = Order { join_at: Some(noon() + TimeDelta::hours(1)), ..order() };
    let bot = world.recall.create(&ahead).await.unwrap().id;
    assert_eq!(world.recall.withdraw(&bot).await, Ok(Withdrawn::Deleted));
    assert_eq!(world.recall.withdraw(&bot).await, Ok(Withdrawn::Gone));
    let bot = world.recall.create(&Order { attempt: attempt("b"), ..order() }).await.unwrap().id;
    world.fake.walk(&bot, &["joining_call", "in_waiting_room"]);
    assert_eq!(world.recall.withdraw(&bot).await, Ok(Withdrawn::Leaving));
    let left = world.recall.retrieve(&bot).await.unwrap();
    assert_eq!(left.changes.last().unwrap().sub_code.as_deref(), Some("bot_received_leave_call"));
    world.fake.happen(&bot, "done", None);
    assert_eq!(world.recall.withdraw(&bot).await, Ok(Withdrawn::Gone));
}

#[tokio::test]
async fn recording_is_controlled() {
    let world = world().await;
    let bot = world.recording().await;
    world.recall.pause_recording(&bot).await.unwrap();
    assert!(!world.fake.records(&bot));
    world.recall.resume_recording(&bot).await.unwrap();
    assert!(world.fake.records(&bot));
    world.recall.stop_recording(&bot).await.unwrap();
    assert!(matches!(
        world.recall.pause_recording(&bot).await,
        Err(Error::Refused { status: 400, .. })
    ));
    world.recall.start_recording(&bot).await.unwrap();
    assert_eq!(world.recall.recordings(&bot).await.unwrap().len(), 2);
    world.recall.leave(&bot).await.unwrap();
    let error = world.recall.start_recording(&bot).await.unwrap_err();
    assert_eq!(error.code(), Some("cannot_command_completed_bot"));
}

#[tokio::test]
async fn an_announcement_is_played_by_bots_that_were_ordered_with_one() {
    let world = world().await;
    let bot = world.recording().await;
    assert!(matches!(
        world.recall.play(&bot, b"hello").await,
        Err(Error::Refused { status: 400, .. })
    ));
    let announcement = Some(Bytes::from_static(b"first"));
    let order = Order { attempt: attempt("b"), announcement, ..order() };
    let bot = world.recall.create(&order).await.unwrap().id;
    let error = world.recall.play(&bot, b"hello").await.unwrap_err();
    assert_eq!(error.code(), Some("cannot_command_unstarted_bot"));
    world.fake.walk(&bot, &["joining_call", "in_call_not_recording"]);
    world.recall.play(&bot, b"hello").await.unwrap();
    assert_eq!(world.fake.played(&bot), [b"hello"]);
}

#[tokio::test]
async fn a_recording_that_comes_late_is_fetched_without_credentials_while_its_link_holds() {
    let world = world().await;
    let bot = world.recall.create(&Order { audio: true, ..order() }).await.unwrap().id;
    let way = ["joining_call", "in_call_not_recording", "in_call_recording"];
    world.fake.walk(&bot, &way);
    world.fake.walk(&bot, &["call_ended:call_ended_by_host", "done"]);
    let early = world.recall.recordings(&bot).await.unwrap().remove(0);
    assert_eq!((early.video, early.status.unwrap().code), (None, "processing".to_owned()));
    assert_eq!(world.recall.audio(&early.id).await, Ok(None));

    world.fake.ready(&bot, 2, false);
    let ready = world.recall.recordings(&bot).await.unwrap().remove(0);
    assert_eq!(ready.status.unwrap().code, "done");
    let audio = world.recall.audio(&ready.id).await.unwrap().unwrap();
    assert_eq!(audio.format.as_deref(), Some("mp3"));
    let video = ready.video.unwrap();
    assert!(!format!("{video:?}").contains("signature"));
    let fetch = async |url: &Private| reqwest::get(url.expose()).await.unwrap();
    let file = fetch(&video.url).await.bytes().await.unwrap();
    assert_eq!(file, fakes::wav(2, false));

    world.clock.advance(Duration::from_secs(7 * 3600));
    assert_eq!(fetch(&video.url).await.status().as_u16(), 403);
    let fresh = world.recall.recordings(&bot).await.unwrap().remove(0).video.unwrap();
    assert_eq!(fetch(&fresh.url).await.status().as_u16(), 200);

    world.recall.delete_media(&bot).await.unwrap();
    let gone = world.recall.recordings(&bot).await.unwrap().remove(0);
    assert_eq!((gone.video, gone.status.unwrap().code), (None, "deleted".to_owned()));
    assert_eq!(fetch(&fresh.url).await.status().as_u16(), 404);
}

#[tokio::test]
async fn refusals_keep_their_codes() {
    let world = world().await;
    let told = |status, code: &str| {
        Fault::Answer(Reply::json(status, &json!({"code": code, "detail": "No."})))
    };
    world.creates_fail(told(400, "teams_blacklisted_tenant"));
    let error = world.recall.ensure_bot(&mut order()).await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), (Some("teams_blacklisted_tenant"), false));
    world.creates_fail(told(402, "insufficient_credits"));
    let error = world.recall.ensure_bot(&mut order()).await.unwrap_err();
    assert_eq!(error.code(), Some("insufficient_credits"));
    assert!(matches!(error, Error::Forbidden { .. }));
    let order_of_nothing = Order { meeting_url: Private::new("zoom"), ..order() };
    let error = world.recall.create(&order_of_nothing).await.unwrap_err();
    let expected = "meeting_url: This field is required.".to_owned();
    assert_eq!(error, Error::Refused { status: 400, code: "400".to_owned(), text: expected });
    assert!(matches!(world.recall.retrieve("nobody").await, Err(Error::NotFound { .. })));
    let stranger = client(&world.fake, "other", 20);
    let error = stranger.retrieve("b").await.unwrap_err();
    assert_eq!(error.code(), Some("authentication_failed"));
    assert!(world.fake.bots().is_empty());
}

#[tokio::test]
async fn too_many_calls_are_told_with_their_wait() {
    let world = world().await;
    let lists = Match::path("/api/v1/bot/").method(Method::GET).once();
    world.fake.server().faults().add(lists, Fault::busy(20));
    let error = world.recall.ensure_bot(&mut order()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert_eq!(world.creates(), 0);
}

#[tokio::test]
async fn whatever_goes_wrong_there_is_one_bot_in_the_end() {
    for seed in 0..24 {
        let world = world().await;
        let mut random = Random::new(seed);
        let mut order = order();
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
            let calls = Match::path("/api/v1/bot/").method(method).once();
            world.fake.server().faults().add(calls, faults[random.below(faults.len())].clone());
            world.fake.free(u32::from(random.below(3) > 0));
            if world.fake.bots().is_empty() {
                world.fake.blind(u32::try_from(random.below(4)).unwrap());
            }
            if let Err(error) = world.recall.ensure_bot(&mut order).await {
                assert!(error.is_transient() || matches!(error, Error::Unreadable(_)), "{error:?}");
            }
        }
        world.fake.server().faults().clear();
        world.fake.free(1);
        let bot = loop {
            match world.recall.ensure_bot(&mut order).await {
                Ok(ensured) => break ensured.bot,
                Err(error) => assert!(is_out_of_bots(&error), "{error:?}"),
            }
        };
        assert_eq!(world.fake.bots(), [bot.id], "seed {seed}");
    }
}
