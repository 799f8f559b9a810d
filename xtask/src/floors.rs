//! The floors: which crate may depend on which.

use anyhow::Result;

/// What breaks the floors.
pub(crate) fn complaints() -> Result<Vec<String>> {
    Ok(Vec::new())
}
