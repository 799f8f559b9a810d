//! What fakes of bots send, verified and read by whoever reads webhooks; and what polling tells, which is the same.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use fakes::{Attempt as Outcome, Clock, Fault, Match, Order as Sequence, Seen, Server};
use remote::bots::{Attempt, Happened};
use remote::{Base, Budget, Http, Private, Settings, attendee, recall};
use serde_json::json;
use signals::{Event, Key, Kind, Meaning, News, Provider, Sense, Tolerance, table, verify};

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

async fn hooks() -> Server {
    Server::start(Router::new().route("/hook", post(async || "taken"))).await
}

fn attempt() -> Attempt {
    Attempt::new("plan-7.1").unwrap()
}

fn link() -> Private {
    Private::new("https://zoom.example/j/1")
}

/// What happened, when, and what it means: by key, so that each counts once.
type Told = BTreeMap<Key, (Option<DateTime<Utc>>, Vec<Sense>)>;

fn senses(event: &Event) -> Vec<Sense> {
    event.meanings.iter().map(Meaning::sense).collect()
}

fn has(told: &Told, names: &[&str]) -> bool {
    let all: BTreeSet<&str> =
        told.values().flat_map(|(_, senses)| senses).map(|one| one.as_str()).collect();
    names.iter().all(|name| all.contains(name))
}

fn told(events: impl IntoIterator<Item = Event>) -> Told {
    events.into_iter().map(|event| (event.key.clone(), (event.at, senses(&event)))).collect()
}

fn polled(events: &[Happened], read: fn(&[u8]) -> Result<Event, signals::read::Error>) -> Told {
    told(events.iter().map(|one| read(&one.webhook()).unwrap()))
}

struct Recalled {
    fake: fakes::recall::Recall,
    recall: recall::Recall,
    clock: Clock,
    hooks: Server,
    bot: String,
}

async fn recalled() -> Recalled {
    let clock = Clock::held(noon());
    let fake = fakes::recall::Recall::start(clock.clone()).await;
    let hooks = hooks().await;
    fake.subscribe(&hooks.url("/hook"), 1000);
    let (http, base) = (Http::new(&Settings::default()).unwrap(), Base::new(&fake.base()).unwrap());
    let key = fake.key().to_owned().into();
    let recall = recall::Recall::new(http, base, "acme", &key, Budget::unbounded());
    let order = recall::Order::new(attempt(), link(), "Notes");
    let bot = recall.create(&order).await.unwrap().id;
    Recalled { fake, recall, clock, hooks, bot }
}

impl Recalled {
    /// Verifies a webhook as it came.
    fn verify(&self, seen: &Seen, secrets: &[&str]) -> Result<String, verify::Error> {
        let secrets: Vec<_> =
            secrets.iter().map(|one| signals::recall::secret(one).unwrap()).collect();
        let (tolerance, now) = (Tolerance::STRICT, self.clock.now());
        signals::recall::verify(&seen.headers, &seen.body, &secrets, tolerance, now)
            .map(str::to_owned)
    }

    /// All that came, verified and read.
    async fn came(&self) -> Vec<Event> {
        self.fake.outbox().settled().await;
        let all = self.hooks.log().all();
        let secret = self.fake.secret();
        all.iter()
            .map(|seen| {
                self.verify(seen, &[&secret]).unwrap();
                signals::recall::read(&seen.body).unwrap()
            })
            .collect()
    }

    async fn polled(&self) -> Told {
        let bot = self.recall.retrieve(&self.bot).await.unwrap();
        polled(&bot.events(), signals::recall::read)
    }

    fn whole_call(&self) {
        let steps = [
            "joining_call",
            "in_waiting_room",
            "in_call_not_recording",
            "recording_permission_denied:zoom_host_not_present",
            "recording_permission_allowed",
            "in_call_recording",
            "in_waiting_room",
            "in_call_not_recording",
            "in_call_recording",
            "call_ended:bot_kicked_from_call",
        ];
        for step in steps {
            self.fake.walk(&self.bot, &[step]);
            self.clock.advance(Duration::from_secs(20));
        }
        self.fake.ready(&self.bot, 1, false);
        self.fake.walk(&self.bot, &["done"]);
    }
}

#[tokio::test]
async fn recall_tells_the_same_by_webhook_and_when_asked() {
    let world = recalled().await;
    world.whole_call();
    let came = told(world.came().await);
    let polled = world.polled().await;
    // Of recordings, being asked tells the state of now alone.
    let only_came: Vec<_> = came.iter().filter(|(key, _)| !polled.contains_key(*key)).collect();
    assert_eq!(only_came.len(), 1, "{only_came:?}");
    assert_eq!(only_came[0].1.1[0].as_str(), "files_processing");
    for (key, one) in &polled {
        assert_eq!(came.get(key), Some(one));
    }
    assert!(has(&came, &["in_lobby", "permission_granted", "removed", "files_ready"]), "{came:?}");
}

#[tokio::test]
async fn a_webhook_of_recall_names_its_attempt() {
    let world = recalled().await;
    world.fake.walk(&world.bot, &["joining_call"]);
    world.fake.participant(&world.bot, "join", 100, "Ada", true);
    for event in world.came().await {
        assert_eq!(event.about.reference.as_deref(), Some("plan-7.1"));
        assert_eq!(event.about.bot.as_deref(), Some(world.bot.as_str()));
    }
    let bot = world.recall.retrieve(&world.bot).await.unwrap();
    let event = signals::recall::read(&bot.events()[0].webhook()).unwrap();
    assert_eq!(event.about.reference.as_deref(), Some("plan-7.1"));
}

#[tokio::test]
async fn every_reason_of_recall_means_by_webhook_and_when_asked_what_the_table_says() {
    let world = recalled().await;
    let reasons = table::rows()
        .iter()
        .filter(|row| (row.provider, row.kind) == (Provider::Recall, Kind::Reason));
    let mut count = 0;
    for row in reasons {
        let order = recall::Order::new(Attempt::new(&*row.code).unwrap(), link(), "Notes");
        let bot = world.recall.create(&order).await.unwrap().id;
        world.fake.happen(&bot, "fatal", Some(&row.code));
        let asked = world.recall.retrieve(&bot).await.unwrap().events();
        assert_eq!(asked[0].sub_code.as_deref(), Some(row.code.as_str()));
        let event = signals::recall::read(&asked[0].webhook()).unwrap();
        assert_eq!(senses(&event)[0], row.sense, "{}", row.code);
        count += 1;
    }
    let came = told(world.came().await);
    assert!(count > 60 && came.len() == count, "{count} {}", came.len());
}

#[tokio::test]
async fn while_secrets_change_both_are_believed_and_then_the_new_one_alone() {
    let world = recalled().await;
    let old = world.fake.secret();
    let step = async |state: &str| {
        world.fake.walk(&world.bot, &[state]);
        // It is signed when it is sent.
        world.fake.outbox().settled().await;
    };
    step("joining_call").await;
    let new = world.fake.rotate();
    step("in_waiting_room").await;
    world.fake.forget();
    step("in_call_not_recording").await;
    world.fake.legacy();
    step("in_call_recording").await;
    let all = world.hooks.log().all();
    let believed = |secrets: &[&str]| -> Vec<bool> {
        all.iter().map(|seen| world.verify(seen, secrets).is_ok()).collect()
    };
    assert_eq!(believed(&[&old]), [true, true, false, false, false]);
    assert_eq!(believed(&[&new]), [false, true, true, true, true]);
    assert_eq!(believed(&[&old, &new]), [true; 5]);
    assert!(all[4].header("svix-signature").is_some());
}

#[tokio::test]
async fn a_forged_or_replayed_webhook_of_recall_is_refused() {
    let world = recalled().await;
    world.fake.walk(&world.bot, &["joining_call"]);
    world.fake.outbox().settled().await;
    let secret = world.fake.secret();
    let seen = world.hooks.log().all().remove(0);
    let sender = world.fake.outbox().senders().remove(0);
    let notice = world.fake.outbox().done().remove(0).notice;
    sender.post(&sender.sign(&notice).tampered()).await;
    sender.post(&sender.sign(&notice).without("webhook-signature")).await;
    sender.post(&sender.sign_at(&notice, noon() - TimeDelta::minutes(6))).await;
    let all = world.hooks.log().all();
    let verified: Vec<_> = all.iter().map(|seen| world.verify(seen, &[&secret])).collect();
    assert!(verified[0].is_ok());
    assert_eq!(verified[1], Err(verify::Error::Mismatch));
    assert!(matches!(verified[2], Err(verify::Error::Missing(_))));
    assert!(matches!(verified[3], Err(verify::Error::TooOld { .. })));
    world.clock.advance(Duration::from_secs(301));
    assert!(matches!(world.verify(&seen, &[&secret]), Err(verify::Error::TooOld { .. })));
}

#[tokio::test]
async fn a_webhook_of_recall_comes_again_under_the_same_id_until_it_is_taken() {
    let world = recalled().await;
    world.hooks.faults().add(Match::all().times(2), Fault::failure(500));
    world.fake.walk(&world.bot, &["joining_call"]);
    world.fake.outbox().settled().await;
    let done = world.fake.outbox().done().remove(0);
    assert_eq!(done.attempts.last(), Some(&Outcome::Status(200)));
    let secret = world.fake.secret();
    let all = world.hooks.log().all();
    let ids: BTreeSet<_> = all.iter().map(|seen| world.verify(seen, &[&secret]).unwrap()).collect();
    assert_eq!((all.len(), ids.len()), (3, 1));
}

#[tokio::test]
async fn disorder_and_doubles_of_recall_come_to_the_same() {
    let plain = recalled().await;
    plain.whole_call();
    let expected: Vec<_> = told(plain.came().await).into_values().collect();
    for order in [Sequence::Reversed, Sequence::Shuffled(3)] {
        let world = recalled().await;
        world.fake.outbox().hold();
        world.whole_call();
        world.fake.outbox().double(1);
        world.fake.outbox().release(order);
        let came = world.came().await;
        assert_eq!(came.len(), 2 * expected.len());
        let mut sorted: Vec<_> = told(came).into_values().collect();
        let mut expected = expected.clone();
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected);
    }
}

struct Attended {
    fake: fakes::attendee::Attendee,
    attendee: attendee::Attendee,
    clock: Clock,
    hooks: Server,
    bot: String,
}

async fn attended() -> Attended {
    let clock = Clock::held(noon());
    let fake = fakes::attendee::Attendee::start(clock.clone()).await;
    let hooks = hooks().await;
    fake.subscribe(&hooks.url("/hook"), 100);
    let (http, base) = (Http::new(&Settings::default()).unwrap(), Base::new(&fake.base()).unwrap());
    let key = fake.key().to_owned().into();
    let attendee = attendee::Attendee::new(http, base, "acme", &key, Budget::unbounded());
    let mut order = attendee::Order::new(attempt(), link(), "Notes");
    order.metadata.insert("title".to_owned(), "Überblick 🚒 \"a\"".to_owned());
    order.join_at = Some(noon() + TimeDelta::minutes(5));
    let bot = attendee.create(&order).await.unwrap().id;
    Attended { fake, attendee, clock, hooks, bot }
}

impl Attended {
    fn verify(&self, seen: &Seen, secret: &str) -> Result<(), verify::Error> {
        let secret = signals::attendee::secret(secret).unwrap();
        signals::attendee::verify(&seen.headers, &seen.body, &[secret])
    }

    async fn came(&self) -> Vec<Event> {
        self.fake.outbox().settled().await;
        let secret = self.fake.secret();
        let all = self.hooks.log().all();
        all.iter()
            .map(|seen| {
                self.verify(seen, &secret).unwrap();
                signals::attendee::read(&seen.body).unwrap()
            })
            .collect()
    }

    fn whole_call(&self) {
        let steps = [
            "staged",
            "join_requested",
            "put_in_waiting_room",
            "joined_meeting",
            "recording_permission_denied:request_timed_out",
            "recording_permission_granted",
            "recording_paused",
            "recording_resumed",
            "began_joining_breakout_room",
            "joined_breakout_room",
            "began_leaving_breakout_room",
            "left_breakout_room",
            "leave_requested:auto_leave_silence",
            "left_meeting",
            "post_processing_completed",
            "data_deleted",
        ];
        for step in steps {
            self.fake.walk(&self.bot, &[step]);
            self.clock.advance(Duration::from_secs(20));
        }
    }
}

#[tokio::test]
async fn attendee_tells_the_same_by_webhook_and_when_asked() {
    let world = attended().await;
    world.whole_call();
    let came = told(world.came().await);
    let bot = world.attendee.retrieve(&world.bot).await.unwrap();
    assert_eq!(came, polled(&bot.events(), signals::attendee::read));
    assert_eq!(came.len(), 16);
    assert!(has(&came, &["in_lobby", "permission_unanswered", "files_ready"]), "{came:?}");
}

#[tokio::test]
async fn every_reason_of_attendee_means_by_webhook_and_when_asked_what_the_table_says() {
    let world = attended().await;
    let reasons = table::rows().iter().filter(|row| {
        (row.provider, row.kind) == (Provider::Attendee, Kind::Reason)
            && row.code != "bot_removed_by"
    });
    let mut count = 0;
    for row in reasons {
        let order = attendee::Order::new(Attempt::new(&*row.code).unwrap(), link(), "Notes");
        let bot = world.attendee.create(&order).await.unwrap().id;
        world.fake.happen(&bot, "could_not_join_meeting", Some(&row.code));
        let asked = world.attendee.retrieve(&bot).await.unwrap().events().pop().unwrap();
        assert_eq!(asked.sub_code.as_deref(), Some(row.code.as_str()));
        let event = signals::attendee::read(&asked.webhook()).unwrap();
        assert_eq!(senses(&event)[0], row.sense, "{}", row.code);
        count += 1;
    }
    // Each bot was sent and failed.
    assert!(count > 25 && told(world.came().await).len() == 2 * count, "{count}");
}

#[tokio::test]
async fn what_zoom_answered_comes_by_webhook_alone() {
    let world = attended().await;
    world.fake.walk(&world.bot, &["staged", "join_requested"]);
    let metadata = json!({"zoom_result_code": "12"});
    let event = "could_not_join_meeting";
    world.fake.happen_with(&world.bot, event, Some("zoom_meeting_status_failed"), metadata);
    let came = world.came().await.pop().unwrap();
    assert_eq!(senses(&came)[0].as_str(), "locked");
    let asked = world.attendee.retrieve(&world.bot).await.unwrap().events().pop().unwrap();
    let asked = signals::attendee::read(&asked.webhook()).unwrap();
    assert_eq!(senses(&asked)[0].as_str(), "connection_failed");
    assert_eq!(asked.key, came.key);
}

#[tokio::test]
async fn a_signature_of_attendee_is_over_another_writing_of_the_body() {
    let world = attended().await;
    world.fake.walk(&world.bot, &["staged"]);
    world.fake.outbox().settled().await;
    let seen = world.hooks.log().all().remove(0);
    let text = String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(text.is_ascii() && text.contains("\\u00dcberblick") && text.contains("\": \""));
    let secret = world.fake.secret();
    assert_eq!(world.verify(&seen, &secret), Ok(()));
    let new = world.fake.rotate();
    assert_eq!(world.verify(&seen, &new), Err(verify::Error::Mismatch));
    world.fake.walk(&world.bot, &["fatal_error:heartbeat_timeout"]);
    world.fake.outbox().settled().await;
    let later = world.hooks.log().all().remove(1);
    assert_eq!(world.verify(&later, &new), Ok(()));
    let sender = world.fake.outbox().senders().remove(0);
    let notice = world.fake.outbox().done().remove(1).notice;
    sender.post(&sender.sign(&notice).tampered()).await;
    let forged = world.hooks.log().all().remove(2);
    assert_eq!(world.verify(&forged, &new), Err(verify::Error::Mismatch));
}

#[tokio::test]
async fn a_bot_of_attendee_tells_its_own_webhooks_instead_of_the_projects() {
    let world = attended().await;
    let own = hooks().await;
    let mut order = attendee::Order::new(Attempt::new("own").unwrap(), link(), "Notes");
    order.webhooks = vec![attendee::Webhook::new(Private::new(own.url("/hook")))];
    let bot = world.attendee.create(&order).await.unwrap().id;
    world.fake.walk(&bot, &["joined_meeting"]);
    world.fake.participant(&bot, "join", "u1", "Ada", true);
    world.fake.outbox_of(&bot).settled().await;
    world.fake.outbox().settled().await;
    assert_eq!((own.log().all().len(), world.hooks.log().all().len()), (3, 0));
    let seen = own.log().all().remove(2);
    assert_eq!(world.verify(&seen, &world.fake.secret()), Ok(()));
    let event = signals::attendee::read(&seen.body).unwrap();
    assert!(event.tells(News::ParticipantJoined));
    assert_eq!(event.about.reference.as_deref(), Some("own"));
}

#[tokio::test]
async fn disorder_repetitions_and_doubles_of_attendee_come_to_the_same() {
    let world = attended().await;
    world.hooks.faults().add(Match::all().times(1), Fault::failure(500));
    world.hooks.faults().add(Match::all().times(1), Fault::DropAfter);
    world.fake.outbox().hold();
    world.whole_call();
    world.fake.outbox().double(2);
    world.fake.outbox().release(Sequence::Shuffled(5));
    let came = world.came().await;
    assert_eq!(came.len(), 3 * 16 + 2);
    let bot = world.attendee.retrieve(&world.bot).await.unwrap();
    assert_eq!(told(came), polled(&bot.events(), signals::attendee::read));
}

#[tokio::test]
async fn after_three_attempts_attendee_gives_up_and_asking_tells_all() {
    let world = attended().await;
    world.hooks.faults().add(Match::all(), Fault::failure(503));
    world.fake.walk(&world.bot, &["staged", "join_requested", "fatal_error:heartbeat_timeout"]);
    world.fake.outbox().settled().await;
    let done = world.fake.outbox().done();
    assert!(done.iter().all(|one| one.attempts == [Outcome::Status(503); 3] && !one.delivered));
    let bot = world.attendee.retrieve(&world.bot).await.unwrap();
    let codes: Vec<_> = bot.events().into_iter().map(|one| one.code).collect();
    assert_eq!(codes, ["staged", "join_requested", "fatal_error"]);
}
