//! Raw codes that nobody has mapped, kept as evidence: bounded in number and in length.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// At most so many are kept, the earliest.
const KEPT: usize = 4;

/// The longest text of a field that is kept, in bytes.
const LONGEST: usize = 120;

/// What a provider said, word for word. Never content of a meeting, never an address or a secret: adapters
/// see to that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Raw {
    /// When it was observed.
    pub observed_at: DateTime<Utc>,
    /// The provider or bot runtime.
    pub provider: String,
    /// Its code.
    pub raw_code: String,
    /// Its words.
    pub raw_text: String,
}

/// Keeps the earliest few, each once, cut to length; in whatever order they come.
pub(super) fn keep(kept: &mut Vec<Raw>, raw: &Raw) {
    let raw = Raw {
        observed_at: raw.observed_at,
        provider: cut(&raw.provider),
        raw_code: cut(&raw.raw_code),
        raw_text: cut(&raw.raw_text),
    };
    if let Err(place) = kept.binary_search(&raw) {
        kept.insert(place, raw);
        kept.truncate(KEPT);
    }
}

fn cut(text: &str) -> String {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_few_are_kept_whatever_the_order() {
        let raw = |second: i64| Raw {
            observed_at: DateTime::from_timestamp(second, 0).unwrap(),
            provider: "zoom".into(),
            raw_code: second.to_string(),
            raw_text: "é".repeat(200),
        };
        let mut there = Vec::new();
        let mut back = Vec::new();
        (0..9).for_each(|second| keep(&mut there, &raw(second)));
        (0..9).rev().for_each(|second| keep(&mut back, &raw(second)));
        assert_eq!(there, back);
        let kept: Vec<&str> = there.iter().map(|raw| raw.raw_code.as_str()).collect();
        assert_eq!(kept, ["0", "1", "2", "3"]);
        assert!(there.iter().all(|raw| raw.raw_text.len() == LONGEST));
    }
}
