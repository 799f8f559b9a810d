//! Lenient looks into JSON: what has the wrong form is as good as absent.
//!
//! Of a key that stands twice, the last one counts.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{MAX_BODY, Private, read, time};

/// Parses a body that is an object.
///
/// # Errors
/// It is too large, not JSON, or not an object.
pub(crate) fn object(body: &[u8]) -> Result<Value, read::Error> {
    if body.len() > MAX_BODY {
        return Err(read::Error::TooLarge(body.len()));
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| read::Error::Json { line: error.line(), column: error.column() })?;
    if value.is_object() { Ok(value) } else { Err(read::Error::Shape("an object")) }
}

/// A look into a value.
pub(crate) trait Look {
    /// What lies behind a path of keys, null excepted.
    fn at(&self, path: &[&str]) -> Option<&Value>;

    /// An id or code: a string that is not empty, or a number.
    fn id(&self, path: &[&str]) -> Option<String> {
        match self.at(path)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }

    /// An id or code that stands under one of several names.
    fn id_of(&self, paths: &[&[&str]]) -> Option<String> {
        paths.iter().find_map(|path| self.id(path))
    }

    /// A whole number, or a string that is one.
    fn int(&self, path: &[&str]) -> Option<i64> {
        match self.at(path)? {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a fraction of a number that is meant whole is dropped"
            )]
            Value::Number(number) => number.as_i64().or_else(|| {
                number.as_f64().filter(|float| float.abs() < 9e15).map(|float| float as i64)
            }),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// True or false, also as a string.
    fn flag(&self, path: &[&str]) -> Option<bool> {
        match self.at(path)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Text about people, or that opens doors.
    fn private(&self, path: &[&str]) -> Option<Private> {
        self.id(path).map(Private::new)
    }

    /// An instant: text in any form of [`time::text`], or a number of seconds or milliseconds since 1970.
    fn time(&self, path: &[&str]) -> Option<DateTime<Utc>> {
        match self.at(path)? {
            Value::String(text) => {
                time::text(text).or_else(|| text.trim().parse().ok().and_then(seconds_or_millis))
            }
            Value::Number(_) => self.int(path).and_then(seconds_or_millis),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The items of an array; none where there is no array. A lone object counts as an array of one.
    fn items(&self, path: &[&str]) -> &[Value] {
        match self.at(path) {
            Some(Value::Array(items)) => items,
            Some(object @ Value::Object(_)) => std::slice::from_ref(object),
            _ => &[],
        }
    }
}

/// A number of seconds until it is larger than any that makes sense, from there on of milliseconds.
fn seconds_or_millis(number: i64) -> Option<DateTime<Utc>> {
    if number.unsigned_abs() < 100_000_000_000 {
        time::seconds(number)
    } else {
        time::millis(number)
    }
}

impl Look for Value {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        let found = path.iter().try_fold(self, |value, key| value.get(*key))?;
        if found.is_null() { None } else { Some(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_may_be_a_number_or_a_string() {
        let value = json!({"a": 85393847045_u64, "b": "85393847045", "c": null, "d": "", "e": [], "f": {"g": " x "}});
        assert_eq!(value.id(&["a"]), value.id(&["b"]));
        assert_eq!(value.id(&["c"]), None);
        assert_eq!(value.id(&["d"]), None);
        assert_eq!(value.id(&["e"]), None);
        assert_eq!(value.id(&["f", "g"]), Some("x".to_owned()));
        assert_eq!(value.id(&["f", "g", "h"]), None);
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts() {
        let value = object(br#"{"created_at": "2018", "created_at": "2019"}"#).unwrap();
        assert_eq!(value.id(&["created_at"]), Some("2019".to_owned()));
    }

    #[test]
    fn numbers_and_flags_may_be_strings() {
        let value = json!({"a": "486", "b": 486, "c": 486.0, "d": "true", "e": "yes", "f": 1e300});
        assert_eq!(value.int(&["a"]), Some(486));
        assert_eq!(value.int(&["b"]), Some(486));
        assert_eq!(value.int(&["c"]), Some(486));
        assert_eq!(value.int(&["f"]), None);
        assert_eq!(value.flag(&["d"]), Some(true));
        assert_eq!(value.flag(&["e"]), None);
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let value = json!({"s": 1720705455, "ms": 1720705455000_i64, "t": "1720705455"});
        assert_eq!(value.time(&["s"]), value.time(&["ms"]));
        assert_eq!(value.time(&["s"]), value.time(&["t"]));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(object(b"[]"), Err(read::Error::Shape("an object")));
        assert!(matches!(object(b"{"), Err(read::Error::Json { .. })));
        assert!(matches!(object(&vec![b' '; MAX_BODY + 1]), Err(read::Error::TooLarge(_))));
        assert!(object("\u{feff}{}".as_bytes()).is_ok());
    }
}
