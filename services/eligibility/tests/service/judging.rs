//! Batches of meetings that are judged.

use proto::eligibility::v1 as wire;
use proto::skip::v1::SkipCode;
use proto::verdict::v1::Outcome;

use crate::world::{ACME, World, outcome, person, question, reason, violations};

#[tokio::test]
async fn a_bad_question_does_not_sink_the_batch() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let bad = wire::MeetingQuestion { start: None, ..question() };
    let worse = wire::MeetingQuestion { conference_provider: 99, ..question() };
    let answer = world.judge("acme", 0, vec![question(), bad, worse, question()]).await.unwrap();
    let outcomes: Vec<_> = answer.verdicts.iter().map(outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Allow, Outcome::Unavailable, Outcome::Unavailable, Outcome::Allow]
    );
    let missing = |i: usize| answer.verdicts[i].verdict.as_ref().unwrap().missing.clone();
    assert_eq!(missing(1), ["meetings.start"]);
    assert_eq!(missing(2), ["meetings.conference_provider"]);
}

#[tokio::test]
async fn a_batch_of_five_thousand_is_judged_and_one_more_is_refused() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let answer = world.judge("acme", 0, vec![question(); 5_000]).await.unwrap();
    assert_eq!(answer.verdicts.len(), 5_000);
    let error = world.judge("acme", 0, vec![question(); 5_001]).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert_eq!(violations(&error)[0].0, "meetings");
}

#[tokio::test]
async fn an_event_that_came_through_another_company_is_not_ours() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let other = "company: other\ndomains: [other.example]\nassistant: [bot@recorders.example]\n";
    world.apply(other).await.unwrap();
    let through = |recipient: &str| wire::MeetingQuestion {
        foreign_recipient: recipient.into(),
        ..question()
    };
    let cases = [
        ("", false),
        ("recorder@acme.example", false),
        ("anybody@eu.acme.example", false),
        ("nobody@nowhere.example", false),
        ("no address", false),
        ("BOT@recorders.example", true),
        ("somebody@recorders.example", false),
        ("kim@sales.other.example", true),
    ];
    let questions = cases.iter().map(|(recipient, _)| through(recipient)).collect();
    let answer = world.judge("acme", 0, questions).await.unwrap();
    for ((recipient, foreign), verdict) in cases.iter().zip(&answer.verdicts) {
        let findings = &verdict.verdict.as_ref().unwrap().findings;
        let codes: Vec<_> = findings.iter().map(proto::verdict::v1::Finding::code).collect();
        let expected: &[SkipCode] =
            if *foreign { &[SkipCode::BelongsToAnotherCompany] } else { &[] };
        assert_eq!(codes, expected, "{recipient}");
    }
}

/// How long the fastest of several batches takes.
async fn fastest(world: &World, company: &str) -> std::time::Duration {
    let questions: Vec<_> = (0..1_000)
        .map(|i| {
            let mut question = question();
            question.title = Some(format!("Renewal of contract {i} with the people of the north"));
            let guest = |j: usize| person(&format!("guest{j}@dept{i}.customer{j}.example"));
            question.attendees = (0..10).map(guest).collect();
            question
        })
        .collect();
    let mut best = std::time::Duration::MAX;
    for _ in 0..7 {
        let started = std::time::Instant::now();
        world.judge(company, 1, questions.clone()).await.unwrap();
        best = best.min(started.elapsed());
    }
    best
}

#[tokio::test]
async fn ten_thousand_exclusions_cost_no_more_per_meeting_than_ten() {
    let world = World::open().await;
    for (company, entries) in [("few", 10), ("many", 10_000)] {
        let list = |of: &dyn Fn(usize) -> String| (0..entries).map(of).collect::<Vec<_>>();
        let file = serde_json::json!({
            "company": company,
            "domains": [format!("{company}.example")],
            "settings": { "exclusions": {
                "domains": list(&|i| format!("excluded{i}.example")),
                "addresses": list(&|i| format!("person{i}@somewhere.example")),
                "keywords": list(&|i| format!("secret project {i}")),
            } },
        });
        assert_eq!(world.apply(&file.to_string()).await.unwrap().policy_version, 1);
    }
    let (few, many) = (fastest(&world, "few").await, fastest(&world, "many").await);
    assert!(many < few * 3, "10 entries: {few:?}, 10,000 entries: {many:?}");
}
