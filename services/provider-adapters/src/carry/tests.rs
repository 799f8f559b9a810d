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
use crate::attempts::{Attempt, Evidence, Instruction, Order, Receipt, Withdrawal};
use crate::config;
use crate::journal::{Due, Finish, Journal, Kept, WorkKind};

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
    Tomorrow,
    Silence,
}

impl Scripted {
    async fn answer(&self, job: &Job) -> Result<Told, Trouble> {
        let learnt = job.names.iter().filter(|name| name.kind != Kind::Connection);
        let names = learnt.map(|name| name.value.clone()).collect();
        self.asked.lock().unwrap().push((job.what.to_owned(), job.tries, names));
        let next = self.next.lock().unwrap().pop_front();
        match next {
            Some(Next::Trouble) => Err(Trouble::passing(Evidence::own("busy", ""))),
            Some(Next::Tomorrow) => Err(Trouble {
                after: Some(Duration::from_secs(86_400)),
                ..Trouble::passing(Evidence::own("busy", ""))
            }),
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

    fn connections(&self) -> Vec<String> {
        vec!["one".to_owned()]
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
        for _ in 0..2 {
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
                shutdown: world.shutdown.clone(),
            };
            tokio::spawn(worker.run());
        }
        world
    }

    async fn order(&self) {
        order(&self.journal, "one", self.clock.now()).await;
    }

    async fn withdraw(&self) {
        let withdrawal = Withdrawal { attempt: attempt() };
        self.journal.withdraw(&[withdrawal], self.clock.now()).await.unwrap();
    }

    async fn instruct(&self, act: Act, number: u64) -> Receipt {
        let instruction = Instruction { attempt: attempt(), act, number };
        self.journal.instruct(&[instruction], self.clock.now()).await.unwrap()[0]
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

async fn order(journal: &Journal, connection: &str, now: DateTime<Utc>) {
    let wire = v1::Order {
        attempt: Some((&attempt()).into()),
        adapter: v1::Adapter::Teams.into(),
        method: Method::Bot.into(),
        conference: Some(proto::verdict::v1::Conference {
            provider: proto::verdict::v1::Provider::Teams.into(),
            id: "19:a".into(),
        }),
        join_url: "https://teams.example/1?p=hunter2".into(),
        latest_join: Some(to_wire(now + TimeDelta::minutes(10))),
        ..Default::default()
    };
    let order = Order::try_from(wire).unwrap();
    let kept = Kept { order, carrier: Some(NAME), connection: connection.to_owned() };
    journal.dispatch(&[kept], now).await.unwrap();
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
async fn what_looks_at_an_attempt_is_done_in_order() {
    for engine in engines().await {
        let world = World::on(engine, Vec::new()).await;
        world.order().await;
        world.until_asked(1).await;
        world.carrier.next.lock().unwrap().push_back(Next::Trouble);
        assert_eq!(world.instruct(Act::CheckMeeting, 1).await, Receipt::Accepted);
        world.until_asked(2).await;
        assert_eq!(world.instruct(Act::CheckFiles, 2).await, Receipt::Accepted);
        world.until_asked(2).await;
        world.clock.advance(TimeDelta::seconds(4));
        world.until_asked(4).await;
        assert_eq!(
            world.carrier.asked(),
            ["carry 0", "ACT_CHECK_MEETING 0", "ACT_CHECK_MEETING 1", "ACT_CHECK_FILES 0"]
        );
        let asked = world.carrier.asked.lock().unwrap();
        assert!(asked[0].2.is_empty());
        assert!(asked[1..].iter().all(|one| one.2 == ["bot-7"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_goes_before_what_waits_and_nothing_is_begun_after_it() {
    for engine in engines().await {
        let world = World::on(engine, vec![Next::Trouble]).await;
        world.order().await;
        world.until_asked(1).await;
        // It would be sent again in a moment.
        world.withdraw().await;
        world.until_asked(2).await;
        assert_eq!(world.instruct(Act::StartRecording, 1).await, Receipt::Fenced);
        assert_eq!(world.instruct(Act::CheckFiles, 2).await, Receipt::Accepted);
        world.clock.advance(TimeDelta::seconds(30));
        world.until_asked(3).await;
        assert_eq!(world.carrier.asked(), ["carry 0", "withdraw 0", "ACT_CHECK_FILES 0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_waits_for_what_is_being_done() {
    for engine in engines().await {
        let world = World::on(engine, vec![Next::Silence]).await;
        world.order().await;
        while world.carrier.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        world.withdraw().await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(world.carrier.asked(), ["carry 0"]);
        world.until_asked(2).await;
        world.clock.advance(TimeDelta::minutes(5));
        world.until_asked(2).await;
        assert_eq!(world.carrier.asked(), ["carry 0", "withdraw 0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_goes_before_a_start_that_waits_and_ends_it() {
    for engine in engines().await {
        let world = World::on(engine, Vec::new()).await;
        world.order().await;
        world.until_asked(1).await;
        world.carrier.next.lock().unwrap().push_back(Next::Trouble);
        world.instruct(Act::StartLiveRecording, 1).await;
        world.until_asked(2).await;
        world.instruct(Act::CheckMeeting, 2).await;
        world.instruct(Act::Stop, 3).await;
        world.until_asked(4).await;
        world.clock.advance(TimeDelta::minutes(1));
        world.until_asked(4).await;
        assert_eq!(
            world.carrier.asked(),
            ["carry 0", "ACT_START_LIVE_RECORDING 0", "ACT_STOP 0", "ACT_CHECK_MEETING 0"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_thrown_away_is_not_fetched_afterwards() {
    for engine in engines().await {
        let world = World::on(engine, Vec::new()).await;
        world.order().await;
        world.until_asked(1).await;
        world.carrier.next.lock().unwrap().push_back(Next::Trouble);
        world.instruct(Act::Fetch, 1).await;
        world.until_asked(2).await;
        world.instruct(Act::Discard, 2).await;
        world.until_asked(3).await;
        world.clock.advance(TimeDelta::minutes(1));
        world.until_asked(3).await;
        assert_eq!(world.carrier.asked(), ["carry 0", "ACT_FETCH 0", "ACT_DISCARD 0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_not_put_off_for_long_whatever_the_provider_wants() {
    for engine in engines().await {
        let world = World::on(engine, Vec::new()).await;
        world.order().await;
        world.until_asked(1).await;
        world.carrier.next.lock().unwrap().push_back(Next::Tomorrow);
        world.withdraw().await;
        world.until_asked(2).await;
        world.clock.advance(TimeDelta::seconds(62));
        world.until_asked(3).await;
        assert_eq!(world.carrier.asked(), ["carry 0", "withdraw 0", "withdraw 1"]);
    }
}

async fn quiet(engine: &Engine) -> Journal {
    Journal::new(crate::store::open(&engine.config()).await.unwrap())
}

const SHORT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_replica_had_begun_is_not_begun_again_once_it_is_withdrawn() {
    for engine in engines().await {
        let journal = quiet(&engine).await;
        order(&journal, "", now()).await;
        let claim = async || journal.claim_work((&[NAME], &[]), now(), SHORT, 10).await.unwrap();
        assert_eq!(claim().await[0].kind, WorkKind::Carry);
        let withdrawal = Withdrawal { attempt: attempt() };
        journal.withdraw(&[withdrawal], now()).await.unwrap();
        assert!(claim().await.is_empty(), "somebody is at it");
        tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
        let next = claim().await;
        assert_eq!(next.iter().map(|due| due.kind).collect::<Vec<_>>(), [WorkKind::Withdraw]);
        assert!(journal.finish_work(&next[0], &Finish::Done(Told::default())).await.unwrap());
        assert!(claim().await.is_empty());
        assert_eq!(journal.first_work(&[NAME], &[]).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_claims_again_what_it_had_does_not_finish_it_twice() {
    for engine in engines().await {
        let journal = quiet(&engine).await;
        order(&journal, "", now()).await;
        let claim =
            async |lease| journal.claim_work((&[NAME], &[]), now(), lease, 10).await.unwrap();
        let first = claim(Duration::from_millis(1)).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        let second = claim(Duration::from_secs(30)).await;
        assert!(!journal.finish_work(&first[0], &Finish::Again(now())).await.unwrap());
        assert!(claim(SHORT).await.is_empty(), "the second claim holds");
        assert!(journal.finish_work(&second[0], &Finish::Done(Told::default())).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_carried_out_by_one_connection_from_the_first_to_the_last() {
    for engine in engines().await {
        let journal = quiet(&engine).await;
        order(&journal, "r-b", now()).await;
        let claim = async |connections: &[&str]| {
            let connections: Vec<String> = connections.iter().map(|it| (*it).to_owned()).collect();
            let by = (&[NAME][..], connections.as_slice());
            let due = journal.first_work(by.0, by.1).await.unwrap();
            let claimed = journal.claim_work(by, now(), SHORT, 10).await.unwrap();
            assert_eq!(due.is_some(), !claimed.is_empty());
            let foreign = journal.foreign_work(by.0, by.1).await.unwrap();
            assert_eq!(foreign, u64::from(claimed.is_empty()));
            claimed
        };
        assert!(claim(&["r-a"]).await.is_empty());
        let carry = claim(&["r-a", "r-b"]).await;
        let connected = |due: &Due| due.names[0].value.clone();
        assert_eq!(
            (carry[0].names[0].kind, connected(&carry[0])),
            (Kind::Connection, "r-b".into())
        );
        journal.finish_work(&carry[0], &Finish::Done(Told::default())).await.unwrap();
        journal.withdraw(&[Withdrawal { attempt: attempt() }], now()).await.unwrap();
        assert!(claim(&["r-a"]).await.is_empty());
        // Somebody found out that it is elsewhere.
        journal.connect(&attempt(), "r-c").await.unwrap();
        assert_eq!(connected(&claim(&["r-c"]).await[0]), "r-c");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_deleted_is_tried_until_it_is_and_shown_meanwhile() {
    for engine in engines().await {
        let world = World::on(engine, Vec::new()).await;
        world.order().await;
        world.until_asked(1).await;
        world.carrier.next.lock().unwrap().extend([Next::Trouble, Next::Trouble]);
        world.instruct(Act::Discard, 1).await;
        world.until_asked(2).await;
        world.clock.advance(TimeDelta::hours(25));
        world.until_asked(3).await;
        let problems = async || world.journal.health("one").await.unwrap().problems;
        assert_eq!(problems().await.len(), 1);
        world.clock.advance(TimeDelta::minutes(61));
        world.until_asked(4).await;
        assert!(problems().await.is_empty());
        world.clock.advance(TimeDelta::hours(2));
        world.until_asked(4).await;
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
