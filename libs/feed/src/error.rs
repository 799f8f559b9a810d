//! What can go wrong with a feed.

use std::error::Error as StdError;

/// Why the feed did not do it. No message quotes a notice or an address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As much is open as may be; somebody has to work first.
    #[error("the feed is full")]
    Full,
    /// What carries the feed cannot be reached or does not answer in time. The same may succeed later.
    #[error("the feed is unavailable")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// An id that is not one of this feed.
    #[error("`{0}` is no id of the feed")]
    UnknownId(String),
    /// The settings make no sense.
    #[error("cannot open the feed: {0}")]
    Settings(String),
    /// What carries the feed refuses: a mistake of ours, or of whoever else writes there.
    #[error("the feed failed")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}
