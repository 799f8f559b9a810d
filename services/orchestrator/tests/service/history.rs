//! Codes that depend on what was decided before.

use decision::CompanyFile;
use decision::company::{Capture, InternalMeetings};
use proto::calendar::v1::{LinkKind, Meeting};
use proto::skip::v1::SkipCode;

use crate::state::Mood;
use crate::world::{
    World, acme_with, also, code, is_pending, is_plan, meeting, meeting_with, minute, person, zoom,
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

async fn at(
    world: &World,
    id: &str,
    revision: u64,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<proto::orchestrator::v1::Decision, tonic::Status> {
    let request = proto::orchestrator::v1::GetCallRequest {
        company: "acme".into(),
        call_id: id.into(),
        revision,
        at: Some(proto::time::to_wire(at)),
    };
    Ok(world.client().get_call(request).await?.into_inner().decision.unwrap())
}

#[tokio::test]
async fn a_call_is_told_as_it_was_decided_at_an_instant() {
    let world = planned().await;
    world.clock.set(minute(10));
    world.alter("a", |meeting| meeting.cancelled = true);
    world.decide("a").await;
    world.clock.set(minute(20));
    for (instant, revision) in [(0, 1), (9, 1), (10, 2), (15, 2), (1_000, 2)] {
        let held = at(&world, "a", 0, minute(instant)).await.unwrap();
        assert_eq!(held, world.get_of("acme", "a", revision).await.unwrap(), "minute {instant}");
    }
    let early = at(&world, "a", 0, minute(-1)).await.unwrap_err();
    assert_eq!(early.code(), tonic::Code::NotFound);
    assert!(early.message().contains("no decision at 2026-03-02 09:59:00 UTC yet"), "{early:?}");
    assert!(early.message().contains("first was made at 2026-03-02 10:00:00 UTC"), "{early:?}");
    assert_eq!(at(&world, "b", 0, minute(0)).await.unwrap_err().code(), tonic::Code::NotFound);
    let both = at(&world, "a", 1, minute(0)).await.unwrap_err();
    assert_eq!(
        (both.code(), crate::world::fields(&both)),
        (tonic::Code::InvalidArgument, vec!["at".to_owned()])
    );
}

#[tokio::test]
async fn an_explanation_tells_what_changed_and_by_what_oldest_first() {
    let world = planned().await;
    world.apply(acme_with(|file| {
        file.settings.providers.get_mut("zoom").unwrap().enabled = false;
    }));
    world.decide("a").await;
    world.alter("a", |meeting| meeting.cancelled = true);
    world.decide("a").await;
    let path = explained(&world, "a").await.path;
    let steps: Vec<_> = path
        .iter()
        .map(|step| (step.revision, step.policy_version, step.meeting_revision))
        .collect();
    assert_eq!(steps, [(1, 1, 1), (2, 2, 1), (3, 2, 2)]);
    assert!(path.iter().all(|step| step.cause == "asked" && step.decided_at.is_some()));
    assert!(path[0].sentence.starts_with("First decision: recorded"), "{path:#?}");
    assert!(path[1].sentence.contains("No longer recorded"), "{path:#?}");
    assert!(path[1].sentence.contains("from version 1 to 2"), "{path:#?}");
    assert!(path[2].sentence.contains("the meeting went from revision 1 to 2"), "{path:#?}");
    assert!(!path.iter().any(|step| step.sentence.contains("Renewal")), "{path:#?}");
}

#[tokio::test]
async fn the_path_of_a_restless_call_is_told_from_a_hundred_decisions_back() {
    let world = planned().await;
    for round in 0..110 {
        world.alter("a", |meeting| meeting.cancelled = round % 2 == 0);
        world.decide("a").await;
    }
    let told = explained(&world, "a").await;
    assert_eq!(told.decision.unwrap().revision, 111);
    assert_eq!((told.history.len(), told.path.len()), (100, 100));
    let revisions: Vec<u64> = told.path.iter().map(|step| step.revision).collect();
    assert_eq!(revisions, Vec::from_iter(12..=111));
    // The one before is known, though it is not told.
    assert!(!told.path[0].sentence.starts_with("First"), "{}", told.path[0].sentence);
}

async fn explained(world: &World, id: &str) -> proto::orchestrator::v1::ExplainCallResponse {
    let request =
        proto::orchestrator::v1::ExplainCallRequest { company: "acme".into(), call_id: id.into() };
    world.client().explain_call(request).await.unwrap().into_inner()
}
