//! Why a payload cannot be read.

/// A payload that cannot be read. What is only strange, or new, is read all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes than [`crate::MAX_BODY`].
    #[error("a body of {0} bytes is too large")]
    TooLarge(usize),
    /// Not JSON.
    #[error("the body is not JSON (line {line}, column {column})")]
    Json {
        /// Line of the first thing that is wrong, from 1.
        line: usize,
        /// Column of it, from 1.
        column: usize,
    },
    /// JSON, or a form, of another shape.
    #[error("the body is not {0}")]
    Shape(&'static str),
    /// The field without which nothing can be told is absent.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
}
