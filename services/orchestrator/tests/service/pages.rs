//! Lists, streams, and companies side by side.

use chrono::{DateTime, Utc};
use proto::calendar::v1::Meeting;
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use proto::verdict::v1::CallKey;
use tonic::Code;

use crate::world::{
    World, acme_with, code, fields, ids, is_plan, meeting, meeting_with, minute, stored,
};

fn keyed(id: &str, start: i64, uid: Option<&str>, recurrence: Option<DateTime<Utc>>) -> Meeting {
    meeting_with(id, start, |meeting| {
        meeting.key = Some(CallKey {
            ical_uid: uid.map(ToOwned::to_owned),
            recurrence_id: recurrence.map(to_wire),
        });
    })
}

fn of_acme() -> wire::ListCallsRequest {
    wire::ListCallsRequest { company: "acme".into(), ..wire::ListCallsRequest::default() }
}

#[tokio::test]
async fn calls_are_listed_by_start_uid_and_recurrence_page_by_page() {
    let world = World::open().await;
    let epoch = DateTime::UNIX_EPOCH;
    let before = epoch - chrono::TimeDelta::hours(1);
    let in_order = [
        keyed("z", 60, None, None),
        keyed("y", 60, None, Some(before)),
        keyed("x", 60, None, Some(epoch)),
        keyed("w", 60, Some("a"), None),
        keyed("v", 60, Some("a"), Some(epoch)),
        keyed("u", 60, Some("ab"), None),
        keyed("t", 60, Some("b"), None),
        keyed("s", 61, None, None),
    ];
    let expected: Vec<&str> = in_order.iter().map(|m| m.meeting_id.as_str()).collect();
    world.put(in_order.iter().rev().cloned());
    // An answer has the same order as a list.
    let told = world.decide_all(&expected).await;
    assert_eq!(ids(&told.decisions), expected);
    for size in [1, 2, 3, 5, 8, 9, 0] {
        let (mut listed, mut pages, mut page_token) = (Vec::new(), 0, String::new());
        loop {
            let request = wire::ListCallsRequest { page_size: size, page_token, ..of_acme() };
            let page = world.list(request).await.unwrap();
            assert!(!page.decisions.is_empty(), "a page of {size} is empty");
            listed.extend(page.decisions);
            (pages, page_token) = (pages + 1, page.next_page_token);
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(ids(&listed), expected, "in pages of {size}");
        assert_eq!(pages, if size == 0 { 1 } else { 8_u32.div_ceil(size) });
    }
}

#[tokio::test]
async fn a_list_is_of_a_period_and_of_a_code() {
    let world = World::open().await;
    let cancelled = |id: &str, at| meeting_with(id, at, |meeting| meeting.cancelled = true);
    world.put([meeting("a", 60), cancelled("b", 120), meeting("c", 180), cancelled("d", 240)]);
    world.decide_all(&["a", "b", "c", "d"]).await;
    let period = wire::ListCallsRequest {
        from: Some(to_wire(minute(120))),
        to: Some(to_wire(minute(240))),
        ..of_acme()
    };
    assert_eq!(ids(&world.list(period).await.unwrap().decisions), ["b", "c"]);
    let codes = wire::ListCallsRequest { code: SkipCode::Cancelled.into(), ..of_acme() };
    assert_eq!(ids(&world.list(codes).await.unwrap().decisions), ["b", "d"]);
}

#[tokio::test]
async fn tokens_nobody_gave_are_refused() {
    let world = World::open().await;
    for token in [
        "nonsense",
        "1",
        "1.zz.00",
        "1.00.00.00",
        "x.00.00",
        "1.00.ff",
        "9999999999999999999.00.00",
        "..",
        " ",
    ] {
        let request = wire::ListCallsRequest { page_token: token.into(), ..of_acme() };
        let refused = world.list(request).await.expect_err(token);
        assert_eq!(refused.code(), Code::InvalidArgument, "{token}");
        assert_eq!(fields(&refused), ["page_token"]);
    }
}

#[tokio::test]
async fn a_watcher_sees_every_decision_once_and_in_order_from_where_it_stopped() {
    let world = World::open().await;
    world.put([meeting("a", 60), meeting("b", 120), meeting("c", 180)]);
    for id in ["a", "b", "c"] {
        world.decide(id).await;
    }
    world.alter("b", |meeting| meeting.cancelled = true);
    world.decide("b").await;
    let log = world.log("acme", 0).await;
    let seen: Vec<_> = log.iter().map(|(_, one)| (one.call_id.as_str(), one.revision)).collect();
    assert_eq!(seen, [("a", 1), ("b", 1), ("c", 1), ("b", 2)]);
    assert!(log.is_sorted_by(|(a, _), (b, _)| a < b));
    assert_eq!(world.log("acme", log[1].0).await, log[2..]);
    assert!(world.log("acme", log[3].0).await.is_empty());

    // Without an end it waits for more.
    let request = wire::WatchCallsRequest {
        company: "acme".into(),
        cursor: log[2].0,
        until_caught_up: false,
    };
    let mut stream = world.client().watch_calls(request).await.unwrap().into_inner();
    let mut next = async || {
        let next = tokio::time::timeout(std::time::Duration::from_secs(5), stream.message());
        next.await.unwrap().unwrap().unwrap()
    };
    assert_eq!(next().await.cursor, log[3].0);
    world.alter("c", |meeting| meeting.cancelled = true);
    let decided = world.decide("c").await;
    assert_eq!(next().await.decision, Some(decided));
    world.decide_all(&["a", "b", "c"]).await;
    world.alter("a", |meeting| meeting.cancelled = true);
    world.decide("a").await;
    let last = next().await.decision.unwrap();
    assert_eq!((last.call_id.as_str(), last.revision), ("a", 2));
}

#[tokio::test]
async fn a_long_log_is_told_whole() {
    let world = World::open().await;
    let count: usize = 1_100;
    let ids: Vec<String> = (0..count).map(|n| format!("m{n:04}")).collect();
    world.put((0..).zip(&ids).map(|(n, id)| meeting(id, 60 + n * 30)));
    world.decide_all(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let log = world.log("", 0).await;
    assert_eq!(log.len(), count);
    assert!(log.is_sorted_by(|(a, _), (b, _)| a < b));
}

#[tokio::test]
async fn companies_never_meet() {
    let world = World::open().await;
    let other = acme_with(|file| {
        file.company = "other".into();
        file.settings.providers.get_mut("zoom").unwrap().enabled = false;
    });
    world.apply(other.clone());
    // The same UID, room, time and people, and even the same id.
    let theirs = meeting_with("a", 60, |meeting| meeting.company = "other".into());
    world.put([meeting("a", 60), theirs]);
    assert!(is_plan(&world.decide("a").await));
    let told = world.ask(stored("other", &["a"])).await.unwrap();
    assert_eq!(code(&told.decisions[0]), SkipCode::CallProviderDisabledForCompany);
    assert_eq!((told.decisions[0].revision, told.policy_version), (1, 1));

    // A plan of one is no conflict for the other.
    let record = acme_with(|file| file.company = "other".into());
    world.apply(record);
    let told = world.ask(stored("other", &["a"])).await.unwrap();
    assert!(is_plan(&told.decisions[0]), "{told:#?}");

    // What is asked of one is not asked of the other.
    world.cancel("a", "ada").await.unwrap();
    assert!(is_plan(&world.ask(stored("other", &["a"])).await.unwrap().decisions[0]));
    assert!(is_plan(&world.get_of("other", "a", 0).await.unwrap()));
    assert_eq!(code(&world.get("a").await), SkipCode::CanceledByOwner);

    for (company, revisions) in [("acme", 2), ("other", 2)] {
        let log = world.log(company, 0).await;
        assert!(log.iter().all(|(_, decision)| decision.company == company));
        assert_eq!(log.len(), revisions, "{company}");
        let listed = world
            .list(wire::ListCallsRequest { company: company.into(), ..of_acme() })
            .await
            .unwrap()
            .decisions;
        assert!(listed.len() == 1 && listed[0].company == company);
    }
    assert_eq!(world.log("", 0).await.len(), 4);
    assert_eq!(world.get_of("third", "a", 0).await.unwrap_err().code(), Code::NotFound);
}
