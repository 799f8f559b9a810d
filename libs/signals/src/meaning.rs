//! A raw code with its meaning, or without.

use chrono::{DateTime, Utc};
use decision::session::{Raw, Signal};

use crate::{Confidence, Kind, News, Provider, Row, table};

/// How many characters of a provider's text are kept as evidence.
const MAX_TEXT: usize = 200;

/// What a code says: to a session as it is, to somebody who knows more, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sense {
    /// A signal of a session.
    Signal(Signal),
    /// News that need a context to become one, or never do.
    News(News),
    /// Known to say nothing about a recording.
    Nothing,
}

impl Sense {
    /// The sense of that name; of the empty name, nothing.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Nothing);
        }
        let signal = Signal::from_name(name).map(Self::Signal);
        signal.or_else(|| News::from_name(name).map(Self::News))
    }

    /// Its name in tables and docs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signal(signal) => signal.as_str(),
            Self::News(news) => news.as_str(),
            Self::Nothing => "",
        }
    }

    /// The signal it is.
    #[must_use]
    pub const fn signal(self) -> Option<Signal> {
        match self {
            Self::Signal(signal) => Some(signal),
            Self::News(_) | Self::Nothing => None,
        }
    }

    /// The news it is.
    #[must_use]
    pub const fn news(self) -> Option<News> {
        match self {
            Self::News(news) => Some(news),
            Self::Signal(_) | Self::Nothing => None,
        }
    }

    /// The signal it is, or comes to where its context bears it out.
    #[must_use]
    pub const fn comes_to(self) -> Option<Signal> {
        match self {
            Self::Signal(signal) => Some(signal),
            Self::News(news) => news.comes_to(),
            Self::Nothing => None,
        }
    }
}

impl From<Signal> for Sense {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

impl From<News> for Sense {
    fn from(news: News) -> Self {
        Self::News(news)
    }
}

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

    /// What it says; nothing if it stands in no table.
    #[must_use]
    pub const fn sense(&self) -> Sense {
        match self {
            Self::Known { row, .. } => row.sense,
            Self::Unknown { .. } => Sense::Nothing,
        }
    }

    /// The signal it is.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        self.sense().signal()
    }

    /// The news it is.
    #[must_use]
    pub const fn news(&self) -> Option<News> {
        self.sense().news()
    }

    /// The code as it came, as sessions keep evidence.
    #[must_use]
    pub fn raw(&self, observed_at: DateTime<Utc>) -> Raw {
        Raw {
            observed_at,
            provider: self.provider().as_str().to_owned(),
            raw_code: format!("{}:{}", self.kind().as_str(), self.raw_code()),
            raw_text: self.raw_text().unwrap_or_default().to_owned(),
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
        assert_eq!(meaning.sense(), Sense::Nothing);
        let raw = meaning.raw(DateTime::UNIX_EPOCH);
        assert_eq!(
            (raw.raw_code.as_str(), raw.raw_text.as_str()),
            ("sdk_native:4711", "new in 2027")
        );
    }

    #[test]
    fn a_sense_is_found_by_its_name() {
        assert_eq!(Sense::from_name("locked"), Some(Sense::Signal(Signal::Locked)));
        assert_eq!(Sense::from_name("meeting_locked"), Some(Sense::News(News::MeetingLocked)));
        assert_eq!(Sense::from_name("meeting_locked").unwrap().comes_to(), Some(Signal::Locked));
        assert_eq!(Sense::from_name(""), Some(Sense::Nothing));
        assert_eq!(Sense::from_name("lokced"), None);
    }

    #[test]
    fn an_endless_code_is_cut() {
        let meaning = Meaning::of(Provider::Zoom, Kind::SdkNative, &"ä".repeat(5000), None);
        assert_eq!(meaning.raw_code().chars().count(), 200);
    }
}
