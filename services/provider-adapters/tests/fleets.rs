//! Plans carried out by a fleet of bots that speaks over a real socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "all others are wrong")]

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::{House, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::bot_fleet_service_client::BotFleetServiceClient;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::serve_request::Said;
use proto::provider::v1::serve_response::Told;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use storage::StoreConfig;
use storage::testing::{Engine, engines};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

/// Five minutes before the meeting of the tests starts.
fn now() -> DateTime<Utc> {
    "2026-11-22T09:55:00Z".parse().unwrap()
}

struct World {
    running: Running,
    clock: SimulatedClock,
    engine: Engine,
}

async fn serve(engine: &Engine, clock: &SimulatedClock, settings: &str) -> Running {
    let StoreConfig { url, schema, .. } = engine.config();
    let store = format!("store.url = '{url}'\nstore.schema = '{schema}'");
    let quick =
        "fleets.poll = '20ms'\nwork.poll = '20ms'\nfleets.heartbeat = '1s'\nfleets.gone = '6s'";
    House::new()
        .clock(clock.clone())
        .host::<provider_adapters::App>(format!("{store}\n{quick}\n{settings}"))
        .set("server.listen = '127.0.0.1:0'\nserver.lame_duck = '0s'\nserver.drain = '2s'")
        .serve()
        .await
        .unwrap()
}

impl World {
    async fn on(engine: Engine) -> Self {
        let clock = SimulatedClock::at(now());
        let running = serve(&engine, &clock, "").await;
        Self { running, clock, engine }
    }

    async fn channel(&self) -> Channel {
        channel(&self.running).await
    }

    async fn client(&self) -> ProviderAdapterServiceClient<Channel> {
        ProviderAdapterServiceClient::new(self.channel().await)
    }

    async fn dispatch(&self, orders: Vec<Order>) -> Vec<Receipt> {
        let request = DispatchRequest { orders };
        let answer = self.client().await.dispatch(request).await.unwrap().into_inner();
        answer.receipts().collect()
    }

    async fn withdraw(&self, attempts: Vec<Attempt>) -> Vec<Receipt> {
        let withdrawals = attempts
            .into_iter()
            .map(|attempt| Withdrawal { attempt: Some(attempt), ..Default::default() })
            .collect();
        let request = WithdrawRequest { withdrawals };
        self.client().await.withdraw(request).await.unwrap().into_inner().receipts().collect()
    }

    async fn told(&self) -> Vec<Signal> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().await.watch_signals(request).await.unwrap().into_inner();
        let mut told = Vec::new();
        let mut place = 0;
        while let Some(one) = stream.message().await.unwrap() {
            place += 1;
            assert_eq!(one.cursor, place, "without gaps");
            if let Some(News::Signal(signal)) = one.news {
                told.push(signal);
            }
        }
        told
    }

    async fn names(&self) -> Vec<String> {
        self.told().await.into_iter().map(|signal| signal.signal).collect()
    }

    /// Waits until these signals, and no others, have been told.
    async fn until_told(&self, expected: &[&str]) {
        eventually(async || (self.names().await == expected).then_some(())).await.unwrap_or_else(
            || panic!("on {}: something else than {expected:?} was told", self.engine.name()),
        );
        assert_eq!(self.names().await, expected);
    }

    async fn restarted(self) -> Self {
        let Self { running, clock, engine } = self;
        running.shutdown().await.unwrap();
        let running = serve(&engine, &clock, "").await;
        Self { running, clock, engine }
    }
}

async fn channel(running: &Running) -> Channel {
    let address = running.address().unwrap();
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Asks until there is an answer, for a few seconds.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    for _ in 0..600 {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    None
}

fn attempt(call_id: &str, plan_revision: u64, run: u32) -> Attempt {
    Attempt { company: "acme".into(), call_id: call_id.into(), plan_revision, run }
}

fn order(attempt: Attempt) -> Order {
    let start = now() + TimeDelta::minutes(5);
    Order {
        attempt: Some(attempt),
        adapter: Adapter::Teams.into(),
        method: Method::Bot.into(),
        conference: Some(Conference {
            provider: Provider::Teams.into(),
            id: "19:m@thread.v2".into(),
        }),
        join_url: "https://teams.example/meet/1?p=hunter2".into(),
        start: Some(to_wire(start)),
        end: Some(to_wire(start + TimeDelta::hours(1))),
        latest_join: Some(to_wire(start + TimeDelta::minutes(10))),
        owner: "ada".into(),
        ..Default::default()
    }
}

fn signal(attempt: &Attempt, name: &str) -> Signal {
    Signal {
        attempt: Some(attempt.clone()),
        signal: name.into(),
        at: Some(to_wire(now())),
        key: format!("{name}-1"),
        ..Default::default()
    }
}

/// A fleet, played by the test.
struct Fleet {
    says: mpsc::Sender<ServeRequest>,
    hears: Streaming<ServeResponse>,
}

impl Fleet {
    async fn silent(running: &Running) -> Self {
        let (says, said) = mpsc::channel(16);
        let mut client = BotFleetServiceClient::new(channel(running).await);
        let hears = client.serve(ReceiverStream::new(said)).await.unwrap().into_inner();
        Self { says, hears }
    }

    async fn named(running: &Running, fleet: &str, company: &str) -> (Self, Welcome) {
        let mut one = Self::silent(running).await;
        one.say(Said::Hello(Hello {
            fleet: fleet.into(),
            company: company.into(),
            adapters: vec![Adapter::Teams.into(), Adapter::ZoomLocal.into()],
            capacity: 10,
        }))
        .await;
        match one.hear().await {
            Told::Welcome(welcome) => (one, welcome),
            other => panic!("{other:?} instead of a welcome"),
        }
    }

    async fn say(&self, said: Said) {
        self.says.send(ServeRequest { said: Some(said) }).await.unwrap();
    }

    async fn try_hear(&mut self) -> Result<Option<Told>, Status> {
        let next = tokio::time::timeout(Duration::from_secs(5), self.hears.message()).await;
        Ok(next.expect("something is to be heard")?.and_then(|heard| heard.told))
    }

    async fn hear(&mut self) -> Told {
        self.try_hear().await.unwrap().unwrap()
    }

    /// Hears the next thing, and shows meanwhile that it is there.
    async fn hear_beating(&mut self, running: &[Attempt]) -> Told {
        for _ in 0..40 {
            let wait = Duration::from_millis(400);
            match tokio::time::timeout(wait, self.hears.message()).await {
                Ok(heard) => return heard.unwrap().unwrap().told.unwrap(),
                Err(_) => self.beat(running.to_vec()).await,
            }
        }
        panic!("nothing is to be heard");
    }

    async fn hears_nothing(&mut self) {
        let wait = Duration::from_millis(300);
        let heard = tokio::time::timeout(wait, self.hears.message()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    async fn offered(&mut self) -> Order {
        match self.hear().await {
            Told::Offer(Offer { order: Some(order), until: Some(_) }) => order,
            other => panic!("{other:?} instead of an offer"),
        }
    }

    async fn accept(&self, attempt: &Attempt) {
        self.say(Said::Accept(Accept { attempt: Some(attempt.clone()) })).await;
    }

    async fn tell(&mut self, signals: Vec<Signal>) -> BTreeSet<String> {
        self.say(Said::Signals(Signals { signals })).await;
        match self.hear().await {
            Told::Acknowledgement(acknowledged) => acknowledged.keys.into_iter().collect(),
            other => panic!("{other:?} instead of an acknowledgement"),
        }
    }

    async fn beat(&self, running: Vec<Attempt>) {
        self.say(Said::Heartbeat(Heartbeat { running, free: 10 })).await;
    }

    async fn refused(mut self) -> Status {
        loop {
            match self.try_hear().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended well"),
                Err(status) => return status,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_offered_taken_and_what_happens_is_told_once() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let one = attempt("c1", 3, 0);
        assert_eq!(world.dispatch(vec![order(one.clone())]).await, [Receipt::Accepted]);
        let (mut fleet, welcome) = Fleet::named(&world.running, "north", "acme").await;
        assert!(welcome.owned.is_empty() && welcome.heartbeat_seconds == 1);
        let offered = fleet.offered().await;
        assert_eq!(offered, order(one.clone()), "all that was ordered, the link as well");
        fleet.accept(&one).await;
        let told = || vec![signal(&one, "in_lobby"), signal(&one, "recording_started")];
        assert_eq!(fleet.tell(told()).await.len(), 2);
        assert_eq!(fleet.tell(told()).await.len(), 2, "acknowledged again, told once");
        world.until_told(&["in_lobby", "recording_started"]).await;
        assert_eq!(world.dispatch(vec![order(one)]).await, [Receipt::Repeated]);
        fleet.hears_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_goes_to_another_fleet() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let one = attempt("c1", 1, 0);
        let (mut north, _) = Fleet::named(&world.running, "north", "acme").await;
        world.dispatch(vec![order(one.clone())]).await;
        north.offered().await;
        let (mut south, _) = Fleet::named(&world.running, "south", "acme").await;
        south.hears_nothing().await;
        let declined = Decline { attempt: Some(one.clone()), reason: "full".into() };
        north.say(Said::Decline(declined)).await;
        assert_eq!(south.offered().await.attempt, Some(one.clone()));
        north.hears_nothing().await;
        // South never answers: when its time is over, nobody is left who has not declined.
        world.clock.advance(TimeDelta::seconds(11));
        assert_eq!(south.offered().await.attempt, Some(one.clone()), "asked again");
        north.accept(&one).await;
        assert!(matches!(north.hear().await, Told::Withdrawal(_)), "it was not north's to take");
        let declined = Decline { attempt: Some(one.clone()), reason: "full".into() };
        south.say(Said::Decline(declined)).await;
        north.hears_nothing().await;
        world.clock.advance(TimeDelta::seconds(61));
        // Room may have been made: those who declined are asked again after a while.
        let again = tokio::select! {
            offered = north.offered() => offered,
            offered = south.offered() => offered,
        };
        assert_eq!(again.attempt, Some(one.clone()));
        let other = attempt("c9", 1, 0);
        assert_eq!(north.tell(vec![signal(&other, "in_call")]).await.len(), 1);
        world.until_told(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_fleet_takes_in_time_is_told_once() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        world.dispatch(vec![order(attempt("c1", 1, 0)), order(attempt("c2", 1, 0))]).await;
        world.clock.advance(TimeDelta::minutes(15));
        world.until_told(&[]).await;
        world.clock.advance(TimeDelta::seconds(1));
        world.until_told(&["dispatch_missed", "dispatch_missed"]).await;
        let world = world.restarted().await;
        let (mut late, _) = Fleet::named(&world.running, "late", "acme").await;
        late.hears_nothing().await;
        world.until_told(&["dispatch_missed", "dispatch_missed"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_comes_back_goes_on_with_what_it_had() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let (one, two) = (attempt("c1", 1, 0), attempt("c2", 1, 0));
        world.dispatch(vec![order(one.clone())]).await;
        let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
        fleet.offered().await;
        fleet.accept(&one).await;
        fleet.tell(vec![signal(&one, "in_lobby")]).await;
        // Another process on the same database, and something to do that was kept before it began.
        drop(fleet);
        world.dispatch(vec![order(two.clone())]).await;
        let world = world.restarted().await;
        let (mut fleet, welcome) = Fleet::named(&world.running, "north", "acme").await;
        assert_eq!(welcome.owned, [order(one.clone())], "with its link");
        assert_eq!(fleet.offered().await.attempt, Some(two));
        fleet.tell(vec![signal(&one, "in_lobby"), signal(&one, "in_call")]).await;
        world.until_told(&["in_lobby", "in_call"]).await;
        assert_eq!(world.dispatch(vec![order(one)]).await, [Receipt::Repeated]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fleet_had_that_is_gone_has_failed_and_is_its_own_no_more() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let one = attempt("c1", 1, 0);
        world.dispatch(vec![order(one.clone())]).await;
        let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
        fleet.offered().await;
        fleet.accept(&one).await;
        fleet.tell(vec![signal(&one, "in_call")]).await;
        drop(fleet);
        // The process that knew the stream ends as well: what is remembered stands in the database.
        let world = world.restarted().await;
        world.clock.advance(TimeDelta::minutes(5));
        // It is given the time to come back that it has.
        world.until_told(&["in_call"]).await;
        world.until_told(&["in_call", "connection_failed"]).await;
        let told = world.told().await;
        assert_eq!(told[1].raw.as_ref().unwrap().code, "fleet_gone");
        let (mut fleet, welcome) = Fleet::named(&world.running, "north", "acme").await;
        assert!(welcome.owned.is_empty());
        assert_eq!(fleet.tell(vec![signal(&one, "recording_started")]).await.len(), 1);
        fleet.beat(vec![one.clone()]).await;
        assert!(matches!(fleet.hear().await, Told::Withdrawal(_)), "it is to leave");
        world.until_told(&["in_call", "connection_failed"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fleet_does_not_name_any_more_has_failed() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let (one, two) = (attempt("c1", 1, 0), attempt("c2", 1, 0));
        world.dispatch(vec![order(one.clone()), order(two.clone())]).await;
        let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
        for _ in 0..2 {
            let offered = fleet.offered().await.attempt.unwrap();
            fleet.accept(&offered).await;
        }
        fleet.beat(vec![one.clone(), two.clone()]).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        // The end of two was told, so that it need not be named.
        fleet.tell(vec![signal(&two, "left")]).await;
        fleet.beat(vec![one.clone()]).await;
        tokio::time::sleep(Duration::from_millis(2100)).await;
        world.until_told(&["left"]).await;
        fleet.beat(vec![]).await;
        world.until_told(&["left", "connection_failed"]).await;
        assert_eq!(world.told().await[1].attempt, Some(one));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_several_streams_names_its_attempts_on_any_of_them() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let (one, two) = (attempt("c1", 1, 0), attempt("c2", 1, 0));
        world.dispatch(vec![order(one.clone())]).await;
        let (mut first, _) = Fleet::named(&world.running, "north", "acme").await;
        first.offered().await;
        first.accept(&one).await;
        first.beat(vec![one.clone()]).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (second, welcome) = Fleet::named(&world.running, "north", "acme").await;
        assert_eq!(welcome.owned.len(), 1, "it is reminded of what the other one has");
        for _ in 0..8 {
            first.beat(vec![one.clone()]).await;
            second.beat(vec![two.clone()]).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        world.until_told(&[]).await;
        for _ in 0..8 {
            first.beat(vec![]).await;
            second.beat(vec![]).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        world.until_told(&["connection_failed"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_is_called_back_and_instructed_until_it_has_heard() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine).await;
        let one = attempt("c1", 1, 0);
        world.dispatch(vec![order(one.clone())]).await;
        let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
        fleet.offered().await;
        fleet.accept(&one).await;
        fleet.tell(vec![signal(&one, "in_call")]).await;
        let instruct = |number: u64, act: Act| Instruction {
            attempt: Some(one.clone()),
            adapter: Adapter::Teams.into(),
            act: act.into(),
            number,
        };
        let request = || InstructRequest {
            instructions: vec![instruct(2, Act::StartRecording), instruct(1, Act::AskPermission)],
        };
        let mut client = world.client().await;
        let receipts = client.instruct(request()).await.unwrap().into_inner();
        assert_eq!(receipts.receipts().collect::<Vec<_>>(), [Receipt::Accepted; 2]);
        let receipts = client.instruct(request()).await.unwrap().into_inner();
        assert_eq!(receipts.receipts().collect::<Vec<_>>(), [Receipt::Repeated; 2]);
        for act in [Act::AskPermission, Act::StartRecording] {
            match fleet.hear().await {
                Told::Instruction(told) => assert_eq!(told.act(), act, "by their numbers"),
                other => panic!("{other:?}"),
            }
        }
        // It went before it could show that it had heard.
        drop(fleet);
        let world = world.restarted().await;
        let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
        let running = [one.clone()];
        for _ in 0..2 {
            assert!(
                matches!(fleet.hear_beating(&running).await, Told::Instruction(_)),
                "told again"
            );
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        fleet.beat(vec![one.clone()]).await;
        // Answered after the heartbeat was taken.
        fleet.tell(vec![signal(&one, "recording_started")]).await;
        assert_eq!(world.withdraw(vec![one.clone()]).await, [Receipt::Accepted]);
        assert_eq!(world.withdraw(vec![one.clone()]).await, [Receipt::Repeated]);
        assert!(matches!(fleet.hear().await, Told::Withdrawal(_)));
        // What happens until it has left is told.
        fleet.tell(vec![signal(&one, "left")]).await;
        world.until_told(&["in_call", "recording_started", "left"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fleet_tells_of_an_older_plan_changes_nothing() {
    for engine in engines().await {
        let world = World::on(engine).await;
        let (old, new) = (attempt("c1", 1, 0), attempt("c1", 2, 0));
        world.dispatch(vec![order(old.clone())]).await;
        let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
        fleet.offered().await;
        fleet.accept(&old).await;
        fleet.tell(vec![signal(&old, "in_lobby")]).await;
        assert_eq!(world.dispatch(vec![order(new.clone())]).await, [Receipt::Accepted]);
        let mut heard = Vec::new();
        for _ in 0..2 {
            heard.push(match fleet.hear().await {
                Told::Withdrawal(told) => ("leave", told.attempt.unwrap()),
                Told::Offer(told) => ("take", told.order.unwrap().attempt.unwrap()),
                other => panic!("{other:?}"),
            });
        }
        heard.sort_by_key(|(what, _)| *what);
        assert_eq!(heard, [("leave", old.clone()), ("take", new.clone())]);
        fleet.accept(&new).await;
        let both = vec![signal(&old, "recording_started"), signal(&new, "in_call")];
        assert_eq!(fleet.tell(both).await.len(), 2, "both are answered");
        world.until_told(&["in_lobby", "in_call"]).await;
        let again = [order(old.clone()), order(attempt("c1", 2, 1)), order(new)];
        let receipts = world.dispatch(again.into()).await;
        assert_eq!(receipts, [Receipt::Fenced, Receipt::Accepted, Receipt::Fenced]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_has_nothing_of_other_companies() {
    let world = World::on(Engine::memory()).await;
    let one = attempt("c1", 1, 0);
    world.dispatch(vec![order(one.clone())]).await;
    // It bears the name of the other company's fleet.
    let (mut foreign, _) = Fleet::named(&world.running, "north", "evil").await;
    foreign.hears_nothing().await;
    let (mut north, _) = Fleet::named(&world.running, "north", "acme").await;
    north.offered().await;
    foreign.accept(&one).await;
    assert!(matches!(foreign.hear().await, Told::Withdrawal(_)));
    north.accept(&one).await;
    foreign.tell(vec![signal(&one, "denied")]).await;
    foreign.beat(vec![one.clone()]).await;
    assert!(matches!(foreign.hear().await, Told::Withdrawal(_)));
    north.tell(vec![signal(&one, "in_call")]).await;
    world.until_told(&["in_call"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_does_not_keep_to_the_order_is_refused() {
    let world = World::on(Engine::memory()).await;
    let unknown = attempt("nobody-ordered-it", 1, 0);
    let silent = || Fleet::silent(&world.running);
    let fleet = silent().await;
    fleet.beat(vec![]).await;
    assert_eq!(fleet.refused().await.code(), Code::FailedPrecondition);
    let hello = |company: &str, adapters: Vec<i32>, capacity| {
        let company = company.into();
        Said::Hello(Hello { fleet: "north".into(), company, adapters, capacity })
    };
    let teams = || vec![Adapter::Teams.into()];
    for (wrong, code) in [
        (hello("", teams(), 1), Code::PermissionDenied),
        (hello("acme", vec![], 1), Code::InvalidArgument),
        (hello("acme", vec![99], 1), Code::InvalidArgument),
        (hello("acme", teams(), u32::MAX), Code::InvalidArgument),
        (hello("ac\0me", teams(), 1), Code::InvalidArgument),
    ] {
        let fleet = silent().await;
        fleet.say(wrong.clone()).await;
        assert_eq!(fleet.refused().await.code(), code, "{wrong:?}");
    }
    let (fleet, _) = Fleet::named(&world.running, "north", "acme").await;
    fleet.say(hello("acme", teams(), 1)).await;
    assert_eq!(fleet.refused().await.code(), Code::FailedPrecondition);
    let (fleet, _) = Fleet::named(&world.running, "north", "acme").await;
    fleet.say(Said::Signals(Signals { signals: vec![signal(&unknown, "left"); 101] })).await;
    assert_eq!(fleet.refused().await.code(), Code::InvalidArgument);
    // What it tells of attempts nobody knows is answered, and changes nothing; a word of a newer version is evidence.
    let (mut fleet, _) = Fleet::named(&world.running, "north", "acme").await;
    fleet.accept(&unknown).await;
    assert!(matches!(fleet.hear().await, Told::Withdrawal(_)));
    assert_eq!(fleet.tell(vec![signal(&unknown, "left")]).await.len(), 1);
    let one = attempt("c1", 1, 0);
    world.dispatch(vec![order(one.clone())]).await;
    fleet.offered().await;
    fleet.accept(&one).await;
    fleet.tell(vec![signal(&one, "teleported")]).await;
    world.until_told(&["unreadable"]).await;
    assert_eq!(world.told().await[0].raw.as_ref().unwrap().code, "teleported");
}
