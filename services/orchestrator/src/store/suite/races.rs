//! Many at once: what is decided, and what is put into the log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use decision::conflict::resolve;

use super::*;
use crate::store::entity::plan;
use crate::store::log::Head;

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn of(&mut self, names: [&'static str; 4]) -> &'static str {
        names[usize::try_from(self.throw(4)).unwrap()]
    }

    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.throw(u64::try_from(end).unwrap())).unwrap()
    }

    fn sketch(&mut self, id: &str) -> Sketch {
        let owner = self.of(["ada", "bob", "cy", "dee"]);
        let room = self.of(["one", "two", "three", "four"]);
        Sketch {
            received: self.below(1_000_000),
            cancelled: self.throw(4) == 0,
            ..sketch(id, 15 * self.below(16), owner, room)
        }
    }
}

/// Judges random batches of few calls again and again, as replicas do, beside others that do the same.
/// Answers how many decisions were new, and how many calls were judged.
async fn replica(calls: Calls, seed: u64, rounds: usize) -> (usize, u64) {
    let mut dice = Dice(seed);
    let (mut changed, mut judgements) = (0, 0);
    for _ in 0..rounds {
        let mut ids = BTreeSet::new();
        for _ in 0..1 + dice.throw(6) {
            ids.insert(format!("c{}", dice.throw(24)));
        }
        let mut ids: Vec<String> = ids.into_iter().collect();
        for _ in 0..50 {
            let known: BTreeMap<String, Call> = calls
                .get("acme", &ids)
                .await
                .unwrap()
                .into_iter()
                .map(|call| (call.call_id.clone(), call))
                .collect();
            let judged: Vec<Judged> = ids
                .iter()
                .map(|id| {
                    let before = known.get(id);
                    let meeting = before.map_or(0, |call| call.judged_meeting) + 1;
                    Sketch { meeting, ..dice.sketch(id) }
                        .judged(before.map_or(0, |call| call.version))
                })
                .collect();
            match calls.commit("acme", &judged, at(-600)).await {
                Ok(outcome) => {
                    changed += outcome.changed;
                    judgements += u64::try_from(outcome.decisions.len()).unwrap();
                    ids = outcome.stale;
                }
                // As whoever asked would do.
                Err(Error::Contended) => {}
                Err(error) => panic!("{error:?}"),
            }
            if ids.is_empty() {
                break;
            }
        }
        assert!(ids.is_empty(), "somebody is always in the way");
    }
    (changed, judgements)
}

/// Every call is as it would be if all of them were settled at once, and every decision ever made is there.
async fn check(calls: &Calls, changed: usize, judgements: u64) {
    let (all, _) = calls.list("acme", &Filter::default(), 1_000).await.unwrap();
    let meetings: u64 = all.iter().map(|call| call.judged_meeting).sum();
    assert_eq!(meetings, judgements, "each was made from what the one before had left");
    let contenders: Vec<&Call> = all.iter().filter(|call| call.contender.is_some()).collect();
    let refs: Vec<_> =
        contenders.iter().map(|call| call.contender.as_ref().unwrap().as_ref()).collect();
    let mut losers = 0;
    for (call, findings) in contenders.iter().zip(resolve(&refs)) {
        let candidate = call.candidate.as_ref().unwrap_or(&call.decision);
        assert!(candidate.plan.is_some());
        losers += usize::from(!findings.is_empty());
        let mut wanted = Decision::try_from(candidate).unwrap();
        wanted.give_way(findings);
        let wanted = wire::Decision::from(&wanted);
        let held = &call.decision;
        assert_eq!(
            (&held.primary, &held.also, held.plan.is_some()),
            (&wanted.primary, &wanted.also, wanted.plan.is_some()),
            "{}",
            call.call_id
        );
    }
    assert!(losers > 0 && losers < refs.len(), "an example without conflicts shows nothing");
    let plans = plan::Entity::find().all(calls.store.reader()).await.unwrap();
    let mut held: Vec<(String, u64)> =
        plans.iter().map(|row| (row.call_id.clone(), unsigned(row.revision))).collect();
    held.sort();
    let mut wanted: Vec<(String, u64)> = all
        .iter()
        .filter(|call| call.decision.plan.is_some())
        .map(|call| (call.call_id.clone(), call.decision.revision))
        .collect();
    wanted.sort();
    assert_eq!(held, wanted, "one active plan for each call that has one, of its revision");
    let keys: BTreeSet<&str> = plans.iter().map(|row| row.dedupe_key.as_str()).collect();
    assert_eq!(keys.len(), plans.len());
    let mut made = 0;
    for call in &all {
        let history = calls.history("acme", &call.call_id, 10_000).await.unwrap();
        let revisions: Vec<u64> = history.iter().rev().map(|one| one.revision).collect();
        assert_eq!(revisions, (1..=call.decision.revision).collect::<Vec<_>>());
        made += history.len();
    }
    assert_eq!(made, changed, "each decision was counted by the one who made it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_decides_at_once_comes_to_what_one_alone_would() {
    for engine in engines().await {
        let began = Instant::now();
        let calls = Calls::open(&engine.config()).await.unwrap();
        let replicas: Vec<_> =
            (0..8).map(|seed| tokio::spawn(replica(calls.clone(), seed, 12))).collect();
        let relays: Vec<_> = (0..3)
            .map(|_| {
                let calls = calls.clone();
                tokio::spawn(async move {
                    for _ in 0..40 {
                        calls.relay().await.unwrap();
                        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    }
                })
            })
            .collect();
        let (mut changed, mut judgements) = (0, 0);
        for replica in replicas {
            let (new, all) = replica.await.unwrap();
            changed += new;
            judgements += all;
        }
        for relay in relays {
            relay.await.unwrap();
        }
        while calls.relay().await.unwrap() > 0 {}
        eprintln!("{}: {changed} decisions by eight in {:?}", engine.name(), began.elapsed());
        check(&calls, changed, judgements).await;
        check_log(&calls, changed).await;
    }
}

/// The log has every decision once, in places without gaps, and its chain holds.
async fn check_log(calls: &Calls, changed: usize) {
    let mut log = Vec::new();
    loop {
        let after = log.last().map_or(0, |(position, _)| *position);
        let page = calls.after(None, after, 100).await.unwrap();
        if page.is_empty() {
            break;
        }
        log.extend(page);
    }
    let positions: Vec<u64> = log.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, (1..=u64::try_from(changed).unwrap()).collect::<Vec<_>>());
    let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, decision) in &log {
        let before = newest.insert(&decision.call_id, decision.revision);
        assert_eq!(decision.revision, before.unwrap_or(0) + 1, "{}", decision.call_id);
    }
    let chain = calls.chain("acme", 0, 100_000).await.unwrap();
    assert_eq!(chain.len(), log.len());
    let mut hash = Vec::new();
    for (number, (one, (_, decision))) in (1..).zip(chain.iter().zip(&log)) {
        assert_eq!(one.number, number);
        assert_eq!((&one.call_id, one.revision), (&decision.call_id, decision.revision));
        hash = link(&hash, number, &one.call_id, one.revision, one.decision.as_ref().unwrap());
        assert_eq!(one.hash, hash, "link {number}");
    }
    let head = calls.head("acme").await.unwrap();
    assert_eq!(head, Some(Head { number: u64::try_from(changed).unwrap(), hash }));
}

#[tokio::test]
async fn each_company_has_a_chain_of_its_own_and_the_log_is_of_all() {
    on_each(async |calls| {
        for company in ["acme", "other", "acme"] {
            let id = format!("{company}{}", calls.after(None, 0, 9).await.unwrap().len());
            let mut judged = sketch(&id, 60, "ada", "room").judged(0);
            judged.candidate.company = company.to_owned();
            judged.candidate.plan.as_mut().unwrap().dedupe_key = id.clone();
            judged.contender = None;
            calls.commit(company, &[judged], at(0)).await.unwrap();
            assert_eq!(calls.relay().await.unwrap(), 1);
        }
        let told = |log: Vec<(u64, wire::Decision)>| -> Vec<(u64, String)> {
            log.into_iter().map(|(position, one)| (position, one.call_id)).collect()
        };
        let pair = |position, id: &str| (position, id.to_owned());
        let all = told(calls.after(None, 0, 10).await.unwrap());
        assert_eq!(all, [pair(1, "acme0"), pair(2, "other1"), pair(3, "acme2")]);
        assert_eq!(told(calls.after(None, 1, 1).await.unwrap()), [pair(2, "other1")]);
        assert_eq!(told(calls.after(Some("acme"), 1, 9).await.unwrap()), [pair(3, "acme2")]);
        let numbers =
            |chain: Vec<Chained>| -> Vec<u64> { chain.into_iter().map(|one| one.number).collect() };
        assert_eq!(numbers(calls.chain("acme", 0, 9).await.unwrap()), [1, 2]);
        assert_eq!(numbers(calls.chain("other", 0, 9).await.unwrap()), [1]);
        assert_eq!(numbers(calls.chain("acme", 1, 9).await.unwrap()), [2]);
    })
    .await;
}

/// Three replicas write decisions of one company without a pause, and somebody applies a policy.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_policy_has_its_turn_however_many_decide() {
    for engine in engines().await {
        let mut writers = tokio::task::JoinSet::new();
        let mut replicas = Vec::new();
        for seed in 0..12 {
            if seed % 4 == 0 {
                replicas.push(Calls::open(&engine.config()).await.unwrap());
            }
            writers.spawn(replica(replicas.last().unwrap().clone(), seed, 1_000));
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let began = Instant::now();
        for version in 1..=3 {
            replicas[0].raise("acme", version, Some("{}"), minute(0)).await.unwrap();
        }
        let took = began.elapsed();
        writers.shutdown().await;
        eprintln!("{}: three policies in {took:?}", engine.name());
        assert!(took.as_secs() < 10, "{}: {took:?}", engine.name());
    }
}

/// More owners and rooms than one transaction may lock, and a chain of conflicts through all of them.
#[tokio::test]
async fn what_is_too_much_for_one_transaction_is_written_in_pieces() {
    for engine in engines().await {
        let calls = Calls::open(&engine.config()).await.unwrap();
        let judged: Vec<Judged> = (0..400_i64)
            .map(|number| {
                let mut one =
                    sketch(&format!("c{number:03}"), 10 * number, "ada", "room").judged(0);
                let contender = one.contender.as_mut().unwrap();
                contender.owner = format!("m{}", number % 300).into();
                // Each overlaps the two after it, and is in one room with the next.
                contender.conference.id = format!("room {}", number / 2);
                one
            })
            .collect();
        let outcome = calls.commit("acme", &judged, at(-600)).await.unwrap();
        assert_eq!(outcome.decisions.len(), 400);
        let contenders: Vec<_> =
            judged.iter().map(|one| one.contender.as_ref().unwrap().as_ref()).collect();
        for (one, findings) in judged.iter().zip(resolve(&contenders)) {
            let id = &one.candidate.call_id;
            assert_eq!(calls.is_plan(id).await, findings.is_empty(), "{id}");
            let told = &outcome.decisions[id];
            assert_eq!(told.plan.is_some(), findings.is_empty(), "{id} as it was told");
        }
    }
}
