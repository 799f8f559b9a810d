//! Recurrence rules: reading them, and walking through what they give.

mod parse;
mod walk;

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

pub(crate) use parse::{Refused, weekday};
pub(crate) use walk::Walk;

use crate::civil;

/// The unit that repeats. Rules that repeat within a day are refused before they get here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
}

/// The last moment at which a rule may give an occurrence, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Until {
    /// A date: the whole day is in.
    Date(NaiveDate),
    /// A wall time of the series.
    Wall(NaiveDateTime),
    /// An instant.
    Utc(NaiveDateTime),
}

impl Until {
    /// The instant, if it is written as one.
    pub(crate) fn utc(self) -> Option<i64> {
        match self {
            Self::Utc(at) => Some(civil::wall(at)),
            Self::Date(_) | Self::Wall(_) => None,
        }
    }

    /// The last wall time permitted, if it is written as one.
    pub(crate) fn wall(self) -> i64 {
        match self {
            Self::Date(date) => civil::wall(date.into()) + civil::DAY - 1,
            Self::Wall(at) | Self::Utc(at) => civil::wall(at),
        }
    }

    /// The last day permitted for a series of whole days.
    pub(crate) fn day(self) -> i64 {
        civil::day_of(self.wall())
    }
}

/// A recurrence rule (RFC 5545 §3.3.10) that was found valid and within bounds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) frequency: Frequency,
    pub(crate) interval: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Until>,
    /// First day of the week: 0 is Monday.
    pub(crate) week_start: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_month: Vec<i16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_week: Vec<i16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_year_day: Vec<i16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_month_day: Vec<i16>,
    /// Which one (0: each), and the weekday (0 is Monday).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_day: Vec<(i16, u8)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_hour: Vec<i16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_minute: Vec<i16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_second: Vec<i16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_position: Vec<i16>,
}

impl Rule {
    /// A rule without any BY part.
    pub(crate) fn every(frequency: Frequency, interval: u32) -> Self {
        Self {
            frequency,
            interval,
            count: None,
            until: None,
            week_start: 0,
            by_month: Vec::new(),
            by_week: Vec::new(),
            by_year_day: Vec::new(),
            by_month_day: Vec::new(),
            by_day: Vec::new(),
            by_hour: Vec::new(),
            by_minute: Vec::new(),
            by_second: Vec::new(),
            by_position: Vec::new(),
        }
    }
}
