//! The whole policy of Callsheet: facts in, a decision with its reasons out.
//!
//! Nothing here reads a clock, a file, a socket or a random number; the same input gives the same
//! decision, byte for byte. A decision is made in three steps:
//!
//! 1. The judges ([`eligibility`], [`consent`], [`provider`]) ask every rule they have; each gives a
//!    [`Verdict`].
//! 2. [`decide()`] puts the verdicts of one call together: a plan, one primary skip code, or pending.
//! 3. [`conflict::resolve`] settles which of the surviving calls give way to one another.
//!
//! [`session`] carries a plan out: a state machine of facts, driven by neutral signals and by time.
//!
//! Beside it stands what keeps decisions cheap and understood: [`reach`] and [`conflict::reached`] tell
//! which calls a change concerns, [`explain`] and [`history`] tell people what was decided and by what.
#![deny(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may fail loudly"
    )
)]

mod carried;
pub mod company;
pub mod conflict;
pub mod consent;
pub mod eligibility;
pub mod explain;
pub mod history;
pub mod identity;
pub mod links;
pub mod means;
pub mod meeting;
pub mod numbers;
pub mod people;
pub mod phone;
pub mod plan;
pub mod policy;
pub mod provider;
pub mod reach;
pub mod rule;
pub mod session;
pub mod skip_code;
pub mod telephone;
pub mod text;
pub mod upload;

pub use company::CompanyFile;
pub use means::Means;
pub use meeting::{
    CallKey, Conference, Meeting, Participation, Person, PersonKind, Provider, Sensitivity,
};
pub use plan::{Decision, History, Inputs, Kind, Plan, decide};
pub use policy::Policy;
pub use rule::{
    Answer, Evidence, Finding, Judge, Missing, Opinion, Rule, Verdict, Warning, Warnings, judge,
};
pub use skip_code::SkipCode;
