//! The identity of an event across its deliveries.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::Provider;

/// The same for every delivery of the same event, and different for different events: what an inbox has a unique index on.
///
/// It is made of what an event is about (its name, account, ids and time), never of the bytes alone: two deliveries of one
/// Zoom recording differ in their download tokens. It shows nothing of what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key as text: the provider's name, a colon, 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key in the making. Parts are told apart however they are cut: `ab` and `c` are not `a` and `bc`.
pub(crate) struct Maker {
    provider: Provider,
    context: Context,
}

impl Maker {
    /// Begins with who sent it and what it is.
    pub(crate) fn new(provider: Provider, name: &str) -> Self {
        Self { provider, context: Context::new(&SHA256) }.and(name)
    }

    /// Adds a part.
    pub(crate) fn and(mut self, part: &str) -> Self {
        self.context.update(&[1]);
        self.context.update(&part.len().to_be_bytes());
        self.context.update(part.as_bytes());
        self
    }

    /// Adds a part that may be absent, which is not the same as empty.
    pub(crate) fn maybe<T: AsRef<str>>(mut self, part: Option<T>) -> Self {
        match part {
            Some(part) => self.and(part.as_ref()),
            None => {
                self.context.update(&[0]);
                self
            }
        }
    }

    /// Adds a number that may be absent.
    pub(crate) fn number(self, part: Option<i64>) -> Self {
        self.maybe(part.map(|number| number.to_string()))
    }

    /// Adds parts whose order does not matter.
    pub(crate) fn set<'a>(self, parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parts: Vec<&str> = parts.into_iter().collect();
        parts.sort_unstable();
        parts.dedup();
        let count = parts.len().to_string();
        parts.into_iter().fold(self.and(&count), Self::and)
    }

    /// The key.
    pub(crate) fn done(self) -> Key {
        let digest = self.context.finish();
        let half = digest.as_ref().get(..16).unwrap_or_default();
        Key(format!("{}:{}", self.provider, HEXLOWER.encode(half)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let make = |a: &str, b: &str| Maker::new(Provider::Zoom, "x").and(a).and(b).done();
        assert_ne!(make("ab", "c"), make("a", "bc"));
        assert_eq!(make("ab", "c"), make("ab", "c"));
    }

    #[test]
    fn absent_is_not_empty() {
        let make = |part: Option<&str>| Maker::new(Provider::Zoom, "x").maybe(part).done();
        assert_ne!(make(None), make(Some("")));
    }

    #[test]
    fn a_set_has_no_order() {
        let make = |parts: [&str; 2]| Maker::new(Provider::Zoom, "x").set(parts).done();
        assert_eq!(make(["a", "b"]), make(["b", "a"]));
        assert_ne!(make(["a", "b"]), make(["a", "c"]));
    }

    #[test]
    fn a_key_names_its_provider_and_nothing_else() {
        let key = Maker::new(Provider::Twilio, "completed").and("CA1").done();
        assert!(key.as_str().starts_with("twilio:"));
        assert_eq!(key.as_str().len(), "twilio:".len() + 32);
    }
}
