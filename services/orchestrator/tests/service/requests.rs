//! People who ask for a recording, or take it back.

use proto::skip::v1::SkipCode;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tonic::Code;

use crate::state::Mood;
use crate::verify::with_file;
use crate::world::{FOLLOWING, World, code, is_plan, meeting, meeting_with, person, reason};

/// Ada's meeting with Bob, which nobody records unless somebody asks.
async fn internal() -> World {
    let world = World::open().await;
    world.put([meeting_with("a", 60, |meeting| {
        meeting.attendees = vec![person("bob@acme.example")];
    })]);
    assert_eq!(code(&world.decide("a").await), SkipCode::InternalMeetingRecordingDisabled);
    world
}

#[tokio::test]
async fn a_request_of_somebody_who_may_not_is_rejected_and_changes_nothing() {
    let world = internal().await;
    let before = world.get("a").await;
    for (who, why) in [
        ("bob", "permission"),
        ("cy@acme.example", "seat"),
        ("dee", "deactivated"),
        ("kim@customer.example", "not a team member"),
        ("", "not a team member"),
    ] {
        let answer = world.request("a", who).await;
        assert!(!answer.accepted && answer.rejection.contains(why), "{who}: {answer:?}");
        assert_eq!(answer.decision.as_ref(), Some(&before), "{who}");
    }
    // Nor later, when it is decided for another reason.
    assert_eq!(world.decide("a").await, before);
    assert_eq!(world.log("acme", 0).await.len(), 1);
}

#[tokio::test]
async fn a_request_of_somebody_who_may_lifts_what_a_request_lifts() {
    for who in ["ada", "Ada@acme.example", "eve"] {
        let world = internal().await;
        let answer = world.request("a", who).await;
        let decision = answer.decision.unwrap();
        assert!(answer.accepted && answer.rejection.is_empty());
        assert!(is_plan(&decision), "{decision:#?}");
        assert_eq!((decision.cause.as_str(), decision.revision), ("request", 2));
        assert_eq!(decision.lifted[0].code(), SkipCode::InternalMeetingRecordingDisabled);
        assert_eq!(world.get("a").await, decision);
    }
}

#[tokio::test]
async fn what_was_asked_while_it_could_not_be_judged_is_judged_later_by_itself() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting_with("a", 60, |meeting| {
        meeting.attendees = vec![person("bob@acme.example")];
    })]);
    let internal = |one: &_| code(one) == SkipCode::InternalMeetingRecordingDisabled;
    world.until("a", internal).await;
    world.settle().await;
    world.peers.make("ListMeetings", Mood::Down);
    let request = proto::orchestrator::v1::RequestRecordingRequest {
        company: "acme".into(),
        call_id: "a".into(),
        requested_by: "eve".into(),
    };
    let away = world.client().request_recording(request).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable);
    world.settle().await;
    assert!(internal(&world.get("a").await));
    // Nobody asks again.
    world.peers.make("ListMeetings", Mood::Well);
    let plan = world.until("a", is_plan).await;
    assert_eq!(plan.revision, 2);
    world.peers.make("ListMeetings", Mood::Down);
    assert!(world.cancel("a", "eve").await.is_err());
    world.peers.make("ListMeetings", Mood::Well);
    world.until("a", |one| code(one) == SkipCode::CanceledByOwner).await;
}

#[tokio::test]
async fn a_request_that_was_judged_leaves_nothing_to_be_done() {
    let (world, _folder, config) = with_file(FOLLOWING).await;
    let store = storage::connect(&config).await.unwrap();
    world.put([meeting_with("a", 60, |meeting| meeting.links.clear()), meeting("b", 120)]);
    world.until("a", |one| code(one) == SkipCode::NoUrl).await;
    world.until("b", is_plan).await;
    // The second of these changes nothing.
    for _ in 0..2 {
        assert!(world.request("a", "ada").await.accepted);
    }
    world.cancel("b", "ada").await.unwrap();
    let mut left = usize::MAX;
    for _ in 0..100 {
        let query = "SELECT id FROM orchestrator_timer";
        let statement = Statement::from_string(DbBackend::Sqlite, query);
        left = store.reader().query_all_raw(statement).await.unwrap().len();
        if left == 0 {
            break;
        }
        world.settle().await;
    }
    assert_eq!(left, 0);
    assert_eq!(world.get("a").await.revision, 2);
}

#[tokio::test]
async fn a_request_lifts_no_prohibition() {
    let world = World::open().await;
    world.put([meeting_with("a", 60, |meeting| meeting.links.clear())]);
    world.decide("a").await;
    let answer = world.request("a", "ada").await;
    assert!(answer.accepted);
    assert_eq!(code(&answer.decision.unwrap()), SkipCode::NoUrl);
}

#[tokio::test]
async fn a_recording_taken_back_is_not_made_until_somebody_asks_again() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    let canceled = world.cancel("a", "ada").await.unwrap();
    assert_eq!(code(&canceled), SkipCode::CanceledByOwner);
    // Whatever happens to the meeting, it stays so.
    world.alter("a", |meeting| meeting.title = Some("Renewal, again".into()));
    assert_eq!(code(&world.decide("a").await), SkipCode::CanceledByOwner);
    let again = world.request("a", "eve").await;
    assert!(again.accepted && is_plan(&again.decision.unwrap()));
    assert_eq!(code(&world.cancel("a", "ada").await.unwrap()), SkipCode::CanceledByOwner);
}

#[tokio::test]
async fn a_request_before_a_recording_was_taken_back_does_not_bring_it_back() {
    let world = internal().await;
    assert!(world.request("a", "eve").await.accepted);
    assert_eq!(code(&world.cancel("a", "ada").await.unwrap()), SkipCode::CanceledByOwner);
    assert_eq!(code(&world.decide("a").await), SkipCode::CanceledByOwner);
}

#[tokio::test]
async fn only_the_owner_or_somebody_who_may_request_takes_a_recording_back() {
    let world = World::open().await;
    world.put([
        meeting("a", 60),
        meeting_with("b", 120, |meeting| meeting.organizer = Some(person("bob@acme.example"))),
    ]);
    world.decide_all(&["a", "b"]).await;
    for who in ["bob", "cy", "dee", "kim@customer.example", ""] {
        let refused = world.cancel("a", who).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{who}");
        assert_eq!(reason(&refused), "ERROR_REASON_NOT_PERMITTED");
    }
    assert!(is_plan(&world.decide("a").await));
    // Bob may not ask for recordings, and yet this one is his.
    assert_eq!(code(&world.cancel("b", "bob").await.unwrap()), SkipCode::CanceledByOwner);
    assert_eq!(code(&world.cancel("a", "eve").await.unwrap()), SkipCode::CanceledByOwner);
}

#[tokio::test]
async fn nobody_asks_of_a_call_that_does_not_exist() {
    let world = World::open().await;
    let request = proto::orchestrator::v1::RequestRecordingRequest {
        company: "acme".into(),
        call_id: "a".into(),
        requested_by: "ada".into(),
    };
    let refused = world.client().request_recording(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_CALL")
    );
    let refused = world.cancel("a", "ada").await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
