//! Arithmetic of the proleptic Gregorian calendar on plain numbers, without zones.
//!
//! A wall time is the number of seconds since 1970-01-01T00:00:00 on a clock on the wall; a day is
//! the number of days since that date.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The last wall time that is handled: the end of the year 9999.
pub(crate) const LAST_WALL: i64 = 253_402_300_799;

/// The first wall time that is handled: the start of the year 0.
pub(crate) const FIRST_WALL: i64 = -62_167_219_200;

/// The wall time of a date and time.
pub(crate) fn wall(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp()
}

/// The date and time of a wall time, if it is between the years 0 and 9999.
pub(crate) fn date_time(wall: i64) -> Option<NaiveDateTime> {
    if !(FIRST_WALL..=LAST_WALL).contains(&wall) {
        return None;
    }
    DateTime::<Utc>::from_timestamp(wall, 0).map(|at| at.naive_utc())
}

/// The instant that is so many seconds after the epoch; the nearest one that can be written.
pub(crate) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::<Utc>::from_timestamp(seconds.clamp(FIRST_WALL, LAST_WALL), 0).unwrap_or_default()
}

/// The date of a day, if it is between the years 0 and 9999.
pub(crate) fn date(day: i64) -> Option<NaiveDate> {
    date_time(day.checked_mul(DAY)?).map(|at| at.date())
}

/// The day of a wall time.
pub(crate) fn day_of(wall: i64) -> i64 {
    wall.div_euclid(DAY)
}

/// The weekday of a day: 0 is Monday.
pub(crate) fn weekday(day: i64) -> u8 {
    u8::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// The day of a year, a month from 1 and a day of the month from 1.
///
/// The month may be any number: 13 is January of the next year.
pub(crate) fn day(year: i64, month: i64, day: i64) -> i64 {
    let months = year * 12 + month - 1;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    // Years that begin in March put the leap day last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month from 1 and day of the month from 1 of a day.
pub(crate) fn ymd(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day_of_month)
}

/// Whether February of the year has 29 days.
pub(crate) fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Days of a month from 1.
pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of a year.
pub(crate) fn year_length(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

/// Year and number of the week of a day, for weeks that begin on `week_start` (0 is Monday), and
/// how many weeks that year has. Week 1 is the first with four days in the year (RFC 5545).
pub(crate) fn week(day: i64, week_start: u8) -> (i64, i64, i64) {
    let first = first_day_of_week(day, week_start);
    // The week belongs to the year of its fourth day.
    let (year, _, _) = ymd(first + 3);
    let start = first_week(year, week_start);
    let weeks = (first_week(year + 1, week_start) - start) / 7;
    (year, (first - start) / 7 + 1, weeks)
}

/// The first day of the week in which a day lies.
pub(crate) fn first_day_of_week(day: i64, week_start: u8) -> i64 {
    day - (i64::from(weekday(day)) - i64::from(week_start)).rem_euclid(7)
}

/// The first day of week 1 of a year.
fn first_week(year: i64, week_start: u8) -> i64 {
    first_day_of_week(day(year, 1, 4), week_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse_from_year_zero_to_9999() {
        let mut expected = day(0, 1, 1);
        for year in 0..=9999 {
            for month in 1..=12 {
                for date in [1, month_length(year, month)] {
                    let number = day(year, month, date);
                    assert_eq!(ymd(number), (year, month, date));
                    if date == 1 {
                        assert_eq!(number, expected);
                    }
                }
                expected += month_length(year, month);
            }
        }
    }

    #[test]
    fn the_epoch_was_a_thursday() {
        assert_eq!((day(1970, 1, 1), weekday(0)), (0, 3));
        assert_eq!(weekday(-4), 6);
    }

    #[test]
    fn weeks_are_numbered_as_in_iso_8601() {
        for (date, expected) in [
            ((2020, 12, 31), (2020, 53, 53)),
            ((2021, 1, 3), (2020, 53, 53)),
            ((2021, 1, 4), (2021, 1, 52)),
            ((2018, 12, 31), (2019, 1, 52)),
        ] {
            assert_eq!(week(day(date.0, date.1, date.2), 0), expected);
        }
    }
}
