//! The page about what providers say, as the tables tell it.

use crate::workspace;
use anyhow::Result;

/// `docs/signals.md`. The tables are built for it and asked, for they alone know how they are read.
pub(super) fn generate() -> Result<String> {
    workspace::cargo(&["run", "--quiet", "--package", "signals", "--example", "signals"])
}
