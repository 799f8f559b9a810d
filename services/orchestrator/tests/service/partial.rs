//! What was decided without the answer of a peer is judged again until everybody has answered.

use chrono::TimeDelta;
use proto::calendar::v1::Meeting;
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use proto::verdict::v1::Warning;

use crate::state::Mood;
use crate::world::{
    FOLLOWING, World, acme_with, also, code, consent_link, enforcing, is_plan, meeting,
    meeting_with, minute,
};

/// Nothing is looked for but what is due, after pauses as they are by default.
const PATIENT: &str = "follow.enabled = true\nfollow.sweep = '1h'\ntimers.poll = '20ms'";

/// A company whose calls need consent, once its policy is known everywhere.
async fn world(settings: &str) -> World {
    let world = World::empty(settings).await;
    world.apply(enforcing());
    world.put([meeting_with("warm", 3000, |meeting| meeting.links = vec![consent_link("zoom:w")])]);
    world.until("warm", is_plan).await;
    world.settle().await;
    world
}

/// A call that was called off, with a plain link where consent is asked for.
fn called_off(id: &str) -> Meeting {
    meeting_with(id, 60, |meeting| meeting.cancelled = true)
}

/// A call that was called off, and to which consent has nothing to say.
fn called_off_with_consent(id: &str) -> Meeting {
    meeting_with(id, 60, |meeting| {
        meeting.cancelled = true;
        meeting.links = vec![consent_link(&format!("zoom:{id}"))];
    })
}

fn is_skip(decision: &wire::Decision) -> bool {
    decision.kind() == wire::DecisionKind::Skip
}

/// Whether anybody has judged anything since it was last forgotten.
fn is_quiet(world: &World) -> bool {
    world.peers.sizes("JudgeMeetings").is_empty()
}

#[tokio::test]
async fn a_skip_decided_while_consent_was_away_learns_what_consent_finds() {
    let world = world(FOLLOWING).await;
    world.peers.make("JudgeConsents", Mood::Down);
    world.put([called_off("a")]);
    let lacking = world.until("a", is_skip).await;
    assert_eq!((code(&lacking), also(&lacking)), (SkipCode::Cancelled, vec![]));
    world.peers.make("JudgeConsents", Mood::Well);
    let whole = world.until("a", |decision| decision.revision == 2).await;
    assert_eq!(code(&whole), SkipCode::Cancelled);
    assert_eq!(also(&whole), [SkipCode::ComplianceEnforcing]);
    assert_eq!(whole.cause, "timer");
    // Now everybody has answered.
    world.settle().await;
    world.peers.forget();
    world.clock.set(minute(30));
    world.settle().await;
    assert!(is_quiet(&world));
}

#[tokio::test]
async fn a_skip_learns_where_consent_links_lead_when_somebody_tells_again() {
    let world = world(FOLLOWING).await;
    world.peers.make("ResolveConsentLinks", Mood::Down);
    world.put([called_off_with_consent("a")]);
    let lacking = world.until("a", is_skip).await;
    assert_eq!(lacking.conference, None);
    world.peers.make("ResolveConsentLinks", Mood::Well);
    let whole = world.until("a", |decision| decision.revision == 2).await;
    assert_eq!((code(&whole), also(&whole)), (SkipCode::Cancelled, vec![]));
    assert!(whole.conference.is_some());
}

#[tokio::test]
async fn a_plan_made_without_the_adapters_loses_its_warning_when_they_are_back() {
    let world = World::with(FOLLOWING).await;
    world.peers.make("AssessCalls", Mood::Down);
    world.put([meeting("a", 60)]);
    let unchecked = world.until("a", is_plan).await;
    assert_eq!(unchecked.warnings, [i32::from(Warning::ProviderCheckUnavailable)]);
    world.peers.make("AssessCalls", Mood::Well);
    let checked = world.until("a", |decision| decision.revision == 2).await;
    assert!(is_plan(&checked));
    assert!(checked.warnings.is_empty(), "{checked:#?}");
}

#[tokio::test]
async fn a_skip_that_stays_as_it_is_is_judged_again_if_an_answer_was_missing_this_time() {
    let world = world(FOLLOWING).await;
    world.put([called_off_with_consent("a")]);
    let whole = world.until("a", is_skip).await;
    world.peers.make("JudgeConsents", Mood::Down);
    let stricter = acme_with(|file| {
        *file = enforcing();
        let profile = file.consent.profiles.get_mut("eu").unwrap();
        profile.links = [("zoom".to_owned(), decision::company::LinkType::Dynamic)].into();
    });
    world.apply(stricter);
    world.settle().await;
    assert_eq!(world.get("a").await, whole);
    world.peers.make("JudgeConsents", Mood::Well);
    let again = world.until("a", |decision| decision.revision == 2).await;
    assert_eq!(
        (code(&again), also(&again)),
        (SkipCode::Cancelled, vec![SkipCode::ComplianceEnforcing])
    );
}

#[tokio::test]
async fn nobody_is_asked_again_after_everybody_has_answered_whoever_asked_them() {
    let world = world(PATIENT).await;
    world.peers.make("JudgeConsents", Mood::Down);
    world.put([called_off_with_consent("a")]);
    let lacking = world.until("a", is_skip).await;
    world.peers.make("JudgeConsents", Mood::Well);
    assert_eq!(world.decide("a").await, lacking);
    world.peers.forget();
    world.clock.advance(TimeDelta::seconds(6));
    world.settle().await;
    assert!(is_quiet(&world));
}

#[tokio::test]
async fn what_lacks_an_answer_is_tried_less_and_less_often_and_not_after_its_deadline() {
    let world = world(PATIENT).await;
    world.peers.make("JudgeConsents", Mood::Down);
    world.put([called_off("a")]);
    world.until("a", is_skip).await;
    world.settle().await;
    for (pause, is_tried) in [(4, false), (1, true), (9, false), (1, true), (19, false), (1, true)]
    {
        world.peers.forget();
        world.clock.advance(TimeDelta::seconds(pause));
        world.settle().await;
        assert_eq!(!is_quiet(&world), is_tried, "after {pause} s");
    }
    // Once more at the last instant to decide it.
    for (at, is_tried) in [(57, true), (58, true), (59, false), (70, false)] {
        world.peers.forget();
        world.clock.set(minute(at));
        world.settle().await;
        assert_eq!(!is_quiet(&world), is_tried, "at minute {at}");
    }
    world.peers.make("JudgeConsents", Mood::Well);
    let stands = world.get("a").await;
    assert_eq!((stands.revision, code(&stands)), (1, SkipCode::Cancelled));
}
