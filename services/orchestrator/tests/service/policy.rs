//! Policies that change while they are judged by.

use std::collections::BTreeSet;

use proto::skip::v1::SkipCode;

use crate::world::{
    World, acme, acme_with, code, consent_link, enforcing, is_plan, meeting, meeting_with,
};

fn without_zoom() -> decision::CompanyFile {
    acme_with(|file| file.settings.providers.get_mut("zoom").unwrap().enabled = false)
}

#[tokio::test]
async fn a_policy_applied_a_moment_ago_is_never_overlooked() {
    let world = World::open().await;
    let first = world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    assert!(is_plan(&first.decisions[0]));
    world.apply(without_zoom());
    let second = world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    assert_eq!(code(&second.decisions[0]), SkipCode::CallProviderDisabledForCompany);
    assert_eq!((second.policy_version, second.decisions[0].policy_version), (2, 2));
}

#[tokio::test]
async fn a_policy_is_fetched_once_and_again_only_when_it_changed() {
    let world = World::open().await;
    for _ in 0..3 {
        world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    }
    assert_eq!(world.peers.sizes("GetCompany").len(), 1);
    world.apply(without_zoom());
    world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    assert_eq!(world.peers.sizes("GetCompany").len(), 2);
}

#[tokio::test]
async fn a_policy_that_changes_between_question_and_answer_is_judged_by_anew() {
    let world = World::open().await;
    world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    world.peers.when_asked("JudgeMeetings", |state| {
        state.apply(enforcing());
    });
    // Ada's new profile wants a consent link, which only consent can tell.
    let told = world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    assert_eq!(code(&told.decisions[0]), SkipCode::ComplianceEnforcing);
    assert_eq!((told.policy_version, told.decisions[0].policy_version), (2, 2));
}

#[tokio::test]
async fn all_decisions_of_one_answer_carry_one_policy_version() {
    let world = World::with("gather.batch = 2\ngather.parallel = 1").await;
    for _ in 0..3 {
        world.peers.when_asked("JudgeMeetings", |_| {});
    }
    world.peers.when_asked("JudgeMeetings", |state| {
        state.apply(without_zoom());
    });
    let meetings = (0..10).map(|n| meeting(&format!("m{n}"), 60 * (n + 1))).collect();
    let told = world.decide_ad_hoc(meetings).await.unwrap();
    let versions: BTreeSet<u64> = told.decisions.iter().map(|d| d.policy_version).collect();
    assert_eq!(versions, [2].into());
    assert_eq!(told.policy_version, 2);
    assert!(told.decisions.iter().all(|d| code(d) == SkipCode::CallProviderDisabledForCompany));
    assert_eq!(told.decisions.len(), 10);
}

#[tokio::test]
async fn a_policy_that_never_rests_is_no_reason_to_answer_by_two() {
    let world = World::open().await;
    for number in 0..20 {
        world.peers.when_asked("JudgeMeetings", move |state| {
            state.apply(acme_with(|file| file.name = number.to_string()));
        });
    }
    let refused = world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
}

#[tokio::test]
async fn who_does_not_know_a_policy_version_is_told_it_and_asked_again() {
    let world = World::empty("").await;
    world.apply(enforcing());
    let link = |id: &str| consent_link(&format!("zoom:{id}"));
    let meetings = || vec![meeting_with("a", 60, |meeting| meeting.links = vec![link("a")])];
    let told = world.decide_ad_hoc(meetings()).await.unwrap();
    assert!(is_plan(&told.decisions[0]), "{told:#?}");
    assert_eq!(world.peers.sizes("ApplyConsentProfile").len(), 1);
    assert_eq!(world.peers.sizes("ApplyProviderFacts").len(), 1);
    world.decide_ad_hoc(meetings()).await.unwrap();
    assert_eq!(world.peers.sizes("ApplyConsentProfile").len(), 1);
    assert_eq!(world.peers.sizes("ApplyProviderFacts").len(), 1);
    let state = world.peers.state();
    let part = &state.consent[&("acme".to_owned(), 1)];
    assert_eq!((part.host.as_str(), part.profiles.len()), ("consent.acme.example", 1));
    let facts = &state.facts[&("acme".to_owned(), 1)];
    assert_eq!((facts.providers.len(), facts.hosts.len()), (2, acme().members.len()));
}
