//! The inbox without a socket: letters as they were kept, and what comes of them.

use std::sync::Arc;
use std::time::Duration;

use chassis::SimulatedClock;
use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::{self, Method};
use proto::time::to_wire;
use serde_json::{Value, json};
use storage::sea_orm::{ConnectionTrait as _, Statement};
use storage::testing::{Engine, engines};
use tokio_util::sync::CancellationToken;

use super::{Directory, Inbox, Members, Rooms};
use crate::attempts::{Attempt, Order};
use crate::config;
use crate::connections::Connections;
use crate::gather::Gather;
use crate::journal::{Journal, Kept, Parcel, Settled};
use crate::store::sql::Sql;

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

struct World {
    journal: Journal,
    clock: SimulatedClock,
    store: storage::Store,
    _engine: Engine,
}

impl World {
    async fn on(engine: Engine) -> Self {
        let store = crate::store::open(&engine.config()).await.unwrap();
        let journal = Journal::new(store.clone());
        Self { journal, clock: SimulatedClock::at(now()), store, _engine: engine }
    }

    /// A process that knows these connections, each to Zoom.
    fn process(&self, connections: &[&str]) -> Inbox {
        let connections: Vec<config::Connection> = connections
            .iter()
            .map(|name| json!({ "name": name, "company": "acme", "provider": "zoom" }))
            .map(|json| serde_json::from_value(json).unwrap())
            .collect();
        Inbox {
            journal: self.journal.clone(),
            connections: Connections::read(&connections).unwrap(),
            members: Members {
                gather: Arc::new(Gather::new(Arc::new(Sql::new(self.store.clone(), 20)))),
                journal: self.journal.clone(),
                directory: Directory::default(),
            },
            rooms: Rooms::default(),
            clock: Arc::new(self.clock.clone()),
            settings: config::Inbox {
                poll: Duration::from_secs(1),
                lease: Duration::from_secs(30),
                batch: 100,
                wait: Duration::from_secs(1200),
                keep: Duration::from_secs(7 * 86_400),
            },
            claimant: "one".into(),
            shutdown: CancellationToken::new(),
        }
    }

    async fn keep(&self, connection: &str, name: &str, body: &Value) {
        let parcel = Parcel {
            connection: connection.to_owned(),
            company: "acme".to_owned(),
            name: name.to_owned(),
            body: body.to_string().into_bytes(),
            content: None,
            received: chassis::Clock::now(&self.clock),
        };
        self.journal.keep(&[parcel]).await.unwrap();
    }

    /// Orders what takes place under a number.
    async fn order(&self, call: &str, number: &str, start: DateTime<Utc>) {
        let attempt =
            Attempt { company: "acme".into(), call_id: call.into(), plan_revision: 1, run: 0 };
        let wire = v1::Order {
            attempt: Some((&attempt).into()),
            adapter: v1::Adapter::ZoomNative.into(),
            method: Method::Native.into(),
            conference: Some(proto::verdict::v1::Conference {
                provider: proto::verdict::v1::Provider::Zoom.into(),
                id: number.into(),
            }),
            start: Some(to_wire(start)),
            end: Some(to_wire(start + TimeDelta::minutes(30))),
            ..Default::default()
        };
        let kept = Kept {
            order: Order::try_from(wire).unwrap(),
            carrier: Some("nobody"),
            connection: String::new(),
        };
        self.journal.dispatch(&[kept], now()).await.unwrap();
    }

    /// What was told, as the call and the signal, and rosters as the addresses in them.
    async fn told(&self) -> Vec<String> {
        let (told, _) = self.journal.after(None, 0, 1000).await.unwrap();
        let line = |one: v1::WatchSignalsResponse| match one.news? {
            News::Signal(signal) => {
                let call = signal.attempt?.call_id;
                let who: Vec<String> = signal.roster.into_iter().map(|it| it.address).collect();
                let mut line = format!("{call} {} {}", signal.signal, who.join(" "));
                line.truncate(line.trim_end().len());
                Some(line)
            }
            News::PhoneCall(_) | News::FactsChanged(_) => None,
        };
        told.into_iter().filter_map(line).collect()
    }

    async fn execute(&self, sql: &str) {
        self.store
            .write(|tx| async move {
                tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
                Ok::<_, storage::Error>(())
            })
            .await
            .unwrap();
    }

    async fn count(&self, sql: &str) -> i64 {
        let store = &self.store;
        let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await;
        row.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}

fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

fn started(number: &str, uuid: &str, at: DateTime<Utc>) -> Value {
    json!({ "event": "meeting.started", "event_ts": millis(at), "payload": { "account_id": "A1",
        "object": { "id": number, "uuid": uuid, "start_time": at, "type": 2 } } })
}

/// Somebody came or left.
fn person(number: &str, what: &str, id: &str, email: &str, at: DateTime<Utc>) -> Value {
    let time = if what == "joined" { "join_time" } else { "leave_time" };
    json!({ "event": format!("meeting.participant_{what}"), "event_ts": millis(at),
        "payload": { "account_id": "A1", "object": { "id": number, "uuid": "u1",
            "participant": { "id": "", "user_id": id, "participant_uuid": id, "email": email, time: at } } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_database_takes_is_left_out() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let inbox = world.process(&["zoom"]);
        world.order("c1", "111", now()).await;
        world.order("c2", "222", now()).await;
        world.keep("zoom", "1", &started("111", "x\u{0}", now())).await;
        world.keep("zoom", "2", &person("111", "joined", "7", "a\u{0}@b.example", now())).await;
        // Nothing of it is like any other part of it, so that it does not become shorter.
        let long: String = (0..60_000_u32)
            .map(|i| i.wrapping_mul(2_654_435_761) >> 8)
            .map(|i| format!("{i:06x}"))
            .collect();
        world.keep("zoom", "3", &person("111", "joined", "8", &long, now())).await;
        world.keep("zoom", "4", &started("111", &long, now())).await;
        world.keep("zoom", "5", &started("222", "u2", now())).await;
        inbox.look().await.unwrap();
        let told = world.told().await;
        for expected in ["c1 meeting_started", "c1 roster", "c2 meeting_started"] {
            assert!(told.iter().any(|one| one == expected), "{expected} in {told:?}");
        }
        let waiting = "SELECT count(*) FROM provider_adapters_inbox WHERE waiting";
        assert_eq!(world.count(waiting).await, 0);
        assert_eq!(world.count("SELECT count(*) FROM provider_adapters_name").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_noted_holds_nothing_else_up() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let inbox = world.process(&["zoom"]);
        world.order("c1", "111", now()).await;
        world.order("c2", "222", now()).await;
        // The second name of the database for anything breaks what the first event says.
        world.execute("CREATE UNIQUE INDEX breaks ON provider_adapters_name (kind, attempt)").await;
        world.keep("zoom", "1", &started("111", "u1", now())).await;
        inbox.look().await.unwrap();
        world.keep("zoom", "2", &started("111", "u2", now())).await;
        world.keep("zoom", "3", &started("222", "u3", now())).await;
        inbox.look().await.unwrap();
        assert_eq!(world.told().await, ["c1 meeting_started", "c2 meeting_started"]);
        let waiting = "SELECT count(*) FROM provider_adapters_inbox WHERE waiting";
        assert_eq!(world.count(waiting).await, 1);
        // It is tried for as long as any, and kept for people to look at.
        for _ in 0..12 {
            world.clock.advance(TimeDelta::minutes(2));
            inbox.look().await.unwrap();
        }
        assert_eq!(world.count(waiting).await, 0);
        let aside = "SELECT count(*) FROM provider_adapters_inbox WHERE length(body) > 0";
        assert_eq!(world.count(aside).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_through_another_connection_is_left_to_who_knows_it() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let (old, new) = (world.process(&["zoom"]), world.process(&["zoom", "zoom-2"]));
        world.order("c1", "111", now()).await;
        world.keep("zoom-2", "1", &started("111", "u1", now())).await;
        old.look().await.unwrap();
        assert!(world.told().await.is_empty());
        assert_eq!(world.journal.foreign_letters(&["zoom"]).await.unwrap(), 1);
        new.look().await.unwrap();
        assert_eq!(world.told().await, ["c1 meeting_started"]);
        // Nobody knows it for a week: then it goes.
        world.keep("gone", "2", &started("111", "u2", now())).await;
        world.clock.advance(TimeDelta::days(6));
        new.clean().await.unwrap();
        assert_eq!(world.journal.foreign_letters(&["zoom"]).await.unwrap(), 1);
        world.clock.advance(TimeDelta::days(2));
        new.clean().await.unwrap();
        assert_eq!(world.count("SELECT count(*) FROM provider_adapters_inbox").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_is_told_once_for_all_that_came_together() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let inbox = world.process(&["zoom"]);
        world.order("c1", "111", now()).await;
        let at = |second| now() + TimeDelta::seconds(second);
        for (name, what, id, email, second) in [
            ("1", "joined", "1", "ann@acme.example", 1),
            ("2", "joined", "2", "bob@other.example", 2),
            ("3", "left", "1", "", 3),
            ("4", "joined", "3", "cem@acme.example", 4),
            // Late, and older than what is known.
            ("5", "joined", "1", "", 2),
        ] {
            world.keep("zoom", name, &person("111", what, id, email, at(second))).await;
        }
        inbox.look().await.unwrap();
        assert_eq!(world.told().await, ["c1 roster bob@other.example cem@acme.example"]);
        world.keep("zoom", "6", &person("111", "joined", "1", "", at(9))).await;
        inbox.look().await.unwrap();
        assert_eq!(
            world.told().await.last().unwrap(),
            "c1 roster ann@acme.example bob@other.example cem@acme.example",
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_takes_place_again_and_again_only_what_may_be_meant_is_read() {
    for engine in engines().await {
        let world = World::on(engine).await;
        for day in 0..40 {
            world.order(&format!("c{day}"), "111", now() - TimeDelta::days(day)).await;
        }
        let place = crate::journal::key::name("acme", "zoom", "111");
        let hour = TimeDelta::hours(1);
        let places = (&[place.clone()][..], now() - hour * 5, now() + hour);
        let traces = world.journal.trace(&[], &[], &[], places).await.unwrap();
        let found: Vec<&str> =
            traces.by_place[&place].iter().map(|it| it.attempt.call_id.as_str()).collect();
        assert_eq!(found, ["c0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_the_far_future_is_of_now() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let inbox = world.process(&["zoom"]);
        world.order("c1", "111", now()).await;
        let never: DateTime<Utc> = "8999-01-01T00:00:00Z".parse().unwrap();
        world.keep("zoom", "1", &person("111", "joined", "1", "ann@acme.example", now())).await;
        world.keep("zoom", "2", &person("111", "left", "1", "", never)).await;
        inbox.look().await.unwrap();
        world.clock.advance(TimeDelta::hours(2));
        let later = now() + TimeDelta::hours(2);
        world.keep("zoom", "3", &person("111", "joined", "1", "", later)).await;
        inbox.look().await.unwrap();
        assert_eq!(world.told().await.last().unwrap(), "c1 roster ann@acme.example");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_nobody_has_mapped_is_kept_also_when_it_is_worked_on_again() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let inbox = world.process(&["zoom"]);
        let body = json!({ "event": "meeting.turned_inside_out", "event_ts": millis(now()),
            "payload": { "account_id": "A1", "object": { "id": "111", "uuid": "u1" } } });
        world.keep("zoom", "1", &body).await;
        // Somebody had claimed it who is gone.
        let soon = Duration::from_millis(1);
        world.journal.claim_letters(&["zoom"], now(), soon, 10, "gone").await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        inbox.look().await.unwrap();
        assert_eq!(world.count("SELECT count(*) FROM provider_adapters_evidence").await, 1);
    }
}

#[tokio::test]
async fn of_words_that_contradict_each_other_the_last_that_happened_holds() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let at = |minutes: i64| now() + TimeDelta::minutes(minutes);
        let full = |is_wrong: bool, minutes: i64| {
            ("zoom".to_owned(), super::STORAGE_FULL, is_wrong, at(minutes))
        };
        for (problems, many) in [
            (vec![full(true, 1)], 1),
            // What came first happened last.
            (vec![full(false, 5), full(true, 4)], 0),
            (vec![full(true, 9), full(false, 8)], 1),
        ] {
            let settled = Settled { problems, ..Settled::default() };
            world.journal.settle(&settled, "one").await.unwrap();
            assert_eq!(world.journal.health("zoom").await.unwrap().problems.len(), many);
        }
    }
}
