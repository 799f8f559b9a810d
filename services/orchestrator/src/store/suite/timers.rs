//! Timers are armed with decisions, claimed by one at a time, and done once.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::store::entity::timer;

const LONG: Duration = Duration::from_secs(60);

/// Arms timers of one kind, each due at its minute.
async fn arm(calls: &Calls, company: &str, minutes: &[i64]) {
    let rows: &Vec<timer::ActiveModel> = &minutes
        .iter()
        .map(|at| timer::ActiveModel {
            id: NotSet,
            company: Set(company.to_owned()),
            call_id: Set(format!("c{at}")),
            kind: Set(TimerKind::Dispatch as i16),
            due: Set(minute(*at).timestamp_micros()),
            revision: Set(1),
            tries: Set(0),
            claimed_until: Set(None),
            claim: Set(None),
        })
        .collect();
    let done: Result<(), Error> = calls
        .store
        .write(|tx| async move { Ok(insert_many(&tx, rows.clone(), None).await?) })
        .await;
    done.unwrap();
}

async fn armed(calls: &Calls) -> Vec<(String, TimerKind, DateTime<Utc>, u64)> {
    let mut claimed =
        calls.claim_timers(minute(1_000_000), Duration::ZERO, 5_000, &[]).await.unwrap();
    claimed.timers.sort_by_key(|one| (one.call_id.clone(), one.due));
    claimed.timers.into_iter().map(|one| (one.call_id, one.kind, one.due, one.revision)).collect()
}

fn ids(timers: &[Due]) -> Vec<i64> {
    timers.iter().map(|timer| timer.id).collect()
}

fn minutes(timers: &[Due]) -> Vec<i64> {
    timers.iter().map(|timer| (timer.due - minute(0)).num_minutes()).collect()
}

#[tokio::test]
async fn what_somebody_asks_of_a_call_arms_a_timer_until_it_is_decided_again() {
    on_each(async |calls| {
        let a = Sketch { cancelled: true, ..sketch("a", 60, "ada", "room") };
        calls.commit("acme", &[a.judged(0), waiting("b", 120)], at(0)).await.unwrap();
        let retries = async || {
            let mut all = armed(&calls).await;
            all.retain(|(_, kind, ..)| *kind == TimerKind::Retry);
            all.into_iter().map(|(id, _, due, revision)| (id, due, revision)).collect::<Vec<_>>()
        };
        let claim = calls.claim_timers(minute(1), LONG, 10, &[]).await.unwrap();
        assert_eq!(claim.timers.len(), 1, "b waits");
        let ask = async |id: &str, at: i64| {
            let (call_id, who) = (id.to_owned(), "ada".to_owned());
            let asked = Asked { call_id, action: Action::Request, who };
            calls.ask("acme", &asked, minute(at)).await.unwrap();
        };
        for (id, at) in [("a", 2), ("a", 3), ("b", 4), ("nobody", 5)] {
            ask(id, at).await;
        }
        // One for each, whoever handled it before.
        let (a_asked, b_asked) = (("a".into(), minute(3), 1), ("b".into(), minute(4), 1));
        assert_eq!(retries().await, [a_asked, b_asked]);
        let ids: Vec<i64> = claim.timers.iter().map(|timer| timer.id).collect();
        assert_eq!(calls.finish_timers(&claim.claim, &ids).await.unwrap(), 0);
        // Whoever was judging meanwhile judges again, and the next decision ends it.
        let stale = calls.commit("acme", &[a.judged(1)], at(6)).await.unwrap();
        assert_eq!(stale.stale, ["a"]);
        let planned = Sketch { cancelled: false, meeting: 2, ..a.clone() };
        calls.put(&[&planned]).await;
        assert_eq!(retries().await, [("b".into(), minute(4), 1)]);
    })
    .await;
}

#[tokio::test]
async fn timers_are_armed_with_a_decision_and_go_with_the_next_one() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        calls.commit("acme", &[a.judged(0), waiting("b", 120)], at(0)).await.unwrap();
        let just_after = minute(70) + TimeDelta::microseconds(1);
        let of = |id: &str, kind, due, revision| (id.to_owned(), kind, due, revision);
        let five_seconds = minute(0) + TimeDelta::seconds(5);
        assert_eq!(
            armed(&calls).await,
            [
                of("a", TimerKind::Dispatch, minute(58), 1),
                of("a", TimerKind::Window, just_after, 1),
                of("b", TimerKind::Retry, five_seconds, 1),
                of("b", TimerKind::Deadline, minute(118), 1),
            ]
        );
        assert_eq!(calls.first_due().await.unwrap(), Some(five_seconds));
        let moved = Sketch { start: 90, meeting: 2, ..a.clone() };
        let b = sketch("b", 120, "bob", "other room");
        let cancelled = Sketch { cancelled: true, ..b.clone() };
        calls.commit("acme", &[moved.judged(1), cancelled.judged(1)], at(0)).await.unwrap();
        let dues: Vec<_> =
            armed(&calls).await.into_iter().map(|one| (one.0, one.2, one.3)).collect();
        let just_after = minute(100) + TimeDelta::microseconds(1);
        assert_eq!(
            dues,
            [("a".to_owned(), minute(88), 2), ("a".to_owned(), just_after, 2)],
            "a skip needs none"
        );
        // What is decided for another time is carried out as well.
        let elsewhere = Moment { is_present: false, ..at(0) };
        calls.commit("acme", &[Sketch { meeting: 2, ..b }.judged(2)], elsewhere).await.unwrap();
        assert_eq!(armed(&calls).await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn the_ones_due_first_are_claimed_first_and_those_not_due_not_at_all() {
    on_each(async |calls| {
        arm(&calls, "acme", &[5, 3, 9, 1, 7, 5]).await;
        let first = calls.claim_timers(minute(7), LONG, 3, &[]).await.unwrap();
        assert_eq!(minutes(&first.timers), [1, 3, 5]);
        assert!(first.timers.iter().all(|timer| timer.tries == 1));
        let second = calls.claim_timers(minute(7), LONG, 3, &[]).await.unwrap();
        assert_eq!(minutes(&second.timers), [5, 7]);
        assert!(first.claim != second.claim);
        assert!(first.timers[2].id < second.timers[0].id, "of those due at once, the older");
        assert!(calls.claim_timers(minute(7), LONG, 3, &[]).await.unwrap().timers.is_empty());
        assert_eq!(calls.first_due().await.unwrap(), Some(minute(1)), "claimed, and not done");
        assert_eq!(calls.finish_timers(&first.claim, &ids(&first.timers)).await.unwrap(), 3);
        assert_eq!(calls.finish_timers(&second.claim, &ids(&second.timers)).await.unwrap(), 2);
        assert_eq!(calls.first_due().await.unwrap(), Some(minute(9)));
    })
    .await;
}

#[tokio::test]
async fn busy_companies_are_left_out() {
    on_each(async |calls| {
        arm(&calls, "acme", &[1, 2]).await;
        arm(&calls, "other", &[3]).await;
        arm(&calls, "third", &[4]).await;
        let busy = ["acme".to_owned(), "third".to_owned(), "nobody".to_owned()];
        let claimed = calls.claim_timers(minute(9), LONG, 9, &busy).await.unwrap();
        assert_eq!(minutes(&claimed.timers), [3]);
        assert_eq!(calls.claim_timers(minute(9), LONG, 9, &[]).await.unwrap().timers.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_is_over_is_taken_over_and_has_no_effect_any_more() {
    on_each(async |calls| {
        arm(&calls, "acme", &[1, 2]).await;
        let late = calls.claim_timers(minute(9), Duration::ZERO, 9, &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let next = calls.claim_timers(minute(9), LONG, 9, &[]).await.unwrap();
        assert_eq!(ids(&next.timers), ids(&late.timers));
        assert!(next.timers.iter().all(|timer| timer.tries == 2));
        let off: Vec<_> = ids(&late.timers).into_iter().map(|id| (id, minute(50))).collect();
        assert_eq!(calls.finish_timers(&late.claim, &ids(&late.timers)).await.unwrap(), 0);
        assert_eq!(calls.put_off_timers(&late.claim, &off).await.unwrap(), 0);
        assert!(calls.claim_timers(minute(9), LONG, 9, &[]).await.unwrap().timers.is_empty());
        // Put off by who has it, it is nobody's until then.
        assert_eq!(calls.put_off_timers(&next.claim, &off[..1]).await.unwrap(), 1);
        assert_eq!(calls.finish_timers(&next.claim, &ids(&next.timers)).await.unwrap(), 1);
        assert!(calls.claim_timers(minute(49), LONG, 9, &[]).await.unwrap().timers.is_empty());
        let again = calls.claim_timers(minute(50), LONG, 9, &[]).await.unwrap();
        assert_eq!((minutes(&again.timers), again.timers[0].tries), (vec![50], 3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_who_claim_at_once_never_get_the_same() {
    for engine in engines().await {
        let calls = Calls::open(&engine.config()).await.unwrap();
        arm(&calls, "acme", &(0..2_000).collect::<Vec<_>>()).await;
        let replicas: Vec<_> = (0..4)
            .map(|_| {
                let calls = calls.clone();
                tokio::spawn(async move {
                    let mut got = Vec::new();
                    loop {
                        let claimed =
                            calls.claim_timers(minute(5_000), LONG, 70, &[]).await.unwrap();
                        if claimed.timers.is_empty() {
                            break;
                        }
                        let ids = ids(&claimed.timers);
                        let done = calls.finish_timers(&claimed.claim, &ids).await.unwrap();
                        assert_eq!(done, u64::try_from(ids.len()).unwrap());
                        got.extend(ids);
                    }
                    got
                })
            })
            .collect();
        let mut times: HashMap<i64, usize> = HashMap::new();
        for replica in replicas {
            for id in replica.await.unwrap() {
                *times.entry(id).or_default() += 1;
            }
        }
        // One may have looked while the others held the rest, and gone.
        assert_eq!(times.len(), 2_000, "{}", engine.name());
        assert!(times.values().all(|times| *times == 1), "{}", engine.name());
        assert_eq!(calls.first_due().await.unwrap(), None);
    }
}

#[tokio::test]
async fn only_the_very_revision_is_handed_over_and_only_once() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        let b = sketch("b", 60, "bob", "other room");
        calls.put(&[&a, &b]).await;
        calls.put(&[&Sketch { start: 61, meeting: 2, ..b.clone() }]).await;
        let asked = [("a", 1), ("b", 1), ("c", 1)];
        assert_eq!(calls.hand_over("acme", &asked, minute(58)).await, ["a"]);
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), Some(minute(58)));
        assert_eq!(calls.released_at("acme", "b").await.unwrap(), None);
        assert!(calls.hand_over("other", &[("b", 2)], minute(59)).await.is_empty());
        let mut released = calls.hand_over("acme", &[("a", 1), ("b", 2)], minute(59)).await;
        released.sort();
        assert_eq!(released, ["b"]);
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), Some(minute(58)));
        let all = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let mut released = calls.released("acme", &all).await.unwrap();
        released.sort();
        assert_eq!(released, ["a", "b"]);

        // A new revision stays whose it was where nothing changed that matters, and where nobody can be sent any more.
        let retold = |title: &str, meeting, seen| {
            let mut judged = Sketch { meeting, ..a.clone() }.judged(seen);
            judged.candidate.title = Some(title.to_owned());
            judged
        };
        calls.commit("acme", &[retold("Sooner", 2, 1)], at(65)).await.unwrap();
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), Some(minute(58)));
        assert!(calls.hand_over("acme", &[("a", 2)], minute(66)).await.is_empty());
        calls.commit("acme", &[retold("Later", 3, 2)], at(75)).await.unwrap();
        let call = calls.one("a").await.unwrap();
        assert_eq!((call.decision.revision, call.ended), (3, false));
        assert!(call.decision.plan.is_some());
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), Some(minute(58)));
        let mut timers = armed(&calls).await;
        timers.retain(|timer| timer.1 != TimerKind::Session);
        assert!(timers.iter().all(|timer| timer.0 != "a"), "{timers:?}");
    })
    .await;
}

#[tokio::test]
async fn what_was_handed_over_at_the_last_moment_was_not_missed() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        let b = sketch("b", 60, "bob", "other room");
        calls.put(&[&a, &b]).await;
        // Somebody finds that nobody was handed the plans in time, and somebody else was standing still just before handing
        // one over.
        let late = at(62);
        let mut missed = Vec::new();
        for id in ["a", "b"] {
            let call = calls.one(id).await.unwrap();
            missed.push(Judged::ended("acme", &call, End::Missed, late).unwrap());
        }
        assert_eq!(calls.hand_over("acme", &[("a", 1)], minute(61)).await, ["a"]);
        let outcome = calls.commit("acme", &missed, late).await.unwrap();
        assert_eq!(outcome.stale, ["a"]);
        let (a, b) = (calls.one("a").await.unwrap(), calls.one("b").await.unwrap());
        assert!(a.decision.plan.is_some());
        assert!(b.decision.plan.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_decision_that_stays_is_made_again_only_while_an_answer_is_missing() {
    on_each(async |calls| {
        let a = Sketch { cancelled: true, ..sketch("a", 60, "ada", "room") };
        let lacking = |seen| Judged { partial_until: Some(minute(58)), ..a.judged(seen) };
        let retries = async || -> Vec<_> {
            armed(&calls).await.into_iter().map(|one| (one.1, one.2, one.3)).collect()
        };
        let retry = |at| (TimerKind::Retry, minute(at) + TimeDelta::seconds(5), 1);
        calls.commit("acme", &[a.judged(0)], at(0)).await.unwrap();
        assert_eq!(retries().await, []);
        calls.commit("acme", &[lacking(1)], at(10)).await.unwrap();
        assert_eq!(retries().await, [retry(10)]);
        // Once more without an answer: the timer goes its way.
        calls.commit("acme", &[lacking(2)], at(20)).await.unwrap();
        assert_eq!(retries().await, [retry(10)]);
        // What is decided for another time tells nothing of the present.
        let elsewhere = Moment { is_present: false, ..at(20) };
        calls.commit("acme", &[a.judged(2)], elsewhere).await.unwrap();
        assert_eq!(retries().await, [retry(10)]);
        calls.commit("acme", &[a.judged(2)], at(30)).await.unwrap();
        assert_eq!(retries().await, []);
        let found = calls.one("a").await.unwrap();
        assert_eq!((found.version, found.decision.revision, found.partial_until), (3, 1, None));
    })
    .await;
}
