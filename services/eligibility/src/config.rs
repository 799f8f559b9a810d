//! The settings as types.

use std::time::Duration;

use serde::Deserialize;
use storage::StoreConfig;

/// Settings of the eligibility service.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// Where companies are kept.
    pub store: StoreConfig,
    /// Policies made ready for judging.
    pub policies: Policies,
    /// Streams of new versions.
    pub watch: Watch,
}

/// `[policies]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Policies {
    /// Versions kept ready, over all companies; at least 1.
    pub cached: usize,
    /// Drafts kept ready, over all companies; at least 1.
    pub drafts: usize,
}

/// `[watch]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Watch {
    /// How often to look for versions that another process applied; more than zero.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
}
