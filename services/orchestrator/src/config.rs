//! The orchestrator's settings as types; `config.default.toml` says what each means.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use storage::StoreConfig;

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where calls and decisions are kept.
    pub store: StoreConfig,
    /// How verdicts are gathered.
    pub gather: Gather,
    /// How changes are followed.
    pub follow: Follow,
}

/// How verdicts are gathered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gather {
    /// How long a peer may take to judge a batch.
    #[serde(with = "chassis::period")]
    pub deadline: Duration,
    /// Meetings in one question, 1 to 5000.
    pub batch: usize,
    /// Batches under way at once for one request, at least 1.
    pub parallel: usize,
    /// Which peer answers for each adapter.
    pub adapters: BTreeMap<String, String>,
}

/// How changes are followed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// Whether they are.
    pub enabled: bool,
    /// Calls are planned this long before they start.
    #[serde(with = "chassis::period")]
    pub window: Duration,
    /// How often pending calls are tried again.
    #[serde(with = "chassis::period")]
    pub sweep: Duration,
}
