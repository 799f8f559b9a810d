//! Calls that cannot both be recorded, across what was decided earlier.

use proto::calendar::v1::Meeting;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;

use crate::world::{World, also, code, is_plan, meeting_with, minute, person, zoom};

/// Received so many minutes ago; the later update wins.
fn received(id: &str, start: i64, ago: i64) -> Meeting {
    meeting_with(id, start, |meeting| meeting.received_at = Some(to_wire(minute(-ago))))
}

#[tokio::test]
async fn a_new_meeting_that_overlaps_loses_to_one_that_was_updated_later() {
    let world = World::open().await;
    world.put([received("a", 60, 100)]);
    assert!(is_plan(&world.decide("a").await));
    world.put([received("b", 75, 200)]);
    let lost = world.decide("b").await;
    assert_eq!(code(&lost), SkipCode::OverlappingMeeting);
    assert!(is_plan(&world.get("a").await));
    assert_eq!(world.get("a").await.revision, 1);
}

#[tokio::test]
async fn a_new_meeting_that_wins_makes_the_other_one_be_decided_again() {
    let world = World::open().await;
    world.put([received("a", 60, 200)]);
    world.decide("a").await;
    world.put([received("b", 75, 100)]);
    let answer = world.decide_all(&["b"]).await;
    assert!(is_plan(&answer.decisions[0]));
    // Only what was asked for is told; both have changed.
    assert_eq!((answer.decided, answer.changed), (1, 2));
    let fell = world.get("a").await;
    assert_eq!(code(&fell), SkipCode::OverlappingMeeting);
    assert_eq!((fell.revision, fell.predecessor), (2, 1));
}

#[tokio::test]
async fn the_same_room_at_the_same_instant_is_a_duplicate_for_another_owner_too() {
    let world = World::open().await;
    world.put([received("a", 60, 100)]);
    world.decide("a").await;
    world.put([meeting_with("b", 60, |meeting| {
        meeting.organizer = Some(person("bob@acme.example"));
        meeting.links = vec![zoom("a")];
    })]);
    assert_eq!(code(&world.decide("b").await), SkipCode::Duplicate);
    world.put([meeting_with("c", 60, |meeting| {
        meeting.organizer = Some(person("bob@acme.example"));
    })]);
    assert!(is_plan(&world.decide("c").await), "another owner in another room");
}

#[tokio::test]
async fn the_loser_is_planned_again_when_the_winner_is_cancelled() {
    let world = World::open().await;
    world.put([received("a", 60, 100), received("b", 75, 200)]);
    world.decide_all(&["a", "b"]).await;
    assert_eq!(code(&world.get("b").await), SkipCode::OverlappingMeeting);
    world.alter("a", |meeting| meeting.cancelled = true);
    world.decide("a").await;
    assert!(is_plan(&world.get("b").await));
    // And it falls again, when the winner is back.
    world.alter("a", |meeting| meeting.cancelled = false);
    world.decide("a").await;
    assert_eq!(code(&world.get("b").await), SkipCode::OverlappingMeeting);
}

#[tokio::test]
async fn the_loser_is_planned_again_when_the_winner_moves_away() {
    let world = World::open().await;
    world.put([received("a", 60, 100), received("b", 75, 200)]);
    world.decide_all(&["a", "b"]).await;
    world.alter("a", |moved| {
        (moved.start, moved.end) = (Some(to_wire(minute(6000))), Some(to_wire(minute(6030))));
    });
    world.decide("a").await;
    assert!(is_plan(&world.get("b").await));
}

#[tokio::test]
async fn a_call_that_becomes_longer_meets_those_it_now_reaches() {
    let world = World::open().await;
    world.put([received("a", 60, 100), received("b", 1200, 200)]);
    world.decide_all(&["a", "b"]).await;
    assert!(is_plan(&world.get("b").await));
    world.alter("a", |meeting| meeting.end = Some(to_wire(minute(1201))));
    world.decide("a").await;
    assert_eq!(code(&world.get("b").await), SkipCode::OverlappingMeeting);
}

#[tokio::test]
async fn conflicts_reach_through_chains_however_long() {
    let world = World::open().await;
    // Each overlaps the next, and each is received later than the one after it: every other one is recorded. They lie
    // so far from each other that no neighbourhood holds them all.
    let count: i64 = 9;
    let link = |n: i64| {
        meeting_with(&format!("m{n}"), 100 + n * 600, |meeting| {
            meeting.end = Some(to_wire(minute(100 + n * 600 + 610)));
            meeting.received_at = Some(to_wire(minute(-100 - n)));
        })
    };
    world.put((0..count).map(link));
    let ids: Vec<String> = (0..count).map(|n| format!("m{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.decide_all(&ids).await;
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(is_plan(&world.get(id).await), n % 2 == 0, "{id}");
    }
    world.alter("m0", |meeting| meeting.cancelled = true);
    let answer = world.decide_all(&["m0"]).await;
    assert_eq!(answer.changed, 9);
    for (n, id) in ids.iter().enumerate().skip(1) {
        assert_eq!(is_plan(&world.get(id).await), n % 2 == 1, "{id}");
    }
}

#[tokio::test]
async fn a_loser_names_the_winner_and_nothing_else() {
    let world = World::open().await;
    world.put([received("a", 60, 100), received("b", 75, 200)]);
    world.decide_all(&["a", "b"]).await;
    let lost = world.get("b").await;
    assert!(also(&lost).is_empty());
    let evidence = &lost.primary.as_ref().unwrap().evidence;
    assert!(evidence.iter().any(|one| matches!(
        &one.kind,
        Some(proto::verdict::v1::evidence::Kind::Call(key))
            if key.ical_uid.as_deref() == Some("a@mail.example")
    )));
}

#[tokio::test]
async fn a_meeting_whose_organizer_asked_for_it_goes_first() {
    let world = World::open().await;
    world.put([received("a", 60, 100), received("b", 75, 200)]);
    world.decide_all(&["a", "b"]).await;
    assert!(world.request("b", "ada").await.accepted);
    assert!(is_plan(&world.get("b").await));
    assert_eq!(code(&world.get("a").await), SkipCode::OverlappingMeeting);
}

#[tokio::test]
async fn meetings_given_with_the_request_meet_only_one_another() {
    let world = World::open().await;
    world.put([received("a", 60, 100)]);
    world.decide("a").await;
    let alone = world.decide_ad_hoc(vec![received("b", 75, 200)]).await.unwrap();
    assert!(is_plan(&alone.decisions[0]));
    let both = vec![received("c", 75, 200), received("d", 75, 100)];
    let both = world.decide_ad_hoc(both).await.unwrap();
    assert_eq!(code(&both.decisions[0]), SkipCode::OverlappingMeeting);
    assert!(is_plan(&both.decisions[1]));
}
