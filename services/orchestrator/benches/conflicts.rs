//! A new meeting on a day with 10,000 plans of its company: looking for conflicts, settling and writing it, beside one row.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Duration;

use orchestrator::measure::Crowd;
use storage::testing::{Engine, POSTGRES};

const PLANS: u32 = 10_000;
const NEW: u32 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(engine) = Engine::postgres().await else {
        println!("left out: {POSTGRES} is not set");
        return Ok(());
    };
    let crowd = Crowd::open(&engine.config(), PLANS).await?;
    // The first ones meet cold caches.
    crowd.add(PLANS, 50).await?;
    let check = crowd.check(PLANS + 50, NEW).await?;
    let ours = crowd.add(PLANS + 50, NEW).await?;
    let plain = crowd.add_plainly(NEW).await?;
    let at = |sorted: &[Duration], percent: usize| {
        sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
    };
    for percent in [50, 99] {
        let (check, ours, plain) = (at(&check, percent), at(&ours, percent), at(&plain, percent));
        println!(
            "{PLANS} plans on the day, p{percent}: a new meeting that overlaps is checked in {check:.2?}, checked and written in \
             {ours:.2?}; one plain row {plain:.2?}, ratio {:.1}",
            ours.as_secs_f64() / plain.as_secs_f64()
        );
    }
    Ok(())
}
