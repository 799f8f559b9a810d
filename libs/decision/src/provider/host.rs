//! The host's user at the provider must be active, whatever the method (DOMAIN 8.7).

use super::{Facts, finding};
use crate::rule::Finding;
use crate::skip_code::SkipCode;

/// The Zoom user who hosts is known to be inactive, whatever the method (DOMAIN 8.7).
pub(super) fn inactive(facts: &Facts<'_>) -> Option<Finding> {
    let active = facts.host?.zoom.active?;
    (!active).then(|| finding("inactive-host", SkipCode::InactiveHost, None, "zoom"))
}
