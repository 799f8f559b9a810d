//! The page about sessions, as the core tells it of itself.

use crate::workspace;
use anyhow::Result;

/// `docs/sessions.md`. The core is built for it and asked, for only it knows how its machine goes.
pub(super) fn generate() -> Result<String> {
    workspace::cargo(&["run", "--quiet", "--package", "decision", "--example", "sessions"])
}
