//! STANDARD and DAYLIGHT parts of a VTIMEZONE.

use super::line::Content;
use crate::Limits;
use crate::civil;
use crate::recurrence::Rule;
use crate::value::{self, Value};
use crate::zone::Observance;

/// Dates kept of one part.
const DATES: usize = 2_000;

/// A part while it is read.
pub(super) struct Part {
    daylight: bool,
    start: Option<i64>,
    from: Option<i32>,
    to: Option<i32>,
    rules: Vec<Rule>,
    dates: Vec<i64>,
}

impl Part {
    pub(super) fn new(daylight: bool) -> Self {
        Self { daylight, start: None, from: None, to: None, rules: Vec::new(), dates: Vec::new() }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.daylight { "DAYLIGHT" } else { "STANDARD" }
    }

    pub(super) fn property(&mut self, content: &Content<'_>, limits: &Limits) {
        match content.upper().as_str() {
            "DTSTART" => self.start = wall(content.value),
            "TZOFFSETFROM" => self.from = value::offset(content.value),
            "TZOFFSETTO" => self.to = value::offset(content.value),
            "RRULE" if self.rules.len() < 10 => {
                self.rules.extend(Rule::parse(content.value, limits));
            }
            "RDATE" => {
                let room = DATES.saturating_sub(self.dates.len());
                self.dates.extend(content.value.split(',').filter_map(wall).take(room));
            }
            _ => {}
        }
    }

    /// The part, if it says which offset holds from when on.
    pub(super) fn finish(self) -> Option<Observance> {
        let to = self.to?;
        Some(Observance {
            start: self.start?,
            from: self.from.unwrap_or(to),
            to,
            rules: self.rules,
            dates: self.dates,
        })
    }
}

fn wall(text: &str) -> Option<i64> {
    let text = text.split('/').next()?;
    Some(match value::date_time(text)? {
        Value::Date(date) => civil::wall(date.into()),
        Value::Wall(at) | Value::Utc(at) => civil::wall(at),
    })
}
