//! Every scenario in every world: each holds, and the worlds agree.
//!
//! `SCENARIO=reading-05` runs only those whose file name contains the text, `WORLD=core` only the worlds whose name does.
#![allow(clippy::print_stdout, reason = "the test tells what it ran")]

use std::collections::{BTreeMap, BTreeSet};

use decision::SkipCode;
use futures::StreamExt as _;
use integration_tests::binaries::Binaries;
use integration_tests::run::{Report, run};
use integration_tests::scenario::{self, Scenario};
use integration_tests::world::{Core, OneProcess, Processes, World};

/// Scenarios that run at once. Mostly they wait; in the world of processes each starts five of them.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_holds_in_every_world_and_the_worlds_agree() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let scenarios: Vec<_> = scenario::all()
        .expect("scenarios")
        .into_iter()
        .filter(|(name, _)| name.contains(&only))
        .collect();
    let binaries = Binaries::find().expect("the services' programs");
    let mut failures = Vec::new();
    let mut raised: BTreeMap<&str, BTreeSet<SkipCode>> = BTreeMap::new();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let running = scenarios.into_iter().map(|(name, scenario)| {
        let binaries = binaries.clone();
        async move {
            let task = async move { (name, in_every_world(&scenario, &binaries).await) };
            tokio::spawn(task).await
        }
    });
    let mut running = futures::stream::iter(running).buffered(AT_ONCE);
    while let Some(one) = running.next().await {
        let (name, reports) = one.expect("a scenario panicked");
        for (world, report) in &reports {
            match report {
                Ok(report) => {
                    *count.entry(world).or_default() += 1;
                    let told = report.told.iter().flatten();
                    let codes = told.filter_map(|told| Some(told.primary.as_ref()?.code));
                    raised.entry(world).or_default().extend(codes);
                    failures.extend(
                        report.wrong.iter().map(|wrong| format!("{name} ({world}): {wrong}")),
                    );
                }
                Err(error) => failures.push(format!("{name} ({world}): {error:#}")),
            }
        }
        failures.extend(disagreements(&name, &reports));
    }
    for (world, count) in &count {
        let codes = &raised[world];
        println!("{world}: {count} scenarios, {} of {} codes", codes.len(), SkipCode::ALL.len());
        if only.is_empty() {
            let never = SkipCode::ALL.iter().filter(|code| !codes.contains(code));
            failures.extend(never.map(|code| format!("{world}: no call ends in {code}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Each code has a scenario of its own, under its name.
#[test]
fn every_code_has_a_scenario_of_its_name_in_which_a_call_ends_in_it() {
    let scenarios: BTreeMap<_, _> = scenario::all().expect("scenarios").into_iter().collect();
    for code in SkipCode::ALL {
        let name = code.as_str().to_lowercase().replace('/', "_");
        let scenario = scenarios.get(&name).unwrap_or_else(|| panic!("there is no {name}.yaml"));
        let is_shown = scenario.codes().any(|shown| shown == *code);
        assert!(is_shown, "{name}.yaml does not expect {code} as a primary code");
    }
}

type Reports = Vec<(&'static str, anyhow::Result<Report>)>;

async fn in_every_world(scenario: &Scenario, binaries: &Binaries) -> Reports {
    let mut reports = Vec::new();
    let only = std::env::var("WORLD").unwrap_or_default();
    if "core".contains(&only) {
        let core: anyhow::Result<Box<dyn World>> = Ok(Box::new(Core::default()));
        reports.push(("core", carry_out(scenario, core).await));
    }
    if "one process".contains(&only) {
        let house = OneProcess::open(scenario).await;
        let house = house.map(|world| Box::new(world) as Box<dyn World>);
        reports.push(("one process", carry_out(scenario, house).await));
    }
    if "processes".contains(&only) {
        let processes = Processes::start(binaries.clone(), scenario).await;
        let processes = processes.map(|world| Box::new(world) as Box<dyn World>);
        reports.push(("processes", carry_out(scenario, processes).await));
    }
    reports
}

async fn carry_out(
    scenario: &Scenario,
    world: anyhow::Result<Box<dyn World>>,
) -> anyhow::Result<Report> {
    let mut world = world?;
    let report = run(scenario, &mut *world).await;
    world.end().await?;
    report
}

/// Where worlds told different things, field by field.
fn disagreements(name: &str, reports: &Reports) -> Vec<String> {
    let told: Vec<_> = reports
        .iter()
        .filter_map(|(world, report)| Some((world, &report.as_ref().ok()?.told)))
        .collect();
    let mut found = Vec::new();
    for pair in told.windows(2) {
        let [(one, first), (two, second)] = pair else { continue };
        let pairs = first.iter().flatten().zip(second.iter().flatten());
        let different: Vec<String> = pairs
            .filter(|(a, b)| a != b)
            .map(|(a, b)| format!("{name}: {one} and {two} differ:\n  {a:?}\n  {b:?}"))
            .collect();
        let counts = |told: &[Vec<_>]| told.iter().map(Vec::len).collect::<Vec<_>>();
        if counts(first) != counts(second) {
            found.push(format!("{name}: {one} and {two} tell of different numbers of calls"));
        }
        found.extend(different);
    }
    found
}
