//! What the store must do, whatever it is kept in.

use chrono::TimeDelta;
use proto::time::to_wire;
use proto::verdict::v1 as verdict;

use super::*;

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

/// A plan of half an hour, which contends.
fn call(company: &str, id: &str, start: i64, revision: u64) -> Call {
    Call {
        call_id: id.to_owned(),
        decision: wire::Decision {
            call_id: id.to_owned(),
            company: company.to_owned(),
            key: Some(verdict::CallKey { ical_uid: Some(id.to_owned()), recurrence_id: None }),
            start: Some(to_wire(minute(start))),
            kind: wire::DecisionKind::Plan.into(),
            revision,
            ..wire::Decision::default()
        },
        had_plan: true,
        planned_owner: Some("ada".to_owned()),
        judged_policy: 3,
        judged_meeting: 4,
        contends: Some((minute(start), minute(start + 30))),
    }
}

fn waiting(company: &str, id: &str, decide_by: i64) -> Call {
    let mut call = call(company, id, decide_by + 2, 1);
    call.decision.kind = wire::DecisionKind::Pending.into();
    call.decision.decide_by = Some(to_wire(minute(decide_by)));
    call.contends = None;
    call
}

fn new(call: Call) -> Write {
    Write { call, is_new: true }
}

async fn open() -> Calls {
    Calls::open(&StoreConfig::memory()).await.unwrap()
}

async fn with(calls: &[Call]) -> Calls {
    let store = open().await;
    store.save(&calls.iter().cloned().map(new).collect::<Vec<_>>()).await.unwrap();
    store
}

fn named(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.call_id.as_str()).collect()
}

#[tokio::test]
async fn a_call_comes_back_as_it_was_written() {
    let store = with(&[call("acme", "a", 0, 1), waiting("acme", "b", 60)]).await;
    let ids = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let mut found = store.get("acme", &ids).await.unwrap();
    found.sort_by(|x, y| x.call_id.cmp(&y.call_id));
    assert_eq!(named(&found), ["a", "b"]);
    let a = &found[0];
    assert_eq!(a.decision, call("acme", "a", 0, 1).decision);
    assert_eq!((a.had_plan, a.planned_owner.as_deref()), (true, Some("ada")));
    assert_eq!((a.judged_policy, a.judged_meeting), (3, 4));
    assert_eq!(a.contends, Some((minute(0), minute(30))));
    assert_eq!(found[1].contends, None);
    assert!(store.get("other", &ids).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_new_replaces_the_call_and_adds_no_decision() {
    let store = with(&[call("acme", "a", 0, 1)]).await;
    let seen = Call { judged_meeting: 9, contends: None, ..call("acme", "a", 0, 1) };
    store.save(&[Write { call: seen, is_new: false }]).await.unwrap();
    let found = store.get("acme", &["a".to_owned()]).await.unwrap();
    assert_eq!((found[0].judged_meeting, found[0].contends), (9, None));
    assert_eq!(store.history("acme", "a", 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_revision_that_is_taken_is_refused_with_all_that_came_along() {
    let store = with(&[call("acme", "a", 0, 1)]).await;
    // Another process decided the same call; ours must be thrown away whole.
    let late = Call { planned_owner: Some("bob".to_owned()), ..call("acme", "a", 0, 1) };
    let writes = [new(call("acme", "b", 60, 1)), new(late)];
    assert!(store.save(&writes).await.is_err());
    let found = store.get("acme", &["a".to_owned(), "b".to_owned()]).await.unwrap();
    assert_eq!(named(&found), ["a"]);
    assert_eq!(found[0].planned_owner.as_deref(), Some("ada"));
    assert_eq!(store.after(None, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn calls_that_only_touch_a_period_do_not_contend_in_it() {
    let store = with(&[
        call("acme", "before", 0, 1),
        call("acme", "into", 10, 1),
        call("acme", "inside", 35, 1),
        call("acme", "after", 60, 1),
        call("other", "theirs", 35, 1),
        waiting("acme", "waiting", 40),
    ])
    .await;
    let mut found = store.contending("acme", minute(30), minute(60)).await.unwrap();
    found.sort();
    assert_eq!(
        found,
        [
            ("inside".to_owned(), minute(35), minute(65)),
            ("into".to_owned(), minute(10), minute(40)),
        ]
    );
}

#[tokio::test]
async fn calls_that_wait_come_soonest_first_whosever_they_are() {
    let store = with(&[
        waiting("acme", "later", 90),
        waiting("other", "soon", 30),
        waiting("acme", "next", 60),
        call("acme", "planned", 0, 1),
    ])
    .await;
    let found = store.pending(2).await.unwrap();
    let pair = |company: &str, id: &str| (company.to_owned(), id.to_owned());
    assert_eq!(found, [pair("other", "soon"), pair("acme", "next")]);
}

#[tokio::test]
async fn decisions_are_kept_in_the_order_in_which_they_were_made() {
    let store = with(&[call("acme", "a", 0, 1), call("other", "b", 0, 1)]).await;
    store.save(&[new(call("acme", "a", 0, 2))]).await.unwrap();
    store.save(&[new(call("acme", "a", 0, 3))]).await.unwrap();
    let told = |log: Vec<(u64, wire::Decision)>| -> Vec<(String, u64)> {
        log.into_iter().map(|(_, one)| (one.company, one.revision)).collect()
    };
    let all = store.after(None, 0, 10).await.unwrap();
    assert!(all.is_sorted_by(|(x, _), (y, _)| x < y));
    let from = all[1].0;
    let pair = |company: &str, revision| (company.to_owned(), revision);
    assert_eq!(told(all), [pair("acme", 1), pair("other", 1), pair("acme", 2), pair("acme", 3)]);
    assert_eq!(told(store.after(None, from, 1).await.unwrap()), [pair("acme", 2)]);
    assert_eq!(told(store.after(Some("other"), 0, 10).await.unwrap()), [pair("other", 1)]);

    let revisions: Vec<u64> =
        store.history("acme", "a", 2).await.unwrap().iter().map(|one| one.revision).collect();
    assert_eq!(revisions, [3, 2]);
    assert_eq!(store.decision("acme", "a", 2).await.unwrap().unwrap().revision, 2);
    assert_eq!(store.decision("acme", "a", 4).await.unwrap(), None);
    assert_eq!(store.decision("other", "a", 1).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_asked_is_told_oldest_first_to_its_own_company() {
    let store = open().await;
    for (company, action, who) in [
        ("acme", Action::Request, "ada"),
        ("other", Action::Request, "zoe"),
        ("acme", Action::Cancel, "bob"),
        ("acme", Action::Request, "ada"),
    ] {
        let asked = Asked { call_id: "a".to_owned(), action, who: who.to_owned() };
        // The clock may stand still, or go back.
        store.ask(company, &asked, minute(0)).await.unwrap();
    }
    let told: Vec<(Action, String)> = store
        .asked("acme", &["a".to_owned()])
        .await
        .unwrap()
        .into_iter()
        .map(|asked| (asked.action, asked.who))
        .collect();
    let one = |action, who: &str| (action, who.to_owned());
    assert_eq!(
        told,
        [one(Action::Request, "ada"), one(Action::Cancel, "bob"), one(Action::Request, "ada")]
    );
}

#[tokio::test]
async fn a_page_ends_where_the_next_one_begins() {
    let calls: Vec<Call> = (0..5).map(|n| call("acme", &format!("c{n}"), 10 * n, 1)).collect();
    let store = with(&calls).await;
    let filter = |after| Filter { from: Some(minute(10)), after, ..Filter::default() };
    let (first, next) = store.list("acme", &filter(None), 2).await.unwrap();
    assert_eq!(named(&first), ["c1", "c2"]);
    let next = Page::from_token(&next.unwrap().token()).unwrap();
    let (second, end) = store.list("acme", &filter(next), 2).await.unwrap();
    assert_eq!(named(&second), ["c3", "c4"]);
    assert_eq!(end, None, "a page that is full and the last has nothing after it");
    let (ids, end) = store.upcoming("acme", minute(30), None, 2).await.unwrap();
    assert_eq!((ids, end), (vec!["c3".to_owned(), "c4".to_owned()], None));
}

#[tokio::test]
async fn progress_begins_at_nothing_and_survives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("calls.db").display());
    let store = Calls::open(&StoreConfig::at(&url)).await.unwrap();
    assert_eq!(store.progress("meetings").await.unwrap(), 0);
    store.set_progress("meetings", 7).await.unwrap();
    store.set_progress("policies", 1).await.unwrap();
    store.set_progress("meetings", 9).await.unwrap();
    store.save(&[new(call("acme", "a", 0, 1))]).await.unwrap();
    drop(store);
    let store = Calls::open(&StoreConfig::at(&url)).await.unwrap();
    assert_eq!(store.progress("meetings").await.unwrap(), 9);
    assert_eq!(store.progress("policies").await.unwrap(), 1);
    assert_eq!(store.after(None, 0, 10).await.unwrap().len(), 1);
}
