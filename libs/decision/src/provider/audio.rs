//! A bot hears nothing in a conference without computer audio.

use super::{Facts, finding};
use crate::rule::Finding;
use crate::skip_code::SkipCode;

/// The conference is known to have telephone audio only, in which a bot hears nothing.
pub(super) fn absent(facts: &Facts<'_>, service: &'static str) -> Option<Finding> {
    let heard = facts.computer_audio?;
    (!heard).then(|| finding("no-computer-audio", SkipCode::CanNotListenIn, None, service))
}
