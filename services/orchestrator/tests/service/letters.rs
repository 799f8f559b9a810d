//! Changes that were put aside, and how far calls have been decided again.

use feed::{Feed as _, Notice, TableFeed};
use proto::orchestrator::v1 as wire;
use proto::skip::v1::SkipCode;
use tonic::Code;

use crate::verify::{tamper, with_file};
use crate::world::{FOLLOWING, World, acme_with, code, fields, is_plan, meeting};

fn notice(subject: &str) -> Notice {
    Notice {
        topic: "meetings".into(),
        company: "acme".into(),
        subject: subject.into(),
        revision: 7,
        note: String::new(),
    }
}

async fn list(world: &World, size: u32, token: &str) -> wire::ListDeadLettersResponse {
    let request = wire::ListDeadLettersRequest { page_size: size, page_token: token.into() };
    world.client().list_dead_letters(request).await.unwrap().into_inner()
}

async fn replay(world: &World, ids: &[String]) -> u64 {
    let request = wire::ReplayDeadLettersRequest { ids: ids.to_vec() };
    world.client().replay_dead_letters(request).await.unwrap().into_inner().replayed
}

#[tokio::test]
async fn dead_letters_are_listed_page_by_page_and_worked_on_again() {
    let (world, _folder, config) = with_file("").await;
    assert_eq!(list(&world, 0, "").await, wire::ListDeadLettersResponse::default());
    let store = storage::connect(&config).await.unwrap();
    let feed = TableFeed::new(&store, "orchestrator", &feed::Settings::default());
    let subjects = ["a", "b", "c", "d", "e"];
    for subject in subjects {
        feed.publish(&[notice(subject)]).await.unwrap();
        let taken = feed.next(10, std::time::Duration::from_secs(1)).await.unwrap();
        feed.bury(&taken, "it cannot be read").await.unwrap();
    }
    let (mut letters, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(&world, 2, &token).await;
        letters.extend(page.letters);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(letters.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>(), subjects);
    let first = &letters[0];
    assert_eq!((first.topic.as_str(), first.company.as_str()), ("meetings", "acme"));
    assert_eq!((first.revision, first.attempts), (7, 1));
    assert_eq!(first.reason, "it cannot be read");
    assert!(first.buried_at.is_some());
    // An even page has no other behind it.
    assert_eq!(list(&world, 5, "").await.next_page_token, "");

    assert_eq!(replay(&world, &[letters[1].id.clone(), letters[3].id.clone()]).await, 2);
    let left = list(&world, 0, "").await.letters;
    assert_eq!(left.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>(), ["a", "c", "e"]);
    assert_eq!(feed.depth().await.unwrap().waiting, 2);
    assert_eq!(replay(&world, &[]).await, 3);
    assert!(list(&world, 0, "").await.letters.is_empty());
}

#[tokio::test]
async fn a_change_that_can_never_be_worked_on_takes_no_other_along() {
    let (world, _folder, config) = with_file(FOLLOWING).await;
    let ids = ["a", "b", "c", "d", "e", "f"];
    world.put((60..).step_by(60).zip(ids).map(|(start, id)| meeting(id, start)));
    for id in ids {
        world.until(id, is_plan).await;
    }
    world.settle().await;
    let store = storage::connect(&config).await.unwrap();
    tamper(&store, &["UPDATE orchestrator_call SET decision = x'ff' WHERE call_id = 'b'"]).await;
    // All in one batch.
    world.peers.change(|state| {
        for id in ids {
            let mut changed = state.meeting("acme", id);
            changed.cancelled = true;
            state.put(changed);
        }
    });
    for id in ids.into_iter().filter(|id| *id != "b") {
        world.until(id, |one| code(one) == SkipCode::Cancelled).await;
    }
    let letters = list(&world, 0, "").await.letters;
    // Once more where the sweep has come by since.
    assert!(letters.iter().all(|one| one.subject == "b"), "{letters:#?}");
    assert!(letters[0].reason.contains("cannot be read"), "{}", letters[0].reason);
}

#[tokio::test]
async fn ids_and_tokens_of_no_letter_are_refused() {
    let world = World::open().await;
    let request = wire::ListDeadLettersRequest { page_size: 0, page_token: "no token".into() };
    let refused = world.client().list_dead_letters(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["page_token".into()])
    );
    for ids in [vec!["no id".to_owned()], vec!["1".to_owned(); 1_001]] {
        let refused = world
            .client()
            .replay_dead_letters(wire::ReplayDeadLettersRequest { ids })
            .await
            .unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["ids".into()]));
    }
}

async fn watch(
    world: &World,
    company: &str,
    until_done: bool,
) -> Result<tonic::Streaming<wire::WatchRedecisionsResponse>, tonic::Status> {
    let request = wire::WatchRedecisionsRequest { company: company.into(), until_done };
    Ok(world.client().watch_redecisions(request).await?.into_inner())
}

async fn next(
    stream: &mut tonic::Streaming<wire::WatchRedecisionsResponse>,
) -> Option<wire::WatchRedecisionsResponse> {
    let next = tokio::time::timeout(std::time::Duration::from_secs(10), stream.message());
    next.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_watcher_hears_how_far_calls_have_been_decided_again() {
    let world = World::with(FOLLOWING).await;
    world.put([meeting("a", 60), meeting("b", 120)]);
    world.until("b", is_plan).await;
    world.settle().await;
    let mut all = watch(&world, "", false).await.unwrap();
    assert_eq!(next(&mut all).await.unwrap().policy_version, 1);
    world.apply(acme_with(|file| {
        file.settings.providers.get_mut("zoom").unwrap().enabled = false;
    }));
    let done = loop {
        let progress = next(&mut all).await.unwrap();
        assert_eq!((progress.company.as_str(), progress.policy_version), ("acme", 2));
        if progress.finished_at.is_some() {
            break progress;
        }
    };
    assert_eq!((done.total, done.done, done.changed), (2, 2, 2));
    // One who does not wait is told what is, and no more.
    let mut over = watch(&world, "acme", true).await.unwrap();
    assert_eq!(next(&mut over).await, Some(done));
    assert_eq!(next(&mut over).await, None);
}

#[tokio::test]
async fn redecisions_of_nobody_are_refused_and_of_nothing_are_over_at_once() {
    let world = World::open().await;
    let refused = watch(&world, "nobody", true).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    for company in ["", "acme"] {
        let mut nothing = watch(&world, company, true).await.unwrap();
        assert_eq!(next(&mut nothing).await, None, "{company}");
    }
}
