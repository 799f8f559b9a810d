//! What is looked after again: one company that cannot be decided holds up no other.

use std::time::Duration;

use chrono::TimeDelta;
use decision::CompanyFile;
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::state::Mood;
use crate::timers::renamed;
use crate::verify::{tamper, with_file};
use crate::world::{FOLLOWING, HASTY, World, acme, is_plan, meeting, meeting_with, person};

const WEEK: i64 = 7 * 24 * 60;

fn settings() -> String {
    format!("{FOLLOWING}\n{HASTY}\nfollow.window = '7d'")
}

/// Another company, which comes before acme wherever companies come in order.
pub(crate) fn abel() -> CompanyFile {
    let file = CompanyFile { company: "abel".into(), ..acme() };
    CompanyFile { domains: vec!["other.example".into()], ..renamed(file) }
}

pub(crate) fn of_abel(id: &str, start: i64) -> calendar::Meeting {
    meeting_with(id, start, |meeting| {
        meeting.company = "abel".into();
        meeting.organizer = Some(person("ada@other.example"));
    })
}

pub(crate) async fn until_abel(world: &World, id: &str) -> wire::Decision {
    for _ in 0..400 {
        if let Ok(decision) = world.get_of("abel", id, 0).await
            && is_plan(&decision)
        {
            return decision;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("`{id}` was not planned");
}

#[tokio::test]
async fn a_company_whose_meetings_cannot_be_had_keeps_no_other_out_of_the_window() {
    let world = World::with(&settings()).await;
    world.apply(abel());
    world.put([meeting("near", 60), meeting("far", WEEK + 60)]);
    world.put([of_abel("near", 60), of_abel("far", WEEK + 60)]);
    world.until("near", is_plan).await;
    until_abel(&world, "near").await;
    world.settle().await;
    // It changes as well, so that all that is done about it fails.
    world.peers.state().silent.insert("abel".into());
    world.put([of_abel("new", 120)]);
    world.settle().await;
    world.clock.advance(TimeDelta::minutes(120));
    world.until("far", is_plan).await;
    assert!(world.get_of("abel", "far", 0).await.is_err());
    // The others have gone on, and it is still known from where.
    world.clock.advance(TimeDelta::minutes(10));
    world.settle().await;
    world.peers.state().silent.clear();
    world.clock.advance(TimeDelta::minutes(2));
    until_abel(&world, "far").await;
}

#[tokio::test]
async fn the_log_is_swept_to_its_end_where_meetings_of_a_company_cannot_be_had() {
    let (world, _folder, config) = with_file(&settings()).await;
    world.apply(abel());
    world.settle().await;
    world.peers.state().silent.insert("abel".into());
    world.put([of_abel("theirs", 60)]);
    world.put([meeting("a", 60), meeting("b", 120)]);
    world.until("b", is_plan).await;
    let store = storage::connect(&config).await.unwrap();
    for _ in 0..200 {
        let swept =
            "SELECT 1 FROM orchestrator_progress WHERE name = 'swept meetings' AND position = 3";
        let swept = Statement::from_string(DbBackend::Sqlite, swept);
        if store.reader().query_one_raw(swept).await.unwrap().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("what comes after them is not looked after");
}

#[tokio::test]
async fn a_call_that_cannot_be_read_keeps_no_other_out_of_the_window() {
    let (world, _folder, config) = with_file(&settings()).await;
    world.put([meeting("near", 60), meeting("broken", WEEK + 60), meeting("far", WEEK + 120)]);
    world.until("near", is_plan).await;
    world.settle().await;
    // Somebody asked for it early.
    assert!(is_plan(&world.decide("broken").await));
    let store = storage::connect(&config).await.unwrap();
    tamper(&store, &["UPDATE orchestrator_call SET decision = x'ff' WHERE call_id = 'broken'"])
        .await;
    world.clock.advance(TimeDelta::minutes(180));
    let decided = world.until("far", is_plan).await;
    assert_eq!(decided.cause, "meeting");
}

#[tokio::test]
async fn companies_come_into_the_window_side_by_side_and_not_all_at_once() {
    let world = World::with(&settings()).await;
    for number in 0..12 {
        world.apply(CompanyFile { company: format!("c{number}"), ..abel() });
    }
    world.settle().await;
    world.settle().await;
    world.peers.make("ListMeetings", Mood::Slow);
    world.clock.advance(TimeDelta::minutes(5));
    world.settle().await;
    // One that was given up may be counted for a moment longer.
    let side_by_side = world.peers.side_by_side("ListMeetings");
    assert!((4..=10).contains(&side_by_side), "{side_by_side}");
}
