//! Peers that do not answer, or answer nonsense.

use decision::CompanyFile;
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use proto::verdict::v1::Warning;

use crate::state::Mood;
use crate::world::{
    HASTY, World, acme, acme_with, code, consent_link, enforcing, is_pending, is_plan, meeting,
    meeting_with, minute, teams,
};

/// A company that has judged once, so that its policy and all parts of it are known everywhere.
async fn warm(settings: &str, file: CompanyFile) -> World {
    let world = World::empty(settings).await;
    world.apply(file);
    world.decide_ad_hoc(vec![consented("warm", 3000), meeting("warm too", 4000)]).await.unwrap();
    world
}

fn consented(id: &str, start: i64) -> proto::calendar::v1::Meeting {
    meeting_with(id, start, |meeting| meeting.links = vec![consent_link(&format!("zoom:{id}"))])
}

fn has(decision: &wire::Decision, warning: Warning) -> bool {
    decision.warnings.contains(&warning.into())
}

#[tokio::test]
async fn enforced_consent_that_is_silent_makes_a_call_wait_and_then_fails_closed() {
    for mood in [Mood::Down, Mood::Slow] {
        let world = warm(HASTY, enforcing()).await;
        world.peers.make("JudgeConsents", mood);
        world.put([consented("a", 60)]);
        let waiting = world.decide("a").await;
        assert!(is_pending(&waiting), "{mood:?}: {waiting:#?}");
        // Bots leave two minutes before the start.
        assert_eq!(waiting.decide_by, Some(proto::time::to_wire(minute(58))));
        assert_eq!(waiting.missing, ["consent"]);
        world.clock.set(minute(58));
        let closed = world.decide("a").await;
        assert_eq!(code(&closed), SkipCode::ComplianceSystemDecision);
        assert_eq!((closed.revision, closed.predecessor), (2, 1));
    }
}

#[tokio::test]
async fn consent_that_answers_in_time_makes_a_plan_of_a_call_that_waited() {
    let world = warm(HASTY, enforcing()).await;
    world.peers.make("JudgeConsents", Mood::Down);
    world.put([consented("a", 60)]);
    assert!(is_pending(&world.decide("a").await));
    world.peers.make("JudgeConsents", Mood::Well);
    let plan = world.decide("a").await;
    assert!(is_plan(&plan), "{plan:#?}");
    assert!(plan.plan.unwrap().consent_verified);
}

#[tokio::test]
async fn a_participant_who_refuses_is_heard() {
    let world = warm("", enforcing()).await;
    world.put([consented("a", 60)]);
    assert!(is_plan(&world.decide("a").await));
    let key = decision::CallKey { ical_uid: Some("a@mail.example".into()), recurrence_id: None };
    world.peers.change(|state| state.refused.insert(key));
    assert_eq!(code(&world.decide("a").await), SkipCode::ComplianceUserRequest);
}

#[tokio::test]
async fn where_consent_is_not_enforced_it_may_be_down() {
    let world = warm(HASTY, acme()).await;
    for method in ["JudgeConsents", "ResolveConsentLinks", "ApplyConsentProfile"] {
        world.peers.make(method, Mood::Down);
    }
    world.peers.forget();
    world.put([meeting("a", 60)]);
    assert!(is_plan(&world.decide("a").await));
    assert!(world.peers.sizes("JudgeConsents").is_empty());
}

#[tokio::test]
async fn consent_links_that_nobody_resolves_make_a_call_wait() {
    for mood in [Mood::Down, Mood::Slow, Mood::Short, Mood::Long] {
        let world = warm(HASTY, enforcing()).await;
        world.peers.make("ResolveConsentLinks", mood);
        world.put([consented("a", 60)]);
        let waiting = world.decide("a").await;
        assert!(is_pending(&waiting), "{mood:?}: {waiting:#?}");
        world.clock.set(minute(59));
        assert_eq!(code(&world.decide("a").await), SkipCode::ComplianceSystemDecision);
    }
}

#[tokio::test]
async fn eligibility_that_is_silent_makes_a_call_wait_and_then_nobody_knows() {
    for mood in [Mood::Down, Mood::Slow] {
        let world = warm(HASTY, acme()).await;
        world.peers.make("JudgeMeetings", mood);
        world.put([meeting("a", 60)]);
        let waiting = world.decide("a").await;
        assert!(is_pending(&waiting), "{mood:?}");
        assert_eq!(waiting.missing, ["eligibility"]);
        world.clock.set(minute(58));
        assert_eq!(code(&world.decide("a").await), SkipCode::UnknownState);
    }
}

#[tokio::test]
async fn an_adapter_that_is_silent_costs_a_warning() {
    for mood in [Mood::Down, Mood::Slow] {
        let world = warm(HASTY, acme()).await;
        world.peers.make("AssessCalls", mood);
        world.put([meeting("a", 60), meeting_with("b", 120, |m| m.links = vec![teams("b")])]);
        for decision in world.decide_all(&["a", "b"]).await.decisions {
            assert!(is_plan(&decision), "{mood:?}");
            assert!(has(&decision, Warning::ProviderCheckUnavailable), "{mood:?}");
        }
    }
}

#[tokio::test]
async fn adapters_that_answer_too_few_or_too_many_have_said_nothing() {
    // Ada's licence is gone, so native recording is impossible, and whoever got another's answer would show it.
    let file = acme_with(|file| file.members[0].zoom.licensed = Some(false));
    for mood in [Mood::Short, Mood::Long] {
        let world = warm("", file.clone()).await;
        world.peers.make("AssessCalls", mood);
        world.put([meeting("a", 60), meeting_with("b", 120, |m| m.links = vec![teams("b")])]);
        for decision in world.decide_all(&["a", "b"]).await.decisions {
            assert!(is_plan(&decision), "{mood:?}");
            assert_eq!(
                decision.warnings,
                [i32::from(Warning::ProviderCheckUnavailable)],
                "{mood:?} {}",
                decision.call_id
            );
        }
    }
}

#[tokio::test]
async fn an_adapter_that_answers_without_an_outcome_has_said_nothing() {
    let world = warm("", acme()).await;
    world.peers.make("AssessCalls", Mood::Unspecified);
    world.put([meeting_with("b", 120, |m| m.links = vec![teams("b")])]);
    let decision = world.decide("b").await;
    assert!(is_plan(&decision));
    assert!(has(&decision, Warning::ProviderCheckUnavailable), "{decision:#?}");
}

#[tokio::test]
async fn answers_that_cannot_be_told_apart_or_say_nothing_never_make_a_plan() {
    for method in ["JudgeMeetings", "JudgeConsents", "ResolveConsentLinks"] {
        for mood in [Mood::Short, Mood::Long, Mood::Unspecified] {
            let world = warm("", enforcing()).await;
            world.peers.make(method, mood);
            world.put([consented("a", 60), consented("b", 120)]);
            for decision in world.decide_all(&["a", "b"]).await.decisions {
                assert!(!is_plan(&decision), "{method} {mood:?}: {decision:#?}");
            }
            world.clock.set(minute(130));
            for decision in world.decide_all(&["a", "b"]).await.decisions {
                assert_eq!(decision.kind(), wire::DecisionKind::Skip, "{method} {mood:?}");
            }
        }
    }
}

#[tokio::test]
async fn consent_judged_by_another_profile_than_the_owners_is_no_consent() {
    // Eligibility names an owner whose profile enforces consent, and consent was not asked about it.
    let file = acme_with(|file| file.members[1].consent_profile = Some("eu".into()));
    let world = warm("", file).await;
    world.peers.change(|state| state.told_owner = Some("bob".into()));
    world.put([meeting("a", 60)]);
    let decision = world.decide("a").await;
    assert!(!is_plan(&decision), "{decision:#?}");
}

#[tokio::test]
async fn a_call_that_is_skipped_anyway_does_not_wait_for_consent() {
    let world = warm("", enforcing()).await;
    world.peers.make("JudgeConsents", Mood::Down);
    world.put([meeting_with("a", 60, |meeting| meeting.cancelled = true)]);
    assert_eq!(code(&world.decide("a").await), SkipCode::Cancelled);
}

#[tokio::test]
async fn a_keeper_of_companies_that_is_slow_is_not_waited_for_longer_than_others() {
    let world = World::with(HASTY).await;
    world.peers.make("GetCompany", Mood::Slow);
    let asked = world.decide_ad_hoc(vec![meeting("a", 60)]);
    let answer = tokio::time::timeout(std::time::Duration::from_secs(5), asked).await;
    let refused = answer.expect("an answer in time").unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert_eq!(crate::world::reason(&refused), "ERROR_REASON_PEER_UNAVAILABLE");
}

#[tokio::test]
async fn no_calendar_means_no_answer_but_says_so() {
    let world = World::open().await;
    world.peers.make("ListMeetings", Mood::Down);
    let refused = world.ask(crate::world::stored("acme", &["a"])).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert_eq!(crate::world::reason(&refused), "ERROR_REASON_PEER_UNAVAILABLE");
}
