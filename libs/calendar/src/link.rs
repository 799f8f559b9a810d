//! Stands in for the conference crate until that compiles.

/// A conference link.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The address as found.
    pub url: String,
}
