//! What can be wrong with a message, named by its field.

/// A message that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A field that must be set is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// An instant outside the years 1 to 9999, or with nanoseconds outside a second.
    #[error("`{0}` is no valid instant")]
    Instant(&'static str),
    /// An enum value that is unset or of a newer version.
    #[error("`{field}` has the unknown value {value}")]
    Enum {
        /// The field.
        field: &'static str,
        /// Its number.
        value: i32,
    },
    /// More entries than one request may hold.
    #[error("`{field}` holds {count} entries, at most {limit} are taken; send several requests")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many are taken.
        limit: usize,
    },
    /// Text that cannot be understood.
    #[error("`{field}`: {problem}")]
    Text {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Invalid {
    /// The field that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Missing(field) | Self::Instant(field) => field,
            Self::Enum { field, .. } | Self::TooMany { field, .. } | Self::Text { field, .. } => {
                field
            }
        }
    }

    /// Refuses more than a number of entries.
    ///
    /// # Errors
    /// There are more.
    pub const fn limit(field: &'static str, count: usize, limit: usize) -> Result<(), Self> {
        if count > limit { Err(Self::TooMany { field, count, limit }) } else { Ok(()) }
    }
}
