//! Recurrence patterns and ranges of Microsoft Graph as recurrence rules.

use serde_json::Value;

use crate::Limits;
use crate::json::Fields;
use crate::recurrence::{Frequency, Rule, Until};
use crate::value::{self, Value as Time};

/// The rule of a `patternedRecurrence`.
pub(super) fn rule(recurrence: &Value, limits: &Limits) -> Result<Rule, String> {
    let pattern = recurrence.field("pattern").ok_or("`pattern` is missing")?;
    let kind = pattern.text("type").unwrap_or_default();
    let interval = match pattern.field("interval") {
        None => 1,
        Some(interval) => {
            interval.as_u64().and_then(|interval| u32::try_from(interval).ok()).unwrap_or(u32::MAX)
        }
    };
    if interval > limits.interval {
        return Err(format!("`interval` is above {}", limits.interval));
    }
    let frequency = match kind {
        "daily" => Frequency::Daily,
        "weekly" => Frequency::Weekly,
        "absoluteMonthly" | "relativeMonthly" => Frequency::Monthly,
        "absoluteYearly" | "relativeYearly" => Frequency::Yearly,
        _ => return Err("`pattern.type` is not known".to_owned()),
    };
    let mut rule = Rule::every(frequency, interval.max(1));
    // Graph's default is Sunday, RFC 5545's Monday.
    rule.week_start = pattern.text("firstDayOfWeek").and_then(weekday).unwrap_or(6);
    let days = || -> Vec<(i16, u8)> {
        pattern
            .list("daysOfWeek")
            .iter()
            .take(7)
            .filter_map(Value::as_str)
            .filter_map(weekday)
            .map(|day| (0, day))
            .collect()
    };
    let month = || -> Result<Vec<i16>, String> {
        match number(pattern, "month") {
            Some(month @ 1..=12) => Ok(vec![month]),
            _ => Err("`pattern.month` is no month".to_owned()),
        }
    };
    match kind {
        "weekly" => rule.by_day = days(),
        "absoluteMonthly" => date(pattern, &mut rule)?,
        "absoluteYearly" => {
            rule.by_month = month()?;
            date(pattern, &mut rule)?;
        }
        "relativeMonthly" => relative(pattern, days(), &mut rule)?,
        "relativeYearly" => {
            rule.by_month = month()?;
            relative(pattern, days(), &mut rule)?;
        }
        _ => {}
    }
    range(recurrence.field("range"), &mut rule)?;
    Ok(rule)
}

/// A day of the month; in a month that is too short its last day, other than in RFC 5545.
fn date(pattern: &Value, rule: &mut Rule) -> Result<(), String> {
    let day = number(pattern, "dayOfMonth").filter(|day| (1..=31).contains(day));
    let day = day.ok_or("`pattern.dayOfMonth` is no day")?;
    if day > 28 {
        rule.by_month_day = (28..=day).collect();
        rule.by_position = vec![-1];
    } else {
        rule.by_month_day = vec![day];
    }
    Ok(())
}

/// The first, second, … or last of some weekdays.
fn relative(pattern: &Value, days: Vec<(i16, u8)>, rule: &mut Rule) -> Result<(), String> {
    if days.is_empty() {
        return Err("`pattern.daysOfWeek` is empty".to_owned());
    }
    rule.by_day = days;
    rule.by_position = vec![match pattern.text("index").unwrap_or("first") {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "last" => -1,
        _ => return Err("`pattern.index` is not known".to_owned()),
    }];
    Ok(())
}

fn range(range: Option<&Value>, rule: &mut Rule) -> Result<(), String> {
    let Some(range) = range else { return Ok(()) };
    match range.text("type") {
        Some("endDate") => match range.text("endDate").and_then(value::date_time) {
            Some(Time::Date(date)) => rule.until = Some(Until::Date(date)),
            _ => return Err("`range.endDate` is no date".to_owned()),
        },
        Some("numbered") => {
            let count = range.field("numberOfOccurrences").and_then(Value::as_u64);
            let count =
                count.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
            rule.count = Some(count.ok_or("`range.numberOfOccurrences` is no number above 0")?);
        }
        _ => {}
    }
    Ok(())
}

fn number(pattern: &Value, name: &str) -> Option<i16> {
    pattern.field(name)?.as_i64().and_then(|number| i16::try_from(number).ok())
}

fn weekday(name: &str) -> Option<u8> {
    crate::recurrence::weekday(name.get(..2)?)
}
