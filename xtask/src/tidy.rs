//! Habits of the house that no compiler checks.

use anyhow::Result;

/// What is untidy.
pub(crate) fn complaints() -> Result<Vec<String>> {
    Ok(Vec::new())
}
