//! Instants as providers write them.

use chrono::{DateTime, NaiveDateTime, Utc};

/// Years that no event of ours lies in: the sentinels `0001-01-01` and `9999-12-31` are among them.
const SENTINELS: (i32, i32) = (1971, 9000);

/// An instant that means one: sentinels are none.
fn sensible(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    use chrono::Datelike;
    (SENTINELS.0..SENTINELS.1).contains(&time.year()).then_some(time)
}

/// Milliseconds since 1970, as Zoom's `event_ts`.
#[must_use]
pub fn millis(number: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(number).and_then(sensible)
}

/// Seconds since 1970, as in headers that are signed.
#[must_use]
pub fn seconds(number: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(number, 0).and_then(sensible)
}

/// An instant as text, in any of the forms that occur: RFC 3339 with up to nine digits of a second (Graph has seven),
/// the same with a blank for the `T` (Telnyx), without a zone (Zoom's `app_deauthorized`; taken as UTC), and RFC 2822 (Twilio).
/// Sentinels such as `0001-01-01T00:00:00Z` are no instants.
#[must_use]
pub fn text(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let utc = |time: DateTime<chrono::FixedOffset>| time.with_timezone(&Utc);
    let naive =
        |form: &str| NaiveDateTime::parse_from_str(text, form).ok().map(|time| time.and_utc());
    DateTime::parse_from_rfc3339(text)
        .map(utc)
        .ok()
        .or_else(|| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z").map(utc).ok())
        .or_else(|| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").map(utc).ok())
        .or_else(|| DateTime::parse_from_rfc2822(text).map(utc).ok())
        .or_else(|| naive("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| naive("%Y-%m-%d %H:%M:%S%.f"))
        .and_then(sensible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_in_use_is_read() {
        for (form, expected) in [
            ("2021-07-13T21:44:51Z", "2021-07-13T21:44:51+00:00"),
            ("2022-02-28T00:00:00.0000000Z", "2022-02-28T00:00:00+00:00"),
            ("2019-10-18T14:26:16+02:00", "2019-10-18T12:26:16+00:00"),
            ("2019-10-18T14:26:16+0200", "2019-10-18T12:26:16+00:00"),
            ("Tue, 31 Aug 2010 20:36:28 +0000", "2010-08-31T20:36:28+00:00"),
            ("2024-09-08 15:58:40", "2024-09-08T15:58:40+00:00"),
            ("2021-04-28 21:51:18.731479Z", "2021-04-28T21:51:18.731479+00:00"),
            ("2023-04-28T08:51:37.741790", "2023-04-28T08:51:37.741790+00:00"),
        ] {
            assert_eq!(
                text(form).map(|time| time.to_rfc3339()),
                Some(expected.to_owned()),
                "{form}"
            );
        }
    }

    #[test]
    fn a_sentinel_is_no_instant() {
        for form in
            ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "", "soon", "1970-01-01T00:00:00Z"]
        {
            assert_eq!(text(form), None, "{form}");
        }
        assert_eq!(millis(0), None);
        assert_eq!(millis(i64::MAX), None);
        assert_eq!(seconds(i64::MIN), None);
    }
}
