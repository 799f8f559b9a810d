//! Zoom: Meetings, cloud recordings, Zoom Phone.
//!
//! A [`Client`] is one Zoom account seen through a server-to-server application of that account. Endpoints and fields are
//! those of Zoom's API reference; what each call costs is its rate limit label there. Where the reference is silent:
//!
//! - Which code Zoom gives when a recording is to be controlled in a meeting that does not run is not documented; whatever
//!   it is comes back as [`Error::Refused`](crate::Error::Refused) or [`Error::NotFound`](crate::Error::NotFound).
//! - What a `PATCH` of `auto_recording` does where an administrator locked the setting is not documented. A success is no
//!   proof: read the meeting again.
//! - A new token was seen to end the one before (2023). Then two processes with one application take turns in being
//!   refused. A token they share avoids it ([`Client::with_tokens`]), or an application for each.
//! - The label of what controls a running recording is not documented; it is counted as light.

mod client;
mod errors;
mod meetings;
mod oauth;
mod path;
mod phone;
pub mod preconditions;
mod recordings;
mod settings;
mod tokens;
mod users;

pub use client::{Account, Client, NextPage, Page, Plan, Settings};
pub use meetings::{
    Control, Instance, Listing, Meeting, MeetingKind, MeetingSettings, Occurrence, PastMeeting,
};
pub use oauth::ServerToServer;
pub use path::Which;
pub use phone::PhoneRecording;
pub use recordings::{File, Recordings, Removal};
pub use settings::{Audio, AutoRecording, Locks, Security, UserSettings};
pub use tokens::{JoinToken, UserToken};
pub use users::{Related, Status, User};

/// Calls per user and UTC day that create or update meetings, as Zoom allows them.
pub const UPDATES_PER_DAY: u32 = 100;
