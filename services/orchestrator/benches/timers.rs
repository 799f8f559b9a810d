//! Claims of timers with a million armed, beside the plain statement that does the same, in the same run.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use orchestrator::measure::{Armed, Rate};
use storage::testing::{Engine, POSTGRES};

const ARMED: u64 = 1_000_000;
const CLAIMED: u64 = 50_000;

/// What a replica claims at once by default.
const BATCH: u64 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(engine) = Engine::postgres().await else {
        println!("left out: {POSTGRES} is not set");
        return Ok(());
    };
    let armed = Armed::open(&engine.config(), ARMED).await?;
    println!(
        "{ARMED} timers armed; a look that finds nothing to do: {:?}",
        armed.idle(1_000).await?
    );
    for workers in [1, 4] {
        for batch in [100, BATCH] {
            // One after another and then the other way round, so that neither has the better half of the run.
            let mut plain = armed.claim_plainly(CLAIMED / 2, batch, workers).await?;
            let ours = [
                armed.claim(CLAIMED / 2, batch, workers, false).await?,
                armed.claim(CLAIMED / 2, batch, workers, false).await?,
            ];
            let again = armed.claim_plainly(CLAIMED / 2, batch, workers).await?;
            plain = sum([plain, again]);
            let ours = sum(ours);
            let finished = armed.claim(CLAIMED / 2, batch, workers, true).await?;
            println!(
                "{workers} workers, {batch} at once: {:.0} claims/s, plain {:.0}/s, ratio {:.2}; claimed and finished {:.0}/s",
                ours.per_second(),
                plain.per_second(),
                ours.per_second() / plain.per_second(),
                finished.per_second(),
            );
        }
    }
    Ok(())
}

fn sum(rates: [Rate; 2]) -> Rate {
    let [a, b] = rates;
    Rate { claimed: a.claimed + b.claimed, took: a.took + b.took }
}
