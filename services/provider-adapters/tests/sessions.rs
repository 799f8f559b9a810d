//! Orders, withdrawals, instructions and signals over a near link: each kept once, in whatever order they come.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use storage::StoreConfig;
use storage::testing::{Engine, engines};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn now() -> DateTime<Utc> {
    "2026-11-22T09:55:00Z".parse().unwrap()
}

async fn open(engine: &Engine) -> Running {
    let StoreConfig { url, schema, .. } = engine.config();
    let store = format!("store.url = '{url}'\nstore.schema = '{schema}'");
    let clock = SimulatedClock::at(now());
    House::new().clock(clock).host::<provider_adapters::App>(store).open().await.unwrap()
}

fn client(running: &Running) -> ProviderAdapterServiceClient<Link> {
    ProviderAdapterServiceClient::new(running.link("provider-adapters").unwrap())
}

fn attempt(call_id: &str, plan_revision: u64, run: u32) -> Attempt {
    Attempt { company: "acme".into(), call_id: call_id.into(), plan_revision, run }
}

fn order(attempt: Attempt) -> Order {
    Order {
        attempt: Some(attempt),
        adapter: Adapter::Webex.into(),
        method: Method::Bot.into(),
        conference: Some(Conference { provider: Provider::Webex.into(), id: "123".into() }),
        start: Some(to_wire(now() + TimeDelta::minutes(5))),
        ..Default::default()
    }
}

async fn dispatch(running: &Running, orders: Vec<Order>) -> Result<Vec<Receipt>, Status> {
    let answer = client(running).dispatch(DispatchRequest { orders }).await?.into_inner();
    Ok(answer.receipts().collect())
}

async fn withdraw(running: &Running, attempt: Attempt) -> Receipt {
    let withdrawals = vec![Withdrawal { attempt: Some(attempt), ..Default::default() }];
    let answer = client(running).withdraw(WithdrawRequest { withdrawals }).await.unwrap();
    answer.into_inner().receipts().next().unwrap()
}

async fn instruct(running: &Running, attempt: Attempt, act: Act, number: u64) -> Receipt {
    let one = Instruction { attempt: Some(attempt), act: act.into(), number, ..Default::default() };
    let request = InstructRequest { instructions: vec![one] };
    client(running).instruct(request).await.unwrap().into_inner().receipts().next().unwrap()
}

fn signal(attempt: Attempt, name: &str, key: &str) -> Signal {
    Signal {
        attempt: Some(attempt),
        signal: name.into(),
        at: Some(to_wire(now())),
        key: key.into(),
        ..Default::default()
    }
}

async fn submit(running: &Running, signals: Vec<Signal>) -> Result<u32, Status> {
    Ok(client(running).submit_signal(SubmitSignalRequest { signals }).await?.into_inner().taken)
}

async fn told(running: &Running, company: &str, cursor: u64) -> Vec<(u64, String)> {
    let request = WatchSignalsRequest { company: company.into(), cursor, until_caught_up: true };
    let mut stream = client(running).watch_signals(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(one) = stream.message().await.unwrap() {
        let Some(News::Signal(signal)) = one.news else { panic!("{one:?}") };
        told.push((one.cursor, signal.signal));
    }
    told
}

#[tokio::test]
async fn an_order_is_kept_once_and_none_older_than_the_newest() {
    for engine in engines().await {
        let running = open(&engine).await;
        let receipts = |orders| dispatch(&running, orders);
        use Receipt::{Accepted, Fenced, Repeated};
        let one = order(attempt("c1", 2, 1));
        assert_eq!(receipts(vec![one.clone(), one.clone()]).await.unwrap(), [Accepted, Repeated]);
        assert_eq!(receipts(vec![one.clone()]).await.unwrap(), [Repeated]);
        let older = vec![order(attempt("c1", 2, 0)), order(attempt("c1", 1, 9))];
        assert_eq!(receipts(older).await.unwrap(), [Fenced, Fenced]);
        // Within one batch the newest counts, wherever it stands.
        let mixed = vec![order(attempt("c2", 1, 0)), order(attempt("c2", 3, 0)), one];
        assert_eq!(receipts(mixed).await.unwrap(), [Fenced, Accepted, Repeated]);
        let other = Attempt { company: "other".into(), ..attempt("c1", 1, 0) };
        assert_eq!(receipts(vec![order(other)]).await.unwrap(), [Accepted], "another's c1");
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_thousand_orders_are_kept_at_once_and_more_are_refused() {
    for engine in engines().await {
        let running = open(&engine).await;
        let many =
            |count: u32| (0..count).map(|n| order(attempt(&format!("c{n}"), 1, 0))).collect();
        let receipts = dispatch(&running, many(1000)).await.unwrap();
        assert!(receipts.iter().all(|one| *one == Receipt::Accepted) && receipts.len() == 1000);
        let receipts = dispatch(&running, many(1000)).await.unwrap();
        assert!(receipts.iter().all(|one| *one == Receipt::Repeated) && receipts.len() == 1000);
        let refused = dispatch(&running, many(1001)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_withdrawal_that_overtakes_its_order_holds() {
    for engine in engines().await {
        let running = open(&engine).await;
        let one = attempt("c1", 1, 0);
        assert_eq!(withdraw(&running, one.clone()).await, Receipt::Unknown);
        assert_eq!(withdraw(&running, one.clone()).await, Receipt::Repeated);
        assert_eq!(dispatch(&running, vec![order(one)]).await.unwrap(), [Receipt::Fenced]);
        let next = order(attempt("c1", 1, 1));
        assert_eq!(dispatch(&running, vec![next]).await.unwrap(), [Receipt::Accepted]);
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn orders_and_withdrawals_of_many_at_once_agree() {
    for engine in engines().await {
        let running = open(&engine).await;
        for round in 0..20 {
            let one = attempt(&format!("c{round}"), 1, 0);
            let ordered = || dispatch(&running, vec![order(one.clone())]);
            let (first, withdrawn, second) =
                tokio::join!(ordered(), withdraw(&running, one.clone()), ordered());
            let receipts = [first.unwrap()[0], second.unwrap()[0]];
            let accepted = receipts.iter().filter(|one| **one == Receipt::Accepted).count();
            if withdrawn == Receipt::Unknown {
                assert_eq!(receipts, [Receipt::Fenced; 2], "it came first");
            } else {
                assert_eq!((withdrawn, accepted), (Receipt::Accepted, 1), "{receipts:?}");
            }
        }
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn an_instruction_is_kept_once_in_its_session() {
    for engine in engines().await {
        let running = open(&engine).await;
        let one = attempt("c1", 1, 0);
        let unknown = instruct(&running, one.clone(), Act::CheckFiles, 1).await;
        assert_eq!(unknown, Receipt::Unknown);
        dispatch(&running, vec![order(one.clone())]).await.unwrap();
        let act = |act, number| instruct(&running, one.clone(), act, number);
        assert_eq!(act(Act::CheckFiles, 1).await, Receipt::Accepted);
        assert_eq!(act(Act::CheckFiles, 1).await, Receipt::Repeated);
        assert_eq!(act(Act::CheckFiles, 2).await, Receipt::Accepted);
        dispatch(&running, vec![order(attempt("c1", 1, 1))]).await.unwrap();
        assert_eq!(act(Act::Fetch, 3).await, Receipt::Fenced);
        assert_eq!(act(Act::Discard, 4).await, Receipt::Accepted, "nothing keeps what must go");
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn signals_are_told_once_in_one_order_to_whom_they_concern() {
    for engine in engines().await {
        let running = open(&engine).await;
        let other = Attempt { company: "other".into(), ..attempt("c1", 1, 0) };
        let orders =
            vec![order(attempt("c1", 1, 0)), order(attempt("c2", 1, 0)), order(other.clone())];
        dispatch(&running, orders).await.unwrap();
        let one = |name, key| signal(attempt("c1", 1, 0), name, key);
        let first = vec![one("joining", "a"), one("in_lobby", "b"), one("joining", "a")];
        assert_eq!(submit(&running, first).await.unwrap(), 2);
        assert_eq!(submit(&running, vec![one("left", "b")]).await.unwrap(), 0, "the key is known");
        // Keys of other attempts and companies are others.
        let more = vec![signal(attempt("c2", 1, 0), "joining", "a"), signal(other, "removed", "a")];
        assert_eq!(submit(&running, more).await.unwrap(), 2);
        let names = |told: &[(u64, String)]| -> Vec<String> {
            told.iter().map(|(place, name)| format!("{place} {name}")).collect()
        };
        let all = told(&running, "", 0).await;
        assert_eq!(names(&all), ["1 joining", "2 in_lobby", "3 joining", "4 removed"]);
        assert_eq!(names(&told(&running, "other", 0).await), ["4 removed"]);
        assert_eq!(names(&told(&running, "acme", 2).await), ["3 joining"]);
        assert_eq!(told(&running, "", 4).await, []);
        assert_eq!(told(&running, "nobody", 0).await, []);
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn signals_of_many_at_once_leave_no_gap() {
    for engine in engines().await {
        let running = open(&engine).await;
        dispatch(&running, vec![order(attempt("c1", 1, 0))]).await.unwrap();
        let mut taken = 0;
        let each = (0..16).map(|sender: usize| {
            let running = &running;
            // Half of them tell what others tell as well.
            let key = |n: usize| format!("{}:{n}", sender % 8);
            let signals =
                (0..20).map(|n| signal(attempt("c1", 1, 0), "in_call", &key(n))).collect();
            async move { submit(running, signals).await.unwrap() }
        });
        for one in futures::future::join_all(each).await {
            taken += one;
        }
        assert_eq!(taken, 160);
        let places: Vec<u64> = told(&running, "", 0).await.into_iter().map(|(at, _)| at).collect();
        assert_eq!(places, (1..=160).collect::<Vec<_>>(), "on {}", engine.name());
        running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_place() {
    let engine = Engine::memory();
    let running = open(&engine).await;
    let without = Order { conference: None, ..order(attempt("c1", 1, 0)) };
    let refused = dispatch(&running, vec![order(attempt("c1", 1, 0)), without]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let violations = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "orders[1].conference");
    // Nothing of the batch was kept.
    let refused = submit(&running, vec![signal(attempt("c1", 1, 0), "left", "k")]).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    dispatch(&running, vec![order(attempt("c1", 1, 0))]).await.unwrap();
    let refused = submit(&running, vec![signal(attempt("c1", 1, 0), "eclipse", "k")]).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let noted = attempt("c9", 1, 0);
    withdraw(&running, noted.clone()).await;
    let refused = submit(&running, vec![signal(noted, "left", "k")]).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound, "it was never ordered");
}

#[tokio::test]
async fn what_nobody_can_carry_out_says_so() {
    for engine in engines().await {
        let running = open(&engine).await;
        let native = Order {
            adapter: Adapter::ZoomNative.into(),
            method: Method::Native.into(),
            conference: Some(Conference { provider: Provider::Zoom.into(), id: "9".into() }),
            ..order(attempt("c1", 1, 0))
        };
        let receipts = dispatch(&running, vec![native.clone(), native]).await.unwrap();
        assert_eq!(receipts, [Receipt::Accepted, Receipt::Repeated]);
        let names: Vec<_> = told(&running, "acme", 0).await.into_iter().map(|it| it.1).collect();
        assert_eq!(names, ["native_impossible"]);
        running.shutdown().await.unwrap();
    }
}
