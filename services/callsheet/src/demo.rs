//! Days of an example company, played through the real services in this process on a simulated clock.
//!
//! Calendars, telephones, bots and hosts are made up from a seed; everything else is what a server does: calendars are
//! ingested, calls are decided, plans are handed to adapters, a fleet of bots takes them over its gRPC stream, and sessions
//! end in recordings or in codes. The clock is moved from one thing that is due to the next, and each time only when all
//! that follows has happened; so the same seed tells the same story on every machine, at every speed.

mod calendar;
mod course;
mod day;
mod fleet;
mod intake;
mod kinds;
mod news;
mod player;
mod random;
mod shelf;
mod timeline;
mod watched;

use std::time::Duration;

use chassis::SimulatedClock;
use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::output::Output;
use crate::{company, house};

use player::Player;
use timeline::Timeline;

/// The company that is played.
const COMPANY: &str = "acme";
/// Its file.
const FILE: &str = include_str!("demo/company.yaml");
/// How long anything may take that the services do at an instant of the simulated clock.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is played, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// What chance follows from.
    pub(crate) seed: u64,
    /// Working days.
    pub(crate) days: u32,
    /// Simulated seconds in a second; as fast as it goes if absent.
    pub(crate) speed: Option<f64>,
}

/// Plays, and prints what happens.
pub(crate) async fn play(settings: Settings, output: Output) -> Result<(), Error> {
    let days = day::days(settings.seed, settings.days);
    let begins = days.first().map_or(DateTime::<Utc>::UNIX_EPOCH, |day| day.read_at);
    let clock = SimulatedClock::at(begins);
    let running = house::simulated(clock.clone()).await?;
    let companies = house::near(&running, "eligibility")?;
    company::apply(companies.clone(), ("company.yaml".to_owned(), FILE.to_owned()), false).await?;
    let zone = company::zone(&company::get(companies, COMPANY).await?);
    let timeline = Timeline::new(output, zone);
    let player = Player::open(&running, clock, settings, timeline).await?;
    player.play(days).await
}
