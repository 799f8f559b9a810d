//! What is done when its time has come, or has passed.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use decision::CompanyFile;
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use sea_orm::{ConnectionTrait as _, Statement};
use storage::StoreConfig;
use storage::testing::Engine;
use tempfile::TempDir;

use crate::state::Mood;
use crate::world::{
    FOLLOWING, World, acme, acme_with, code, consent_link, enforcing, is_pending, is_plan, meeting,
    meeting_with, minute, person, stored,
};

/// A store that outlives a process, and its settings where nothing is followed and where everything is.
pub(crate) fn durable() -> (TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let store =
        format!("store.url = 'sqlite://{}?mode=rwc'", folder.path().join("calls.db").display());
    (folder, format!("{store}\nfollow.enabled = false"), format!("{store}\n{FOLLOWING}"))
}

fn is_released(decision: &wire::Decision) -> bool {
    decision.released_at.is_some()
}

#[tokio::test]
async fn a_plan_is_handed_over_when_its_time_has_come() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60), meeting("b", 120)]);
    world.until("b", is_plan).await;
    world.clock.set(minute(58) - TimeDelta::microseconds(1));
    world.settle().await;
    assert_eq!(world.get("a").await.released_at, None);
    world.clock.set(minute(58));
    let released = world.until("a", is_released).await;
    assert_eq!(released.released_at, Some(to_wire(minute(58))));
    assert_eq!((released.revision, released.cause.as_str()), (1, "meeting"));
    // Only once, and nobody else's.
    world.clock.set(minute(59));
    world.settle().await;
    assert_eq!(world.get("a").await, released);
    assert!(!is_released(&world.get("b").await));
    // When nobody can be sent any more, it stays as it is.
    world.clock.set(minute(71));
    world.settle().await;
    assert_eq!(world.get("a").await, released);
}

#[tokio::test]
async fn everything_is_judged_once_more_before_a_plan_is_handed_over() {
    let world = World::empty(FOLLOWING).await;
    world.apply(enforcing());
    world.put([meeting_with("a", 60, |m| m.links = vec![consent_link("zoom:a")])]);
    world.until("a", is_plan).await;
    // The first version of the policy has been followed too.
    world.settle().await;
    let key = decision::CallKey { ical_uid: Some("a@mail.example".into()), recurrence_id: None };
    // Nobody is woken by it.
    world.peers.state().refused.insert(key);
    world.clock.set(minute(58));
    let refused = world.until("a", |decision| !is_plan(decision)).await;
    assert_eq!(code(&refused), SkipCode::ComplianceUserRequest);
    assert_eq!((refused.cause.as_str(), refused.released_at), ("timer", None));
}

#[tokio::test]
async fn a_plan_is_not_handed_over_on_a_permission_of_old() {
    let world = World::empty(&format!("{FOLLOWING}\ngather.deadline = '200ms'")).await;
    world.apply(enforcing());
    world.put([meeting_with("a", 60, |m| m.links = vec![consent_link("zoom:a")])]);
    world.until("a", is_plan).await;
    world.settle().await;
    world.peers.make("JudgeConsents", Mood::Slow);
    world.clock.set(minute(58));
    let closed = world.until("a", |decision| !is_plan(decision)).await;
    assert_eq!(code(&closed), SkipCode::ComplianceSystemDecision);
}

#[tokio::test]
async fn what_cannot_be_judged_for_want_of_its_meeting_is_handed_over_later() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.peers.make("ListMeetings", Mood::Down);
    world.clock.set(minute(65));
    world.settle().await;
    let waiting = world.get("a").await;
    assert!(is_plan(&waiting) && !is_released(&waiting), "{waiting:#?}");
    world.peers.make("ListMeetings", Mood::Well);
    let released = world.until("a", is_released).await;
    assert_eq!(released.released_at, Some(to_wire(minute(65))));
}

#[tokio::test]
async fn the_last_instant_is_in_time_and_the_next_one_is_not() {
    for (late, wanted) in [(0, SkipCode::Unspecified), (1, SkipCode::CannotConnectError)] {
        let (_folder, still, following) = durable();
        let world = World::with(&still).await;
        world.put([meeting("a", 60)]);
        assert!(is_plan(&world.decide("a").await));
        world.clock.set(minute(70) + TimeDelta::microseconds(late));
        let world = world.restart(&following).await;
        let over = world.until("a", |one| is_released(one) || !is_plan(one)).await;
        assert_eq!(code(&over), wanted, "{late}");
        if late > 0 {
            assert_eq!((over.revision, over.cause.as_str()), (2, "timer"));
            let missed = over.primary.unwrap();
            assert_eq!(missed.sub_reason, "dispatch_missed");
        }
    }
}

#[tokio::test]
async fn what_was_decided_for_another_time_is_handed_over_or_ends_in_a_code() {
    let (_folder, still, following) = durable();
    let world = World::with(&still).await;
    let known =
        |id, start| meeting_with(id, start, |one| one.received_at = Some(to_wire(minute(-5000))));
    world.put([known("over", -1500), known("soon", 60)]);
    let request = wire::DecideCallsRequest {
        now: Some(to_wire(minute(-2 * 24 * 60))),
        ..stored("acme", &["over", "soon"])
    };
    for decision in world.ask(request).await.unwrap().decisions {
        assert!(is_plan(&decision), "{decision:#?}");
    }
    let world = world.restart(&following).await;
    let over = world.until("over", |one| !is_plan(one)).await;
    assert_eq!(over.primary.unwrap().sub_reason, "dispatch_missed");
    world.clock.set(minute(58));
    let released = world.until("soon", is_released).await;
    assert_eq!((released.revision, released.released_at), (1, Some(to_wire(minute(58)))));
}

#[tokio::test]
async fn a_call_that_was_moved_while_everything_was_down_is_not_missed() {
    let (_folder, still, following) = durable();
    let world = World::with(&still).await;
    world.put([meeting("a", 60)]);
    assert!(is_plan(&world.decide("a").await));
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(600)));
        meeting.end = Some(to_wire(minute(630)));
    });
    world.clock.set(minute(100));
    let world = world.restart(&following).await;
    let moved = world.until("a", |one| one.revision == 2).await;
    assert!(is_plan(&moved), "{moved:#?}");
    assert_eq!(moved.start, Some(to_wire(minute(600))));
}

#[tokio::test]
async fn a_new_revision_is_handed_over_anew_while_somebody_can_be_sent_and_not_after() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60)]);
    world.until("a", is_plan).await;
    world.clock.set(minute(59));
    let first = world.until("a", is_released).await;
    world.alter("a", |meeting| meeting.title = Some("Renewal, again".into()));
    let second = world.until("a", |one| one.revision == 2 && is_released(one)).await;
    assert_eq!((first.revision, second.released_at), (1, first.released_at));

    // It is being recorded: no window has been missed, although nobody can be sent any more.
    world.clock.set(minute(75));
    world.settle().await;
    world.alter("a", |meeting| meeting.title = Some("Renewal, at last".into()));
    let third = world.decide("a").await;
    assert!(is_plan(&third), "{third:#?}");
    world.settle().await;
    let third = world.get("a").await;
    assert_eq!((third.revision, third.released_at), (3, first.released_at));
    assert!(is_plan(&third), "{third:#?}");
}

#[tokio::test]
async fn what_waits_is_tried_again_less_and_less_often() {
    let settings = "follow.enabled = true\nfollow.sweep = '1h'\ntimers.poll = '20ms'";
    let world = World::with(settings).await;
    world.peers.make("JudgeMeetings", Mood::Down);
    world.put([meeting("a", 60)]);
    world.until("a", is_pending).await;
    world.settle().await;
    for (pause, tries) in [
        (4, false),
        (1, true),
        (5, false),
        (5, true),
        (19, false),
        (1, true),
        (39, false),
        (1, true),
    ] {
        world.peers.forget();
        world.clock.advance(TimeDelta::seconds(pause));
        world.settle().await;
        // The stack of the client repeats what failed at once, so that a try may be several questions.
        let has_tried = || !world.peers.sizes("JudgeMeetings").is_empty();
        // A machine that has much to do may be slow to try, but must.
        for _ in 0..200 {
            if has_tried() || !tries {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        world.settle().await;
        assert_eq!(has_tried(), tries, "after {pause} s");
    }
    world.clock.set(minute(58));
    let closed = world.until("a", |decision| !is_pending(decision)).await;
    assert_eq!((code(&closed), closed.cause.as_str()), (SkipCode::UnknownState, "timer"));
}

#[tokio::test]
async fn a_company_whose_calls_take_long_holds_up_no_other() {
    let world = World::with(FOLLOWING).await;
    let other = CompanyFile { company: "other".into(), ..acme() };
    world.apply(CompanyFile { domains: vec!["other.example".into()], ..renamed(other) });
    let theirs = |id: &str| {
        meeting_with(id, 60, |meeting| {
            meeting.company = "other".into();
            meeting.organizer = Some(person("ada@other.example"));
        })
    };
    world.put([theirs("x")]);
    world.put([meeting("a", 61)]);
    world.until("a", is_plan).await;
    for _ in 0..200 {
        if world.get_of("other", "x", 0).await.is_ok_and(|one| is_plan(&one)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    world.peers.state().silent.insert("other".into());
    let began = Instant::now();
    // Theirs is due first.
    world.clock.set(minute(60));
    world.until("a", is_released).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    world.peers.state().silent.clear();
    for _ in 0..400 {
        if world.get_of("other", "x", 0).await.is_ok_and(|one| is_released(&one)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("what is late is done in the end");
}

/// The members of another company.
pub(crate) fn renamed(mut file: CompanyFile) -> CompanyFile {
    for member in &mut file.members {
        for email in &mut member.emails {
            *email = email.replace("acme", "other");
        }
        member.zoom.email = None;
    }
    file.consent = CompanyFile::named("other").consent;
    file
}

/// Five hundred members, each with ten calls of half an hour, one after another: plans with two timers each, and calls that
/// wait, with two as well. In PostgreSQL where there is one.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_timers_due_while_everything_is_down_are_all_handled_or_turned_into_codes() {
    const MEMBERS: usize = 500;
    const CALLS: i64 = 10;
    let all = MEMBERS * usize::try_from(CALLS).unwrap();
    let engine = match Engine::postgres().await {
        Some(engine) => engine,
        None => Engine::file(),
    };
    let settings = engine.config();
    let store = format!("store.url = '{}'\nstore.schema = '{}'", settings.url, settings.schema);
    let still = format!("{store}\nfollow.enabled = false");
    // What is late is found by its timer and not by a sweep.
    let sweep = "follow.sweep = '50ms'";
    let following = format!("{store}\n{}", FOLLOWING.replace(sweep, "follow.sweep = '1h'"));
    let world = World::empty(&still).await;
    world.apply(acme_with(|file| {
        let ada = file.members[0].clone();
        file.members = (0..MEMBERS)
            .map(|n| {
                let mut member = ada.clone();
                member.id = format!("m{n}");
                member.emails = vec![format!("m{n}@acme.example")];
                member.zoom.email = Some(format!("m{n}@acme.example"));
                member
            })
            .collect();
    }));
    let slots: Vec<(String, i64)> = (0..MEMBERS)
        .flat_map(|n| (0..CALLS).map(move |slot| (format!("c{n}-{slot}"), 30 + 30 * slot)))
        .collect();
    world.put(slots.iter().map(|(id, start)| {
        meeting_with(id, *start, |meeting| {
            let member = id[1..].split('-').next().unwrap();
            meeting.organizer = Some(person(&format!("m{member}@acme.example")));
        })
    }));
    let ids: Vec<&str> = slots.iter().map(|(id, _)| id.as_str()).collect();
    let (waiting, planned) = ids.split_at(ids.len() / 10);
    world.peers.make("JudgeMeetings", Mood::Down);
    let decided = world.decide_all(waiting).await;
    assert!(decided.decisions.iter().all(is_pending));
    world.peers.make("JudgeMeetings", Mood::Well);
    let decided = world.decide_all(planned).await;
    assert!(decided.decisions.iter().all(is_plan));
    assert_eq!(waiting.len() + planned.len(), all);
    let armed = timers(&settings).await;
    assert!(armed >= 10_000, "{armed}");

    // The last call of everybody has begun a minute ago, all others long ago.
    let last = 30 + 30 * (CALLS - 1);
    world.clock.set(minute(last + 1));
    let world = world.restart(&following).await;
    let began = Instant::now();
    let counted = loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut open = 0;
        let mut missed = 0;
        let mut page_token = String::new();
        loop {
            let request = wire::ListCallsRequest {
                company: "acme".into(),
                page_size: 5_000,
                page_token,
                ..wire::ListCallsRequest::default()
            };
            let page = world.list(request).await.unwrap();
            for decision in &page.decisions {
                let is_missed = code(decision) == SkipCode::CannotConnectError;
                *if is_missed { &mut missed } else { &mut open } += 1;
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if open <= MEMBERS || began.elapsed() > Duration::from_secs(60) {
            break (missed, open);
        }
    };
    eprintln!("{all} calls with {armed} timers were late: {:?}", began.elapsed());
    assert_eq!(counted, (all - MEMBERS, MEMBERS), "silence is no answer");
    for (id, start) in &slots {
        if *start == last {
            world.until(id, is_released).await;
        }
    }
    // Each of them once.
    let log = world.log("acme", 0).await;
    assert!(log.iter().all(|(_, one)| one.revision <= 2), "nothing was decided more than twice");
    let due = world.ask(stored("acme", &["c0-0"])).await.unwrap();
    assert_eq!(code(&due.decisions[0]), SkipCode::CannotConnectError, "it is final");
    // What is left is the end of the window of calls that were handed over.
    assert_eq!(timers(&settings).await, MEMBERS, "nothing else is still to be done");
}

/// How many timers a store holds.
async fn timers(settings: &StoreConfig) -> usize {
    let store = storage::connect(settings).await.unwrap();
    let counting = Statement::from_string(
        store.reader().get_database_backend(),
        // Those of sessions come and go with what they wait for.
        "SELECT COUNT(*) AS timers FROM orchestrator_timer WHERE kind <> 5",
    );
    let row = store.reader().query_one_raw(counting).await.unwrap().unwrap();
    let count: i64 = row.try_get("", "timers").unwrap();
    store.close().await.unwrap();
    usize::try_from(count).unwrap()
}
