//! A raw code with its meaning, or without.

use crate::{Confidence, Kind, Provider, Row, Signal, table};

/// How many characters of a provider's text are kept as evidence.
const MAX_TEXT: usize = 200;

/// What a provider's raw code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The code stands in the provider's table.
    Known {
        /// Its row.
        row: &'static Row,
        /// What the provider wrote beside the code, cut to 200 characters.
        raw_text: Option<String>,
    },
    /// The code stands in no table: kept as it came, for people to look at.
    Unknown {
        /// Whose code it is.
        provider: Provider,
        /// What sort of code.
        kind: Kind,
        /// The code as it came, cut to 200 characters.
        raw_code: String,
        /// What the provider wrote beside the code, cut to 200 characters.
        raw_text: Option<String>,
    },
}

impl Meaning {
    /// Looks a code up. The text is what the provider wrote beside it; without names of people, as it becomes evidence.
    #[must_use]
    pub fn of(provider: Provider, kind: Kind, code: &str, text: Option<&str>) -> Self {
        let raw_text = text.map(|text| cut(text.trim())).filter(|text| !text.is_empty());
        match table::lookup(provider, kind, code) {
            Some(row) => Self::Known { row, raw_text },
            None => Self::Unknown { provider, kind, raw_code: cut(code.trim()), raw_text },
        }
    }

    /// Looks a text for people up, by the words in it.
    #[must_use]
    pub fn of_text(provider: Provider, text: &str) -> Self {
        match table::matching(provider, text) {
            Some(row) => Self::Known { row, raw_text: Some(cut(text.trim())) },
            None => Self::Unknown {
                provider,
                kind: Kind::Text,
                raw_code: cut(text.trim()),
                raw_text: None,
            },
        }
    }

    /// Whose code it is.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        match self {
            Self::Known { row, .. } => row.provider,
            Self::Unknown { provider, .. } => *provider,
        }
    }

    /// What sort of code.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Known { row, .. } => row.kind,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// The code.
    #[must_use]
    pub fn raw_code(&self) -> &str {
        match self {
            Self::Known { row, .. } => &row.code,
            Self::Unknown { raw_code, .. } => raw_code,
        }
    }

    /// What the provider wrote beside the code.
    #[must_use]
    pub fn raw_text(&self) -> Option<&str> {
        match self {
            Self::Known { raw_text, .. } | Self::Unknown { raw_text, .. } => raw_text.as_deref(),
        }
    }

    /// What it means for a recording: nothing for a code that says nothing, and for one that is not known.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        match self {
            Self::Known { row, .. } => row.signal,
            Self::Unknown { .. } => None,
        }
    }

    /// How well the meaning is founded.
    #[must_use]
    pub const fn confidence(&self) -> Option<Confidence> {
        match self {
            Self::Known { row, .. } => Some(row.confidence),
            Self::Unknown { .. } => None,
        }
    }

    /// Whether the code stands in no table.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_code_has_a_signal() {
        let meaning = Meaning::of(Provider::Zoom, Kind::SdkNative, "12", None);
        assert_eq!(meaning.signal(), Some(Signal::Locked));
        assert_eq!(meaning.confidence(), Some(Confidence::High));
    }

    #[test]
    fn an_unknown_code_is_kept_as_it_came() {
        let meaning = Meaning::of(Provider::Zoom, Kind::SdkNative, "4711", Some(" new in 2027 "));
        assert_eq!(
            meaning,
            Meaning::Unknown {
                provider: Provider::Zoom,
                kind: Kind::SdkNative,
                raw_code: "4711".to_owned(),
                raw_text: Some("new in 2027".to_owned()),
            }
        );
        assert_eq!(meaning.signal(), None);
    }

    #[test]
    fn an_endless_code_is_cut() {
        let meaning = Meaning::of(Provider::Zoom, Kind::SdkNative, &"ä".repeat(5000), None);
        assert_eq!(meaning.raw_code().chars().count(), 200);
    }
}
