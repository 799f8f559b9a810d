//! What a link costs: calls over a near link, over a far one, and the parts of a link by themselves.
//!
//! `cargo run --release -p chassis --example overhead`

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::time::{Duration, Instant};

use chassis::{House, Link, metrics};
use tonic::Request;

#[path = "../tests/support/echo.rs"]
mod echo;

use echo::{Ask, ECHO, EchoApp, ask, tell};

const MAX: usize = 1 << 20;

/// The median of several runs, in nanoseconds for each call.
fn median(mut runs: Vec<Duration>, calls: u32) -> u128 {
    runs.sort();
    runs.get(runs.len() / 2).map_or(0, |run| run.as_nanos() / u128::from(calls))
}

async fn calls(link: &Link, calls: u32) -> anyhow::Result<u128> {
    let mut runs = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        for _ in 0..calls {
            let asked = Ask { payload: vec![7; 300], ..ask("echo", 0) };
            tell(link.clone(), ECHO, Request::new(asked), MAX).await?;
        }
        runs.push(begun.elapsed());
    }
    Ok(median(runs, calls))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    static COUNTER: metrics::Counter = metrics::counter("overhead.things");
    let address = "127.0.0.1:0".parse()?;
    let running = House::new().host::<EchoApp>("").listen(address).serve().await?;
    let near = running.link("echo")?;
    let port = running.address().map_or(0, |address| address.port());
    let far = Link::far("echo", &format!("http://127.0.0.1:{port}"), Duration::from_secs(5))?;
    calls(&near, 5_000).await?;
    println!("near call          {:>8} ns", calls(&near, 20_000).await?);
    println!("far call           {:>8} ns", calls(&far, 3_000).await?);
    let count = || {
        let runs = (0..9).map(|_| {
            let begun = Instant::now();
            for _ in 0..100_000 {
                COUNTER.add(1, std::hint::black_box(&[("kind", "dispatch")]));
            }
            begun.elapsed()
        });
        median(runs.collect(), 100_000)
    };
    println!("count, nobody asks {:>8} ns", count());
    metrics::testing::start();
    println!("count, collected   {:>8} ns", count());
    println!("near, collected    {:>8} ns", calls(&near, 20_000).await?);
    println!("far, collected     {:>8} ns", calls(&far, 3_000).await?);
    Ok(())
}
