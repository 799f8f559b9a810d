//! The service among peers that keep to the contract, and among peers that do not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/adapters.rs"]
mod adapters;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/state.rs"]
mod state;
#[path = "support/world.rs"]
mod world;

#[path = "service/away.rs"]
mod away;
#[path = "service/batches.rs"]
mod batches;
#[path = "service/beyond.rs"]
mod beyond;
#[path = "service/conflicts.rs"]
mod conflicts;
#[path = "service/following.rs"]
mod following;
#[path = "service/history.rs"]
mod history;
#[path = "service/letters.rs"]
mod letters;
#[path = "service/orders.rs"]
mod orders;
#[path = "service/pages.rs"]
mod pages;
#[path = "service/partial.rs"]
mod partial;
#[path = "service/policy.rs"]
mod policy;
#[path = "service/refusals.rs"]
mod refusals;
#[path = "service/refused.rs"]
mod refused;
#[path = "service/register.rs"]
mod register;
#[path = "service/report.rs"]
mod report;
#[path = "service/requests.rs"]
mod requests;
#[path = "service/sessions.rs"]
mod sessions;
#[path = "service/silence.rs"]
mod silence;
#[path = "service/simulate.rs"]
mod simulate;
#[path = "service/stored.rs"]
mod stored;
#[path = "service/storms.rs"]
mod storms;
#[path = "service/sweeping.rs"]
mod sweeping;
#[path = "service/timers.rs"]
mod timers;
#[path = "service/unjudged.rs"]
mod unjudged;
#[path = "service/unserved.rs"]
mod unserved;
#[path = "service/verify.rs"]
mod verify;
