//! How a recording is made: every method a plan can have.

use crate::company::Method;

/// How a recording is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    /// The provider's own cloud recording; nobody joins.
    Cloud,
    /// A bot that records with the host's permission.
    LocalBot,
    /// A bot that captures what it hears and sees.
    Bot,
    /// Fetched from a telephony system after the call.
    Dialer,
    /// Fetched from a customer's link.
    Upload,
}

impl Means {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cloud, Self::LocalBot, Self::Bot, Self::Dialer, Self::Upload];

    /// Its name in JSON, reports and docs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "native",
            Self::LocalBot => "local",
            Self::Bot => "bot",
            Self::Dialer => "dialer_import",
            Self::Upload => "upload",
        }
    }

    /// Whether somebody of ours joins.
    #[must_use]
    pub const fn joins(self) -> bool {
        matches!(self, Self::LocalBot | Self::Bot)
    }

    /// Whether what was recorded elsewhere is fetched, and nothing else is done.
    #[must_use]
    pub const fn is_import(self) -> bool {
        matches!(self, Self::Dialer | Self::Upload)
    }

    /// Its number, as it is stored.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The one with that number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.number() == number)
    }
}

impl From<Method> for Means {
    fn from(method: Method) -> Self {
        match method {
            Method::Native => Self::Cloud,
            Method::Local => Self::LocalBot,
            Method::Bot => Self::Bot,
        }
    }
}
