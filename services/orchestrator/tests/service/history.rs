//! Codes that depend on what was decided before.

use decision::CompanyFile;
use decision::company::{Capture, InternalMeetings};
use proto::calendar::v1::{LinkKind, Meeting};
use proto::skip::v1::SkipCode;

use crate::state::Mood;
use crate::world::{
    World, acme_with, also, code, is_pending, is_plan, meeting, meeting_with, person, zoom,
};

/// A call with a plan.
async fn planned() -> World {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    assert!(is_plan(&world.decide("a").await));
    world
}

fn no_valid_link(meeting: &mut Meeting) {
    meeting.links[0].kind = LinkKind::NoMeetingId.into();
}

#[tokio::test]
async fn a_plan_that_falls_by_its_meeting_has_the_code_of_calls_and_the_twin_beside_it() {
    type Alter = fn(&mut Meeting);
    let cases: [(Alter, SkipCode, SkipCode); 3] = [
        (
            |m| m.title = Some("Secret plan".into()),
            SkipCode::CallBlocklisted,
            SkipCode::EventBlocklisted,
        ),
        (
            |m| m.attendees = vec![person("bob@acme.example")],
            SkipCode::InternalMeeting,
            SkipCode::InternalMeetingRecordingDisabled,
        ),
        (no_valid_link, SkipCode::InvalidMeetingUrl, SkipCode::NoValidUrls),
    ];
    let secret = acme_with(|file| file.settings.exclusions.keywords = vec!["secret".into()]);
    for (alter, after_a_plan, without) in cases {
        let world = World::empty("").await;
        world.apply(secret.clone());
        world.put([meeting("a", 60), meeting_with("b", 120, alter)]);
        world.decide_all(&["a", "b"]).await;
        world.alter("a", alter);
        let fell = world.decide("a").await;
        assert_eq!((code(&fell), fell.related_code()), (after_a_plan, without));
        // What never had a plan has the code of meetings.
        let never = world.get("b").await;
        assert_eq!((code(&never), never.related_code()), (without, SkipCode::Unspecified));
    }
}

#[tokio::test]
async fn a_plan_that_falls_by_a_setting_says_so_beside_its_code() {
    type Change = fn(&mut CompanyFile);
    let cases: [(Change, SkipCode); 2] = [
        (
            |file| file.settings.exclusions.keywords = vec!["renewal".into()],
            SkipCode::CallBlocklisted,
        ),
        (
            |file| file.settings.providers.get_mut("zoom").unwrap().enabled = false,
            SkipCode::CallProviderDisabledForCompany,
        ),
    ];
    for (change, expected) in cases {
        let world = planned().await;
        world.apply(acme_with(change));
        let fell = world.decide("a").await;
        assert_eq!(code(&fell), expected);
        assert_eq!(fell.related_code(), SkipCode::InvalidatingByCompanySettings);
        // And it goes on to say so while nothing else changes.
        assert_eq!(world.decide("a").await, fell);
        assert_eq!(world.log("acme", 0).await.len(), 2);
    }
}

#[tokio::test]
async fn a_plan_that_falls_by_its_meeting_although_a_setting_changed_too_does_not_blame_it() {
    let world = planned().await;
    world.apply(acme_with(|file| file.name = "Acme".into()));
    world.alter("a", no_valid_link);
    let fell = world.decide("a").await;
    assert_eq!(
        (code(&fell), fell.related_code()),
        (SkipCode::InvalidMeetingUrl, SkipCode::NoValidUrls)
    );
}

#[tokio::test]
async fn a_call_that_waited_and_falls_by_a_setting_has_that_as_its_code_and_the_cause_beside_it() {
    let world = planned().await;
    world.peers.make("JudgeMeetings", Mood::Down);
    world.put([meeting("b", 120)]);
    assert!(is_pending(&world.decide("b").await));
    world.peers.make("JudgeMeetings", Mood::Well);
    world.apply(acme_with(|file| {
        file.settings.exclusions.keywords = vec!["renewal".into()];
    }));
    let fell = world.decide("b").await;
    assert_eq!(code(&fell), SkipCode::InvalidatingByCompanySettings);
    assert_eq!(also(&fell), [SkipCode::EventBlocklisted]);
    // It stays so while nothing else changes, and is told without what is excluded.
    assert_eq!(world.decide("b").await, fell);
    assert_eq!(fell.title, None);
    // When something does, the cause stands alone.
    world.alter("b", |meeting| meeting.attendees = vec![person("bob@acme.example")]);
    let other = world.decide("b").await;
    assert_eq!(code(&other), SkipCode::EventBlocklisted);
    assert_eq!(also(&other), [SkipCode::InternalMeetingRecordingDisabled]);
}

#[tokio::test]
async fn an_owner_who_is_switched_off_or_leaves_after_planning_is_told_as_such() {
    let world = planned().await;
    world.apply(acme_with(|file| file.members[0].capture = Capture::Disabled));
    let off = world.decide("a").await;
    assert_eq!(code(&off), SkipCode::UserRecordingOff);
    assert_ne!(off.related_code(), SkipCode::InvalidatingByCompanySettings);
    world.apply(acme_with(|file| file.members[0].active = false));
    let gone = world.decide("a").await;
    assert_eq!(code(&gone), SkipCode::RemovedByUserDeactivated);
    // A call that is planned for the first time knows nothing of the kind.
    world.apply(acme_with(|file| file.members[0].capture = Capture::Disabled));
    world.put([meeting("b", 120)]);
    assert_eq!(code(&world.decide("b").await), SkipCode::NoOwner);
}

#[tokio::test]
async fn a_plan_that_had_fallen_and_stands_again_remembers_that_there_was_one() {
    let world = planned().await;
    world.alter("a", |meeting| meeting.cancelled = true);
    assert_eq!(code(&world.decide("a").await), SkipCode::Cancelled);
    world.alter("a", |meeting| {
        meeting.cancelled = false;
        no_valid_link(meeting);
    });
    assert_eq!(code(&world.decide("a").await), SkipCode::InvalidMeetingUrl);
    world.alter("a", |meeting| meeting.links = vec![zoom("a")]);
    let again = world.decide("a").await;
    assert!(is_plan(&again) && again.revision == 4);
}

#[tokio::test]
async fn a_call_lost_to_a_conflict_never_had_a_plan() {
    let world = World::open().await;
    world.put([meeting("a", 60), meeting("b", 75)]);
    world.decide_all(&["a", "b"]).await;
    assert_eq!(code(&world.get("b").await), SkipCode::OverlappingMeeting);
    world.alter("b", no_valid_link);
    assert_eq!(code(&world.decide("b").await), SkipCode::NoValidUrls);
}

#[tokio::test]
async fn an_internal_meeting_that_is_recorded_is_one_again_when_the_setting_goes_back() {
    let world = World::empty("").await;
    let record = |how| acme_with(|file| file.settings.recording.internal_meetings = how);
    world.apply(record(InternalMeetings::Record));
    world.put([meeting_with("a", 60, |m| m.attendees = vec![person("bob@acme.example")])]);
    assert!(is_plan(&world.decide("a").await));
    world.apply(record(InternalMeetings::Skip));
    let fell = world.decide("a").await;
    assert_eq!(code(&fell), SkipCode::InternalMeeting);
    assert_eq!(fell.related_code(), SkipCode::InvalidatingByCompanySettings);
}

#[tokio::test]
async fn an_explanation_comes_with_the_decisions_before_newest_first() {
    let world = planned().await;
    world.alter("a", |meeting| meeting.cancelled = true);
    world.decide("a").await;
    world.alter("a", |meeting| meeting.cancelled = false);
    let holds = world.decide("a").await;
    let request =
        proto::orchestrator::v1::ExplainCallRequest { company: "acme".into(), call_id: "a".into() };
    let told = world.client().explain_call(request).await.unwrap().into_inner();
    assert_eq!(told.sentences.join("\n"), holds.explanation);
    assert!(!told.sentences.is_empty());
    assert_eq!(told.decision, Some(holds));
    let revisions: Vec<u64> = told.history.iter().map(|earlier| earlier.revision).collect();
    assert_eq!(revisions, [2, 1]);
    assert_eq!(told.history[0], world.get_of("acme", "a", 2).await.unwrap());
}
