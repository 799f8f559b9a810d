//! The worker with a carrier that does as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Clock as _, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use decision::provider::Adapter as Which;
use decision::session::Signal;
use proto::provider::v1::{self, Act, Method};
use proto::time::to_wire;
use storage::testing::{Engine, engines};
use tokio_util::sync::CancellationToken;

use super::{Carrier, Carriers, Job, Kind, Told, Trouble, Worker};
use crate::attempts::{Attempt, Evidence, Instruction, Order, Withdrawal};
use crate::config;
use crate::journal::{Journal, Kept};

const NAME: &str = "scripted";

/// What it was asked to do, and what it does next; well where nothing is said.
#[derive(Debug, Default)]
struct Scripted {
    asked: Mutex<Vec<(String, u32, Vec<String>)>>,
    next: Mutex<VecDeque<Next>>,
}

#[derive(Debug)]
enum Next {
    Trouble,
    Silence,
}

impl Scripted {
    async fn answer(&self, job: &Job) -> Result<Told, Trouble> {
        let names = job.names.iter().map(|name| name.value.clone()).collect();
        self.asked.lock().unwrap().push((job.what.to_owned(), job.tries, names));
        let next = self.next.lock().unwrap().pop_front();
        match next {
            Some(Next::Trouble) => Err(Trouble::passing(Evidence::own("busy", ""))),
            Some(Next::Silence) => std::future::pending().await,
            None => Ok(Told::that(job.says(Signal::Launched)).named(Kind::Bot, "bot-7")),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|(what, tries, _)| format!("{what} {tries}"))
            .collect()
    }
}

#[async_trait]
impl Carrier for Scripted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn serves(&self, company: &str, _: Which, method: Method) -> bool {
        company == "acme" && method == Method::Bot
    }

    async fn carry(&self, job: &Job) -> Result<Told, Trouble> {
        self.answer(job).await
    }

    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble> {
        self.answer(job).await
    }

    async fn act(&self, job: &Job, _: Act) -> Result<Told, Trouble> {
        self.answer(job).await
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

struct World {
    journal: Journal,
    clock: SimulatedClock,
    carrier: Arc<Scripted>,
    shutdown: CancellationToken,
    _engine: Engine,
}

impl World {
    async fn on(engine: Engine, script: Vec<Next>) -> Self {
        let database = crate::store::open(&engine.config()).await.unwrap();
        let carrier = Scripted { next: Mutex::new(script.into()), ..Scripted::default() };
        let world = Self {
            journal: Journal::new(database),
            clock: SimulatedClock::at(now()),
            carrier: Arc::new(carrier),
            shutdown: CancellationToken::new(),
            _engine: engine,
        };
        // Two replicas: each does what the other does not.
        for claimant in ["one", "two"] {
            let worker = Worker {
                journal: world.journal.clone(),
                carriers: Carriers::new(vec![world.carrier.clone()], false),
                clock: Arc::new(world.clock.clone()),
                settings: config::Work {
                    poll: Duration::from_millis(20),
                    lease: Duration::from_secs(30),
                    patience: Duration::from_millis(200),
                    parallel: 4,
                },
                claimant: claimant.into(),
                shutdown: world.shutdown.clone(),
            };
            tokio::spawn(worker.run());
        }
        world
    }

    async fn order(&self) {
        let wire = v1::Order {
            attempt: Some((&attempt()).into()),
            adapter: v1::Adapter::Teams.into(),
            method: Method::Bot.into(),
            conference: Some(proto::verdict::v1::Conference {
                provider: proto::verdict::v1::Provider::Teams.into(),
                id: "19:a".into(),
            }),
            join_url: "https://teams.example/1?p=hunter2".into(),
            latest_join: Some(to_wire(now() + TimeDelta::minutes(10))),
            ..Default::default()
        };
        let order = Order::try_from(wire).unwrap();
        let kept = Kept { order, carrier: Some(NAME) };
        self.journal.dispatch(&[kept], self.clock.now()).await.unwrap();
    }

    async fn told(&self) -> Vec<String> {
        let (told, _) = self.journal.after(None, 0, 100).await.unwrap();
        let name = |one: v1::WatchSignalsResponse| match one.news {
            Some(v1::watch_signals_response::News::Signal(signal)) => signal.signal,
            other => panic!("{other:?}"),
        };
        told.into_iter().map(name).collect()
    }

    /// Waits until the carrier was asked so often, and a moment longer.
    async fn until_asked(&self, times: usize) {
        for _ in 0..400 {
            if self.carrier.asked().len() >= times {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Longer than the worker waits for an answer.
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(self.carrier.asked().len(), times, "{:?}", self.carrier.asked());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn attempt() -> Attempt {
    Attempt { company: "acme".into(), call_id: "c1".into(), plan_revision: 1, run: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_passing_is_done_later_and_once() {
    for engine in engines().await {
        let world = World::on(engine, vec![Next::Trouble, Next::Silence]).await;
        world.order().await;
        world.until_asked(1).await;
        world.clock.advance(TimeDelta::seconds(4));
        world.until_asked(2).await;
        assert!(world.told().await.is_empty());
        world.clock.advance(TimeDelta::seconds(8));
        world.until_asked(3).await;
        world.clock.advance(TimeDelta::minutes(30));
        world.until_asked(3).await;
        assert_eq!(world.carrier.asked(), ["carry 0", "carry 1", "carry 2"]);
        assert_eq!(world.told().await, ["launched"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_too_late_is_told_and_not_tried_again() {
    for engine in engines().await {
        let world = World::on(engine, vec![Next::Trouble]).await;
        world.order().await;
        world.until_asked(1).await;
        world.clock.advance(TimeDelta::minutes(11));
        for _ in 0..200 {
            if !world.told().await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(world.told().await, ["dispatch_missed"]);
        assert_eq!(world.carrier.asked(), ["carry 0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_attempt_overtakes_what_came_first() {
    for engine in engines().await {
        let world = World::on(engine, vec![Next::Silence]).await;
        world.order().await;
        world.until_asked(1).await;
        // The bot may be on its way, though nobody has said so.
        let instruction = Instruction { attempt: attempt(), act: Act::Stop, number: 1 };
        world.journal.instruct(&[instruction], world.clock.now()).await.unwrap();
        world.until_asked(1).await;
        world.clock.advance(TimeDelta::seconds(4));
        world.until_asked(3).await;
        let withdrawal = Withdrawal { attempt: attempt() };
        world.journal.withdraw(&[withdrawal], world.clock.now()).await.unwrap();
        world.until_asked(4).await;
        assert_eq!(world.carrier.asked(), ["carry 0", "carry 1", "ACT_STOP 0", "withdraw 0"]);
        let asked = world.carrier.asked.lock().unwrap();
        assert!(asked[1].2.is_empty());
        assert_eq!(
            (&asked[2].2, &asked[3].2),
            (&vec!["bot-7".to_owned()], &vec!["bot-7".to_owned()])
        );
    }
}

#[test]
fn who_records_is_who_is_set_up_to() {
    let carriers = Carriers::new(vec![Arc::new(Scripted::default())], true);
    let of = |company, method| carriers.serving(company, Which::Teams, method);
    assert_eq!(of("acme", Method::Bot), Some(NAME));
    assert_eq!(of("acme", Method::Local), Some(super::FLEET));
    assert_eq!(of("other", Method::Bot), Some(super::FLEET));
    assert_eq!(of("acme", Method::Native), None);
    let none = Carriers::new(Vec::new(), false);
    assert_eq!(none.serving("acme", Which::Teams, Method::Bot), None);
}
