//! Histories that somebody tampered with, each in a way of its own.

use proto::orchestrator::v1 as wire;
use sea_orm::ConnectionTrait as _;
use storage::{Store, StoreConfig};
use tonic::{Code, Status};

use crate::world::{FOLLOWING, World, fields, meeting};

/// A world with a store that a test can look into, and where that is.
pub(crate) async fn with_file(settings: &str) -> (World, tempfile::TempDir, StoreConfig) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("calls.db").display());
    let world = World::with(&format!("store.url = '{url}'\n{settings}")).await;
    (world, folder, StoreConfig::at(url))
}

/// Three calls, of which the second was decided twice: the fourth entry of the history.
async fn decided() -> (World, tempfile::TempDir, Store) {
    let (world, folder, config) = with_file("").await;
    world.put([meeting("a", 60), meeting("b", 120), meeting("c", 180)]);
    for id in ["a", "b", "c"] {
        world.decide(id).await;
    }
    world.alter("b", |meeting| meeting.cancelled = true);
    world.decide("b").await;
    let store = storage::connect(&config).await.unwrap();
    (world, folder, store)
}

async fn ask(
    world: &World,
    change: impl FnOnce(&mut wire::VerifyHistoryRequest),
) -> Result<wire::VerifyHistoryResponse, Status> {
    let mut request = wire::VerifyHistoryRequest { company: "acme".into(), ..Default::default() };
    change(&mut request);
    Ok(world.client().verify_history(request).await?.into_inner())
}

async fn verify(world: &World) -> wire::VerifyHistoryResponse {
    ask(world, |_| {}).await.unwrap()
}

/// The same piece by piece: the last answer, and how many there were.
async fn in_pieces(
    world: &World,
    size: u32,
    change: impl Fn(&mut wire::VerifyHistoryRequest),
) -> (wire::VerifyHistoryResponse, usize) {
    let mut told = wire::VerifyHistoryResponse::default();
    for answers in 1..100 {
        let before = told;
        told = ask(world, |request| {
            change(request);
            request.piece = size;
            request.from_number = before.head_number;
            request.from_hash.clone_from(&before.head_hash);
            request.from_call.clone_from(&before.last_call);
        })
        .await
        .unwrap();
        if !told.more {
            return (told, answers);
        }
        assert!(told.intact && told.total >= told.head_number);
        assert!(told.head_number <= before.head_number + u64::from(size), "{told:?}");
    }
    panic!("it has no end: {told:?}");
}

pub(crate) async fn tamper(store: &Store, statements: &[&str]) {
    store
        .write(|tx| async move {
            for statement in statements {
                let done = tx.execute_unprepared(statement).await.map_err(storage::Error::from)?;
                assert!(done.rows_affected() > 0, "{statement}");
            }
            Ok::<_, storage::Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_history_nobody_touched_is_intact_and_tells_its_head() {
    let (world, _folder, _store) = decided().await;
    let told = verify(&world).await;
    assert!(told.intact, "{}", told.problem);
    assert_eq!((told.decisions, told.head_number, told.head_hash.len()), (4, 4, 64));
    let noted = ask(&world, |request| {
        request.noted_number = told.head_number;
        request.noted_hash = told.head_hash.to_uppercase();
    });
    assert!(noted.await.unwrap().intact);
    // It goes on being the beginning of what comes.
    world.alter("c", |meeting| meeting.cancelled = true);
    world.decide("c").await;
    let noted = ask(&world, |request| {
        request.noted_number = told.head_number;
        request.noted_hash.clone_from(&told.head_hash);
    });
    let noted = noted.await.unwrap();
    assert!(noted.intact && noted.decisions == 5 && noted.head_hash != told.head_hash);
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_is_found_and_named() {
    let cut = "DELETE FROM orchestrator_log WHERE number = 4";
    let cases: [(&str, &[&str], &str, &str, u64); 11] = [
        (
            "a decision changed",
            &["UPDATE orchestrator_decision SET decision = decision || x'5000' \
               WHERE call_id = 'b' AND revision = 1"],
            "number 2 of the history",
            "b",
            1,
        ),
        (
            "a decision missing",
            &["DELETE FROM orchestrator_decision WHERE call_id = 'b' AND revision = 1"],
            "is missing",
            "b",
            1,
        ),
        (
            "a decision and its entry missing",
            &[
                "DELETE FROM orchestrator_decision WHERE call_id = 'c'",
                "DELETE FROM orchestrator_log WHERE call_id = 'c'",
            ],
            "number 3 is missing",
            "",
            0,
        ),
        (
            "the beginning missing",
            &["DELETE FROM orchestrator_log WHERE number = 1"],
            "number 1 is missing",
            "",
            0,
        ),
        (
            "a decision put in",
            &[
                "INSERT INTO orchestrator_decision (company, call_id, revision, decided_at, decision) \
               SELECT company, call_id, 0, decided_at, decision FROM orchestrator_decision \
               WHERE call_id = 'c'",
            ],
            "was put in",
            "c",
            0,
        ),
        (
            "two entries in each other's place",
            &[
                "UPDATE orchestrator_log SET number = -2 WHERE number = 2",
                "UPDATE orchestrator_log SET number = 2 WHERE number = 3",
                "UPDATE orchestrator_log SET number = 3 WHERE number = -2",
            ],
            "is not what was written as number 2",
            "c",
            1,
        ),
        ("an end cut off", &[cut], "went to number 4, and ends at 3", "", 0),
        (
            "another end noted",
            &["UPDATE orchestrator_head SET hash = x'00'"],
            "otherwise than was noted",
            "",
            0,
        ),
        (
            "an end noted too early",
            &["UPDATE orchestrator_head SET number = 3"],
            "otherwise than was noted",
            "",
            0,
        ),
        (
            "a call that holds another decision",
            &[
                "UPDATE orchestrator_call SET decision = (SELECT decision FROM orchestrator_decision \
               WHERE call_id = 'a') WHERE call_id = 'c'",
            ],
            "is held by its call otherwise",
            "c",
            1,
        ),
        (
            "a call that holds an old decision",
            &["UPDATE orchestrator_call SET revision = 1, decision = (SELECT decision \
               FROM orchestrator_decision WHERE call_id = 'b' AND revision = 1) WHERE call_id = 'b'"],
            "is newer than the one its call holds",
            "b",
            2,
        ),
    ];
    for (what, statements, problem, call_id, revision) in cases {
        let (world, _folder, store) = decided().await;
        assert!(verify(&world).await.intact, "{what}");
        tamper(&store, statements).await;
        let told = verify(&world).await;
        assert!(!told.intact, "{what}");
        assert!(told.problem.contains(problem), "{what}: {}", told.problem);
        assert_eq!((told.call_id.as_str(), told.revision), (call_id, revision), "{what}");
        for size in 1..4 {
            let (found, _) = in_pieces(&world, size, |_| {}).await;
            assert!(!found.intact && !found.more, "{what}");
            assert_eq!(found.problem, told.problem, "{what}");
            assert_eq!((found.call_id, found.revision), (told.call_id.clone(), told.revision));
        }
    }
}

#[tokio::test]
async fn a_long_history_is_verified_piece_by_piece() {
    let (world, _folder, store) = decided().await;
    let whole = verify(&world).await;
    assert!(whole.intact && !whole.more && whole.total == 4);
    for (size, answers) in [(1, 8), (2, 4), (3, 3), (4, 2), (5, 1)] {
        let (told, count) = in_pieces(&world, size, |_| {}).await;
        assert!(told.intact, "{}", told.problem);
        assert_eq!((told.decisions, &told.head_hash), (4, &whole.head_hash), "{size}");
        assert_eq!(count, answers, "{size}");
    }
    // What was noted earlier is met on the way, wherever pieces begin.
    for number in 1..=4 {
        let with_note = |hash: String| {
            move |request: &mut wire::VerifyHistoryRequest| {
                request.noted_number = number;
                request.noted_hash.clone_from(&hash);
            }
        };
        let (told, _) = in_pieces(&world, 1, with_note("00".repeat(32))).await;
        assert!(told.problem.contains(&format!("up to number {number}")), "{}", told.problem);
    }
    // Whoever goes on from a place that never was is told so, and so is whoever goes on from one that was and is changed.
    let go_on = async |number, hash: &str| {
        let told = ask(&world, |request| {
            request.from_number = number;
            request.from_hash = hash.to_owned();
        });
        told.await.unwrap()
    };
    assert!(go_on(4, &whole.head_hash).await.intact);
    for number in [2, 4, 5] {
        assert!(!go_on(number, &"00".repeat(32)).await.intact, "{number}");
    }
    tamper(&store, &["UPDATE orchestrator_log SET hash = x'00' WHERE number = 4"]).await;
    assert!(!go_on(3, &whole.head_hash).await.intact);
}

#[tokio::test]
async fn what_was_noted_elsewhere_shows_an_end_that_was_cut_off_and_a_past_that_was_written_anew() {
    let (world, _folder, store) = decided().await;
    let noted = verify(&world).await;
    // Everything that belongs to the end is taken away, and the head is set back to what it was.
    tamper(
        &store,
        &[
            "DELETE FROM orchestrator_log WHERE number = 4",
            "DELETE FROM orchestrator_decision WHERE call_id = 'b' AND revision = 2",
            "UPDATE orchestrator_head SET number = 3, \
             hash = (SELECT hash FROM orchestrator_log WHERE number = 3)",
            "UPDATE orchestrator_call SET revision = 1, decision = (SELECT decision \
             FROM orchestrator_decision WHERE call_id = 'b') WHERE call_id = 'b'",
        ],
    )
    .await;
    assert!(verify(&world).await.intact, "the chain alone does not show it");
    let with_note = async || {
        let told = ask(&world, |request| {
            request.noted_number = noted.head_number;
            request.noted_hash.clone_from(&noted.head_hash);
        });
        told.await.unwrap()
    };
    let told = with_note().await;
    assert!(!told.intact && told.problem.contains("went to number 4"), "{}", told.problem);
    // Something else comes in its place.
    world.alter("a", |meeting| meeting.cancelled = true);
    world.decide("a").await;
    assert!(verify(&world).await.intact);
    let told = with_note().await;
    assert!(!told.intact && told.problem.contains("up to number 4"), "{}", told.problem);
    assert_eq!((told.call_id.as_str(), told.revision), ("a", 2));
}

#[tokio::test]
async fn notes_that_are_none_and_companies_nobody_knows_are_refused() {
    let world = World::open().await;
    let empty = verify(&world).await;
    assert!(empty.intact && empty.head_number == 0 && empty.head_hash.is_empty());
    type Spoil = fn(&mut wire::VerifyHistoryRequest);
    let cases: [(Spoil, &str); 7] = [
        (|request| request.company.clear(), "company"),
        (|request| request.noted_number = 1, "noted_hash"),
        (|request| request.noted_hash = "00".into(), "noted_number"),
        (
            |request| {
                request.noted_number = 1;
                request.noted_hash = "xyz".into();
            },
            "noted_hash",
        ),
        (|request| request.from_number = 1, "from_hash"),
        (|request| request.from_hash = "00".into(), "from_number"),
        (
            |request| {
                request.from_number = 1;
                request.from_hash = "00".into();
            },
            "from_hash",
        ),
    ];
    for (spoil, field) in cases {
        let refused = ask(&world, spoil).await.expect_err(field);
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![field.into()]));
    }
    let refused = ask(&world, |request| request.company = "nobody".into()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn a_history_is_intact_while_it_grows() {
    let world = World::with(FOLLOWING).await;
    for round in 0..10 {
        let first = round * 20;
        world.put((first..first + 20).map(|n| meeting(&format!("m{n}"), 60 + n * 30)));
        for _ in 0..5 {
            let told = verify(&world).await;
            assert!(told.intact, "{}", told.problem);
        }
    }
    world.until("m199", crate::world::is_plan).await;
    assert_eq!(verify(&world).await.decisions, 200);
}
