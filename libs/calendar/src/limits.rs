//! How much of a payload is read before it is refused or cut.

/// Bounds on one payload and on what is made of it.
///
/// What lies beyond a bound is either refused with [`crate::Error::TooLarge`] (whole payload) or
/// left out and reported as a [`crate::Problem`] (one part).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one payload.
    pub bytes: usize,
    /// Events (components or JSON entries) in one payload.
    pub components: usize,
    /// Nesting of iCalendar components; what lies deeper is skipped.
    pub depth: usize,
    /// Attendees kept of one event.
    pub attendees: usize,
    /// Bytes of text of one event that are kept to be searched for links.
    pub text: usize,
    /// Links kept of one event.
    pub links: usize,
    /// Occurrences of one series in one window.
    pub instances: usize,
    /// Occurrences of all series in one window.
    pub occurrences: usize,
    /// INTERVAL of a recurrence rule.
    pub interval: u32,
    /// Values in all BY lists of one recurrence rule.
    pub by_values: usize,
    /// RDATE and EXDATE values kept of one event.
    pub dates: usize,
    /// Problems listed for one payload; the rest is only counted.
    pub problems: usize,
}

impl Limits {
    /// A calendar export or feed: up to 64 MiB.
    pub const FILE: Self = Self {
        bytes: 64 << 20,
        components: 200_000,
        depth: 8,
        attendees: 5_000,
        text: 256 << 10,
        links: 200,
        instances: 1_000,
        occurrences: 1_000_000,
        interval: 1_000,
        by_values: 400,
        dates: 10_000,
        problems: 10_000,
    };

    /// One mailed invitation: up to 1 MiB and 500 components.
    pub const INVITATION: Self = Self { bytes: 1 << 20, components: 500, ..Self::FILE };
}

impl Default for Limits {
    fn default() -> Self {
        Self::FILE
    }
}
