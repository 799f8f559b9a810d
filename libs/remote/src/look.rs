//! Lenient looks into JSON: what has the wrong form is as good as absent.
//!
//! Of a key that stands twice, the last one counts.

use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;

use crate::{Error, Private};

/// Parses a body that must be an object.
///
/// # Errors
/// It is not JSON, or not an object.
pub fn object(body: &[u8]) -> Result<Value, Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value =
        serde_json::from_slice(body).map_err(|_| Error::Unreadable("it is not JSON"))?;
    if value.is_object() { Ok(value) } else { Err(Error::Unreadable("it is no object")) }
}

/// A look into a value.
pub trait Look {
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

    /// A whole number, or a string that is one.
    fn int(&self, path: &[&str]) -> Option<i64> {
        match self.at(path)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// True or false, also as a string or as 1 and 0.
    fn flag(&self, path: &[&str]) -> Option<bool> {
        match self.at(path)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Text about people.
    fn private(&self, path: &[&str]) -> Option<Private> {
        self.id(path).map(Private::new)
    }

    /// Text that authenticates.
    fn secret(&self, path: &[&str]) -> Option<SecretString> {
        self.id(path).map(SecretString::from)
    }

    /// An instant, as RFC 3339 with any fraction, or without a zone and then in UTC.
    fn time(&self, path: &[&str]) -> Option<DateTime<Utc>> {
        let text = self.id(path)?;
        let zoned = DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc()).ok();
        zoned.or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
                .into_iter()
                .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())
                .map(|at| at.and_utc())
        })
    }

    /// The items of an array; none where there is no array.
    fn items(&self, path: &[&str]) -> &[Value] {
        match self.at(path) {
            Some(Value::Array(items)) => items,
            _ => &[],
        }
    }

    /// The strings and numbers of an array, as text.
    fn ids(&self, path: &[&str]) -> Vec<String> {
        self.items(path).iter().filter_map(|item| item.id(&[])).collect()
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
        let value = json!({"a": 85393847045_u64, "b": "85393847045", "c": null, "d": " ", "e": []});
        assert_eq!(value.id(&["a"]), value.id(&["b"]));
        for absent in ["c", "d", "e", "f"] {
            assert_eq!(value.id(&[absent]), None, "{absent}");
        }
    }

    #[test]
    fn numbers_flags_and_times_come_in_many_forms() {
        let value = json!({"a": "486", "b": 486, "t": "true", "one": 1, "two": 2,
            "z": "2022-03-25T07:46:00.0000000+00:00", "p": "2022-03-25T07:46:00Z", "n": "2022-03-25 07:46:00"});
        assert_eq!(value.int(&["a"]), value.int(&["b"]));
        assert_eq!(value.flag(&["t"]), Some(true));
        assert_eq!(value.flag(&["one"]), Some(true));
        assert_eq!(value.flag(&["two"]), None);
        assert!(value.time(&["z"]).is_some());
        assert_eq!(value.time(&["z"]), value.time(&["p"]));
        assert_eq!(value.time(&["z"]), value.time(&["n"]));
        assert_eq!(value.time(&["a"]), None);
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts() {
        let value = object(b"\xef\xbb\xbf{\"a\": 1, \"a\": 2}").unwrap();
        assert_eq!(value.int(&["a"]), Some(2));
        assert_eq!(object(b"[]"), Err(Error::Unreadable("it is no object")));
        assert_eq!(object(b"<html>"), Err(Error::Unreadable("it is not JSON")));
    }

    #[test]
    fn nothing_private_is_shown() {
        let value = json!({"email": "ada@acme.example", "token": "abc"});
        let shown = format!("{:?} {:?}", value.private(&["email"]), value.secret(&["token"]));
        assert!(!shown.contains("ada") && !shown.contains("abc"));
    }
}
