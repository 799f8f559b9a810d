//! How few questions many meetings make.

use proto::calendar::v1::Meeting;

use crate::world::{
    World, acme_with, consent_link, enforcing, is_plan, meeting, meeting_with, teams,
};

/// So many meetings of Ada, one after the other.
fn many(count: i64, change: impl Fn(&mut Meeting)) -> Vec<Meeting> {
    (0..count).map(|n| meeting_with(&format!("m{n}"), 60 + n * 30, &change)).collect()
}

#[tokio::test]
async fn many_meetings_are_asked_in_few_questions_side_by_side() {
    let world = World::open().await;
    world.decide_ad_hoc(vec![meeting("warm", 60)]).await.unwrap();
    world.peers.forget();
    let told = world.decide_ad_hoc(many(1_200, |_| {})).await.unwrap();
    assert_eq!((told.decided, told.decisions.len()), (1_200, 1_200));
    assert!(told.decisions.iter().all(is_plan));
    let mut sizes = world.peers.sizes("JudgeMeetings");
    sizes.sort_unstable();
    assert_eq!(sizes, [200, 500, 500]);
    assert!(world.peers.side_by_side("JudgeMeetings") > 1);
    // Native, and the bot it falls back to.
    let mut sizes = world.peers.sizes("AssessCalls");
    sizes.sort_unstable();
    assert_eq!(sizes, [400, 1_000, 1_000]);
    assert!(world.peers.sizes("JudgeConsents").is_empty(), "nothing is enforced");
    assert!(world.peers.sizes("ResolveConsentLinks").is_empty(), "there are no consent links");
    assert!(world.peers.sizes("GetCompany").is_empty(), "the policy is known");
}

#[tokio::test]
async fn no_more_batches_are_under_way_than_the_settings_say() {
    let world = World::with("gather.batch = 150\ngather.parallel = 2").await;
    world.decide_ad_hoc(many(900, |_| {})).await.unwrap();
    assert_eq!(world.peers.sizes("JudgeMeetings").len(), 6);
    assert_eq!(world.peers.side_by_side("JudgeMeetings"), 2);
}

#[tokio::test]
async fn consent_is_asked_once_for_each_batch_and_only_about_calls_that_need_it() {
    let world = World::with("gather.batch = 300").await;
    world.apply(enforcing());
    world.decide_ad_hoc(vec![meeting("warm", 60)]).await.unwrap();
    world.peers.forget();
    let mut meetings = many(600, |_| {});
    for (n, one) in meetings.iter_mut().enumerate() {
        if n % 3 == 0 {
            one.organizer = Some(crate::world::person("bob@acme.example"));
        } else {
            one.links =
                vec![consent_link(&format!("zoom:{n}")), consent_link(&format!("zoom:{n}"))];
        }
    }
    let told = world.decide_ad_hoc(meetings).await.unwrap();
    assert!(told.decisions.iter().all(is_plan));
    assert_eq!(world.peers.sizes("ResolveConsentLinks"), [400, 400]);
    assert_eq!(world.peers.sizes("JudgeConsents"), [200, 200]);
}

#[tokio::test]
async fn a_flood_of_links_is_split_and_harms_nobody() {
    let world = World::open().await;
    let mut meetings = many(120, |meeting| {
        meeting.links = (0..200).map(|_| consent_link("nonsense")).collect();
    });
    meetings.push(meeting_with("good", 5, |m| m.links = vec![consent_link("zoom:1")]));
    meetings[120].received_at = meeting("x", -2_000).start;
    let told = world.decide_ad_hoc(meetings).await.unwrap();
    assert!(is_plan(&told.decisions[0]), "{:#?}", told.decisions[0]);
    assert!(world.peers.sizes("ResolveConsentLinks").iter().all(|size| *size <= 20_000));
}

#[tokio::test]
async fn adapters_that_share_a_peer_are_asked_in_one_call() {
    let world = World::open().await;
    world.decide_ad_hoc(vec![meeting("warm", 60)]).await.unwrap();
    world.peers.forget();
    let meetings = vec![
        meeting("a", 60),
        meeting_with("b", 120, |meeting| meeting.links = vec![teams("b")]),
        meeting("c", 180),
    ];
    let told = world.decide_ad_hoc(meetings).await.unwrap();
    assert!(told.decisions.iter().all(is_plan));
    assert_eq!(world.peers.sizes("AssessCalls"), [5]);
}

#[tokio::test]
async fn nobody_is_asked_about_a_provider_that_is_not_used() {
    let world = World::empty("").await;
    world.apply(acme_with(|file| {
        file.settings.providers.get_mut("zoom").unwrap().enabled = false;
    }));
    world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap();
    assert!(world.peers.sizes("AssessCalls").is_empty());
}

#[tokio::test]
async fn a_stored_period_is_fetched_in_pages() {
    let world = World::open().await;
    let count: i64 = 1_200;
    world.put(many(count, |_| {}));
    let request = proto::orchestrator::v1::DecideCallsRequest {
        from: meeting("x", 0).start,
        to: meeting("x", 60 + count * 30).start,
        ..crate::world::stored("acme", &[])
    };
    let told = world.ask(request).await.unwrap();
    assert_eq!((told.decided, told.changed), (1_200, 1_200));
    let mut sizes = world.peers.sizes("JudgeMeetings");
    sizes.sort_unstable();
    assert_eq!(sizes, [200, 500, 500]);
}
