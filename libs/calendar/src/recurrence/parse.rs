//! The text of a recurrence rule.

use super::{Frequency, Rule, Until};
use crate::Limits;
use crate::value::{self, Value};

/// Why a rule is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It repeats within a day.
    SubDaily(&'static str),
    /// It is not valid, or beyond a bound; with what is wrong.
    Invalid(String),
}

impl Rule {
    /// Reads the value of an RRULE or EXRULE. Upper and lower case are alike, spaces and unknown
    /// parts do no harm.
    pub(crate) fn parse(text: &str, limits: &Limits) -> Result<Self, Refused> {
        let invalid = |what: &str| Refused::Invalid(what.to_owned());
        let mut frequency = None;
        let mut rule = Self::every(Frequency::Daily, 1);
        let mut values = 0;
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim());
            let mut list = |lowest: i16, highest: i16, negative: bool| {
                numbers(value, lowest, highest, negative, &mut values, limits).ok_or_else(|| {
                    Refused::Invalid(format!("`{name}` has a value that is not valid"))
                })
            };
            match name.as_str() {
                "FREQ" => frequency = Some(self::frequency(value)?),
                "INTERVAL" => {
                    let interval: u32 =
                        value.parse().map_err(|_| invalid("`INTERVAL` is no number"))?;
                    if interval > limits.interval {
                        return Err(Refused::Invalid(format!(
                            "`INTERVAL` is above {}",
                            limits.interval
                        )));
                    }
                    rule.interval = interval.max(1);
                }
                "COUNT" => {
                    let count: u32 = value.parse().map_err(|_| invalid("`COUNT` is no number"))?;
                    if count == 0 {
                        return Err(invalid("`COUNT` is 0"));
                    }
                    rule.count = Some(count);
                }
                "UNTIL" => {
                    rule.until = Some(until(value).ok_or_else(|| invalid("`UNTIL` is no date"))?)
                }
                "WKST" => {
                    rule.week_start =
                        weekday(value).ok_or_else(|| invalid("`WKST` is no weekday"))?;
                }
                "BYMONTH" => rule.by_month = list(1, 12, false)?,
                "BYWEEKNO" => rule.by_week = list(1, 53, true)?,
                "BYYEARDAY" => rule.by_year_day = list(1, 366, true)?,
                "BYMONTHDAY" => rule.by_month_day = list(1, 31, true)?,
                "BYHOUR" => rule.by_hour = list(0, 23, false)?,
                "BYMINUTE" => rule.by_minute = list(0, 59, false)?,
                "BYSECOND" => rule.by_second = list(0, 60, false)?,
                "BYSETPOS" => rule.by_position = list(1, 366, true)?,
                "BYDAY" | "BYWEEKDAY" => {
                    for day in value.split(',').filter(|day| !day.trim().is_empty()) {
                        rule.by_day.push(
                            ordinal_weekday(day)
                                .ok_or_else(|| invalid("`BYDAY` has a value that is not valid"))?,
                        );
                        values += 1;
                    }
                    if values > limits.by_values {
                        return Err(invalid("too many values"));
                    }
                }
                "BYEASTER" => return Err(invalid("`BYEASTER` is not followed")),
                "RSCALE" if !value.eq_ignore_ascii_case("GREGORIAN") => {
                    return Err(invalid("`RSCALE` other than GREGORIAN is not followed"));
                }
                "SKIP" if !value.eq_ignore_ascii_case("OMIT") => {
                    return Err(invalid("`SKIP` other than OMIT is not followed"));
                }
                _ => {}
            }
        }
        rule.frequency = frequency.ok_or_else(|| invalid("`FREQ` is missing"))?;
        Ok(rule)
    }
}

fn frequency(value: &str) -> Result<Frequency, Refused> {
    Ok(match value.to_ascii_uppercase().as_str() {
        "YEARLY" => Frequency::Yearly,
        "MONTHLY" => Frequency::Monthly,
        "WEEKLY" => Frequency::Weekly,
        "DAILY" => Frequency::Daily,
        "HOURLY" => return Err(Refused::SubDaily("HOURLY")),
        "MINUTELY" => return Err(Refused::SubDaily("MINUTELY")),
        "SECONDLY" => return Err(Refused::SubDaily("SECONDLY")),
        _ => return Err(Refused::Invalid("`FREQ` is not known".to_owned())),
    })
}

fn until(value: &str) -> Option<Until> {
    Some(match value::date_time(value)? {
        Value::Date(date) => Until::Date(date),
        Value::Wall(at) => Until::Wall(at),
        Value::Utc(at) => Until::Utc(at),
    })
}

fn numbers(
    value: &str,
    lowest: i16,
    highest: i16,
    negative: bool,
    values: &mut usize,
    limits: &Limits,
) -> Option<Vec<i16>> {
    let mut found = Vec::new();
    for number in value.split(',').map(str::trim).filter(|number| !number.is_empty()) {
        let number: i16 = number.strip_prefix('+').unwrap_or(number).parse().ok()?;
        let size = if negative { number.checked_abs()? } else { number };
        if !(lowest..=highest).contains(&size) {
            return None;
        }
        found.push(number);
        *values += 1;
        if *values > limits.by_values {
            return None;
        }
    }
    Some(found)
}

/// The weekday of a two-letter name; 0 is Monday.
pub(crate) fn weekday(value: &str) -> Option<u8> {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        .iter()
        .position(|name| name.eq_ignore_ascii_case(value.trim()))
        .and_then(|index| u8::try_from(index).ok())
}

fn ordinal_weekday(value: &str) -> Option<(i16, u8)> {
    let value = value.trim();
    let (ordinal, name) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let ordinal = ordinal.trim();
    let ordinal: i16 = match ordinal.strip_prefix('+').unwrap_or(ordinal) {
        "" => 0,
        number => number.parse().ok()?,
    };
    (ordinal.checked_abs()? <= 366).then_some((ordinal, weekday(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rule, Refused> {
        Rule::parse(text, &Limits::FILE)
    }

    #[test]
    fn rules_within_a_day_are_refused_by_name() {
        for name in ["HOURLY", "MINUTELY", "SECONDLY"] {
            assert_eq!(parse(&format!("FREQ={name};COUNT=3")), Err(Refused::SubDaily(name)));
        }
    }

    #[test]
    fn case_spaces_and_unknown_parts_do_no_harm() {
        let rule = parse("freq=weekly; byday = mo , +1tu;X-MAKER=1;interval=2;").expect("a rule");
        assert_eq!((rule.frequency, rule.interval), (Frequency::Weekly, 2));
        assert_eq!(rule.by_day, [(0, 0), (1, 1)]);
    }

    #[test]
    fn values_beyond_their_range_refuse_the_rule() {
        for text in [
            "",
            "COUNT=3",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;INTERVAL=1001",
            "FREQ=DAILY;INTERVAL=99999999999",
            "FREQ=DAILY;BYMONTH=13",
            "FREQ=DAILY;BYMONTHDAY=0",
            "FREQ=DAILY;BYDAY=XX",
            "FREQ=DAILY;BYDAY=é",
            "FREQ=DAILY;BYSETPOS=-32768",
            "FREQ=DAILY;UNTIL=soon",
        ] {
            assert!(matches!(parse(text), Err(Refused::Invalid(_))), "{text}");
        }
        let many = format!("FREQ=YEARLY;BYYEARDAY={}", vec!["1"; 401].join(","));
        assert!(matches!(parse(&many), Err(Refused::Invalid(_))));
    }
}
