//! Calls whose events came through an address that becomes another company's, or ceases to be.

use decision::CompanyFile;
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;

use crate::world::{FOLLOWING, World, code, is_plan, meeting, meeting_with};

/// A call of acme whose event came through an address.
fn through(id: &str, start: i64, recipient: &str) -> proto::calendar::v1::Meeting {
    meeting_with(id, start, |meeting| meeting.foreign_recipient = recipient.to_owned())
}

/// Another company, which calls these its own.
fn lab(domains: &[&str], assistants: &[&str]) -> CompanyFile {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    CompanyFile {
        domains: owned(domains),
        assistant: owned(assistants),
        ..CompanyFile::named("lab")
    }
}

fn is_foreign(decision: &wire::Decision) -> bool {
    code(decision) == SkipCode::BelongsToAnotherCompany
}

#[tokio::test]
async fn an_address_that_another_company_claims_takes_the_calls_that_came_through_it_and_no_others()
{
    let world = World::with(FOLLOWING).await;
    world.put([
        through("in", 60, "notes@eu.lab.example"),
        through("out", 120, "notes@elsewhere.example"),
        meeting("plain", 180),
    ]);
    for id in ["in", "out", "plain"] {
        world.until(id, is_plan).await;
    }
    world.settle().await;
    world.peers.forget();
    world.apply(lab(&["lab.example"], &[]));
    let taken = world.until("in", is_foreign).await;
    assert_eq!((taken.revision, taken.policy_version), (2, 1));
    world.settle().await;
    let judged: usize = world.peers.sizes("JudgeMeetings").iter().sum();
    assert_eq!(judged, 1, "the others are left alone");
    // And back, when it is given up.
    world.apply(lab(&["lab2.example"], &[]));
    let back = world.until("in", is_plan).await;
    assert_eq!(back.revision, 3);
    assert_eq!(world.get("out").await.revision, 1);
}

#[tokio::test]
async fn an_assistant_that_moves_to_another_company_takes_its_calls_along() {
    let world = World::with(FOLLOWING).await;
    world.put([through("a", 60, "notes@mail.example"), through("b", 120, "minutes@mail.example")]);
    world.until("a", is_plan).await;
    world.until("b", is_plan).await;
    world.settle().await;
    // Claimed and given up and claimed, in versions that nobody has followed yet.
    for claims in [&["notes@mail.example"][..], &[], &["notes@mail.example"]] {
        world.apply(lab(&[], claims));
    }
    world.until("a", is_foreign).await;
    world.settle().await;
    assert_eq!(world.get("b").await.revision, 1);
}

#[tokio::test]
async fn what_changes_nothing_about_whose_addresses_are_concerns_nobody_else() {
    let world = World::with(FOLLOWING).await;
    world.apply(lab(&["lab.example"], &[]));
    world.put([through("a", 60, "notes@lab.example")]);
    world.until("a", is_foreign).await;
    world.settle().await;
    world.peers.forget();
    world.apply(CompanyFile { name: "Laboratory".into(), ..lab(&["lab.example"], &[]) });
    world.settle().await;
    assert!(world.peers.sizes("JudgeMeetings").is_empty());
}
