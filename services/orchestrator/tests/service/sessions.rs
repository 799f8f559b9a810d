//! Plans that are carried out: handed to adapters, followed by what these tell, ended in what came of them.

use chrono::TimeDelta;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use tonic::Code;

use crate::state::Mood;
use crate::timers::durable;
use crate::world::{
    FOLLOWING, HASTY, World, acme_with, is_plan, meeting, meeting_with, minute, person, reason,
    zoom,
};

/// The code shown, of a skip or of what was recorded in part.
pub(crate) fn code(decision: &wire::Decision) -> SkipCode {
    decision.primary.as_ref().map_or(SkipCode::Unspecified, |primary| primary.code())
}

pub(crate) fn is_over(decision: &wire::Decision) -> bool {
    decision.cause == "session"
}

/// Zoom is recorded by a bot that asks for permission.
pub(crate) async fn bots(settings: &str) -> World {
    let world = World::empty(settings).await;
    world.apply(bot_company());
    world
}

pub(crate) fn bot_company() -> decision::CompanyFile {
    acme_with(|file| {
        if let Some(zoom) = file.settings.providers.get_mut("zoom") {
            zoom.method = Some(decision::company::Method::Local);
        }
    })
}

/// A meeting with a link that leads there.
pub(crate) fn linked(id: &str, start: i64) -> proto::calendar::v1::Meeting {
    meeting_with(id, start, |meeting| {
        meeting.links = vec![proto::calendar::v1::Link {
            url: format!("https://zoom.us/j/{id}?pwd=s3cret"),
            ..zoom(id)
        }];
    })
}

/// Waits until something is as it should be.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..400 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("it did not come to be as it should");
}

/// A call that was handed over, and whose bot has been sent.
pub(crate) async fn sent(world: &World, id: &str) -> provider::Order {
    world.put([linked(id, 60)]);
    world.until(id, is_plan).await;
    world.clock.set(minute(58));
    world.until_stage(id, "STAGED").await;
    for _ in 0..200 {
        if let Some(order) = world.orders(id).pop() {
            return order;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("`{id}` was not sent");
}

#[tokio::test]
async fn a_plan_is_carried_out_and_what_was_recorded_is_its_decision() {
    let world = bots(FOLLOWING).await;
    let order = sent(&world, "a").await;
    let attempt = order.attempt.clone().unwrap();
    assert_eq!((attempt.call_id.as_str(), attempt.plan_revision, attempt.run), ("a", 1, 0));
    assert_eq!(order.join_url, "https://zoom.us/j/a?pwd=s3cret");
    assert_eq!(
        (order.adapter(), order.method()),
        (provider::Adapter::ZoomLocal, provider::Method::Local)
    );
    assert_eq!((order.owner.as_str(), order.organizer.as_str()), ("ada", "ada"));
    assert_eq!(order.start, Some(to_wire(minute(60))));
    for (signal, at) in [("launched", 58), ("joining", 58), ("in_lobby", 59), ("in_call", 60)] {
        world.tell("a", signal, minute(at));
    }
    world.until_stage("a", "IN_CALL_NOT_RECORDING").await;
    world.clock.set(minute(60));
    world.until_stage("a", "ASK_PERMISSION").await;
    world.tell("a", "permission_granted", minute(60));
    world.tell("a", "recording_started", minute(61));
    world.clock.set(minute(61));
    let session = world.until_stage("a", "RECORDING").await;
    assert_eq!((session.plan_revision, session.run, session.ended_at), (1, 0, None));
    assert!(is_plan(&world.get("a").await));
    world.tell("a", "meeting_ended", minute(90));
    world.tell("a", "files_ready", minute(91));
    world.clock.set(minute(93));
    world.until_stage("a", "IMPORTING").await;
    until(|| world.acts("a").contains(&provider::Act::Fetch)).await;
    assert!(world.acts("a").contains(&provider::Act::AskPermission), "{:?}", world.acts("a"));
    world.tell("a", "imported", minute(94));
    let over = world.until("a", is_over).await;
    assert_eq!((over.kind(), over.revision), (wire::DecisionKind::Recorded, 2));
    let ended = world.until_stage("a", "ENDED").await;
    assert!(ended.ended_at.is_some());
    assert_eq!(world.orders("a").len(), 1, "sent once");
    // It is final, whatever changes.
    world.alter("a", |meeting| meeting.cancelled = true);
    world.settle().await;
    assert_eq!(world.get("a").await.revision, 2);
}

#[tokio::test]
async fn news_that_come_twice_late_or_in_another_order_lead_to_the_same_end() {
    let told = [
        ("launched", 58),
        ("joining", 58),
        ("in_call", 60),
        ("permission_granted", 60),
        ("recording_started", 60),
        ("removed", 62),
    ];
    let mut ends = Vec::new();
    for way in 0..3 {
        let world = bots(FOLLOWING).await;
        sent(&world, "a").await;
        let mut order: Vec<_> = told.to_vec();
        match way {
            1 => order.reverse(),
            2 => order.extend(told),
            _ => {}
        }
        for (signal, at) in order {
            world.tell("a", signal, minute(at));
        }
        world.until_stage("a", "LEAVING").await;
        world.settle().await;
        world.clock.set(minute(70));
        let over = world.until("a", is_over).await;
        ends.push((over.kind(), code(&over)));
    }
    assert_eq!(ends, [(wire::DecisionKind::Skip, SkipCode::KickedOut); 3]);
}

/// A call whose bot cannot be sent, for its adapter is away.
async fn unsent(world: &World, id: &str) {
    world.peers.make("Dispatch", Mood::Down);
    world.put([linked(id, 60)]);
    world.until(id, is_plan).await;
    world.clock.set(minute(58));
    world.until_stage(id, "STAGED").await;
    // It was tried, and more than once.
    until(|| world.peers.sizes("Dispatch").len() > 1).await;
}

#[tokio::test]
async fn an_adapter_that_is_away_gets_its_orders_when_it_is_back() {
    let world = bots(FOLLOWING).await;
    unsent(&world, "a").await;
    // Whoever answers like that has kept nothing.
    for mood in [Mood::Short, Mood::Long, Mood::Unspecified, Mood::Down] {
        world.peers.make("Dispatch", mood);
        let asked = world.peers.sizes("Dispatch").len();
        until(|| world.peers.sizes("Dispatch").len() > asked + 1).await;
    }
    assert!(world.orders("a").is_empty());
    world.peers.make("Dispatch", Mood::Well);
    until(|| !world.orders("a").is_empty()).await;
    world.settle().await;
    assert_eq!(world.orders("a").len(), 1);
    assert_eq!(world.peers.state().adapters.repeated, 0, "kept once, and not sent again");
}

#[tokio::test]
async fn what_is_taken_back_before_its_adapter_had_it_is_never_sent() {
    let world = bots(FOLLOWING).await;
    unsent(&world, "a").await;
    stop(&world, "a", "ada").await.unwrap();
    world.peers.make("Dispatch", Mood::Well);
    until(|| !world.withdrawn("a").is_empty()).await;
    world.settle().await;
    assert_eq!((world.withdrawn("a"), world.orders("a").len()), (vec![(1, 0)], 0));
}

#[tokio::test]
async fn orders_of_one_session_come_in_their_order() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.peers.make("Instruct", Mood::Down);
    world.tell("a", "in_call", minute(60));
    // Before time passes in which nothing would have been heard of it.
    world.until_stage("a", "IN_CALL_NOT_RECORDING").await;
    world.clock.set(minute(60));
    world.until_stage("a", "ASK_PERMISSION").await;
    until(|| world.peers.sizes("Instruct").len() > 1).await;
    world.tell("a", "permission_granted", minute(60));
    world.until_stage("a", "IN_CALL_NOT_RECORDING").await;
    let asked = world.peers.sizes("Instruct").len();
    until(|| world.peers.sizes("Instruct").len() > asked + 2).await;
    assert!(world.peers.sizes("Instruct").iter().all(|size| *size == 1), "one after the other");
    world.peers.make("Instruct", Mood::Well);
    until(|| world.acts("a").len() > 1).await;
    assert_eq!(world.acts("a"), [provider::Act::AskPermission, provider::Act::StartRecording]);
}

#[tokio::test]
async fn a_recorder_that_gives_no_sign_of_life_is_tried_again_and_ends_in_a_code() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    // A minute for the launch, then half a minute, two and five until the next one.
    for step in 1..40 {
        world.clock.set(minute(58) + TimeDelta::seconds(30 * step));
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        if is_over(&world.get("a").await) {
            break;
        }
    }
    let over = world.until("a", is_over).await;
    assert_eq!(code(&over), SkipCode::TempCannotConnectError);
    let runs: Vec<u32> =
        world.orders("a").iter().map(|order| order.attempt.as_ref().unwrap().run).collect();
    assert_eq!(runs, [0, 1, 2, 3]);
}

#[tokio::test]
async fn an_orchestrator_that_is_started_anew_goes_on_where_it_was() {
    let (_folder, _, following) = durable();
    let world = bots(&following).await;
    sent(&world, "a").await;
    world.tell("a", "launched", minute(58));
    world.until_stage("a", "LAUNCHING").await;
    world.tell("a", "in_call", minute(60));
    let world = world.restart(&following).await;
    world.until_stage("a", "IN_CALL_NOT_RECORDING").await;
    world.clock.set(minute(60));
    world.until_stage("a", "ASK_PERMISSION").await;
    // While it was away.
    world.tell("a", "permission_granted", minute(60));
    world.tell("a", "recording_started", minute(61));
    let world = world.restart(&following).await;
    world.until_stage("a", "RECORDING").await;
    assert_eq!(world.orders("a").len(), 1);
    assert_eq!(world.peers.state().adapters.repeated, 0);
}

#[tokio::test]
async fn two_replicas_carry_a_plan_out_once() {
    let (_folder, _, following) = durable();
    let world = bots(&following).await;
    let other = world.beside(&following).await;
    world.put([("a", "ada"), ("b", "bob"), ("c", "eve")].map(|(id, who)| {
        let mut meeting = linked(id, 60);
        meeting.organizer = Some(person(&format!("{who}@acme.example")));
        meeting
    }));
    for id in ["a", "b", "c"] {
        world.until(id, is_plan).await;
    }
    // While one replica waits for the adapter, the other looks what there is to do.
    world.peers.make("Dispatch", Mood::Late);
    world.clock.set(minute(58));
    for id in ["a", "b", "c"] {
        world.until_stage(id, "STAGED").await;
    }
    until(|| ["a", "b", "c"].iter().all(|id| !world.orders(id).is_empty())).await;
    for id in ["a", "b", "c"] {
        world.tell(id, "in_call", minute(60));
        world.tell(id, "permission_granted", minute(60));
        world.tell(id, "recording_started", minute(61));
    }
    for id in ["a", "b", "c"] {
        world.until_stage(id, "RECORDING").await;
        other.until_stage(id, "RECORDING").await;
        assert_eq!(world.orders(id).len(), 1);
    }
    assert_eq!(world.peers.state().adapters.repeated, 0);
    assert_eq!(world.peers.sizes("Dispatch").iter().sum::<usize>(), 3, "each was sent once");
    other.running.shutdown().await.unwrap();
}

pub(crate) async fn stop(
    world: &World,
    id: &str,
    who: &str,
) -> Result<wire::StopRecordingResponse, tonic::Status> {
    let request = wire::StopRecordingRequest {
        company: "acme".into(),
        call_id: id.into(),
        stopped_by: who.into(),
    };
    Ok(world.client().stop_recording(request).await?.into_inner())
}

pub(crate) async fn delete(
    world: &World,
    id: &str,
    who: &str,
) -> Result<wire::Decision, tonic::Status> {
    let request = wire::DeleteRecordingRequest {
        company: "acme".into(),
        call_id: id.into(),
        deleted_by: who.into(),
    };
    Ok(world.client().delete_recording(request).await?.into_inner().decision.unwrap())
}

#[tokio::test]
async fn a_stop_is_canceled_by_owner_before_the_recording_and_a_stop_after_it_began() {
    for (recording, wanted) in
        [(false, SkipCode::CanceledByOwner), (true, SkipCode::StopUserRequest)]
    {
        let world = bots(FOLLOWING).await;
        sent(&world, "a").await;
        world.tell("a", "in_call", minute(60));
        if recording {
            world.tell("a", "recording_started", minute(60));
        }
        world.until_stage("a", if recording { "RECORDING" } else { "IN_CALL_NOT_RECORDING" }).await;
        world.clock.set(minute(61));
        world.until_stage("a", if recording { "RECORDING" } else { "ASK_PERMISSION" }).await;
        let refused = stop(&world, "a", "bob").await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::PermissionDenied, "ERROR_REASON_NOT_PERMITTED")
        );
        assert!(stop(&world, "a", "kim@customer.example").await.is_err());
        let answer = stop(&world, "a", "ada").await.unwrap();
        let decision = answer.decision.unwrap();
        assert_eq!((code(&decision), decision.cause.as_str()), (wanted, "session"));
        assert_eq!(answer.session.unwrap().stage, "ENDED");
        until(|| !world.withdrawn("a").is_empty()).await;
        assert_eq!(world.withdrawn("a"), [(1, 0)]);
        // Final: neither late news nor another decision reopen it.
        world.tell("a", "recording_started", minute(62));
        world.settle().await;
        assert_eq!(code(&world.decide("a").await), wanted);
        // But a newer request does, while somebody can be sent.
        let again = world.request("a", "eve").await;
        assert!(again.accepted, "{again:?}");
        let planned = again.decision.unwrap();
        assert!(is_plan(&planned), "{planned:#?}");
        let revision = planned.revision;
        world.until_stage("a", "STAGED").await;
        world.settle().await;
        let orders = world.orders("a");
        let newest = orders.last().unwrap().attempt.clone().unwrap();
        assert_eq!((orders.len(), newest.plan_revision, newest.run), (2, revision, 0));
    }
}

#[tokio::test]
async fn a_stop_is_not_asked_back_when_it_is_too_late() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    stop(&world, "a", "ada").await.unwrap();
    world.clock.set(minute(75));
    let late = world.request("a", "eve").await;
    assert!(!late.accepted && late.rejection.contains("last moment"), "{late:?}");
    assert_eq!(code(&world.get("a").await), SkipCode::CanceledByOwner);
}

#[tokio::test]
async fn what_was_recorded_can_be_deleted_and_nothing_else_can() {
    let world = bots(FOLLOWING).await;
    world.put([meeting("b", 600)]);
    world.until("b", is_plan).await;
    let nothing = delete(&world, "b", "ada").await.unwrap_err();
    assert_eq!(nothing.code(), Code::FailedPrecondition);
    sent(&world, "a").await;
    world.tell("a", "recording_started", minute(60));
    world.tell("a", "files_ready", minute(90));
    world.tell("a", "imported", minute(91));
    let recorded = world.until("a", is_over).await;
    world.clock.set(minute(95));
    assert_eq!(recorded.kind(), wire::DecisionKind::Recorded);
    assert!(delete(&world, "a", "bob").await.is_err());
    let deleted = delete(&world, "a", "ada").await.unwrap();
    assert_eq!(code(&deleted), SkipCode::RecordingDeletedByUser);
    until(|| world.acts("a").contains(&provider::Act::Discard)).await;
    assert!(world.acts("a").contains(&provider::Act::Discard));
    // Again it changes nothing.
    assert_eq!(delete(&world, "a", "ada").await.unwrap(), deleted);
}

#[tokio::test]
async fn a_meeting_that_is_cancelled_takes_its_recorder_back() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.alter("a", |meeting| meeting.cancelled = true);
    let skipped = world.until("a", |one| code(one) == SkipCode::Cancelled).await;
    assert_eq!(skipped.cause, "meeting");
    world.until_stage("a", "LEAVING").await;
    world.clock.set(minute(62));
    world.until_stage("a", "ENDED").await;
    world.settle().await;
    assert_eq!(world.withdrawn("a"), [(1, 0)]);
    assert_eq!(world.get("a").await.revision, skipped.revision, "nothing more is to be said");
}

#[tokio::test]
async fn a_meeting_that_is_cancelled_after_its_start_takes_back_who_waits_and_not_who_records() {
    for recording in [false, true] {
        let world = bots(FOLLOWING).await;
        sent(&world, "a").await;
        let (signal, stage) =
            if recording { ("recording_started", "RECORDING") } else { ("in_lobby", "LOBBY") };
        world.tell("a", signal, minute(61));
        world.until_stage("a", stage).await;
        world.clock.set(minute(62));
        world.alter("a", |meeting| meeting.cancelled = true);
        if recording {
            world.settle().await;
            assert!(is_plan(&world.get("a").await));
            world.until_stage("a", "RECORDING").await;
        } else {
            world.until("a", |one| code(one) == SkipCode::Cancelled).await;
            until(|| world.withdrawn("a") == [(1, 0)]).await;
        }
    }
}

#[tokio::test]
async fn a_recording_that_runs_is_finished_before_its_meeting_is_planned_at_another_time() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.tell("a", "recording_started", minute(60));
    world.until_stage("a", "RECORDING").await;
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(600)));
        meeting.end = Some(to_wire(minute(630)));
    });
    world.settle().await;
    assert_eq!((world.get("a").await.revision, world.withdrawn("a").len()), (1, 0));
    world.tell("a", "files_ready", minute(80));
    world.tell("a", "imported", minute(81));
    let recorded = world.until("a", |one| one.revision >= 2).await;
    assert!(recorded.revision > 2 || recorded.kind() == wire::DecisionKind::Recorded);
    let planned = world.until("a", is_plan).await;
    assert_eq!((planned.start, planned.revision), (Some(to_wire(minute(600))), 3));
    let past = world.get_of("acme", "a", 2).await.unwrap();
    assert_eq!(past.kind(), wire::DecisionKind::Recorded);
    let request = wire::ExplainCallRequest { company: "acme".into(), call_id: "a".into() };
    let path = world.client().explain_call(request).await.unwrap().into_inner().path;
    let over = &path[1].sentence;
    assert!(
        over.contains("recorded to its end") && over.contains("came of its recording"),
        "{over}"
    );
}

#[tokio::test]
async fn a_meeting_that_moves_is_carried_out_anew_and_a_new_title_changes_nothing() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.alter("a", |meeting| meeting.title = Some("Renewal, again".into()));
    world.until("a", |one| one.revision == 2).await;
    world.settle().await;
    assert_eq!((world.withdrawn("a").len(), world.orders("a").len()), (0, 1));
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(120)));
        meeting.end = Some(to_wire(minute(150)));
    });
    let moved = world.until("a", |one| one.revision == 3).await;
    assert!(is_plan(&moved) && moved.released_at.is_none(), "{moved:#?}");
    world.clock.set(minute(118));
    until(|| world.orders("a").len() == 2).await;
    assert_eq!(world.withdrawn("a"), [(1, 0)]);
    let newest = world.orders("a").pop().unwrap();
    assert_eq!(newest.attempt.unwrap().plan_revision, 3);
    assert_eq!(newest.start, Some(to_wire(minute(120))));
    world.until_stage("a", "STAGED").await;
    assert!(is_plan(&world.get("a").await), "what came of the first is history");
}

#[tokio::test]
async fn a_call_that_ended_by_no_act_of_anybody_is_planned_anew_when_it_moves() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.tell("a", "denied", minute(60));
    world.until_stage("a", "LEAVING").await;
    world.clock.set(minute(64));
    let over = world.until("a", is_over).await;
    assert_eq!(code(&over), SkipCode::DeniedEntry);
    world.alter("a", |meeting| meeting.title = Some("Renewal, again".into()));
    world.settle().await;
    assert_eq!(world.get("a").await.revision, over.revision, "it is over");
    world.alter("a", |meeting| {
        meeting.start = Some(to_wire(minute(600)));
        meeting.end = Some(to_wire(minute(630)));
    });
    let moved = world.until("a", is_plan).await;
    assert_eq!(moved.start, Some(to_wire(minute(600))));
}

#[tokio::test]
async fn an_attempt_that_its_adapter_has_lost_is_tried_again() {
    let world = bots(FOLLOWING).await;
    sent(&world, "a").await;
    world.peers.change(|state| state.adapters.forgetful = true);
    world.tell("a", "in_call", minute(60));
    world.until_stage("a", "IN_CALL_NOT_RECORDING").await;
    world.clock.set(minute(60));
    world.until_stage("a", "BACKING_OFF").await;
    world.peers.change(|state| state.adapters.forgetful = false);
    world.clock.set(minute(61));
    until(|| world.orders("a").len() == 2).await;
    assert_eq!(world.orders("a")[1].attempt.as_ref().unwrap().run, 1);
}

#[tokio::test]
async fn who_is_there_is_told_by_the_company_and_words_nobody_knows_are_kept() {
    let world = bots(FOLLOWING).await;
    let order = sent(&world, "a").await;
    let someone =
        |address: &str| provider::Person { address: address.into(), ..provider::Person::default() };
    world.tell("a", "recording_started", minute(60));
    world.until_stage("a", "RECORDING").await;
    world.clock.set(minute(61));
    world.peers.change(|state| {
        state.adapters.tell_all(provider::Signal {
            attempt: order.attempt.clone(),
            signal: "roster".into(),
            at: Some(to_wire(minute(60))),
            roster: vec![someone("kim@customer.example")],
            ..provider::Signal::default()
        });
        state.adapters.tell_all(provider::Signal {
            attempt: order.attempt.clone(),
            signal: "levitating".into(),
            at: Some(to_wire(minute(60))),
            ..provider::Signal::default()
        });
    });
    for _ in 0..200 {
        if world.call("a").await.session.is_some_and(|session| !session.raws.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let raws = world.call("a").await.session.unwrap().raws;
    assert_eq!(raws.iter().map(|raw| raw.code.as_str()).collect::<Vec<_>>(), ["levitating"]);
    let request = wire::ExplainCallRequest { company: "acme".into(), call_id: "a".into() };
    let told = world.client().explain_call(request).await.unwrap().into_inner().sentences;
    assert!(
        told.iter().any(|sentence| sentence.contains("zoom-local (local), attempt 1")),
        "{told:?}"
    );
    assert!(told.iter().any(|sentence| sentence.contains("levitating")), "{told:?}");
    assert!(told.iter().any(|sentence| sentence.starts_with("Waits until")), "{told:?}");
    // Others came, and nobody of the company.
    world.tell("a", "meeting_ended", minute(70));
    world.tell("a", "files_ready", minute(70));
    world.clock.set(minute(95));
    world.settle().await;
    world.clock.set(minute(100));
    let over = world.until("a", is_over).await;
    assert_eq!(code(&over), SkipCode::NoCompanyParticipants);
}

#[tokio::test]
async fn an_order_waits_until_a_changed_meeting_is_decided_again() {
    let world = bots(&format!("{FOLLOWING}\n{HASTY}")).await;
    world.peers.make("Dispatch", Mood::Down);
    world.put([linked("a", 60)]);
    world.until("a", is_plan).await;
    world.clock.set(minute(58));
    world.until_stage("a", "STAGED").await;
    // Nobody can decide, so the new link is not judged yet.
    world.peers.make("JudgeMeetings", Mood::Slow);
    world.alter("a", |meeting| meeting.links[0].url = "https://zoom.us/j/a?pwd=newer".into());
    world.peers.make("Dispatch", Mood::Well);
    world.settle().await;
    assert!(world.orders("a").is_empty(), "{:?}", world.orders("a"));
    world.peers.make("JudgeMeetings", Mood::Well);
    until(|| !world.orders("a").is_empty()).await;
    assert_eq!(world.orders("a")[0].join_url, "https://zoom.us/j/a?pwd=newer");
}

#[tokio::test]
async fn facts_of_hosts_that_change_have_their_calls_decided_again() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 600)]);
    world.until("a", is_plan).await;
    world.settle().await;
    world.peers.forget();
    world.peers.change(|state| {
        state.adapters.changed(provider::FactsChanged {
            company: "acme".into(),
            provider: proto::verdict::v1::Provider::Zoom.into(),
            members: vec!["ada".into()],
        });
    });
    for _ in 0..100 {
        if !world.peers.sizes("AssessCalls").is_empty() {
            return;
        }
        world.settle().await;
    }
    panic!("nobody asked the adapter again");
}

#[tokio::test]
async fn the_providers_own_recording_is_set_up_ahead_of_a_bot() {
    let settings = format!("{FOLLOWING}\nsessions.arm_ahead = '30m'");
    let world = World::with(&settings).await;
    world.put([meeting("a", 60)]);
    let planned = world.until("a", is_plan).await;
    assert_eq!(planned.plan.unwrap().dispatch_at, Some(to_wire(minute(30))));
    world.clock.set(minute(30));
    world.until_stage("a", "STAGED").await;
    world.settle().await;
    let order = world.orders("a").pop().unwrap();
    assert_eq!((order.method(), order.join_at), (provider::Method::Native, None));
    assert!(order.join_url.is_empty(), "nobody joins");
    world.tell("a", "armed", minute(30));
    world.until_stage("a", "ARMED").await;
    // The adapter finds out that it cannot: a bot goes, when it is time for one.
    world.tell("a", "native_impossible", minute(40));
    world.until_stage("a", "SCHEDULED").await;
    world.clock.set(minute(58));
    world.until_stage("a", "STAGED").await;
    world.settle().await;
    let order = world.orders("a").pop().unwrap();
    assert_eq!((order.method(), order.attempt.unwrap().run), (provider::Method::Local, 1));
    assert_eq!(world.withdrawn("a"), [(1, 0)]);
}

#[tokio::test]
async fn a_participant_who_refuses_ends_a_recording_that_runs() {
    let world = bots(FOLLOWING).await;
    world.apply({
        let mut file = bot_company();
        file.members[0].consent_profile = Some("eu".into());
        file
    });
    world.put([meeting_with("a", 60, |m| m.links = vec![crate::world::consent_link("zoom:a")])]);
    world.until("a", is_plan).await;
    world.clock.set(minute(58));
    world.until_stage("a", "STAGED").await;
    world.settle().await;
    world.tell("a", "recording_started", minute(60));
    world.until_stage("a", "RECORDING").await;
    world.clock.set(minute(61));
    let key = decision::CallKey { ical_uid: Some("a@mail.example".into()), recurrence_id: None };
    world.peers.change(|state| state.refuse("acme", key));
    let refused = world.until("a", |one| !is_plan(one)).await;
    assert_eq!(code(&refused), SkipCode::ComplianceUserRequest);
    world.until_stage("a", "ENDED").await;
}
