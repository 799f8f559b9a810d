//! Processes killed, or replaced one by one, while plans are being carried out: nobody is sent twice, nothing is forgotten, and
//! everything ends as it would have ended undisturbed.
#![allow(clippy::print_stdout, reason = "a run tells its seed and what came of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use integration_tests::binaries::Binaries;
use servers::Programs;
use tokio::sync::OnceCell;

#[path = "crashes/bots.rs"]
mod bots;
#[path = "crashes/files.rs"]
mod files;
#[path = "crashes/script.rs"]
mod script;
#[path = "crashes/stage.rs"]
mod stage;

use stage::{Ending, Weather};

/// The seed of the kills, which is the same each time.
const SEED: u64 = 404;

static UNDISTURBED: OnceCell<Ending> = OnceCell::const_new();

fn binaries() -> Binaries {
    match std::env::var_os("CALLSHEET_CHAOS_PROGRAMS") {
        Some(folder) => Binaries::of(folder.into()),
        None => Binaries::find().expect("the services' programs"),
    }
}

async fn play(programs: &Programs, weather: Weather) -> Ending {
    let begin = std::time::Instant::now();
    let ending = stage::play(programs, binaries(), weather).await.expect("a play");
    println!(
        "crashes: {weather:?}: {} calls, {} bots, {} steps, {} processes ended, {:?} connections and offers, {:.0?}",
        ending.outcomes.len(),
        ending.sent.len(),
        ending.steps,
        ending.ended,
        ending.counts,
        begin.elapsed()
    );
    assert!(ending.wrong.is_empty(), "{:#?}", ending.wrong);
    ending
}

/// What comes of a call undisturbed, by its name: a code, or what became of its recording.
fn comes_to(name: &str) -> &str {
    let file = files::FILES.iter().find(|(path, _)| *path == name);
    let recording = script::RECORDINGS.iter().find(|(what, _)| name.starts_with(what));
    file.or(recording).map_or(name, |(_, comes_to)| comes_to)
}

async fn undisturbed(programs: &Programs) -> &'static Ending {
    UNDISTURBED
        .get_or_init(|| async {
            let ending = play(programs, Weather::Calm).await;
            for (name, outcome) in &ending.outcomes {
                let said = match &outcome.primary {
                    Some((code, _)) if outcome.decision == "skip" => code.as_str(),
                    Some(_) | None => outcome.decision,
                };
                assert_eq!(said, comes_to(name), "`{name}` ended in {outcome:?}");
            }
            ending
        })
        .await
}

/// Whether it ended as it did undisturbed, with the same bots sent.
fn compare(ending: &Ending, undisturbed: &Ending) {
    let mut differing = Vec::new();
    for (name, expected) in &undisturbed.outcomes {
        let found = ending.outcomes.get(name);
        if found != Some(expected) {
            differing.push(format!("`{name}`: is {found:?}\n  must be {expected:?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(ending.outcomes.len(), undisturbed.outcomes.len());
    assert_eq!(ending.sent, undisturbed.sent, "not the bots that were sent undisturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_in_the_middle_nobody_is_sent_twice_and_nothing_is_forgotten() {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    let undisturbed = undisturbed(&programs).await;
    let seed = std::env::var("CALLSHEET_CHAOS_SEED").ok().filter(|seed| !seed.is_empty());
    let seed = seed.map_or(SEED, |seed| seed.parse().expect("a seed"));
    let ending = play(&programs, Weather::Kills(seed)).await;
    assert!(ending.ended >= 8, "{} processes were killed", ending.ended);
    compare(&ending, undisturbed);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_replaced_one_by_one_send_nobody_twice_and_forget_nothing() {
    let Some(programs) = Programs::for_a_test().expect("the servers' programs") else { return };
    let undisturbed = undisturbed(&programs).await;
    let ending = play(&programs, Weather::Rolling).await;
    assert!(ending.ended >= 4, "{} processes were replaced", ending.ended);
    compare(&ending, undisturbed);
}
