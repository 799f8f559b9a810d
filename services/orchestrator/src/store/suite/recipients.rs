//! Calls are found by the names of the recipients their events came through, and none is judged by what was before.

use super::*;
use crate::store::entity::timer;
use decision::reach::recipient;

fn through(one: &Sketch, seen: u64, address: &str, claims: u64) -> Judged {
    let through = Some(Through { names: recipient(address), claims });
    Judged { through, traces: address.as_bytes().to_vec(), ..one.judged(seen) }
}

/// Timers by which calls are judged again: company, call, revision, due.
async fn again(calls: &Calls) -> Vec<(String, String, i64, i64)> {
    let rows = timer::Entity::find()
        .filter(timer::Column::Kind.eq(TimerKind::Retry as i16))
        .all(calls.store.reader())
        .await
        .unwrap();
    let mut found: Vec<_> =
        rows.into_iter().map(|row| (row.company, row.call_id, row.revision, row.due)).collect();
    found.sort();
    found
}

#[tokio::test]
async fn calls_are_found_by_the_names_of_their_recipients_in_every_company() {
    on_each(async |calls| {
        let names = |name: &str| {
            recipient(name).pop().map_or(Vec::new(), |_| {
                decision::reach::Reach::beyond(
                    None,
                    &decision::CompanyFile {
                        domains: vec![name.to_owned()],
                        ..decision::CompanyFile::named("lab")
                    },
                )
                .names()
                .collect()
            })
        };
        let (a, b, c) = (
            sketch("a", 60, "ada", "one"),
            sketch("b", 120, "ada", "two"),
            sketch("c", 180, "ada", "three"),
        );
        let judged = [
            through(&a, 0, "notes@eu.lab.example", 0),
            through(&b, 0, "notes@slab.example", 0),
            c.judged(0),
        ];
        calls.commit("acme", &judged, at(0)).await.unwrap();
        let mut theirs = through(&a, 0, "lab.example", 0);
        theirs.candidate.company = "other".to_owned();
        calls.commit("other", &[theirs], at(0)).await.unwrap();
        assert_eq!(calls.claimed(&[], minute(1)).await.unwrap(), 0);
        assert_eq!(calls.claims().await.unwrap(), 0, "nothing was claimed");
        assert_eq!(calls.claimed(&names("lab.example"), minute(1)).await.unwrap(), 2);
        let due = minute(1).timestamp_micros();
        let of = |company: &str| (company.to_owned(), "a".to_owned(), 1, due);
        assert_eq!(again(&calls).await, [of("acme"), of("other")]);
        // Once more, and they are still due once.
        assert_eq!(calls.claimed(&names("lab.example"), minute(1)).await.unwrap(), 2);
        assert_eq!(again(&calls).await.len(), 2);
        // What has begun was decided.
        assert_eq!(calls.claimed(&names("lab.example"), minute(61)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_judged_before_a_claim_is_not_written_after_it() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "one");
        let before = calls.claims().await.unwrap();
        calls.claimed(&recipient("lab.example"), minute(0)).await.unwrap();
        let late = through(&a, 0, "notes@lab.example", before);
        let outcome = calls.commit("acme", &[late], at(0)).await.unwrap();
        assert_eq!((outcome.changed, outcome.stale), (0, vec!["a".to_owned()]));
        let now = calls.claims().await.unwrap();
        let outcome =
            calls.commit("acme", &[through(&a, 0, "notes@lab.example", now)], at(0)).await.unwrap();
        assert_eq!((outcome.changed, outcome.stale.len()), (1, 0));
        // Those that came through nobody's address have nothing to do with it.
        let b = sketch("b", 120, "ada", "two");
        assert_eq!(calls.commit("acme", &[b.judged(0)], at(0)).await.unwrap().changed, 1);
    })
    .await;
}
