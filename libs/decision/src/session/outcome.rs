//! What comes of a session.

use crate::skip_code::{Phase, SkipCode};

/// What came of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was recorded.
    Recorded,
    /// A part was recorded and kept; the code says what the rest was lost to.
    Partial(SkipCode),
    /// It was not recorded.
    Skipped(SkipCode),
}

impl Outcome {
    /// The code it shows, if any.
    #[must_use]
    pub const fn code(self) -> Option<SkipCode> {
        match self {
            Self::Recorded => None,
            Self::Partial(code) | Self::Skipped(code) => Some(code),
        }
    }

    /// Whether there is something to keep.
    #[must_use]
    pub const fn keeps(self) -> bool {
        match self {
            Self::Recorded | Self::Partial(_) => true,
            Self::Skipped(_) => false,
        }
    }

    /// How far the call had come. A code of planning that a session ends in was raised in the session.
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Recorded | Self::Partial(_) => Phase::Import,
            Self::Skipped(code) => code.meta().phase.max(Phase::Session),
        }
    }
}

/// A set of skip codes; iterates by phase and rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Codes(u128);

impl Codes {
    /// Adds one.
    pub const fn add(&mut self, code: SkipCode) {
        self.0 |= 1 << (code as u8);
    }

    /// Takes one away.
    pub const fn remove(&mut self, code: SkipCode) {
        self.0 &= !(1 << (code as u8));
    }

    /// Whether one is in it.
    #[must_use]
    pub const fn contains(self, code: SkipCode) -> bool {
        self.0 & (1 << (code as u8)) != 0
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn extend_with(&mut self, code: Option<SkipCode>) {
        if let Some(code) = code {
            self.add(code);
        }
    }

    /// The one of lowest rank. Codes raised in a session are compared by rank alone: those of planning,
    /// raised while a call is live, come before those that only a session has.
    #[must_use]
    pub fn lowest(self) -> Option<SkipCode> {
        self.iter().next()
    }

    /// Those in it, in order.
    pub fn iter(self) -> impl Iterator<Item = SkipCode> {
        SkipCode::ALL.iter().copied().filter(move |code| self.contains(*code))
    }
}

impl FromIterator<SkipCode> for Codes {
    fn from_iter<I: IntoIterator<Item = SkipCode>>(codes: I) -> Self {
        let mut set = Self::default();
        codes.into_iter().for_each(|code| set.add(code));
        set
    }
}

const _: () = assert!(SkipCode::ALL.len() <= 128, "a set holds no more");
