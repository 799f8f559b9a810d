//! Chaos: a short run with every test, a long one on demand (`cargo xtask chaos`).
#![allow(clippy::print_stdout, reason = "a run tells its seed and what came of it")]

use std::path::PathBuf;
use std::time::Duration;

use integration_tests::binaries::Binaries;
use integration_tests::chaos::fleet::Size;
use integration_tests::chaos::{Plan, Sabotage, Weather, run};
use servers::Programs;

/// The seed of the short run, which is the same each time: every kind of fault comes among the first nine.
const SEED: u64 = 1_438;

fn number(name: &str, otherwise: u64) -> u64 {
    let told = std::env::var(name).ok().filter(|told| !told.is_empty());
    told.map_or(otherwise, |told| told.parse().unwrap_or_else(|_| panic!("{name}: `{told}`")))
}

/// One of each leaf, and nobody who waits for a balancer.
const fn size(replicas: usize) -> Size {
    Size { replicas, instances: 1, lame_duck: Duration::ZERO }
}

async fn carry_out(plan: Plan) {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    let binaries = match std::env::var_os("CALLSHEET_CHAOS_PROGRAMS") {
        Some(folder) => Binaries::of(folder.into()),
        None => Binaries::find().expect("the services' programs"),
    };
    println!("chaos: seed {}", plan.seed);
    let report = run(&plan, &programs, binaries).await.expect("a run");
    println!("{report}");
    assert!(report.wrong.is_empty(), "{} things are wrong, see above", report.wrong.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_with_faults_ends_as_the_core_alone_would_decide() {
    carry_out(Plan {
        seed: number("CALLSHEET_CHAOS_SEED", SEED),
        time: Duration::from_secs(20),
        rate: 20,
        meetings: 120,
        weather: Weather::Faults(25),
        size: size(3),
        settling: Duration::from_secs(180),
        sabotage: None,
        logs: std::env::var_os("CALLSHEET_CHAOS_LOGS").map(PathBuf::from),
    })
    .await;
}

/// `CALLSHEET_CHAOS_MINUTES`, `_SEED`, `_SABOTAGE` and others say what is run; `cargo xtask chaos` sets them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to: cargo xtask chaos"]
async fn a_long_storm() {
    let sabotage = std::env::var("CALLSHEET_CHAOS_SABOTAGE").ok().filter(|name| !name.is_empty());
    let sabotage = sabotage.map(|name| {
        Sabotage::from_name(&name).unwrap_or_else(|| panic!("nothing is called `{name}`"))
    });
    carry_out(Plan {
        seed: number("CALLSHEET_CHAOS_SEED", SEED),
        time: Duration::from_secs(number("CALLSHEET_CHAOS_SECONDS", 300)),
        rate: u32::try_from(number("CALLSHEET_CHAOS_RATE", 30)).expect("a rate"),
        meetings: usize::try_from(number("CALLSHEET_CHAOS_MEETINGS", 3_000)).expect("a count"),
        weather: Weather::Faults(number("CALLSHEET_CHAOS_FAULT_EVERY", 40)),
        size: size(usize::try_from(number("CALLSHEET_CHAOS_REPLICAS", 3)).expect("a count")),
        settling: Duration::from_secs(number("CALLSHEET_CHAOS_SETTLING", 180)),
        sabotage,
        logs: std::env::var_os("CALLSHEET_CHAOS_LOGS").map(PathBuf::from),
    })
    .await;
}
