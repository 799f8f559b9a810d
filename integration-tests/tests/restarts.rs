//! What nobody may notice: processes that are ended in order and started again.
#![allow(clippy::print_stdout, reason = "a run tells what came of it")]

use std::path::PathBuf;
use std::time::Duration;

use integration_tests::binaries::Binaries;
use integration_tests::chaos::fleet::Size;
use integration_tests::chaos::reading::Question;
use integration_tests::chaos::{Plan, Weather, run};
use servers::Programs;

/// How often everything is restarted.
const ROUNDS: usize = 2;

/// Three replicas of the orchestrator and two instances of every leaf, each behind what leads connections to whoever takes
/// them.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_everything_under_load_fails_no_call_that_is_repeated_once() {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    let binaries = match std::env::var_os("CALLSHEET_CHAOS_PROGRAMS") {
        Some(folder) => Binaries::of(folder.into()),
        None => Binaries::find().expect("the services' programs"),
    };
    let plan = Plan {
        seed: 11,
        time: Duration::from_secs(5),
        rate: 20,
        meetings: 200,
        weather: Weather::Rolling(ROUNDS),
        size: Size { replicas: 3, instances: 2, lame_duck: Duration::from_millis(200) },
        settling: Duration::from_secs(180),
        sabotage: None,
        logs: std::env::var_os("CALLSHEET_CHAOS_LOGS").map(PathBuf::from),
    };
    let report = run(&plan, &programs, binaries).await.expect("a run");
    println!("{report}");
    assert!(report.wrong.is_empty(), "{} things are wrong, see above", report.wrong.len());
    let rounds = u64::try_from(ROUNDS).expect("few");
    assert_eq!(report.starts, (1 + rounds) * (3 + 4 * 2), "everything was started again");
    assert_eq!(report.answers.len(), Question::ALL.len(), "everybody asked");
    assert!(report.answers.values().all(|told| told.answered > 20), "and was answered");
    assert_eq!(report.degraded, 0, "no decision was made without somebody");
}
