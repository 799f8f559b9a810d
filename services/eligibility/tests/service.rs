//! The eligibility service over a near link.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/world.rs"]
mod world;

#[path = "service/domains.rs"]
mod domains;
#[path = "service/drafts.rs"]
mod drafts;
#[path = "service/files.rs"]
mod files;
#[path = "service/judging.rs"]
mod judging;
#[path = "service/members.rs"]
mod members;
#[path = "service/versions.rs"]
mod versions;
#[path = "service/watching.rs"]
mod watching;
