//! Spans of time in settings: `"250ms"`, `"30s"`, `"20m"`, `"6h"`, `"28d"`.
//!
//! Use as `#[serde(with = "chassis::period")]` on a [`Duration`].

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Reads a whole number followed by `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// A sentence that quotes the text, where it is no such span.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a span of time such as `250ms`, `30s`, `20m`, `6h` or `28d`");
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(at);
    let amount: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = |each: u64| amount.checked_mul(each).map(Duration::from_secs).ok_or_else(wrong);
    match unit {
        "ms" => Ok(Duration::from_millis(amount)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => Err(wrong()),
    }
}

/// For serde.
///
/// # Errors
/// Those of [`parse`].
pub fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(source)?).map_err(serde::de::Error::custom)
}

/// For serde; in milliseconds.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(period: &Duration, target: S) -> Result<S::Ok, S::Error> {
    target.serialize_str(&format!("{}ms", period.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("20m", 1_200_000),
            ("6h", 21_600_000),
            ("28d", 2_419_200_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)));
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_its_text() {
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5h",
            "5 s",
            "99999999999999999999s",
            "999999999999999999d",
            "5w",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
