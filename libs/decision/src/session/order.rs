//! What a session is to carry out, as far as its machine needs to know: never who or where.

use chrono::{DateTime, Utc};

use super::settings::Settings;
use crate::company::NumberMode;
pub use crate::means::Means;
use crate::plan::Plan;

/// At most so many methods of a plan are tried; more would not fit between its join and its latest join.
pub(super) const METHODS: usize = 4;

/// What a session is to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The method, then those to fall back to, in order. At least one, and at most four count.
    pub means: Vec<Means>,
    /// Planned start.
    pub start: DateTime<Utc>,
    /// Planned end.
    pub end: DateTime<Utc>,
    /// When a bot is sent. A method for which nobody joins is set to work at once.
    pub join_at: DateTime<Utc>,
    /// After this nobody joins any more, unless the conference began late.
    pub latest_join: DateTime<Utc>,
    /// An announcement must be played before recording.
    pub announcement: bool,
    /// The conference is a personal room, where meetings may follow each other under one link.
    pub personal_room: bool,
    /// What holds for the telephone number of a call.
    pub numbers: NumberMode,
}

impl Order {
    /// The order that a plan comes to. A bot that takes over from a method for which nobody joins is sent at
    /// the time a bot would have been sent.
    #[must_use]
    pub fn of(
        plan: &Plan,
        settings: &Settings,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        personal_room: bool,
    ) -> Self {
        let methods = std::iter::once(plan.method).chain(plan.fallbacks.iter().copied());
        Self {
            means: methods.collect(),
            start,
            end,
            join_at: plan
                .join_at
                .or(start.checked_sub_signed(settings.dispatch_ahead))
                .unwrap_or(start),
            latest_join: plan
                .latest_join
                .or(start.checked_add_signed(settings.latest_join))
                .unwrap_or(end),
            announcement: plan.announcement,
            personal_room,
            numbers: plan.numbers,
        }
    }

    /// A telephone call placed at that time.
    #[must_use]
    pub fn call(placed: DateTime<Utc>, numbers: NumberMode) -> Self {
        Self::at_once(Means::Dialer, placed, numbers)
    }

    /// A recording behind a customer's link, asked for at that time.
    #[must_use]
    pub fn upload(asked: DateTime<Utc>) -> Self {
        Self::at_once(Means::Upload, asked, NumberMode::Automatic)
    }

    fn at_once(means: Means, now: DateTime<Utc>, numbers: NumberMode) -> Self {
        Self {
            means: vec![means],
            start: now,
            end: now,
            join_at: now,
            latest_join: now,
            announcement: false,
            personal_room: false,
            numbers,
        }
    }
}
