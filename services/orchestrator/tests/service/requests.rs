//! People who ask for a recording, or take it back.

use proto::skip::v1::SkipCode;
use tonic::Code;

use crate::world::{World, code, is_plan, meeting, meeting_with, person, reason};

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
